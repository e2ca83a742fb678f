"""contrib.allauth, with the real package: sign-ins, and allauth's own ways to sign out."""

from __future__ import annotations

import json
import time
from importlib import import_module
from types import ModuleType
from urllib.parse import urlsplit

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.urls import include, path

from django_oidc_logout import api
from django_oidc_logout.checks import buttons
from django_oidc_logout.models import OIDCSession
from tests import settings as usual
from tests.absence import need_package
from tests.docs.markdown import ROOT, blocks_of, fragments_of
from tests.factories import is_signed_in, post_logout_token, query_of
from tests.idp import ACCESS_TOKEN, REFRESH_TOKEN
from tests.secrecy import GUARD
from tests.urls import home, private

pytestmark = [
    pytest.mark.django_db,
    # django-allauth sends its e-mail without the setting MAILERS, which Django 6.1 has.
    pytest.mark.filterwarnings("ignore:Django 2028 will not have a default mailer"),
]

APPS = [
    *(name for name in usual.INSTALLED_APPS if name != "mozilla_django_oidc"),
    "django.contrib.messages",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.headless",
    "allauth.mfa",
    "django_oidc_logout.contrib.allauth",
]
TABLES = ("account", "mfa", "socialaccount")
PASSWORD = "correct horse battery staple"
HEADLESS = "/_allauth/{}/v1/auth"


@pytest.fixture(scope="module")
def _tables(django_db_setup, django_db_blocker):
    need_package("allauth", "django-allauth")
    with (
        django_db_blocker.unblock(),
        override_settings(MIDDLEWARE=middleware(), MIGRATION_MODULES=dict.fromkeys(TABLES)),
        override_settings(INSTALLED_APPS=APPS),  # allauth looks for its middleware then
    ):
        call_command("migrate", run_syncdb=True, verbosity=0)


def middleware():
    return [
        *usual.MIDDLEWARE,
        "django.contrib.messages.middleware.MessageMiddleware",
        "allauth.account.middleware.AccountMiddleware",
    ]


@pytest.fixture
def site(idp, settings, _tables):
    """Return the settings of a site that signs in through allauth."""
    idp.metadata |= {
        "authorization_endpoint": f"{idp.issuer}/authorize",
        "token_endpoint": f"{idp.issuer}/token",
        "userinfo_endpoint": f"{idp.issuer}/userinfo",
    }
    idp.userinfo = {"sub": "ada", "email": "ada@example.com", "email_verified": True}
    settings.MIDDLEWARE = middleware()
    settings.INSTALLED_APPS = APPS
    settings.ROOT_URLCONF = "tests.contrib.urls_allauth"
    settings.AUTHENTICATION_BACKENDS = [
        "django.contrib.auth.backends.ModelBackend",
        "allauth.account.auth_backends.AuthenticationBackend",
    ]
    settings.LOGIN_REDIRECT_URL = "/"
    settings.SOCIALACCOUNT_LOGIN_ON_GET = True
    settings.ACCOUNT_EMAIL_VERIFICATION = "none"
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [social_app(idp)]}}
    settings.OIDC_LOGOUT_PROVIDERS = {
        "default": {"ISSUER": idp.issuer, "CLIENT_ID": "site", "ALGORITHMS": ["RS256"]}
    }
    return settings


def social_app(idp, provider_id="company", client_id="site"):
    return {
        "provider_id": provider_id,
        "name": provider_id,
        "client_id": client_id,
        "secret": "site's secret",
        "settings": {"server_url": idp.issuer},
    }


def start(client, provider_id="company", **query):
    """Start a sign-in, and return the state with which the provider sends people back."""
    return query_of(client.get(f"/accounts/oidc/{provider_id}/login/", query))["state"]


def come_back(client, state, provider_id="company"):
    url = f"/accounts/oidc/{provider_id}/login/callback/"
    return client.get(url, {"code": "code", "state": state})


def sign_in(client=None, **query):
    """Sign in through allauth's own pages, where nothing comes in between."""
    client = client or Client()
    response = come_back(client, start(client, **query))
    assert response.status_code == 302, response.content
    return client


def new_user(**fields):
    return get_user_model().objects.create_user(
        "grace", "grace@example.com", password=PASSWORD, **fields
    )


