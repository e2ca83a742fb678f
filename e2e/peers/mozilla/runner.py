"""Runs mozilla-django-oidc's tests on its own backend or on ours."""

import os

from django.test.runner import DiscoverRunner

# It expects an error for a setting that is missing, which we take from the discovery document.
NOT_OURS = "test_es256_alg_misconfiguration"


class Runner(DiscoverRunner):
    """The tests create backends themselves; they get the class that BACKEND names."""

    def setup_test_environment(self, **kwargs):
        super().setup_test_environment(**kwargs)
        if os.environ["BACKEND"] == "ours":
            from mozilla_django_oidc import auth  # noqa: PLC0415  # needs the apps' models

            from django_oidc_logout.backends import OIDCLogoutBackend  # noqa: PLC0415

            auth.OIDCAuthenticationBackend = OIDCLogoutBackend

    def build_suite(self, *args, **kwargs):
        suite = super().build_suite(*args, **kwargs)
        if os.environ["BACKEND"] == "ours":
            suite._tests = [test for test in suite if test._testMethodName != NOT_OURS]
        return suite
