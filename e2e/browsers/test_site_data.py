"""What a sign-out deletes in the browser, of the site and of sites on the same domain."""

import pytest

from e2e.browsers.conftest import in_chromium
from e2e.browsers.provider import SIGNED_IN

pytestmark = in_chromium

KEEP = """
(async () => {
  localStorage.setItem("name", "Ada");
  sessionStorage.setItem("name", "Ada");
  await new Promise((resolve) => (indexedDB.open("ada").onsuccess = resolve));
  await (await caches.open("ada")).put("/ada", new Response("Ada"));
  await navigator.serviceWorker.register("/worker.js");
  await navigator.serviceWorker.ready;
})()
"""
KEPT = """
(async () => ({
  "localStorage": localStorage.length,
  "sessionStorage": sessionStorage.length,
  "databases": (await indexedDB.databases()).length,
  "caches": (await caches.keys()).length,
  "workers": (await navigator.serviceWorker.getRegistrations()).length,
}))()
"""


@pytest.mark.parametrize(("directives", "kept"), [(["storage"], 0), ([], 1)])
def test_storage(ada, provider, settings, directives, kept):
    settings.OIDC_LOGOUT_CLEAR_SITE_DATA = directives
    visitor = ada()
    visitor.evaluate(KEEP)
    assert set(visitor.evaluate(KEPT).values()) == {1}
    visitor.click()
    visitor.arrive(f"{visitor.site}/oidc/logout/callback/")
    assert set(visitor.evaluate(KEPT).values()) == {kept}


@pytest.fixture
def neighbourhood(settings, provider, configure, site):
    """Return a function that returns URLs on hosts of one registrable domain.

    The identity provider lives there, too.
    """
    issuer = provider.idp.issuer.replace("127.0.0.1", "provider.example.localhost")
    settings.OIDC_OP_AUTHORIZATION_ENDPOINT = f"{issuer}/authorize"
    configure(END_SESSION_ENDPOINT=f"{issuer}/end-session")
    return lambda name: site.replace("localhost", f"{name}.example.localhost")


def sign_out_beside_a_neighbour(ada, neighbourhood):
    """Return somebody who has signed out at one host and is signed in at another."""
    visitor = ada(site=neighbourhood("site"))
    visitor.site = neighbourhood("neighbour")
    visitor.open("/")
    visitor.evaluate("document.cookie = 'theirs=1'")
    visitor.site = neighbourhood("site")
    visitor.open("/")
    visitor.click()
    visitor.arrive(f"{visitor.site}/oidc/logout/callback/")
    return visitor


def test_cookies_of_a_neighbour_stay(ada, provider, neighbourhood):
    visitor = sign_out_beside_a_neighbour(ada, neighbourhood)
    assert provider.sign_outs[0]["cookie"] == SIGNED_IN
    assert visitor.cookies_of("site.example.localhost") == {"csrftoken"}
    assert visitor.cookies_of("neighbour.example.localhost") == {"csrftoken", "theirs"}


def test_the_directive_for_cookies_is_held_back_on_the_way_to_the_provider(
    ada, provider, neighbourhood, settings
):
    """It clears the whole registrable domain, and so the session at a provider there."""
    settings.OIDC_LOGOUT_CLEAR_SITE_DATA = ["cookies", "storage"]
    visitor = sign_out_beside_a_neighbour(ada, neighbourhood)
    assert provider.sign_outs[0]["cookie"] == SIGNED_IN
    assert visitor.cookies_of("site.example.localhost") == set()
    assert visitor.cookies_of("neighbour.example.localhost") == set()
