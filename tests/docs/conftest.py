"""What the documentation's tests share."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import override_settings

from tests.docs import site


@pytest.fixture(scope="session")
def _admin_site():
    """Let the admin's default site be the one that the tests of the admin want as well.

    Django makes it once, as the first settings that are asked say.
    """
    config = "django_oidc_logout.sites.OIDCAdminConfig"
    apps = site.filled([..., config], site.INSTALLED_APPS)
    with override_settings(**{**site.settings(), "INSTALLED_APPS": apps}):
        admin.site.is_registered(object)


@pytest.fixture
def _site(_admin_site, settings):
    """Let the tests' site be the documentation's, until the test is over.

    By the same road as other fixtures change settings: they are put back in the reverse order.
    """
    for name, value in site.settings().items():
        setattr(settings, name, value)
