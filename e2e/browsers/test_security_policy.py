"""Sites whose Content-Security-Policy restricts where a form may lead."""

import pytest

from e2e.browsers.conftest import in_chromium, is_signed_out
from e2e.browsers.provider import came_by_a_refresh_page

with_and_without_javascript = pytest.mark.parametrize("javascript", [True, False])


@in_chromium
@with_and_without_javascript
def test_a_redirect_leaves_the_page_standing(ada, provider, javascript):
    """Chromium applies `form-action` to the redirect that answers a form. Hence "refresh"."""
    visitor = ada("/form-action/", javascript=javascript)
    visitor.click()
    visitor.hear("form-action")
    assert visitor.url == f"{visitor.site}/form-action/"
    assert "ada@example.com" in visitor.text()
    assert not provider.sign_outs
    assert is_signed_out(visitor)


@with_and_without_javascript
def test_a_refresh_arrives_at_the_provider(ada, provider, settings, javascript):
    settings.OIDC_LOGOUT_RESPONSE = "refresh"
    visitor = ada("/form-action/", javascript=javascript)
    visitor.click()
    visitor.arrive(f"{visitor.site}/oidc/logout/callback/?state=")
    visitor.see("Signed out at 127.0.0.1.")
    assert came_by_a_refresh_page(provider)
    assert is_signed_out(visitor)
