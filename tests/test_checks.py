"""System checks report each mistake with a hint, and nothing else."""

from __future__ import annotations

import socket

import pytest
from django.core.checks import ERROR, WARNING, run_checks
from django.utils.functional import SimpleLazyObject, lazystr
from django.utils.translation import gettext_lazy

from django_oidc_logout import providers
from django_oidc_logout.conf import PROVIDER_KEYS, SIGNALS_KEYS
from tests.factories import ISSUER


class OwnProvider(providers.OIDCProvider):
    """A site's own provider class."""


def no_class():
    """Stand for something that is not a class."""


def messages():
    return [message for message in run_checks() if message.id.startswith("oidc_logout.")]


def ids():
    return {message.id for message in messages()}


def default(**options):
    return {"default": {"ISSUER": ISSUER, **options}}


OWN_PROVIDER = f"{__name__}.OwnProvider"
PROVIDERS = "OIDC_LOGOUT_PROVIDERS"
WRONG = [
    ("E001", PROVIDERS, None),
    ("E001", PROVIDERS, {}),
    ("E001", PROVIDERS, []),
    ("E001", PROVIDERS, ISSUER),
    ("E001", PROVIDERS, {"default": ISSUER}),
    ("E001", PROVIDERS, {"default": None}),
    ("E001", PROVIDERS, default() | {"other": [ISSUER]}),
    ("E001", PROVIDERS, {5: {"ISSUER": ISSUER}}),
    ("E020", PROVIDERS, {"x" * 101: {"ISSUER": ISSUER, "CLIENT_ID": "site"}}),
    ("E020", PROVIDERS, default() | {"x" * 101: {"ISSUER": ISSUER}}),
    ("E002", PROVIDERS, default(CLIENT="site")),
    ("E002", PROVIDERS, default(client_id="site")),
    ("E002", PROVIDERS, {"default": {"ISSUER": ISSUER, 5: 6}}),
    # Fields of ProviderOptions, but not keys of the setting.
    ("E002", PROVIDERS, default(ALIAS="other")),
    ("E002", PROVIDERS, default(VERIFY_SSL=False)),
    ("E002", PROVIDERS, default(PROXIES={})),
    ("E002", PROVIDERS, default(BASIC_AUTH=True)),
    ("E003", PROVIDERS, {"default": {}}),
    ("E003", PROVIDERS, default(ISSUER="")),
    ("E003", PROVIDERS, default(ISSUER=None)),
    ("E003", PROVIDERS, default(ISSUER="idp.example.com")),
    ("E003", PROVIDERS, default(ISSUER="http://idp.example.com")),
    ("E003", PROVIDERS, default() | {"other": {"CLIENT_ID": "site"}}),
    ("E004", PROVIDERS, default(NAME=5)),
    ("E004", PROVIDERS, default(CLIENT_ID=5)),
    ("E004", PROVIDERS, default(CLIENT_SECRET=b"secret")),
    ("E004", PROVIDERS, default(BACKEND=OwnProvider)),
    ("E004", PROVIDERS, default(ALGORITHMS="RS256")),
    ("E004", PROVIDERS, default(ALGORITHMS=[])),
    ("E004", PROVIDERS, default(ALGORITHMS=["RS256", "none"])),
    ("E004", PROVIDERS, default(ALGORITHMS=["NONE"])),
    ("E004", PROVIDERS, default(ALGORITHMS=[None])),
    ("E004", PROVIDERS, default(SEND_ID_TOKEN_HINT="no")),
    ("E004", PROVIDERS, default(REQUIRE_EXP=1)),
    ("E004", PROVIDERS, default(EXTRA_PARAMS="a=b")),
    ("E004", PROVIDERS, default(EXTRA_PARAMS=[("a", "b")])),
    ("E004", PROVIDERS, default(EXTRA_PARAMS={"a": True})),
    ("E004", PROVIDERS, default(EXTRA_PARAMS={5: "b"})),
    ("E004", PROVIDERS, default(TIMEOUT="3")),
    ("E004", PROVIDERS, default(TIMEOUT=0)),
    ("E004", PROVIDERS, default(TIMEOUT=-1)),
    ("E004", PROVIDERS, default(TIMEOUT=True)),
    ("E004", PROVIDERS, default(TIMEOUT=float("nan"))),
    ("E004", PROVIDERS, default(TIMEOUT=float("inf"))),
    ("E004", PROVIDERS, default(MAX_URL_LENGTH=False)),
    ("E004", PROVIDERS, default(MAX_TOKEN_AGE="300")),
    ("E004", PROVIDERS, default(MAX_SESSION_AGE="300")),
    ("E004", PROVIDERS, default(MAX_SESSION_AGE=0)),
    ("E004", PROVIDERS, default(RECHECK="yes")),
    ("E004", PROVIDERS, default(REAUTHENTICATE_WITH={"max_age": 0})),
    ("E005", PROVIDERS, default(BACKEND="")),
    ("E005", PROVIDERS, default(BACKEND=OwnProvider)),
    ("E005", PROVIDERS, default(BACKEND="OIDCProvider")),
    ("E005", PROVIDERS, default(BACKEND="nowhere.OIDCProvider")),
    ("E005", PROVIDERS, default(BACKEND="django_oidc_logout.providers.NoProvider")),
    ("E005", PROVIDERS, default(BACKEND="django_oidc_logout.providers.EndSessionRequest")),
    ("E005", PROVIDERS, default(BACKEND=f"{__name__}.no_class")),
    ("W001", PROVIDERS, default(CLIENT_ID="")),
    ("W001", PROVIDERS, default() | {"other": {"ISSUER": ISSUER}}),
    ("E006", "OIDC_LOGOUT_GET", "ask"),
    ("E006", "OIDC_LOGOUT_GET", ""),
    ("E006", "OIDC_LOGOUT_GET", True),
    ("E006", "OIDC_LOGOUT_GET", ["confirm"]),
    ("E006", "OIDC_LOGOUT_RESPONSE", "post"),
    ("E006", "OIDC_LOGOUT_RESPONSE", False),
    ("E007", "OIDC_LOGOUT_CLEAR_SITE_DATA", "storage"),
    ("E007", "OIDC_LOGOUT_CLEAR_SITE_DATA", ["storages"]),
    ("E007", "OIDC_LOGOUT_CLEAR_SITE_DATA", ["Storage"]),
    ("E007", "OIDC_LOGOUT_CLEAR_SITE_DATA", ['"storage"']),
    ("E007", "OIDC_LOGOUT_CLEAR_SITE_DATA", ["storage", None]),
    ("E007", "OIDC_LOGOUT_CLEAR_SITE_DATA", [["storage"]]),
    ("E007", "OIDC_LOGOUT_CLEAR_SITE_DATA", True),
    ("E008", "OIDC_LOGOUT_ALLOWED_HOSTS", "app.example.com"),
    ("E008", "OIDC_LOGOUT_ALLOWED_HOSTS", ["https://app.example.com"]),
    ("E008", "OIDC_LOGOUT_ALLOWED_HOSTS", ["app.example.com/"]),
    ("E008", "OIDC_LOGOUT_ALLOWED_HOSTS", ["*.example.com"]),
    ("E008", "OIDC_LOGOUT_ALLOWED_HOSTS", ["*"]),
    ("E008", "OIDC_LOGOUT_ALLOWED_HOSTS", [None]),
    ("E008", "OIDC_LOGOUT_ALLOWED_HOSTS", 5),
    ("E009", "OIDC_LOGOUT_FOLLOW_USER", "False"),
    ("E009", "OIDC_LOGOUT_NO_STORE", "False"),
    ("E009", "OIDC_LOGOUT_NO_STORE", 1),
    ("E009", "OIDC_LOGOUT_REVOKE_TOKENS", ""),
    ("E009", "OIDC_LOGOUT_REVOKE_TOKENS", []),
    ("E041", "OIDC_LOGOUT_HISTORY_DAYS", -1),
    ("E041", "OIDC_LOGOUT_HISTORY_DAYS", True),
    ("E041", "OIDC_LOGOUT_HISTORY_DAYS", "90"),
    ("E041", "OIDC_LOGOUT_HISTORY_DAYS", 36_501),
    ("E041", "OIDC_LOGOUT_HISTORY_DAYS", 10**10),
    ("E042", "OIDC_LOGOUT_KEEP_DEVICE", "full"),
    ("E042", "OIDC_LOGOUT_KEEP_DEVICE", {"address": "some"}),
    ("E042", "OIDC_LOGOUT_KEEP_DEVICE", {"adress": "full"}),
    ("W002", "OIDC_LOGOUT_REVOKE_TOKEN", True),
    ("W002", "OIDC_LOGOUT_PROVIDER", default()),
    ("W002", "OIDC_LOGOUT_", None),
]
RIGHT = [
    # None counts as not set: `os.environ.get()` returns it.
    (PROVIDERS, default(**dict.fromkeys({*PROVIDER_KEYS} - {"ISSUER"}))),
    (PROVIDERS, default()),
    (PROVIDERS, {"x" * 100: {"ISSUER": ISSUER, "CLIENT_ID": "site"}}),
    (PROVIDERS, default(ISSUER="http://localhost:9000/o")),
    (PROVIDERS, default() | {"other": {"ISSUER": "http://127.0.0.1:9000", "CLIENT_ID": "site"}}),
    (PROVIDERS, default(BACKEND="django_oidc_logout.providers.Auth0Provider")),
    (PROVIDERS, default(BACKEND=OWN_PROVIDER)),
    (PROVIDERS, default(CLIENT_ID="site", CLIENT_SECRET="")),
    (PROVIDERS, default(ALGORITHMS=["RS256", "ES256"])),
    (PROVIDERS, default(ALGORITHMS=("EdDSA",))),
    (PROVIDERS, default(END_SESSION_ENDPOINT=f"{ISSUER}/out", JWKS_URI=f"{ISSUER}/jwks")),
    (PROVIDERS, default(POST_LOGOUT_REDIRECT_URI="https://www.example.com/bye/")),
    (PROVIDERS, default(SEND_ID_TOKEN_HINT=False, REQUIRE_EXP=True, REQUIRE_TYP=True)),
    (PROVIDERS, default(EXTRA_PARAMS={})),
    (PROVIDERS, default(EXTRA_PARAMS={"federated": ""})),
    (PROVIDERS, default(TIMEOUT=0.5, MAX_URL_LENGTH=2000, MAX_TOKEN_AGE=60)),
    ("OIDC_LOGOUT_GET", "confirm"),
    ("OIDC_LOGOUT_GET", "allow"),
    ("OIDC_LOGOUT_GET", "refuse"),
    ("OIDC_LOGOUT_RESPONSE", "redirect"),
    ("OIDC_LOGOUT_RESPONSE", "refresh"),
    ("OIDC_LOGOUT_CLEAR_SITE_DATA", []),
    ("OIDC_LOGOUT_CLEAR_SITE_DATA", ["cache", "storage"]),
    ("OIDC_LOGOUT_CLEAR_SITE_DATA", ("executionContexts", "prefetchCache", "prerenderCache")),
    ("OIDC_LOGOUT_CLEAR_SITE_DATA", ["clientHints"]),
    (PROVIDERS, default(NAME=gettext_lazy("Company account"))),
    (PROVIDERS, default(ISSUER=lazystr(ISSUER), CLIENT_ID=lazystr("site"))),
    (PROVIDERS, default(ISSUER=SimpleLazyObject(lambda: ISSUER), ALGORITHMS=[lazystr("RS256")])),
    ("OIDC_LOGOUT_ALLOWED_HOSTS", []),
    ("OIDC_LOGOUT_ALLOWED_HOSTS", ["app.example.com", "localhost:3000", "[::1]:3000"]),
    ("OIDC_LOGOUT_ALLOWED_HOSTS", {"app.example.com"}),
    ("OIDC_LOGOUT_FOLLOW_USER", False),
    ("OIDC_LOGOUT_NO_STORE", False),
    ("OIDC_LOGOUT_REVOKE_TOKENS", True),
    ("OIDC_LOGOUT_REVOKE_TOKENS", None),
    ("OIDC_LOGOUT_HISTORY_DAYS", 90),
    ("OIDC_LOGOUT_HISTORY_DAYS", 36_500),
    ("OIDC_LOGOUT_HISTORY_DAYS", None),
    ("OIDC_LOGOUT_KEEP_DEVICE", True),
    ("OIDC_LOGOUT_KEEP_DEVICE", {}),
    ("OIDC_LOGOUT_KEEP_DEVICE", {"address": "none"}),
]


