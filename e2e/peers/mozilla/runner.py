"""Runs mozilla-django-oidc's tests on its own backend, or on ours in its place."""

import os

from django.test.runner import DiscoverRunner


class Runner(DiscoverRunner):
    """Its tests make backends by themselves: what they get is what BACKEND says."""

    def setup_test_environment(self, **kwargs):
        super().setup_test_environment(**kwargs)
        if os.environ["BACKEND"] == "ours":
            from mozilla_django_oidc import auth  # noqa: PLC0415  # needs the apps' models

            from django_oidc_logout.backends import OIDCLogoutBackend  # noqa: PLC0415

            auth.OIDCAuthenticationBackend = OIDCLogoutBackend
