"""The Back button after a sign-out."""

import pytest


def sign_out(visitor):
    visitor.click()
    visitor.arrive(f"{visitor.site}/oidc/logout/callback/")
    visitor.see("You are signed out")


@pytest.mark.parametrize("response", ["redirect", "refresh"])
def test_back_never_shows_a_signed_in_page(ada, settings, response):
    settings.OIDC_LOGOUT_RESPONSE = response
    visitor = ada("/?first")
    visitor.open("/?second")
    sign_out(visitor)
    for page in ("second", "first"):
        visitor.back()
        visitor.arrive(f"{visitor.site}/?{page}")
        visitor.see("This page is for nobody.")


def test_back_shows_a_page_that_was_stored(ada, settings):
    """The purpose of the middleware."""
    settings.OIDC_LOGOUT_NO_STORE = False
    visitor = ada()
    sign_out(visitor)
    visitor.back()
    visitor.see("This page is for ada@example.com.")
