"""The measured site: the same for every peer, apart from what the peer's own guide requires."""

from __future__ import annotations

from importlib import import_module
from urllib.parse import unquote, urlencode, urlsplit

CLIENT = "site"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "tools.benchmarks.people",
]


def database(url):
    """Return Django's setting for a database; without an address it is in memory."""
    if not url:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": parts.hostname,
        "PORT": parts.port,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "NAME": parts.path.strip("/"),
        "CONN_MAX_AGE": None,  # as a site that cares for speed has it
    }


def cache(url):
    """Return Django's setting for a cache; without an address it is in memory."""
    if not url:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}


class _NoMigrations:
    """Tables made from the models, without migrations, as for all peers."""

    def __contains__(self, app):
        return True

    def __getitem__(self, app):
        return None


def configure(peer, *, issuer="", database_url="", cache_url="", engine="db"):
    """Configure Django for a peer's site, and start it."""
    from django import setup
    from django.conf import settings

    own = PEERS[peer](issuer)
    settings.configure(
        SECRET_KEY="benchmarks" * 5,
        ALLOWED_HOSTS=["site.example"],
        USE_TZ=True,
        ROOT_URLCONF="tools.benchmarks.urls",
        AUTH_USER_MODEL="people.Person",
        DATABASES={"default": database(database_url)},
        CACHES={"default": {**cache(cache_url), "KEY_PREFIX": f"benchmarks-{peer}-{engine}"}},
        SESSION_ENGINE=f"django.contrib.sessions.backends.{engine}",
        MIGRATION_MODULES=_NoMigrations(),
        LOGGING_CONFIG=None,  # logs do not matter here
        BENCHMARKED=peer,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        LOGOUT_REDIRECT_URL="/",
        **{
            "INSTALLED_APPS": [*APPS, *own.pop("APPS", [])],
            "MIDDLEWARE": [*MIDDLEWARE, *own.pop("MIDDLEWARE", [])],
            **own,
        },
    )
    setup()


def mozilla_settings(issuer):
    """Return what every site on mozilla-django-oidc sets."""
    return {
        "APPS": ["mozilla_django_oidc"],
        "AUTHENTICATION_BACKENDS": ["mozilla_django_oidc.auth.OIDCAuthenticationBackend"],
        "OIDC_RP_CLIENT_ID": CLIENT,
        "OIDC_RP_CLIENT_SECRET": "secret",
        "OIDC_RP_SIGN_ALGO": "RS256",
        "OIDC_OP_AUTHORIZATION_ENDPOINT": f"{issuer}/authorize",
        "OIDC_OP_TOKEN_ENDPOINT": f"{issuer}/token",
        "OIDC_OP_USER_ENDPOINT": f"{issuer}/userinfo",
        "OIDC_OP_JWKS_ENDPOINT": f"{issuer}/jwks",
    }


def ours(issuer):
    """Return the README's installation."""
    return {
        **mozilla_settings(issuer),
        "APPS": ["mozilla_django_oidc", "django_oidc_logout"],
        "MIDDLEWARE": ["django_oidc_logout.middleware.OIDCSessionMiddleware"],
        "AUTHENTICATION_BACKENDS": ["django_oidc_logout.backends.OIDCLogoutBackend"],
        "OIDC_LOGOUT_PROVIDERS": {"default": {"ISSUER": issuer}},
    }


def configured(issuer):
    """Return the same with the endpoint in the settings, where the other peers have it."""
    provider = {"ISSUER": issuer, "END_SESSION_ENDPOINT": f"{issuer}/end-session"}
    return {**ours(issuer), "OIDC_LOGOUT_PROVIDERS": {"default": provider}}


def django(issuer):
    """Return Django alone."""
    return {}


def mozilla(issuer):
    """Return mozilla-django-oidc with the usual hand-written hook."""
    return {
        **mozilla_settings(issuer),
        "OIDC_STORE_ID_TOKEN": True,
        "OIDC_OP_LOGOUT_URL_METHOD": "tools.benchmarks.project.logout_url",
        "END_SESSION_ENDPOINT": f"{issuer}/end-session",
    }


def logout_url(request):
    """Build the URL as many projects do."""
    from django.conf import settings

    query = {
        "id_token_hint": request.session.get("oidc_id_token"),
        "post_logout_redirect_uri": request.build_absolute_uri("/"),
        "client_id": settings.OIDC_RP_CLIENT_ID,
    }
    return f"{settings.END_SESSION_ENDPOINT}?{urlencode(query)}"


def allauth(issuer):
    """Return django-allauth's accounts, whose logout ends only the site's session."""
    return {
        "APPS": ["allauth", "allauth.account"],
        "MIDDLEWARE": ["allauth.account.middleware.AccountMiddleware"],
        "AUTHENTICATION_BACKENDS": ["allauth.account.auth_backends.AuthenticationBackend"],
    }


def lasuite(issuer):
    """Return django-lasuite's settings."""
    return {
        **mozilla_settings(issuer),
        "AUTHENTICATION_BACKENDS": ["lasuite.oidc_login.backends.OIDCAuthenticationBackend"],
        "OIDC_STORE_ID_TOKEN": True,
        "OIDC_FALLBACK_TO_EMAIL_FOR_IDENTIFICATION": False,
        "OIDC_OP_URL": issuer,
        "OIDC_OP_LOGOUT_ENDPOINT": f"{issuer}/end-session",
    }


def authcodeflow(issuer):
    """Return django-oauth2-authcodeflow's settings."""
    return {
        "APPS": ["oauth2_authcodeflow"],
        "AUTHENTICATION_BACKENDS": ["oauth2_authcodeflow.auth.AuthenticationBackend"],
        "OIDC_OP_DISCOVERY_DOCUMENT_URL": f"{issuer}/.well-known/openid-configuration",
        "OIDC_RP_CLIENT_ID": CLIENT,
        "OIDC_RP_CLIENT_SECRET": "secret",
    }


def pyoidc(issuer):
    """Return django-pyoidc's settings."""
    return {
        "APPS": ["django_pyoidc"],
        "DJANGO_PYOIDC": {
            "default": {
                "provider_class": "django_pyoidc.providers.Provider",
                "provider_discovery_uri": issuer,
                "oidc_cache_provider_metadata": True,
                "client_id": CLIENT,
                "client_secret": "secret",
                "cache_django_backend": "default",
                "callback_path": "/callback/",
                "post_logout_redirect_uri": "/",
                "post_login_uri_success": "/",
                "post_login_uri_failure": "/",
            }
        },
    }


PEERS = {
    peer.__name__: peer
    for peer in (ours, configured, django, mozilla, allauth, lasuite, authcodeflow, pyoidc)
}


def session_store():
    """Return the session store of the site."""
    from django.conf import settings

    return import_module(settings.SESSION_ENGINE).SessionStore