def press(client, **fields):
    """Press allauth's button, and return the query of the request to the provider."""
    response = client.post("/accounts/logout/", fields)
    assert response.status_code == 302
    assert not is_signed_in(client)
    assert "/end-session?" in response["Location"], response["Location"]
    return query_of(response)


def directly(client, site, idp):
    return sign_in(client)


def after_sign_up_form(client, site, idp):
    site.SOCIALACCOUNT_AUTO_SIGNUP = False
    response = come_back(client, start(client))
    assert response["Location"] == "/accounts/3rdparty/signup/"
    assert not is_signed_in(client)
    form = {"username": "ada", "email": "ada@example.com"}
    assert client.post("/accounts/3rdparty/signup/", form)["Location"] == "/"
    return client


def after_second_factor(client, site, idp):
    auth = import_module("allauth.mfa.totp.internal.auth")
    secret = auth.generate_totp_secret()
    auth.TOTP.activate(sign_up(), secret)
    response = come_back(client, start(client))
    assert response["Location"] == "/accounts/2fa/authenticate/"
    assert not is_signed_in(client)
    counter = next(iter(auth.yield_hotp_counters_from_time()))
    code = auth.format_hotp_value(auth.hotp_value(secret, counter))
    response = client.post("/accounts/2fa/authenticate/", {"code": code})
    assert response["Location"] == "/"
    return client


def sign_up():
    """Return the user who has signed in once, and out again."""
    client = sign_in()
    user = get_user_model().objects.get()
    client.logout()
    assert not OIDCSession.objects.exists()
    return user


def after_verification(client, site, idp):
    """Follow the link in the e-mail in the same browser."""
    site.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    site.ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
    site.SOCIALACCOUNT_EMAIL_VERIFICATION = "mandatory"
    idp.userinfo["email_verified"] = False
    come_back(client, start(client))
    assert not is_signed_in(client)
    assert client.post(confirmation_link()).status_code == 302
    return client


def confirmation_link():
    (message,) = mail.outbox
    (url,) = (word for word in message.body.split() if "confirm-email" in word)
    return urlsplit(url).path


def by_headless_redirect(client, site, idp):
    form = {"provider": "company", "callback_url": "/", "process": "login"}
    response = client.post(f"{HEADLESS.format('browser')}/provider/redirect", form)
    response = come_back(client, query_of(response)["state"])
    assert response["Location"] == "/"
    return client


def after_headless_sign_up(client, site, idp):
    site.SOCIALACCOUNT_AUTO_SIGNUP = False
    by_headless_redirect(client, site, idp)
    assert not is_signed_in(client)
    response = client.post(
        f"{HEADLESS.format('browser')}/provider/signup",
        {"username": "ada", "email": "ada@example.com"},
        content_type="application/json",
    )
    assert response.status_code == 200, response.content
    return client


WAYS = [
    directly,
    after_sign_up_form,
    after_second_factor,
    after_verification,
    by_headless_redirect,
    after_headless_sign_up,
]


@pytest.mark.parametrize("way", WAYS)
def test_sign_in_is_recorded_and_the_button_reaches_the_provider(way, site, idp, outcomes):
    client = way(Client(), site, idp)
    assert is_signed_in(client)
    row = OIDCSession.objects.get()
    assert (row.sub, row.sid, row.provider) == ("ada", "session-1", "default")
    assert row.user == get_user_model().objects.get()
    outcomes.clear()
    query = press(client)
    assert query["id_token_hint"] == row.id_token
    assert query["client_id"] == "site"
    (outcome,) = outcomes
    assert (outcome.provider, outcome.recorded) == ("redirect", True)
    assert not OIDCSession.objects.exists()
    back = client.get("/oidc/logout/callback/", {"state": query["state"]})
    assert back["Location"] == "/"


# What is carried from the provider to `login()`


def pending(client):
    """Return what a session holds, as it is stored."""
    return json.dumps(dict(client.session.items()))


def test_token_waits_encrypted_for_the_sign_up_form(site, idp):
    site.SOCIALACCOUNT_AUTO_SIGNUP = False
    client = Client()
    come_back(client, start(client))
    assert "oidc_logout" in pending(client)
    encoded = idp.id_token()
    assert encoded.split(".")[0] not in pending(client)  # the header of every one of its tokens


