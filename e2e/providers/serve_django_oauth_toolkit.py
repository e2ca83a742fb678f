"""django-oauth-toolkit, as its own guide sets it up: RP-initiated logout, and no channels."""

import json
import os
import time
from pathlib import Path

import django
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings
from django.core.management import call_command

from e2e.providers.leaving import leave_with_parent

ISSUER = os.environ["ISSUER"]
FOLDER = Path(os.environ["FOLDER"])
TEMPLATES = {
    "registration/login.html": "<form method=post>{% csrf_token %}{{ form }}<button></form>"
}


def key() -> str:
    """Return the key that signs, the same after a restart."""
    file = FOLDER / "provider.pem"
    if not file.exists():
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        file.write_bytes(
            private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        )
    return file.read_text()


settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FOLDER / "provider.sqlite3",
        }
    },
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "oauth2_provider",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    # Its tables without its migrations, of which there are many.
    MIGRATION_MODULES=dict.fromkeys(("auth", "contenttypes", "oauth2_provider", "sessions")),
    OAUTH2_PROVIDER={
        "OAUTH2_VALIDATOR_CLASS": f"{__name__}.Validator",
        "OIDC_ENABLED": True,
        "OIDC_ISS_ENDPOINT": ISSUER,
        "OIDC_RP_INITIATED_LOGOUT_ENABLED": True,
        "OIDC_RP_INITIATED_LOGOUT_ALWAYS_PROMPT": False,
        "OIDC_RSA_PRIVATE_KEY": key(),
        "PKCE_REQUIRED": False,
        "SCOPES": {
            "openid": "who you are",
            "email": "your e-mail address",
            "profile": "your name",
        },
    },
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="for-a-provider-of-the-tests-and-for-nothing-else-in-the-world",
    SESSION_COOKIE_NAME="provider_session",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    ("django.template.loaders.locmem.Loader", TEMPLATES),
                    "django.template.loaders.app_directories.Loader",
                ]
            },
        }
    ],
    USE_TZ=True,
)


def main() -> None:
    """Migrate, register missing people and sites, and serve."""
    leave_with_parent()
    call_command("migrate", verbosity=0, interactive=False, run_syncdb=True)
    for name, password in json.loads(os.environ["PEOPLE"]).items():
        if not User.objects.filter(username=name).exists():
            User.objects.create_user(name, f"{name}@example.org", password)
    for client in json.loads(os.environ["CLIENTS"]):
        Application.objects.get_or_create(
            client_id=client["client_id"],
            defaults={
                "client_secret": client["client_secret"],
                "client_type": Application.CLIENT_CONFIDENTIAL,
                "authorization_grant_type": Application.GRANT_AUTHORIZATION_CODE,
                "algorithm": Application.RS256_ALGORITHM,
                "redirect_uris": " ".join(client["redirect_uris"]),
                "post_logout_redirect_uris": " ".join(client["post_logout_redirect_uris"]),
                "skip_authorization": True,
            },
        )
    call_command("runserver", ISSUER.removeprefix("http://"), use_reloader=False)


django.setup()

from django.contrib.auth.models import User  # noqa: E402  # models need settings
from django.contrib.auth.views import LoginView  # noqa: E402
from django.urls import include, path  # noqa: E402
from oauth2_provider.models import get_application_model  # noqa: E402
from oauth2_provider.oauth2_validators import OAuth2Validator  # noqa: E402

Application = get_application_model()


class Validator(OAuth2Validator):
    """Adds e-mail addresses, by which sites find people, and gives one site short-lived tokens."""

    def get_additional_claims(self, request):
        return {"email": request.user.email}

    def get_id_token_dictionary(self, token, token_handler, request):
        claims, expires = super().get_id_token_dictionary(token, token_handler, request)
        if request.client.client_id == os.environ["SHORT_LIVED"]:
            claims["exp"] = int(time.time()) + 3
        return claims, expires


urlpatterns = [
    path("accounts/login/", LoginView.as_view()),
    path("", include("oauth2_provider.urls", namespace="oauth2_provider")),
]

if __name__ == "__main__":
    main()