def test_a_correct_installation_has_no_messages():
    assert messages() == []


@pytest.mark.parametrize(("id_", "name", "value"), WRONG)
def test_a_mistake_is_reported(settings, id_, name, value):
    setattr(settings, name, value)
    found = [message for message in messages() if message.id == f"oidc_logout.{id_}"]
    assert len(found) == 1
    assert found[0].level == (WARNING if id_.startswith("W") else ERROR)
    assert found[0].msg.startswith(name)
    assert found[0].hint


@pytest.mark.parametrize(("name", "value"), RIGHT)
def test_a_valid_value_is_not_reported(settings, name, value):
    setattr(settings, name, value)
    assert messages() == []


def test_the_providers_are_missing(settings):
    del settings.OIDC_LOGOUT_PROVIDERS
    assert ids() == {"oidc_logout.E001"}


def test_the_hint_of_an_unknown_key_names_the_valid_keys(settings):
    settings.OIDC_LOGOUT_PROVIDERS = default(ISSUER_URL=ISSUER)
    (message,) = messages()
    assert "'default'" in message.msg
    assert "'ISSUER_URL'" in message.msg
    assert all(key in message.hint for key in PROVIDER_KEYS)


@pytest.mark.parametrize(
    ("options", "name", "valid"),
    [
        ({"max_tokenage": 60}, "MAX_TOKEN_AGE", PROVIDER_KEYS),
        ({"SHARED_SIGNALS": {"AUTHORISATION": "x"}}, "AUTHORIZATION", SIGNALS_KEYS),
    ],
)
def test_the_hint_of_a_misspelt_key_names_the_nearest(settings, options, name, valid):
    settings.OIDC_LOGOUT_PROVIDERS = default(**options)
    (message,) = messages()
    assert message.hint == f"Did you mean {name}? The keys are {', '.join(valid)}."


