"""Settings for mozilla-django-oidc's tests, whose own are not published, with this app installed.

They set what mozilla's tests assume: its URLs at the root, and names and passwords.
"""

SECRET_KEY = "for-the-tests-of-another-project-and-for-nothing-else-in-the-world"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True
ROOT_URLCONF = "tests.urls"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "mozilla_django_oidc",
    "django_oidc_logout",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_oidc_logout.middleware.OIDCSessionMiddleware",
]
# Not our backend as well, which `runner` puts in the place of mozilla's: one of the tests signs in
# with a code that no provider has given, and expects nobody to ask one.
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
OIDC_LOGOUT_PROVIDERS = {"default": {"ISSUER": "https://server.example.com"}}
OIDC_USERNAME_ALGO = None
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
TEST_RUNNER = "tests.runner.Runner"
SILENCED_SYSTEM_CHECKS = ["oidc_logout.E044"]  # each test sets the endpoints that it needs
