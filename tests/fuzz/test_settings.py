"""Whatever the settings say, the checks have something to say to it, and do not break."""

from __future__ import annotations

from django.core.checks import CheckMessage, run_checks
from django.test import override_settings
from hypothesis import example, given
from hypothesis import strategies as st

from django_oidc_logout.conf import PROVIDER_KEYS
from tests.fuzz.anything import json_values, texts

OWN = [
    "OIDC_LOGOUT_ALLOWED_HOSTS",
    "OIDC_LOGOUT_CLEAR_SITE_DATA",
    "OIDC_LOGOUT_GET",
    "OIDC_LOGOUT_NO_STORE",
    "OIDC_LOGOUT_PROVIDERS",
    "OIDC_LOGOUT_REDIRECT_URL",
    "OIDC_LOGOUT_RESPONSE",
    "OIDC_LOGOUT_REVOKE_TOKENS",
]
MOZILLAS = [
    "OIDC_OP_JWKS_ENDPOINT",
    "OIDC_RP_CLIENT_ID",
    "OIDC_RP_CLIENT_SECRET",
    "OIDC_RP_SIGN_ALGO",
    "OIDC_VERIFY_SSL",
]

oddities = st.sampled_from(
    [b"bytes", b"a.b", ..., object(), object, len, {1, 2}, frozenset(), 1j, range(3), (), ("a",)]
)
dotted = st.sampled_from(
    ["os.path", "os.nothing", ".a.b", "..", "a..b", "a.", ".", "os.path.join.x", "this\0.that"]
)
addresses = st.sampled_from(
    ["https://idp.example.com", "https://[", "https://a:b", "//a", "https://\ud800"]
)
values = json_values | oddities | dotted | addresses
names = st.sampled_from(PROVIDER_KEYS) | texts | st.sampled_from([None, 5, b"ISSUER", (), ...])
entries = st.dictionaries(names, values, max_size=4)
providers = st.dictionaries(names | st.just("default"), entries | values, max_size=3)
settings = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(OWN + MOZILLAS, values) | {"OIDC_LOGOUT_PROVIDERS": providers | values},
)


@given(settings)
@example({"OIDC_LOGOUT_PROVIDERS": {"default": {"BACKEND": b"a.b"}}})
@example({"OIDC_LOGOUT_PROVIDERS": {"default": {"BACKEND": ".a.b"}}})
def test_checks_do_not_break(given):
    with override_settings(**given):
        messages = run_checks()
    for message in messages:
        assert isinstance(message, CheckMessage)
        assert str(message).encode(errors="replace")
        if message.id.startswith("oidc_logout."):
            assert message.hint