@pytest.mark.parametrize("way", [after_sign_up_form, directly])
def test_session_in_a_cookie_carries_only_the_claims(way, site, idp):
    site.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    client = way(Client(), site, idp)
    row = OIDCSession.objects.get()
    assert (row.sub, row.sid) == ("ada", "session-1")
    assert ("id_token_hint" in press(client)) == (way is directly)


def test_token_that_can_no_longer_be_decrypted_is_only_missed_in_the_hint(site, idp):
    site.SOCIALACCOUNT_AUTO_SIGNUP = False
    client = Client()
    come_back(client, start(client))
    session = client.session
    session["socialaccount_sociallogin"]["state"]["oidc_logout"] = "rotated away"
    session.save()
    client.post("/accounts/3rdparty/signup/", {"username": "ada", "email": "ada@example.com"})
    assert OIDCSession.objects.get().sid == "session-1"
    query = press(client)
    assert query["client_id"] == "site"
    assert not {"id_token_hint", "logout_hint"} & query.keys()


def test_sign_up_that_is_not_finished_leaves_nothing(site, outcomes):
    site.SOCIALACCOUNT_AUTO_SIGNUP = False
    client = Client()
    come_back(client, start(client))
    assert not OIDCSession.objects.exists()
    new_user()
    client.login(username="grace", password=PASSWORD)
    assert client.post("/accounts/logout/")["Location"] == "/"
    assert outcomes[-1].provider == "skipped"


def test_verification_in_another_browser_signs_nobody_in(site, idp):
    site.ACCOUNT_EMAIL_VERIFICATION = site.SOCIALACCOUNT_EMAIL_VERIFICATION = "mandatory"
    site.ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
    idp.userinfo["email_verified"] = False
    here, there = Client(), Client()
    come_back(here, start(here))
    there.post(confirmation_link())
    assert not is_signed_in(here)
    assert not is_signed_in(there)
    assert not OIDCSession.objects.exists()
    assert "id_token_hint" in press(sign_in(there))


# What is not a sign-in through the provider


def test_password_sign_in_ends_locally(site, outcomes):
    new_user()
    client = Client()
    client.post("/accounts/login/", {"login": "grace", "password": PASSWORD})
    assert is_signed_in(client)
    assert client.post("/accounts/logout/")["Location"] == "/"
    assert not is_signed_in(client)
    assert [each.provider for each in outcomes] == ["skipped"]
    assert not OIDCSession.objects.exists()


def test_linking_an_account_does_not_change_how_the_session_began(site, outcomes):
    client, user = Client(), new_user()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    sign_in(client, process="connect")
    assert user.socialaccount_set.get().uid == "ada"
    assert not OIDCSession.objects.exists()
    assert client.post("/accounts/logout/")["Location"] == "/"
    assert outcomes[-1].provider == "skipped"


def test_linking_keeps_the_row_of_a_session_that_a_provider_began(site, idp):
    client = sign_in()
    before = OIDCSession.objects.get()
    idp.claims = {"sub": "grace", "sid": "session-2"}
    idp.userinfo = {"sub": "grace"}
    sign_in(client, process="connect")
    assert get_user_model().objects.get().socialaccount_set.count() == 2
    after = OIDCSession.objects.get()
    assert (after.sub, after.id_token) == ("ada", before.id_token)


@pytest.mark.parametrize("sub", ["ada", "grace"])
def test_second_sign_in_takes_the_place_of_the_first(sub, site, idp):
    client = sign_in()
    idp.claims = {"sub": sub, "sid": "session-2"}
    idp.userinfo |= {"sub": sub, "email": f"{sub}@example.com"}
    sign_in(client)
    row = OIDCSession.objects.get()
    assert (row.sub, row.sid) == (sub, "session-2")
    assert (row.user.email, row.acts_as) == (f"{sub}@example.com", None)
    assert press(client)["id_token_hint"] == row.id_token


# What was ended stays ended


@pytest.mark.parametrize("way", ["redirect", "token"])
def test_sign_in_is_refused_before_it_creates_anybody(way, site, idp):
    mark = {"issuer": idp.issuer, "sub": "ada"}
    api.end_sessions(**mark, reauthenticate=True)
    client = Client()
    if way == "redirect":
        response = come_back(client, start(client))
        assert response.status_code == 403
        assert b"/oidc/logout/reauthenticate/" in response.content
    else:
        assert post_token(client, idp).status_code in {401, 403}
    assert not get_user_model().objects.exists()
    assert not is_signed_in(client)


