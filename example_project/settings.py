"""Settings of the example sites. Signing out needs only the five numbered places."""

from django_oidc_logout.demo.agreed import PROVIDER, VAR, this_site

# The two sites share these settings; they differ only by SITE.
SITE = this_site()

# 1 of 5: the two apps.
INSTALLED_APPS = [
    "example_project",
    "django_oidc_logout.demo",  # only for the style of the pages
    "django_oidc_logout.sites.OIDCAdminConfig",  # in place of django.contrib.admin
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
    "django_oidc_logout.demo.timeline.TimelineMiddleware",  # only for the demo
]

# 3 of 5: the backend.
AUTHENTICATION_BACKENDS = [
    "django_oidc_logout.backends.OIDCLogoutBackend",
    # Only for the admin's own login form, with passwords stored at this site.
    "django.contrib.auth.backends.ModelBackend",
]

# 4 of 5: the identity provider.
OIDC_LOGOUT_PROVIDERS = {
    "default": {
        "ISSUER": PROVIDER.url,
        "NAME": "Example ID",
        "SHARED_SIGNALS": {},  # it sends security events, signed as its ID Tokens are
        "REAUTHENTICATE_WITH": {"prompt": "login"},  # django-oauth-toolkit ignores max_age
    },
}
OIDC_LOGOUT_HISTORY_DAYS = 30
OIDC_LOGOUT_KEEP_DEVICE = True

# 5 of 5 is in urls.py.
ROOT_URLCONF = "example_project.urls"

# Signing in: mozilla-django-oidc's own settings. Its endpoints come from the provider's discovery
# document.
OIDC_AUTHENTICATE_CLASS = "django_oidc_logout.backends.AuthenticationRequestView"
OIDC_RP_CLIENT_ID = SITE.client_id
OIDC_RP_CLIENT_SECRET = SITE.client_secret
OIDC_RP_SCOPES = "openid email profile"
OIDC_USE_PKCE = True
OIDC_TIMEOUT = 5
OIDC_USERNAME_ALGO = "example_project.accounts.username"
LOGIN_URL = "oidc_authentication_init"
LOGIN_REDIRECT_URL = "home"

# Each sign-out logs a line that says what happened.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django_oidc_logout": {"handlers": ["console"], "level": "INFO"}},
}

# The rest is plain Django, for a demo on your own machine: see Django's deployment checklist.
DEBUG = True
SECRET_KEY = f"for-example-site-{SITE.key}-on-this-machine-and-for-no-other-in-the-world"
ALLOWED_HOSTS = ["localhost"]
# Browsers share cookies between all ports of a host, so each site needs its own names.
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
# The demo shows beside ours what Django's own view leaves undone.
SILENCED_SYSTEM_CHECKS = ["oidc_logout.W056"]
