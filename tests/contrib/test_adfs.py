"""The bridge to django-auth-adfs, which `e2e/bridges` tries with the library itself."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model, login
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import ImproperlyConfigured

from django_oidc_logout.contrib.adfs import apps as bridge
from django_oidc_logout.models import OIDCSession

pytestmark = pytest.mark.django_db
HERE = __name__
PACKAGE = "django_oidc_logout.contrib.adfs"


@pytest.fixture
def backend(monkeypatch):
    """Return a backend of the library, of which only the names are real; connect the bridge."""

    class AdfsBaseBackend(ModelBackend):
        response = None

        def exchange_auth_code(self, authorization_code, request):
            return self.response

    module = ModuleType("django_auth_adfs.backend")
    module.AdfsBaseBackend = AdfsBaseBackend
    monkeypatch.setitem(sys.modules, "django_auth_adfs", ModuleType("django_auth_adfs"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.delitem(sys.modules, f"{PACKAGE}.sign_in", raising=False)
    package = importlib.import_module(PACKAGE)
    monkeypatch.delattr(package, "sign_in", raising=False)
    for _ in range(2):  # connecting twice wraps once
        bridge.ADFSConfig(PACKAGE, bridge).ready()
    yield AdfsBaseBackend()
    sys.modules.pop(f"{PACKAGE}.sign_in")


def test_what_the_bridge_needs_is_named(monkeypatch):
    monkeypatch.setattr(apps, "is_installed", lambda name: False)
    with pytest.raises(ImproperlyConfigured, match="needs django_oidc_logout"):
        bridge.ADFSConfig(PACKAGE, bridge).ready()


def test_tokens_are_kept_until_login(backend, rf, idp, settings):
    settings.OIDC_LOGOUT_REVOKE_TOKENS = True
    token = idp.id_token(sid="s")
    backend.response = {"id_token": token, "access_token": "opaque", "refresh_token": "refresh"}
    request = rf.get("/")
    request.session, request.user = SessionStore(), AnonymousUser()
    assert backend.exchange_auth_code("code", request) is backend.response
    ada = get_user_model().objects.create_user("ada")
    login(request, ada, backend="django.contrib.auth.backends.ModelBackend")
    row = OIDCSession.objects.get()
    assert (row.id_token, row.refresh_token, row.sid, row.user) == (token, "refresh", "s", ada)


def test_call_without_a_request_is_the_librarys_alone(backend, idp):
    backend.response = {"id_token": idp.id_token()}
    assert backend.exchange_auth_code("code", None) is backend.response
    assert not OIDCSession.objects.exists()
