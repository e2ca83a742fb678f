"""Recipes run with stand-ins for the vendors' programs, which record their arguments."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

import pytest

from django_oidc_logout.conf import ProviderOptions
from django_oidc_logout.doctor.recipes import VENDORS, Registration, recipe, vendor_of
from tests.absence import need
from tests.idp import Handler

BACK = "https://www.example.com/oidc/logout/callback/"
BACKCHANNEL = "https://www.example.com/oidc/logout/backchannel/"
FRONTCHANNEL = "https://www.example.com/oidc/logout/frontchannel/"
REGISTRATION = Registration(
    post_logout_redirect_uri=BACK,
    backchannel_logout_uri=BACKCHANNEL,
    frontchannel_logout_uri=FRONTCHANNEL,
)
ISSUERS = {
    "keycloak": "https://id.example.com/realms/main",
    "entra": "https://login.microsoftonline.com/3f1b/v2.0",
    "okta": "https://example.okta.com/oauth2/default",
    "auth0": "https://example.eu.auth0.com/",
    "authentik": "https://id.example.com/application/o/site/",
    "hydra": "https://hydra.example.com/",
}
# A vendor with one logout channel takes no URL for the other.
ADDRESSES = {
    "keycloak": {BACK, BACKCHANNEL, FRONTCHANNEL},
    "entra": {BACK, FRONTCHANNEL},
    "okta": {BACK, FRONTCHANNEL},
    "auth0": {BACK, BACKCHANNEL},
    "authentik": {BACK, BACKCHANNEL},
    "hydra": {BACK, BACKCHANNEL},
}
HOSTILE = [
    "a b",
    "it's",
    '"; touch pwned; "',
    "'; touch pwned; '",
    "$(touch pwned)",
    "`touch pwned`",
    "a\ntouch pwned\n",
    "x') -f /etc/passwd #",
    "../../users",
]
PROGRAMS = ("kcadm.sh", "az", "auth0", "curl")
# Writes the arguments and the standard input of each call to a file.
STAND_IN = """
{name}() {{
    local piped=
    case " $* " in *" @- "*) piped=$(cat) ;; esac
    printf '%s\\0' {name} "$@" "$piped" >>log
    printf '\\1' >>log
    case " $* " in *" -o /dev/null "* | " login ") ;; *) printf '%s\\n' "$ANSWER" ;; esac
}}
"""
CLIENT = {"client_id": "site", "pk": 9, "redirect_uris": [], "client_secret": "cl1ent-s3cret"}
# What these programs print, as far as the recipes read it.
ANSWERS = {
    "keycloak": "7",
    "entra": "https://a",
    "okta": json.dumps(CLIENT),
    "auth0": json.dumps(CLIENT),
    "authentik": json.dumps({"results": [CLIENT]}),
    "hydra": json.dumps({"client_id": "site", "post_logout_redirect_uris": None}),
}
SECRETS = re.compile("t0ken|s3cret")


def options_of(vendor, client_id="site"):
    return ProviderOptions(
        alias="default", issuer=ISSUERS[vendor], client_id=client_id, client_secret="s3cret"
    )


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a recipe and returns the calls of the vendor's programs."""
    need(shutil.which("jq"), "jq")
    bash = need(shutil.which("bash"), "bash")
    stand_ins = "".join(STAND_IN.format(name=name) for name in PROGRAMS)

    def start(commands, answer):
        ran = subprocess.run(
            [bash, "-euo", "pipefail", "-c", stand_ins + commands],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "ADMIN": "ada",
                "OKTA_API_TOKEN": "t0ken",
                "AUTHENTIK_TOKEN": "t0ken",
                "HYDRA_ADMIN": "http://127.0.0.1:4445",
                "ANSWER": answer,
            },
        )
        assert [path.name for path in tmp_path.iterdir()] == ["log"]
        *calls, rest = (tmp_path / "log").read_text().split("\1")
        assert not rest
        told = [call.split("\0")[:-1] for call in calls]
        # No secret is on the terminal or in the list of processes.
        assert not SECRETS.search("\n".join([ran.stdout, *(" ".join(call[:-1]) for call in told)]))
        return told

    return start