def test_sign_in_that_is_later_than_the_mark_goes_on(site, idp):
    api.end_sessions(issuer=idp.issuer, sub="ada", reauthenticate=True)
    idp.claims = {"auth_time": int(time.time()) + 30}
    assert is_signed_in(sign_in())


def test_linking_an_account_is_not_refused(site, idp):
    api.end_sessions(issuer=idp.issuer, sub="ada", reauthenticate=True)
    client, user = Client(), new_user()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    sign_in(client, process="connect")
    assert is_signed_in(client)
    assert user.socialaccount_set.get().uid == "ada"


# Who signed in


def test_two_clients_of_one_issuer_are_two_providers(site, idp, configure):
    apps = [social_app(idp), social_app(idp, "partners", "other-site")]
    site.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": apps}}
    configure("second", ISSUER=idp.issuer, CLIENT_ID="other-site")
    idp.claims = {"aud": "other-site"}
    client = Client()
    come_back(client, start(client, "partners"), "partners")
    assert OIDCSession.objects.get().provider == "second"
    assert press(client)["client_id"] == "other-site"


@pytest.mark.parametrize(("issuer", "alias"), [("", "company"), ("https://x.example", "default")])
def test_allauths_id_of_the_provider_decides_between_aliases(issuer, alias, site, idp, configure):
    configure("company", ISSUER=issuer or idp.issuer, CLIENT_ID="site")
    sign_in()
    assert OIDCSession.objects.get().provider == alias


def test_app_in_the_database(site, idp):
    site.SOCIALACCOUNT_PROVIDERS = {}
    values = social_app(idp) | {"provider": "openid_connect"}
    import_module("allauth.socialaccount.models").SocialApp.objects.create(**values)
    assert "id_token_hint" in press(sign_in())


def test_provider_without_an_id_token(site, idp):
    idp.token_response = {"id_token": None}
    client = sign_in()
    row = OIDCSession.objects.get()
    assert (row.issuer, row.sub, row.sid) == (idp.issuer, "ada", "")
    assert "id_token_hint" not in press(client)


def test_sign_in_whose_issuer_nothing_says_is_not_recorded(site, idp, outcomes, configure):
    configure("other", ISSUER="https://other.example.com", CLIENT_ID="site")
    idp.token_response = {"id_token": None}
    client = sign_in()
    assert not OIDCSession.objects.exists()
    client.post("/accounts/logout/")
    assert outcomes[-1].recorded is False


@pytest.mark.parametrize(
    ("alias", "data", "rows"),
    [
        ("github", {"id": 1, "login": "ada"}, 0),
        ("google", {"iss": "https://accounts.google.com", "sub": "7", "aud": "site"}, 1),
    ],
)
def test_other_providers_of_allauth(alias, data, rows, site, outcomes):
    issuer = site.OIDC_LOGOUT_PROVIDERS["default"]["ISSUER"]
    google = {
        "ISSUER": "https://accounts.google.com",
        "CLIENT_ID": "site",
        "END_SESSION_ENDPOINT": f"{issuer}/end-session",
        "JWKS_URI": f"{issuer}/jwks",
    }
    site.OIDC_LOGOUT_PROVIDERS = {**site.OIDC_LOGOUT_PROVIDERS, "google": google}
    models = import_module("allauth.socialaccount.models")
    signing_in = RequestFactory().get("/")
    signing_in.session, signing_in.user = Client().session, new_user()
    social_login = models.SocialLogin(account=models.SocialAccount(provider=alias, extra_data=data))
    social_login.state["process"] = "login"
    import_module("allauth.socialaccount.signals").pre_social_login.send(
        sender=None, request=signing_in, sociallogin=social_login
    )
    import_module("allauth.account.signals").user_logged_in.send(
        sender=None, request=signing_in, user=signing_in.user, sociallogin=social_login
    )
    assert OIDCSession.objects.filter(provider="google", sub="7").count() == rows
    assert OIDCSession.objects.count() == rows
    api.sign_out(signing_in)
    assert [each.provider for each in outcomes] == ["redirect" if rows else "unavailable"]


# allauth's button


