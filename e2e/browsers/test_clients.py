"""In every kind of client, the button leads the browser to the provider and back."""

import jwt
import pytest
from django.contrib.sessions.models import Session

from django_oidc_logout.models import OIDCSession
from e2e.browsers.conftest import is_signed_out
from e2e.browsers.provider import SIGNED_IN, came_by_a_redirect, came_by_a_refresh_page


def has_been_at_the_provider(visitor, provider):
    """Wait until somebody returns from a sign-out at the provider that received their cookie."""
    visitor.arrive(f"{visitor.site}/oidc/logout/callback/?state=")
    visitor.see("Signed out at 127.0.0.1.")
    return [request["cookie"] for request in provider.sign_outs] == [SIGNED_IN]


@pytest.mark.parametrize("javascript", [True, False])
def test_our_button(ada, provider, javascript):
    visitor = ada(javascript=javascript)
    assert OIDCSession.objects.get().session_key == Session.objects.get().session_key
    visitor.click()
    assert has_been_at_the_provider(visitor, provider)
    assert came_by_a_redirect(provider, visitor.site)
    hint = jwt.decode(provider.sign_outs[0]["id_token_hint"], options={"verify_signature": False})
    assert (hint["iss"], hint["sub"]) == (provider.idp.issuer, "ada")
    assert not Session.objects.exists()
    assert not OIDCSession.objects.exists()
    assert is_signed_out(visitor)


def test_htmx(ada, htmx, provider, sign_outs):
    visitor = ada("/htmx/")
    visitor.click()
    assert has_been_at_the_provider(visitor, provider)
    assert sign_outs[0].headers["HX-Request"] == "true"
    assert is_signed_out(visitor)


def test_turbo(ada, turbo, provider, sign_outs):
    """A form that Turbo sends does not need to know this package."""
    visitor = ada("/turbo/")
    visitor.click()
    assert has_been_at_the_provider(visitor, provider)
    assert "text/vnd.turbo-stream.html" in sign_outs[0].headers["Accept"]
    assert is_signed_out(visitor)


def test_our_button_opts_out_of_turbo(ada, turbo, provider, sign_outs):
    visitor = ada("/turbo/ours/")
    visitor.click()
    assert has_been_at_the_provider(visitor, provider)
    assert "text/vnd.turbo-stream.html" not in sign_outs[0].headers["Accept"]
    assert is_signed_out(visitor)


@pytest.mark.parametrize("javascript", [True, False])
def test_a_long_hint(ada, provider, javascript):
    """A URL too long for a header is sent in a page, unchanged."""
    provider.idp.claims["groups"] = "'\"<&;,é" + "x" * 3000
    visitor = ada(javascript=javascript)
    visitor.click()
    assert has_been_at_the_provider(visitor, provider)
    hint = jwt.decode(provider.sign_outs[0]["id_token_hint"], options={"verify_signature": False})
    assert hint["groups"] == provider.idp.claims["groups"]
    assert came_by_a_refresh_page(provider)
    assert is_signed_out(visitor)


def test_a_long_hint_by_turbo(ada, turbo, provider):
    provider.idp.claims["groups"] = "x" * 3000
    visitor = ada("/turbo/")
    visitor.click()
    assert has_been_at_the_provider(visitor, provider)
    assert "id_token_hint" in provider.sign_outs[0]


def test_a_long_hint_by_htmx(ada, htmx, provider):
    """The hint is left out, because htmx takes the URL from a header, where it does not fit."""
    provider.idp.claims["groups"] = "x" * 3000
    visitor = ada("/htmx/")
    visitor.click()
    assert has_been_at_the_provider(visitor, provider)
    assert "id_token_hint" not in provider.sign_outs[0]


def test_a_get_asks_first(ada, provider):
    visitor = ada()
    visitor.open("/oidc/logout/?next=/form-action/")
    visitor.see("Sign out?")
    assert not provider.sign_outs
    visitor.click()
    visitor.arrive(f"{visitor.site}/form-action/")
    assert len(provider.sign_outs) == 1
    assert is_signed_out(visitor)
