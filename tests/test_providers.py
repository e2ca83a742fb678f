"""Providers: the request to each is as its vendor documents."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.utils import translation
from django.utils.translation import gettext_lazy

from django_oidc_logout.conf import ProviderOptions
from django_oidc_logout.exceptions import ProviderSkipped
from django_oidc_logout.providers import (
    Auth0Provider,
    CognitoProvider,
    EndSessionRequest,
    GoogleProvider,
    OIDCProvider,
    OryHydraProvider,
    PingFederateProvider,
    WorkOSProvider,
    configured,
    with_query,
)
from tests.factories import ISSUER, query_of

BACK = "https://www.example.com/oidc/logout/callback/"
EVERYTHING = EndSessionRequest(
    id_token_hint="e30.e30.e30",
    logout_hint="ada@example.com",
    sid="session_01",
    post_logout_redirect_uri=BACK,
    state="a:b",
    ui_locales="pt-BR",
)
NOTHING = EndSessionRequest()
ENCODED_BACK = "https%3A%2F%2Fwww.example.com%2Foidc%2Flogout%2Fcallback%2F"


def provider(cls=OIDCProvider, **options):
    defaults = {
        "alias": "default",
        "issuer": ISSUER,
        "client_id": "site",
        "end_session_endpoint": "" if cls in {Auth0Provider, WorkOSProvider} else f"{ISSUER}/end",
    }
    return cls(ProviderOptions(**defaults | options))


def sent(url):
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


def test_standard():
    """OpenID Connect RP-Initiated Logout 1.0, section 2.

    https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout
    """
    assert provider().end_session_url(EVERYTHING).url == (
        f"{ISSUER}/end?id_token_hint=e30.e30.e30&client_id=site"
        f"&post_logout_redirect_uri={ENCODED_BACK}&state=a%3Ab&ui_locales=pt-BR"
    )
    without_hint = replace(EVERYTHING, id_token_hint="")
    assert provider().end_session_url(without_hint).url == (
        f"{ISSUER}/end?logout_hint=ada%40example.com&client_id=site"
        f"&post_logout_redirect_uri={ENCODED_BACK}&state=a%3Ab&ui_locales=pt-BR"
    )
    assert provider().end_session_url(NOTHING).url == f"{ISSUER}/end?client_id=site"
    assert provider(client_id="").end_session_url(NOTHING).url == f"{ISSUER}/end"


def test_standard_gives_a_state_only_with_a_way_back():
    """OpenID Connect RP-Initiated Logout 1.0, section 2: `state` is for the redirect back.

    https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout
    """
    assert "state" not in sent(provider().end_session_url(EndSessionRequest(state="a")).url)


def test_auth0():
    """Auth0, Authentication API, "Auth0 Logout", and "Redirect Users After Logout".

    https://auth0.com/docs/api/authentication/logout/auth-0-logout: GET /v2/logout with `client_id`
    and `returnTo`; no `state`. https://auth0.com/docs/authenticate/login/logout/
    redirect-users-after-logout: the query of `returnTo` is not taken into account.
    """
    assert provider(Auth0Provider, issuer="https://t.auth0.com/").end_session_url(
        EVERYTHING
    ).url == (
        f"https://t.auth0.com/v2/logout?client_id=site&returnTo={ENCODED_BACK}%3Fstate%3Da%253Ab"
    )
    assert provider(Auth0Provider, issuer="https://t.auth0.com").end_session_url(NOTHING).url == (
        "https://t.auth0.com/v2/logout?client_id=site"
    )


def test_auth0_comes_back_with_the_state_in_its_query():
    """Auth0 redirects to `returnTo` as it was sent.

    https://auth0.com/docs/authenticate/login/logout/redirect-users-after-logout
    """
    back = sent(provider(Auth0Provider).end_session_url(EVERYTHING).url)["returnTo"]
    assert back == f"{BACK}?state=a%3Ab"
    with_a_query = replace(EVERYTHING, post_logout_redirect_uri=f"{BACK}?a=1")
    back = sent(provider(Auth0Provider).end_session_url(with_a_query).url)["returnTo"]
    assert back == f"{BACK}?a=1&state=a%3Ab"


def test_auth0_federated():
    """Auth0's own SDK appends a bare `&federated`, as the last parameter.

    auth0/auth0-spa-js: src/Auth0Client.ts, `_buildLogoutUrl`, and
    __tests__/Auth0Client/logout.test.ts.
    """
    url = provider(Auth0Provider, extra_params={"federated": ""}).end_session_url(EVERYTHING).url
    assert url.startswith(f"{ISSUER}/v2/logout?client_id=site&returnTo=")
    assert url.endswith("&federated")


def test_auth0_with_an_endpoint_of_its_own():
    """Auth0 serves custom domains: https://auth0.com/docs/customize/custom-domains."""
    url = provider(Auth0Provider, end_session_endpoint="https://login.example.com/v2/logout")
    assert url.end_session_url(NOTHING).url == "https://login.example.com/v2/logout?client_id=site"