@pytest.mark.parametrize("way", ["back-channel", "end_sessions"])
def test_session_ends_from_elsewhere(way, site, idp):
    client, other = sign_in(), sign_in()
    if way == "back-channel":
        assert post_logout_token(idp.logout_token()).status_code == 200
    else:
        assert api.end_sessions(user=get_user_model().objects.get()) == 2
    assert not is_signed_in(client)
    assert not is_signed_in(other)
    assert not Session.objects.exists()


def test_button_revokes_the_refresh_token_and_clears_the_browser(site, idp, outcomes):
    site.OIDC_LOGOUT_REVOKE_TOKENS = True
    client = after_sign_up_form(Client(), site, idp)
    response = client.post("/accounts/logout/")
    assert outcomes[-1].tokens == "revoked"
    assert idp.form["token"] == REFRESH_TOKEN
    assert response["Clear-Site-Data"] == '"storage"'
    assert response.cookies["sessionid"]["max-age"] == 0
    assert ACCESS_TOKEN not in response["Location"]


def test_next_of_allauths_form_is_where_people_land(site):
    client = sign_in()
    query = press(client, next="/bye/")
    back = client.get("/oidc/logout/callback/", {"state": query["state"]})
    assert back["Location"] == "/bye/"


def test_get_asks_first(site):
    client = sign_in()
    assert client.get("/accounts/logout/").status_code == 200
    assert is_signed_in(client)


def test_get_that_signs_out_clears_no_data_of_the_browser(site):
    site.ACCOUNT_LOGOUT_ON_GET = True
    client = sign_in()
    response = client.get("/accounts/logout/")
    assert "/end-session?" in response["Location"]
    assert "Clear-Site-Data" not in response
    assert not is_signed_in(client)
    assert client.get("/accounts/logout/")["Location"] == "/"


def test_press_after_the_session_has_expired_reaches_the_provider(site):
    client = sign_in()
    Session.objects.all().delete()
    assert "id_token_hint" in press(client)


def test_press_of_nobody_stays_on_the_site(site):
    assert Client().post("/accounts/logout/")["Location"] == "/"


def test_headers_that_are_not_there(site):
    site.OIDC_LOGOUT_CLEAR_SITE_DATA = []
    client = sign_in()
    response = client.post("/accounts/logout/", headers={"X-Requested-With": "XMLHttpRequest"})
    assert "Clear-Site-Data" not in response


def test_ajax(site):
    client = sign_in()
    response = client.post("/accounts/logout/", headers={"X-Requested-With": "XMLHttpRequest"})
    answer = response.json()
    assert "/end-session?" in answer["location"]
    assert answer["redirect_to"] == answer["location"]
    assert answer["provider"] == "redirect"
    assert response["Clear-Site-Data"] == '"storage"'
    assert response.cookies["sessionid"]["max-age"] == 0


@pytest.mark.parametrize(("name", "provider"), [("Noting", "redirect"), ("Own", "skipped")])
def test_adapter_of_the_site_is_asked(name, provider, site, outcomes):
    """It reaches the provider if it calls `super()`; else its own logout is what happens."""
    site.ACCOUNT_ADAPTER = f"tests.contrib.adapters.{name}"
    client = sign_in()
    response = client.post("/accounts/logout/")
    assert response.wsgi_request.META["was_asked"]
    assert not is_signed_in(client)
    assert ("/end-session?" in response["Location"]) == (provider == "redirect")
    assert [each.provider for each in outcomes] == [provider]


# The headless API


def test_headless_session_ends_with_the_address_of_the_provider(site):
    client = by_headless_redirect(Client(), site, None)
    response = client.delete(f"{HEADLESS.format('browser')}/session")
    assert response.status_code == 401
    accept_address_in_401()
    meta = response.json()["meta"]
    assert meta["is_authenticated"] is False
    assert meta["provider"] == "redirect"
    query = query_of({"Location": meta["redirect_to"]})
    assert "id_token_hint" in query
    assert response["Clear-Site-Data"] == '"storage"'
    assert response.cookies["sessionid"]["max-age"] == 0
    assert not is_signed_in(client)


def accept_address_in_401():
    """allauth says "signed out" by a 401, and the client needs the address that is in it."""
    assert GUARD.take()


def post_token(client, idp):
    """Sign an app in with an ID Token that it got itself."""
    token = {"client_id": "site", "id_token": idp.id_token(email="ada@example.com")}
    return client.post(
        f"{HEADLESS.format('app')}/provider/token",
        {"provider": "company", "process": "login", "token": token},
        content_type="application/json",
    )


