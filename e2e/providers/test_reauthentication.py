"""Ended by staff, with a new authentication: a real provider asks for the password again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest

from e2e.providers.visitor import Page
from e2e.providers.waiting import eventually

if TYPE_CHECKING:
    from e2e.providers.federation import Federation
    from e2e.providers.visitor import ProviderVisitor

# Nobody else uses her name: what is required of her remains.
END = ("oidc_logout_end_sessions", "--sub", "edith", "--reauthenticate", "--no-input")


# The provider says when Edith authenticated only to the second site, unless it is asked.
@pytest.mark.parametrize("number", [0, 1], ids=["without auth_time", "with an old auth_time"])
def test_the_person_is_asked_for_the_password(
    back_channel: Federation, visitor: ProviderVisitor, number: int
) -> None:
    site = back_channel.sites[number]
    visitor.sign_in(site, "edith")
    assert "Sessions ended: 1" in back_channel.manage(site, *END)
    ended = time.time()
    assert not visitor.is_signed_in(site)

    for _ in range(2):  # the provider's own session goes on, and vouches for her
        page = visitor.press_sign_in(site)
        assert not visitor.is_asked_who_they_are(page)
        if "/interaction/" in page.url:
            page = visitor.submit(page, "/interaction/")
        assert page.status_code == 403
        assert "with your password" in page.text
        assert not visitor.is_signed_in(site)

    (way_on,) = (link for link in Page(page).links if "/logout/reauthenticate/" in link)
    page = visitor.get(urljoin(page.url, way_on))
    assert visitor.is_asked_who_they_are(page)
    assert eventually(lambda: time.time() >= int(ended) + 1)  # `auth_time` is in whole seconds
    page = visitor.submit(page, "/interaction/", login="edith", password="any")
    if "/interaction/" in page.url:
        page = visitor.submit(page, "/interaction/")
    assert "You are signed in" in page.text
    assert visitor.is_signed_in(site)

    visitor.sign_out(site)
    assert not visitor.is_signed_in(site)