def test_cognito():
    """Amazon Cognito Developer Guide, "The managed login sign-out endpoint: /logout".

    https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html: `client_id` and
    `logout_uri`, one of the allowed sign-out URLs, all other parameters being ignored.
    """
    endpoint = "https://shop.auth.eu-west-1.amazoncognito.com/logout"
    cognito = provider(CognitoProvider, end_session_endpoint=endpoint)
    expected = f"{endpoint}?client_id=site&logout_uri={ENCODED_BACK}"
    assert cognito.end_session_url(EVERYTHING).url == expected
    assert cognito.end_session_url(replace(EVERYTHING, id_token_hint="")).url == expected


def test_workos():
    """WorkOS, API reference, "Logout", and the SDKs' `getLogoutUrl` and `get_logout_url`.

    https://workos.com/docs/reference/authkit/logout; workos/workos-node:
    src/user-management/user-management.ts; workos/workos-python:
    src/workos/user_management/_resource.py: `session_id`, then `return_to` if there is one.
    """
    endpoint = "https://api.workos.com/user_management/sessions/logout"
    assert provider(WorkOSProvider).end_session_url(EVERYTHING).url == (
        f"{endpoint}?session_id=session_01&return_to={ENCODED_BACK}"
    )
    no_way_back = EndSessionRequest(sid="session_01")
    assert (
        provider(WorkOSProvider).end_session_url(no_way_back).url
        == f"{endpoint}?session_id=session_01"
    )


def test_workos_with_an_endpoint_of_its_own():
    """WorkOS serves custom domains: https://workos.com/docs/custom-domains."""
    workos = provider(WorkOSProvider, end_session_endpoint="https://auth.example.com/logout")
    assert workos.end_session_url(EndSessionRequest(sid="s")).url == (
        "https://auth.example.com/logout?session_id=s"
    )


def test_workos_without_a_session():
    """AuthKit redirects locally then: workos/authkit-nextjs: src/auth.ts, `signOut`."""
    with pytest.raises(ProviderSkipped, match="did not send a session ID"):
        provider(WorkOSProvider).end_session_url(replace(EVERYTHING, sid=""))


def test_google():
    """Google does not publish end_session_endpoint.

    https://accounts.google.com/.well-known/openid-configuration
    """
    google = provider(GoogleProvider, issuer="https://accounts.google.com", end_session_endpoint="")
    with pytest.raises(ProviderSkipped, match="Google"):
        google.end_session_url(EVERYTHING)
    assert (google.name, google.sign_out_page) == ("Google", "https://accounts.google.com/Logout")


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "idp.example.com"),
        ({"issuer": "https://idp.example.com:8443/realms/main"}, "idp.example.com"),
        ({"issuer": "urn:example"}, "default"),
        ({"issuer": ""}, "default"),
        ({"name": "Company account"}, "Company account"),
    ],
)
def test_name(options, name):
    assert provider(**options).name == name