def app_session(client, idp):
    response = post_token(client, idp)
    assert response.status_code == 200, response.content
    return {"X-Session-Token": response.json()["meta"]["session_token"]}


def test_app_signs_in_and_out_by_its_token(site, idp):
    client, url = Client(), f"{HEADLESS.format('app')}/session"
    headers = app_session(client, idp)
    row = OIDCSession.objects.get()
    assert (row.sid, row.provider) == ("session-1", "default")
    meta = client.delete(url, headers=headers).json()["meta"]
    accept_address_in_401()
    query = query_of({"Location": meta["redirect_to"]})
    assert query["id_token_hint"] == row.id_token
    assert client.get(url, headers=headers).status_code == 410
    assert not OIDCSession.objects.exists()


def test_back_channel_ends_the_session_of_an_app(site, idp):
    client, url = Client(), f"{HEADLESS.format('app')}/session"
    headers = app_session(client, idp)
    assert client.get(url, headers=headers).status_code == 200
    assert post_logout_token(idp.logout_token()).status_code == 200
    assert client.get(url, headers=headers).status_code == 410


# Around it


def test_async(site):
    client = sign_in()
    asynchronous = AsyncClient()
    asynchronous.cookies = client.cookies
    response = async_to_sync(asynchronous.post)("/accounts/logout/")
    assert "id_token_hint" in query_of(response)
    assert not is_signed_in(client)


def test_page_of_the_documentation_is_such_a_site(site, idp):
    need_package("markdown_it", "markdown-it-py")
    text = (ROOT / "docs" / "how-to" / "allauth.md").read_text()
    text = text.replace("https://idp.example.com/realms/main", idp.issuer)
    parts = [part for b in blocks_of(text) if b.language == "python" for part in b.fragments()]
    code = {part.first_line: part.text for part in parts}
    written = {}
    exec(code["# settings.py"], written)
    assert {*written["INSTALLED_APPS"]} - {...} <= {*APPS}
    assert {*written["MIDDLEWARE"]} - {...} <= {*middleware()}
    for name in ("AUTHENTICATION_BACKENDS", "OIDC_LOGOUT_PROVIDERS", "SOCIALACCOUNT_PROVIDERS"):
        setattr(site, name, written[name])
    urls = ModuleType("urls_of_page")
    own = eval(f"[{code['# urls.py']}]", {"path": path, "include": include})
    urls.urlpatterns = [path("", home), path("private/", private), *own]
    site.ROOT_URLCONF = urls
    client = sign_in()
    assert OIDCSession.objects.get().provider == "company"
    assert "id_token_hint" in press(client)


def test_line_of_the_documentation_for_a_site_that_signs_in_otherwise(site, request):
    """allauth's pages are there, and people sign in through mozilla-django-oidc."""
    need_package("markdown_it", "markdown-it-py")
    code = fragments_of("docs/how-to/other-logout-buttons.md", "django-allauth")["# urls.py"]
    names = {"path": path, "include": include}
    exec(code, names)
    urls = ModuleType("urls_of_page")
    urls.urlpatterns = [path("", home), path("private/", private), *names["urlpatterns"]]
    site.ROOT_URLCONF = urls
    site.AUTHENTICATION_BACKENDS = usual.AUTHENTICATION_BACKENDS
    bridge = "django_oidc_logout.contrib.allauth"
    site.INSTALLED_APPS = [*(app for app in APPS if app != bridge), "mozilla_django_oidc"]
    client = request.getfixturevalue("sign_in")()
    assert buttons.check_logout_views() == []
    assert "id_token_hint" in press(client)
    urls.urlpatterns.remove(urls.urlpatterns[2])
    (found,) = buttons.check_logout_views()
    assert found.msg.startswith("/accounts/logout/ is served by allauth.")


@pytest.mark.parametrize("missing", ["allauth.socialaccount", "django_oidc_logout"])
def test_it_says_what_it_needs(missing, site):
    installed = [name for name in APPS if not name.startswith(missing)]
    installed += ["django_oidc_logout.contrib.allauth"] * (missing == "django_oidc_logout")
    with (
        pytest.raises(ImproperlyConfigured, match=f"needs {missing}"),
        override_settings(INSTALLED_APPS=installed),
    ):
        pytest.fail("it started")
