"""What Keycloak tells nobody, `oidc_logout_recheck` finds out within one run."""

from __future__ import annotations

import io
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import requests
from django.contrib.auth import get_user_model, login
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command

from django_oidc_logout.api import remember_login
from django_oidc_logout.models import OIDCSession
from django_oidc_logout.providers import metadata
from django_oidc_logout.sessions import engines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import RequestFactory

    from e2e.providers.keycloak.server import Keycloak

pytestmark = pytest.mark.django_db

CLIENT, SECRET = "recheck", "secret-of-recheck"
PASSWORD = "turing-1912"


@pytest.fixture(params=["introspection", "refresh grant"])
def client_id(request: Any, keycloak: Keycloak, settings: Any, monkeypatch: Any) -> Iterator[str]:
    """Register a client that asks in one of the two ways, and configure the site for it."""
    name = f"{CLIENT}-{uuid.uuid4().hex[:8]}"
    registered = keycloak.admin().add_client(name, SECRET)
    options = {"ISSUER": keycloak.issuer, "CLIENT_ID": name, "CLIENT_SECRET": SECRET}
    options |= {"ALGORITHMS": ["RS256"], "RECHECK": True, "TIMEOUT": 20}
    settings.OIDC_LOGOUT_PROVIDERS = {"default": options}
    if request.param == "refresh grant":
        real = metadata.document

        def without_introspection(*args: Any, **kwargs: Any) -> dict[str, Any]:
            return {**real(*args, **kwargs), "introspection_endpoint": None}

        monkeypatch.setattr(metadata, "document", without_introspection)
    yield name
    keycloak.admin().remove_client(registered)


def sign_in(rf: RequestFactory, keycloak: Keycloak, client_id: str, name: str) -> str:
    """Sign somebody in at Keycloak and here; return the row's `sid`."""
    form = {"grant_type": "password", "client_id": client_id, "client_secret": SECRET}
    form |= {"username": name, "password": PASSWORD, "scope": "openid"}
    tokens = requests.post(keycloak.endpoint("token"), data=form, timeout=30).json()
    request = rf.get("/")
    request.session, request.user = engines.store()(), AnonymousUser()
    user = get_user_model().objects.get_or_create(username=name)[0]
    login(request, user, "django.contrib.auth.backends.ModelBackend")
    row = remember_login(request, tokens["id_token"], refresh_token=tokens["refresh_token"])
    request.session.save()
    assert row is not None
    return row.sid


def recheck() -> str:
    out = io.StringIO()
    call_command("oidc_logout_recheck", "--rate", "100", stdout=out)
    return out.getvalue().strip()


def test_who_is_signed_out(rf: RequestFactory, keycloak: Keycloak, client_id: str) -> None:
    admin = keycloak.admin()
    suffix = uuid.uuid4().hex[:8]
    names = [f"{kind}-{suffix}" for kind in ("disabled", "deleted", "revoked", "kept")]
    ids = dict(zip(names, [admin.add_user(name, PASSWORD) for name in names], strict=True))
    disabled, deleted, revoked, kept = names
    sids = {name: sign_in(rf, keycloak, client_id, name) for name in names}
    assert recheck() == "Sessions confirmed: 4, ended: 0, unanswered: 0, left: 0"
    admin.put(f"/users/{ids[disabled]}", json={"enabled": False})
    admin.delete(f"/users/{ids[deleted]}")
    token = OIDCSession.objects.get(sid=sids[revoked]).refresh_token
    form = {"client_id": client_id, "client_secret": SECRET, "token": token}
    assert requests.post(keycloak.endpoint("revoke"), data=form, timeout=30).ok
    try:
        assert recheck() == "Sessions confirmed: 1, ended: 3, unanswered: 0, left: 0"
        assert OIDCSession.objects.get().sid == sids[kept]
        assert not engines.read(
            OIDCSession.objects.exclude(sid=sids[kept]).values_list("session_key", flat=True)
        )
    finally:
        for name in (disabled, revoked, kept):
            admin.delete(f"/users/{ids[name]}")
