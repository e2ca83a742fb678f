"""Authlib, with the real package: the page of the documentation is the site."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import include, path

from django_oidc_logout.models import OIDCSession
from tests.absence import need_package
from tests.docs.markdown import ROOT, blocks_of
from tests.factories import is_signed_in, post_logout_token, query_of
from tests.idp import REFRESH_TOKEN
from tests.urls import home, private

pytestmark = pytest.mark.django_db

ISSUER = "https://idp.example.com/realms/main"


@pytest.fixture
def fragments(idp):
    """Return the page's parts by the files that they belong to."""
    need_package("authlib", "Authlib")
    need_package("markdown_it", "markdown-it-py")
    text = (ROOT / "docs" / "how-to" / "authlib.md").read_text().replace(ISSUER, idp.issuer)
    parts = [part for b in blocks_of(text) if b.language == "python" for part in b.fragments()]
    return {part.first_line: part.text for part in parts}


@pytest.fixture
def site(idp, settings, monkeypatch, fragments):
    """Return a function that builds the page's site, with or without the line that matters."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # the provider is on loopback
    idp.metadata |= {
        "authorization_endpoint": f"{idp.issuer}/authorize",
        "token_endpoint": f"{idp.issuer}/token",
    }

    def build(*, forgets=False):
        lines = fragments["# mysite/sign_in.py"].splitlines()
        kept = [line for line in lines if not (forgets and line.startswith("    remember_login("))]
        assert len(lines) - len(kept) == forgets
        for name in ("mysite", "mysite.sign_in"):
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        module = sys.modules["mysite.sign_in"]
        sys.modules["mysite"].sign_in = module
        exec("\n".join(kept), module.__dict__)
        written = {}
        exec(fragments["# settings.py"], written)
        for name in ("AUTHENTICATION_BACKENDS", "OIDC_LOGOUT_BACKENDS", "OIDC_LOGOUT_PROVIDERS"):
            setattr(settings, name, written[name])
        names = {"path": path, "include": include, "sign_in": module}
        urls = ModuleType("urls_of_authlib")
        urls.urlpatterns = [
            path("", home),
            path("private/", private),
            *eval(f"[{fragments['# urls.py']}]", names),
        ]
        settings.ROOT_URLCONF = urls

    return build


def sign_in(client, idp):
    query = query_of(client.get("/sign-in/"))
    idp.claims = {"nonce": query["nonce"]}
    answer = client.get("/callback/", {"code": "code", "state": query["state"]})
    assert answer["Location"] == "/"
    assert is_signed_in(client)
    return client


def test_one_line_records_the_sign_in(site, idp, settings, outcomes):
    settings.OIDC_LOGOUT_REVOKE_TOKENS = True
    site()
    client, other = sign_in(Client(), idp), sign_in(Client(), idp)
    rows = OIDCSession.objects.all()
    assert {(row.provider, row.sub, row.sid) for row in rows} == {("company", "ada", "session-1")}
    assert {row.user for row in rows} == {get_user_model().objects.get()}
    query = query_of(client.post("/oidc/logout/"))
    assert query["id_token_hint"] in {row.id_token for row in rows}
    assert (outcomes[0].tokens, idp.form["token"]) == ("revoked", REFRESH_TOKEN)
    assert post_logout_token(idp.logout_token()).status_code == 200
    assert not is_signed_in(other)


def test_claims_alone_as_the_page_says(fragments, idp, rf, admin_user):
    request = rf.get("/")
    request.session, request.user = Client().session, admin_user
    (code,) = (text for line, text in fragments.items() if not line.startswith("#"))
    exec(code, {"request": request})
    assert OIDCSession.objects.get().sub == "ada"