def test_name_replaces_that_of_the_class():
    assert provider(GoogleProvider, name="Club account").name == "Club account"


def test_name_may_be_translated(settings):
    settings.OIDC_LOGOUT_PROVIDERS = {"default": {"ISSUER": ISSUER, "NAME": gettext_lazy("Yes")}}
    found = {}
    for language in ("en", "de"):
        with translation.override(language):
            found[language] = configured.display_name("default", ISSUER)
    assert found == {"en": "Yes", "de": "Ja"}


@pytest.mark.django_db
def test_people_see_the_name(configure, sign_in):
    configure(NAME="Company account")
    client = sign_in()
    back = query_of(client.post("/oidc/logout/"))["state"]
    page = client.get("/oidc/logout/callback/", {"state": back}).content.decode()
    assert "Signed out at Company account." in page


@pytest.mark.parametrize("cls", [OIDCProvider, Auth0Provider, CognitoProvider, WorkOSProvider])
def test_extra_parameters_come_last_and_replace(cls):
    standard = sent(provider(cls).end_session_url(EVERYTHING).url)
    replaced = next(name for name in standard if name not in {"id_token_hint"})
    url = (
        provider(cls, extra_params={replaced: "mine", "a b": "c&d"}).end_session_url(EVERYTHING).url
    )
    assert sent(url) == {**standard, replaced: "mine", "a b": "c&d"}
    assert url.endswith("&a%20b=c%26d")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://idp.example.com/end", "https://idp.example.com/end?a=1"),
        ("https://idp.example.com/end?", "https://idp.example.com/end?a=1"),
        ("https://idp.example.com/end?b=%20", "https://idp.example.com/end?b=%20&a=1"),
        ("https://idp.example.com/end?b#c", "https://idp.example.com/end?b&a=1#c"),
        ("https://idp.example.com", "https://idp.example.com?a=1"),
    ],
)
def test_with_query(url, expected):
    assert with_query(url, "a=1") == expected


def test_with_query_of_nothing():
    assert with_query("https://idp.example.com/end?b=1", "") == "https://idp.example.com/end?b=1"


@pytest.mark.parametrize(
    ("cls", "options", "asked"),
    [
        (OIDCProvider, {}, ["/.well-known/openid-configuration", "/jwks"]),
        (CognitoProvider, {}, ["/.well-known/openid-configuration", "/jwks"]),
        (OIDCProvider, {"algorithms": ("HS256",)}, ["/.well-known/openid-configuration"]),
        (OIDCProvider, {"end_session_endpoint": f"{ISSUER}/end"}, ["/jwks"]),
        (Auth0Provider, {}, ["/jwks"]),
        (WorkOSProvider, {"algorithms": ("HS256",)}, []),
        (GoogleProvider, {"algorithms": ("HS256",)}, []),
    ],
)
def test_warm_asks_for_what_will_be_needed_once(idp, cls, options, asked):
    needed = {"issuer": idp.issuer, "end_session_endpoint": "", "jwks_uri": f"{idp.issuer}/jwks"}
    for _ in range(2):
        provider(cls, **needed | options).warm()
    assert idp.asked == [("GET", path) for path in asked]


class WithTenant(OIDCProvider):
    """A site's own class, with one more parameter and its own endpoint."""

    name = "Our own"
    uses_discovery = False

    def end_session_endpoint(self):
        return f"{self.options.issuer}/tenants/7/end?flow=out"

    def parameters(self, request):
        return {**super().parameters(request), "tenant": "7", "state": ""}


@pytest.mark.django_db
def test_class_of_a_sites_own(configure, sign_in, idp):
    configure(BACKEND=f"{__name__}.WithTenant")
    client = sign_in()
    assert ("GET", "/.well-known/openid-configuration") not in idp.asked
    response = client.post("/oidc/logout/")
    assert response["Location"].startswith(f"{idp.issuer}/tenants/7/end?flow=out&id_token_hint=")
    assert query_of(response)["tenant"] == "7"
    assert "state" not in query_of(response)


