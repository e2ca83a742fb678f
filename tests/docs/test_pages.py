"""Blocks that need code of a site's own, which `test_code_blocks` does not have."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from django_oidc_logout.models import OIDCSession
from tests.absence import need_package
from tests.docs.markdown import fragments_of
from tests.factories import is_signed_in, query_of

pytestmark = pytest.mark.django_db


class Rows(list):
    """A manager and its query set, as far as the page needs one."""

    def all(self):
        return self

    def filter(self, *, site__domain):
        return Rows(row for row in self if row.site.domain == site__domain)


@pytest.fixture
def rows(monkeypatch, settings):
    """Return the rows of the model in docs/how-to/providers-in-a-database.md, which is in use."""
    need_package("markdown_it", "markdown-it-py")
    code = fragments_of("docs/how-to/providers-in-a-database.md")
    rows = Rows()
    modules = {name: ModuleType(name) for name in ("mysite", "mysite.models", "mysite.oidc")}
    modules["mysite.models"].Provider = SimpleNamespace(objects=rows)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    exec(code["# mysite/oidc.py"], modules["mysite.oidc"].__dict__)
    exec(code["# settings.py"], written := {})
    settings.OIDC_LOGOUT_PROVIDERS = written["OIDC_LOGOUT_PROVIDERS"]
    return rows


def row(slug, issuer, host):
    site = SimpleNamespace(domain=host)
    return SimpleNamespace(slug=slug, issuer=issuer, client_id="site", name="Work", site=site)


def test_providers_in_a_database(idp, sign_in, rows):
    rows += [
        row("ours", idp.issuer, "testserver"),
        row("theirs", "https://idp.example.org", "www.example.org"),
    ]
    client = sign_in()
    assert OIDCSession.objects.get().provider == "ours"
    query = query_of(client.post("/oidc/logout/"))
    assert "id_token_hint" in query
    page = client.get("/oidc/logout/callback/", {"state": query["state"]})
    assert "Signed out at Work." in page.text

    client = sign_in()
    rows[0].site.domain = "elsewhere.example.com"
    assert client.post("/oidc/logout/").status_code == 302
    assert not is_signed_in(client)
    assert OIDCSession.objects.count() == 0
