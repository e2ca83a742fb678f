"""Settings of the example's identity provider: Django and django-oauth-toolkit."""

from django_oidc_logout.demo.agreed import PROVIDER, VAR

from .keys import signing_key

INSTALLED_APPS = [
    "django_oidc_logout.demo.provider",
    "django_oidc_logout.demo",  # the style, which the sites share
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "oauth2_provider",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_oidc_logout.demo.timeline.TimelineMiddleware",
]
ROOT_URLCONF = "django_oidc_logout.demo.provider.urls"

OAUTH2_PROVIDER = {
    "OIDC_ENABLED": True,
    "OIDC_ISS_ENDPOINT": PROVIDER.url,
    "OIDC_RSA_PRIVATE_KEY": signing_key(VAR / "idp.pem"),
    "OAUTH2_VALIDATOR_CLASS": "django_oidc_logout.demo.provider.claims.Validator",
    "SCOPES": {
        "openid": "who you are",
        "email": "your e-mail address",
        "profile": "your name",
    },
    # If a site sends the ID Token, end the session here without asking.
    "OIDC_RP_INITIATED_LOGOUT_ENABLED": True,
    "OIDC_RP_INITIATED_LOGOUT_ALWAYS_PROMPT": False,
    # Otherwise a sign-out also deletes the ID Tokens of the person's other browsers, and their
    # sign-outs would fail here with an error page.
    "OIDC_RP_INITIATED_LOGOUT_DELETE_TOKENS": False,
}
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"

# The rest is plain Django, for a demo on your own machine: see Django's deployment checklist.
DEBUG = True
SECRET_KEY = "for-the-example-provider-on-this-machine-and-for-no-other-in-the-world"
ALLOWED_HOSTS = [PROVIDER.host]
SESSION_COOKIE_NAME = "idp_session"
CSRF_COOKIE_NAME = "idp_csrf"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": VAR / "idp.sqlite3"},
}
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django_oidc_logout.demo.provider.views.people",
            ],
        },
    },
]
STATIC_URL = "static/"
TIME_ZONE = "UTC"
USE_TZ = True
