"""What the pages say about other backends of a library than the scenario's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import apps

from django_oidc_logout.checks import sign_ins
from tests.absence import need_package
from tests.docs.markdown import fragments_of

if TYPE_CHECKING:
    import pytest
    from pytest_django.fixtures import SettingsWrapper

SECTION = "Backends that drop the ID Token"


def test_backend_of_social_auth_that_drops_the_id_token(
    settings: SettingsWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_package("social_core", "social-auth-core")
    need_package("markdown_it", "markdown-it-py")
    monkeypatch.setattr(apps, "is_installed", lambda name: "social" in name)
    settings.AUTHENTICATION_BACKENDS = ["social_core.backends.keycloak.KeycloakOAuth2"]
    (found,) = sign_ins.check_extra_data()
    assert found.id == "oidc_logout.W026"
    written: dict[str, object] = {}
    exec(fragments_of("docs/how-to/social-auth.md", SECTION)["# settings.py"], written)
    for name in ("SOCIAL_AUTH_KEYCLOAK_EXTRA_DATA", "SOCIAL_AUTH_KEYCLOAK_SCOPE"):
        setattr(settings, name, written[name])
    assert sign_ins.check_extra_data() == []
