"""Signs somebody in and out of a site whose providers are rows of another package's tables.

`python -m e2e.peers.site_with_providers_in_a_database PACKAGE`. The site's module `mysite.oidc` is
the recipe in `docs/how-to/providers-in-a-database.md`, literally. Prints what happened as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from types import ModuleType
from urllib.parse import parse_qs, urlsplit

import django
from django.conf import settings

from tests.docs.markdown import fragments_of
from tests.idp import IdP
from tests.settings_servers import database

MOZILLA, ALLAUTH = "mozilla-django-oidc-db", "django-allauth"
APPS = {
    MOZILLA: ["mozilla_django_oidc", "django_jsonform", "mozilla_django_oidc_db"],
    ALLAUTH: [
        "allauth",
        "allauth.account",
        "allauth.socialaccount",
        "allauth.socialaccount.providers.openid_connect",
        "django_oidc_logout.contrib.allauth",
    ],
}


def recipe(package):
    """Return what the page's section about a package says, by the files."""
    return fragments_of("docs/how-to/providers-in-a-database.md", package)


def configure(package):
    from tests import settings as site  # noqa: PLC0415

    options = {key: getattr(site, key) for key in dir(site) if key.isupper()}
    for name in [key for key in options if key.startswith("OIDC_")]:
        del options[name]
    apps = [app for app in options["INSTALLED_APPS"] if app != "mozilla_django_oidc"]
    middleware = options["MIDDLEWARE"]
    if package == ALLAUTH:
        middleware = [*middleware, "allauth.account.middleware.AccountMiddleware"]
    options |= {
        "INSTALLED_APPS": [
            "django.contrib.admin",
            "django.contrib.messages",
            *apps,
            *APPS[package],
        ],
        "MIDDLEWARE": [*middleware, "django.contrib.messages.middleware.MessageMiddleware"],
        "AUTHENTICATION_BACKENDS": ["allauth.account.auth_backends.AuthenticationBackend"],
        "OIDC_LOGOUT_PROVIDERS": "mysite.oidc.providers",
        "ROOT_URLCONF": "mysite.urls",
        "LOGIN_REDIRECT_URL": "/private/",
        "SOCIALACCOUNT_LOGIN_ON_GET": True,
        "SILENCED_SYSTEM_CHECKS": ["admin.E403", "admin.E404"],
    }
    if package == MOZILLA:
        exec(recipe(package)["# settings.py"], options)
        options = {name: value for name, value in options.items() if name.isupper()}
        name = {"TEST": {"NAME": "providers_in_a_database"}}
        options["DATABASES"] = {"default": database(os.environ["POSTGRESQL_URL"]) | name}
        options["OIDC_CALLBACK_CLASS"] = "mozilla_django_oidc_db.views.OIDCCallbackView"
        options["OIDC_AUTHENTICATE_CLASS"] = (
            "mozilla_django_oidc_db.views.OIDCAuthenticationRequestInitView"
        )
    settings.configure(**options)
    sys.modules["mysite"] = ModuleType("mysite")
    sys.modules["mysite.oidc"] = module = ModuleType("mysite.oidc")
    django.setup()
    exec(recipe(package)["# mysite/oidc.py"], module.__dict__)
    sys.modules["mysite.urls"] = urls = ModuleType("mysite.urls")
    urls.urlpatterns = urlpatterns(package)


def urlpatterns(package):
    from django.urls import include, path  # noqa: PLC0415

    from tests.urls import urlpatterns as plain  # noqa: PLC0415

    own = [
        pattern for pattern in plain if "mozilla" not in str(getattr(pattern, "urlconf_name", ""))
    ]
    if package == ALLAUTH:
        return [*own, path("accounts/", include("allauth.urls"))]
    from mozilla_django_oidc_db.views import OIDCAuthenticationRequestInitView  # noqa: PLC0415

    start = OIDCAuthenticationRequestInitView.as_view(identifier="admin-oidc")
    return [
        *own,
        path("login/", start),
        path("oidc/", include("mozilla_django_oidc.urls")),
    ]


def fill_mozilla(idp):
    from mozilla_django_oidc_db.models import OIDCClient, OIDCProvider  # noqa: PLC0415

    provider = OIDCProvider.objects.create(
        identifier="idp",
        oidc_op_discovery_endpoint=f"{idp.issuer}/",
        oidc_op_jwks_endpoint=f"{idp.issuer}/jwks",
        oidc_op_authorization_endpoint=f"{idp.issuer}/authorize",
        oidc_op_token_endpoint=f"{idp.issuer}/token",
        oidc_op_user_endpoint=f"{idp.issuer}/userinfo",
    )
    OIDCClient.objects.filter(identifier="admin-oidc").update(
        enabled=True,
        oidc_provider=provider,
        oidc_rp_client_id="site",
        oidc_rp_client_secret="secret",
        options={
            "user_settings": {"claim_mappings": {"username": ["sub"]}},
            "groups_settings": {"make_users_staff": False},
        },
    )
    return "/login/?next=/private/", "admin-oidc"


def fill_allauth(idp):
    from allauth.socialaccount.models import SocialApp  # noqa: PLC0415

    SocialApp.objects.create(
        provider="openid_connect",
        provider_id="work",
        name="Work account",
        client_id="site",
        secret="secret",
        settings={"server_url": f"{idp.issuer}/.well-known/openid-configuration"},
    )
    return "/accounts/oidc/work/login/", "work"


def main(package):
    configure(package)
    from django.core.checks import run_checks  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import setup_test_environment  # noqa: PLC0415

    setup_test_environment()
    happened = {"checks": [each.id for each in run_checks() if "oidc_logout" in str(each.id)]}
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        happened |= sign_in_and_out(package)
    finally:
        connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)
    print(json.dumps(happened))  # noqa: T201


def sign_in_and_out(package):
    from django.contrib.auth.models import User  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    from django_oidc_logout.models import OIDCSession  # noqa: PLC0415
    from tests.factories import is_signed_in, post_logout_token, query_of  # noqa: PLC0415

    happened = {}
    idp = IdP()
    idp.start()
    idp.metadata |= {
        "authorization_endpoint": f"{idp.issuer}/authorize",
        "token_endpoint": f"{idp.issuer}/token",
        "userinfo_endpoint": f"{idp.issuer}/userinfo",
        "id_token_signing_alg_values_supported": ["RS256"],
    }
    idp.userinfo = {"sub": "ada", "email": "ada@example.com"}
    start, alias = (fill_allauth if package == ALLAUTH else fill_mozilla)(idp)

    def sign_in():
        client = Client()
        asked = urlsplit(client.get(start)["Location"])
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        idp.claims = {"nonce": query["nonce"]} if "nonce" in query else {}
        back = urlsplit(query["redirect_uri"]).path
        answer = client.get(back, {"code": "code", "state": query["state"]})
        happened.setdefault("callback", answer.status_code)
        return client

    client = sign_in()
    row = OIDCSession.objects.get()
    person = User.objects.get()
    happened["row"] = [row.provider == alias, row.issuer == idp.issuer, row.user == person]
    answer = client.post("/oidc/logout/")
    happened["goes to the provider"] = answer["Location"].startswith(f"{idp.issuer}/end-session?")
    happened["hint"] = bool(query_of(answer).get("id_token_hint"))
    happened["signed out"] = not is_signed_in(client)
    client = sign_in()
    happened["signed in again"] = is_signed_in(client)
    happened["back-channel"] = post_logout_token(idp.logout_token()).status_code
    happened["signed out by it"] = not is_signed_in(client)
    idp.stop()
    return happened


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1])