def test_keycloak_gets_all_urls(run):
    signed_in, found, updated = run(recipe("keycloak", REGISTRATION, options_of("keycloak")), "7")
    assert signed_in[1:5] == ["config", "credentials", "--server", "https://id.example.com"]
    assert found[1:7] == ["get", "clients", "-r", "main", "-q", "clientId=site"]
    assert updated[1:5] == ["update", "clients/7", "-r", "main"]
    assert updated[6:-1:2] == [
        f'attributes."post.logout.redirect.uris"={BACK}',
        f'attributes."backchannel.logout.url"={BACKCHANNEL}',
        'attributes."backchannel.logout.session.required"=true',
        f'attributes."frontchannel.logout.url"={FRONTCHANNEL}',
        "frontchannelLogout=false",
    ]


@pytest.mark.parametrize(
    ("address", "registered"),
    [
        (FRONTCHANNEL, f"{FRONTCHANNEL}?"),
        (f"{FRONTCHANNEL}?site=1", f"{FRONTCHANNEL}?site=1&"),
    ],
)
def test_entra_keeps_its_redirect_uris_and_gets_the_issuer(run, address, registered):
    registration = Registration(
        post_logout_redirect_uri=BACK,
        backchannel_logout_uri=BACKCHANNEL,
        frontchannel_logout_uri=address,
    )
    there = "https://www.example.com/oidc/callback/"
    asked, updated, patched = run(
        recipe("entra", registration, options_of("entra")), f"{there}\n{BACK}"
    )
    assert asked[1:5] == ["ad", "app", "show", "--id"]
    assert updated[1:5] == ["ad", "app", "update", "--id"]
    assert updated[5:-1] == ["site", "--web-redirect-uris", there, BACK]
    assert json.loads(patched[-2]) == {
        "web": {
            "logoutUrl": f"{registered}iss=https%3A%2F%2Flogin.microsoftonline.com%2F3f1b%2Fv2.0"
        }
    }


@pytest.mark.parametrize("there", [[], ["https://other.example.com/"], [BACK]])
def test_okta_keeps_what_is_set(run, there):
    known = {"client_id": "site", "client_id_issued_at": 5, "redirect_uris": ["https://a"]}
    answer = json.dumps(known | ({"post_logout_redirect_uris": there} if there else {}))
    _, put = sorted(run(recipe("okta", REGISTRATION, options_of("okta")), answer), key=len)
    assert put[-2] == "https://example.okta.com/oauth2/v1/clients/site"
    assert json.loads(put[-1]) == {
        "client_id": "site",
        "redirect_uris": ["https://a"],
        "post_logout_redirect_uris": sorted({*there, BACK}),
        "frontchannel_logout_uri": FRONTCHANNEL,
        "frontchannel_logout_session_required": True,
    }


@pytest.mark.parametrize("there", [None, ["https://other.example.com/"], [BACK]])
def test_auth0_keeps_its_logout_urls(run, there):
    answer = json.dumps(CLIENT | {"allowed_logout_urls": there, "oidc_logout": {"initiators": 1}})
    *_, patched = run(recipe("auth0", REGISTRATION, options_of("auth0")), answer)
    assert patched[1:5] == ["api", "patch", "clients/site", "--data"]
    assert json.loads(patched[5]) == {
        "allowed_logout_urls": sorted({*(there or []), BACK}),
        "oidc_logout": {"initiators": 1, "backchannel_logout_urls": [BACKCHANNEL]},
    }


def test_authentik_keeps_its_redirect_uris(run):
    callback = {"matching_mode": "strict", "url": "https://a", "redirect_uri_type": "authorization"}
    answer = json.dumps({"results": [{"pk": 9, "redirect_uris": [callback]}]})
    asked, patched = run(recipe("authentik", REGISTRATION, options_of("authentik")), answer)
    api = "https://id.example.com/api/v3/providers/oauth2/"
    assert asked[-2] == f"{api}?client_id=site"
    assert patched[-2] == f"{api}9/"
    assert json.loads(patched[-1]) == {
        "redirect_uris": [
            callback,
            {"matching_mode": "strict", "url": BACK, "redirect_uri_type": "logout"},
        ],
        "logout_uri": BACKCHANNEL,
        "logout_method": "backchannel",
    }


def test_an_error_of_auth0_fails_the_recipe(run):
    answer = json.dumps({"statusCode": 404, "message": "The client does not exist"})
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run(recipe("auth0", REGISTRATION, options_of("auth0")), answer)
    assert "The client does not exist" in caught.value.stderr


class Api(Handler):
    do_PUT = do_PATCH = Handler.do_POST  # noqa: N815  # http.server's names