def test_the_hint_of_a_misspelt_setting_names_the_nearest(settings):
    settings.OIDC_LOGOUT_CLEAR_SITEDATA = []
    (message,) = messages()
    assert message.hint.startswith("Did you mean OIDC_LOGOUT_CLEAR_SITE_DATA? ")
    assert "OIDC_LOGOUT_PROVIDERS" in message.hint


def test_the_hint_of_an_unknown_setting_names_all_settings(settings):
    settings.OIDC_LOGOUT_XYZ_SWITCHBOARD_QUALITY = 1
    (message,) = messages()
    assert message.hint.startswith("The settings are ")


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("OIDC_LOGOUT_GET", ["confirm", "allow", "refuse"]),
        ("OIDC_LOGOUT_RESPONSE", ["redirect", "refresh"]),
    ],
)
def test_the_hint_of_a_wrong_choice_names_the_choices(settings, name, choices):
    setattr(settings, name, "wrong")
    (message,) = messages()
    assert "'wrong'" in message.msg
    assert all(f"'{choice}'" in message.hint for choice in choices)


def test_each_mistake_of_each_provider_is_reported(settings):
    settings.OIDC_LOGOUT_PROVIDERS = {
        "one": {"ISSUER": "http://idp.example.com", "TIMEOUT": "3", "REQUIRE_EXP": "yes"},
        "two": {"A": 1, "B": 2, "BACKEND": "nowhere.Provider"},
    }
    assert sorted(message.id.removeprefix("oidc_logout.") for message in messages()) == [
        "E002",
        "E002",
        "E003",
        "E003",
        "E004",
        "E004",
        "E005",
        "W001",
        "W001",
    ]


def test_the_client_secret_is_not_shown(settings):
    settings.OIDC_LOGOUT_PROVIDERS = default(CLIENT_SECRET=["hush"], CLIENT_IDS="hush")
    found = messages()
    assert len(found) == 2
    assert "hush" not in str(found)


def test_no_check_uses_the_network(settings, monkeypatch):
    looked_up = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **_: looked_up.append(args) or [])
    for _, name, value in WRONG:
        setattr(settings, name, value)
        messages()
    assert looked_up == []
