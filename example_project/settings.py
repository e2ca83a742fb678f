"""Settings of the example sites. The five numbered places are all that signing out needs."""

from .agreed import PROVIDER, VAR, this_site

# There are two of them, which differ in what follows from this alone.
SITE = this_site()

# 1 of 5: the two apps.
INSTALLED_APPS = [
    "example_project",
    "django_oidc_logout.sites.OIDCAdminConfig",  # django.contrib.admin, signing out of both
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "mozilla_django_oidc",
    "django_oidc_logout",
]

# 2 of 5: the middleware, anywhere after Django's AuthenticationMiddleware.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_oidc_logout.middleware.OIDCSessionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# 3 of 5: the backend.
AUTHENTICATION_BACKENDS = [
    "django_oidc_logout.backends.OIDCLogoutBackend",
    # For the admin's own login form only: names and passwords kept at this site.
    "django.contrib.auth.backends.ModelBackend",
]

# 4 of 5: the identity provider.
OIDC_LOGOUT_PROVIDERS = {"default": {"ISSUER": PROVIDER.url}}

# 5 of 5 is in urls.py.
ROOT_URLCONF = "example_project.urls"

# Signing in: mozilla-django-oidc's own settings.
OIDC_RP_CLIENT_ID = SITE.client_id
OIDC_RP_CLIENT_SECRET = SITE.client_secret
OIDC_RP_SIGN_ALGO = "RS256"
OIDC_RP_SCOPES = "openid email profile"
OIDC_OP_AUTHORIZATION_ENDPOINT = f"{PROVIDER.url}/authorize/"
OIDC_OP_TOKEN_ENDPOINT = f"{PROVIDER.url}/token/"
OIDC_OP_USER_ENDPOINT = f"{PROVIDER.url}/userinfo/"
OIDC_OP_JWKS_ENDPOINT = f"{PROVIDER.url}/.well-known/jwks.json"
OIDC_USE_PKCE = True
OIDC_TIMEOUT = 5
OIDC_USERNAME_ALGO = "example_project.accounts.username"
LOGIN_URL = "oidc_authentication_init"
LOGIN_REDIRECT_URL = "home"

# Every sign-out leaves a line that says how it went.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django_oidc_logout": {"handlers": ["console"], "level": "INFO"}},
}

# The rest is plain Django, for a demo on one's own machine: see Django's deployment checklist.
DEBUG = True
SECRET_KEY = f"for-example-site-{SITE.key}-on-this-machine-and-for-no-other-in-the-world"
ALLOWED_HOSTS = ["localhost"]
# Browsers keep one jar of cookies for all ports of a host: the name tells several sites apart.
SESSION_COOKIE_NAME = f"site_{SITE.port}_session"
CSRF_COOKIE_NAME = f"site_{SITE.port}_csrf"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": VAR / f"site-{SITE.key}.sqlite3"},
}
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
WSGI_APPLICATION = "example_project.wsgi.application"
STATIC_URL = "static/"
TIME_ZONE = "UTC"
USE_TZ = True