class WithAnEndpointOnly(OIDCProvider):
    def end_session_endpoint(self):
        return "https://sso.example.com/leave"


@pytest.mark.parametrize("cls", [WithTenant, WithAnEndpointOnly])
def test_class_of_a_sites_own_keeps_to_the_options(cls):
    own = provider(
        cls, send_id_token_hint=False, extra_params={"tenant": "8"}, end_session_endpoint=""
    )
    query = sent(own.end_session_url(EVERYTHING).url)
    assert "id_token_hint" not in query
    assert (query["logout_hint"], query["tenant"]) == ("ada@example.com", "8")


HYDRA = f"{ISSUER}/oauth2/sessions/logout"


def test_ory_hydra():
    """Ory Hydra 2.3 answers by an error page if `state` comes without `id_token_hint`.

    https://www.ory.sh/docs/hydra/guides/logout: without a hint, its page asks for confirmation.
    """
    hydra = provider(OryHydraProvider, end_session_endpoint=HYDRA, name="Hydra")
    with_hint = hydra.end_session_url(EVERYTHING)
    assert sent(with_hint.url)["post_logout_redirect_uri"] == BACK
    assert sent(with_hint.url)["state"] == "a:b"
    assert with_hint.remark == ""
    without = hydra.end_session_url(replace(EVERYTHING, id_token_hint=""))
    assert sent(without.url) == {
        "client_id": "site",
        "logout_hint": "ada@example.com",
        "ui_locales": "pt-BR",
    }
    assert without.remark == "Hydra does not send people back without an ID Token."
    assert without.code == "no_way_back"
    assert hydra.end_session_url(NOTHING) == (f"{HYDRA}?client_id=site", "", "redirected")
    long = replace(EVERYTHING, id_token_hint="e30." * 3000)
    assert sent(hydra.end_session_url(long).url) == sent(without.url)


@pytest.mark.parametrize(
    ("published", "path", "parameters"),
    [
        (
            {"ping_end_session_endpoint": "/idp/startSLO.ping"},
            "/idp/startSLO.ping",
            {"TargetResource": f"{BACK}?state=a%3Ab"},
        ),
        (
            {
                "ping_end_session_endpoint": "/idp/startSLO.ping",
                "end_session_endpoint": "/idp/init_logout.openid",
            },
            "/idp/init_logout.openid",
            sent(provider().end_session_url(EVERYTHING).url),
        ),
        (
            {"end_session_endpoint": "/end"},
            "/end",
            sent(provider().end_session_url(EVERYTHING).url),
        ),
    ],
)
def test_ping_federate(idp, published, path, parameters):
    """PingFederate, "Asynchronous Front-Channel Logout endpoint", and "OpenID Provider metadata".

    https://docs.pingidentity.com/pingfederate: /idp/startSLO.ping takes `TargetResource`, and is
    published as `ping_end_session_endpoint`. Newer versions also have a standard endpoint.
    """
    del idp.metadata["end_session_endpoint"]
    idp.metadata |= {name: f"{idp.issuer}{value}" for name, value in published.items()}
    ping = provider(PingFederateProvider, issuer=idp.issuer, end_session_endpoint="")
    url = ping.end_session_url(EVERYTHING).url
    assert url.partition("?")[0] == f"{idp.issuer}{path}"
    assert sent(url) == parameters


def test_ping_federate_without_a_document():
    endpoint = "https://sso.example.com/idp/startSLO.ping"
    ping = provider(PingFederateProvider, end_session_endpoint=endpoint)
    assert sent(ping.end_session_url(EVERYTHING).url) == {"TargetResource": f"{BACK}?state=a%3Ab"}
    assert ping.end_session_url(NOTHING).url == endpoint
    other = provider(PingFederateProvider, end_session_endpoint=f"{ISSUER}/end")
    assert "id_token_hint" in sent(other.end_session_url(EVERYTHING).url)