def test_hydra_keeps_its_redirect_uris(run):
    old = {"client_id": "site", "post_logout_redirect_uris": ["https://old"], "created_at": "x"}
    asked, changed = run(recipe("hydra", REGISTRATION, options_of("hydra")), json.dumps(old))
    assert asked[-2] == "http://127.0.0.1:4445/admin/clients/site"
    assert json.loads(changed[-1]) == {
        "client_id": "site",
        "post_logout_redirect_uris": ["https://old", BACK],
        "backchannel_logout_uri": BACKCHANNEL,
        "backchannel_logout_session_required": True,
    }


@pytest.fixture
def api(idp):
    """Return a provider with the vendors' APIs. Their responses contain the client secret."""
    idp.server.RequestHandlerClass = Api
    idp.changes = 200

    def client(handler):
        status = 200 if handler.command == "GET" else idp.changes
        handler.body(json.dumps(CLIENT).encode(), "application/json", status)

    idp.answers |= {
        "/oauth2/v1/clients/site": client,
        "/api/v3/providers/oauth2/": {"results": [CLIENT]},
        "/api/v3/providers/oauth2/9/": client,
    }
    return idp


@pytest.mark.parametrize("changes", [200, 403])
@pytest.mark.parametrize(
    ("vendor", "path", "scheme", "method"),
    [
        ("okta", "/oauth2/default", "SSWS", "PUT"),
        ("authentik", "/application/o/site/", "Bearer", "PATCH"),
    ],
)
def test_curl_prints_no_secret_and_fails_loudly(api, vendor, path, scheme, method, changes):  # noqa: PLR0913, PLR0917
    for program in ("bash", "curl", "jq"):
        need(shutil.which(program), program)
    api.changes = changes
    options = ProviderOptions(alias="default", issuer=f"{api.issuer}{path}", client_id="site")
    ran = subprocess.run(
        ["bash", "-c", recipe(vendor, REGISTRATION, options)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "OKTA_API_TOKEN": "t0ken", "AUTHENTIK_TOKEN": "t0ken"},
    )
    assert [asked for asked, _ in api.asked] == ["GET", method]
    assert api.headers["Authorization"] == f"{scheme} t0ken"
    assert not ran.stdout
    assert not SECRETS.search(ran.stderr)
    if changes == 200:
        assert (ran.returncode, ran.stderr) == (0, "")
    else:
        assert ran.returncode
        assert "403" in ran.stderr


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_client_id_cannot_inject_a_command(run, vendor):
    commands = [recipe(vendor, REGISTRATION, options_of(vendor, name)) for name in HOSTILE]
    told = run("".join(commands), ANSWERS[vendor])
    calls = {"keycloak": 3, "entra": 3, "okta": 2, "auth0": 3, "authentik": 2, "hydra": 2}
    assert len(told) == len(HOSTILE) * calls[vendor]


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_recipe_contains_the_urls_that_the_vendor_supports(vendor):
    text = recipe(vendor, REGISTRATION, options_of(vendor))
    assert {uri for uri in (BACK, BACKCHANNEL, FRONTCHANNEL) if uri in text} == ADDRESSES[vendor]
    assert "site" in text
    assert "s3cret" not in text


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_missing_client_id_has_a_placeholder(vendor):
    assert "your-client-id" in recipe(vendor, REGISTRATION, options_of(vendor, ""))


def test_the_error_of_an_unknown_vendor_names_the_vendors():
    with pytest.raises(ValueError, match="keycloak, entra, okta, auth0, authentik, hydra"):
        recipe("acme", REGISTRATION, options_of("okta"))


@pytest.mark.parametrize(
    ("issuer", "vendor"),
    [
        *((issuer, vendor) for vendor, issuer in ISSUERS.items()),
        ("http://127.0.0.1:8080/auth/realms/main", "keycloak"),
        ("https://login.microsoftonline.us/3f1b/v2.0", "entra"),
        ("https://sts.windows.net/3f1b/", "entra"),
        ("https://example.ciamlogin.com/3f1b/v2.0", "entra"),
        ("https://example.okta.com", "okta"),
        ("https://example.oktapreview.com/oauth2/aus1", "okta"),
        ("https://EXAMPLE.AUTH0.COM/", "auth0"),
        ("", ""),
        ("https://[", ""),
        ("https://accounts.google.com", ""),
        ("https://id.example.com/realms/", ""),
        ("https://id.example.com/?/realms/main", ""),
        ("https://id.example.com/x.okta.com", ""),
        ("https://okta.com.example.com", ""),
        ("https://example.com/.auth0.com/", ""),
    ],
)
def test_the_vendor_of_an_issuer(issuer, vendor):
    assert vendor_of(issuer) == vendor
