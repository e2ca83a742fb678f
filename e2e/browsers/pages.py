"""The package's pages, how to open them, and what axe reports about them."""

from datetime import timedelta

from django.core.cache import cache
from django.utils import timezone

from django_oidc_logout.api import end_sessions
from django_oidc_logout.models import ReauthenticationMark
from e2e.browsers.urls import NODE_MODULES

PHONE = {"width": 320, "height": 568}
DESKTOP = {"width": 1280, "height": 800}
AXE = NODE_MODULES / "axe-core" / "axe.min.js"
VIOLATIONS = """(async () => {
  const { passes, violations } = await axe.run();
  return [passes.length > 0, violations.map(({ id, nodes }) => [id, nodes.map((n) => n.html)])];
})()"""


def stay(handler):
    """Respond to a sign-out so that the previous page stays."""
    handler.body(b"", status=204)


def confirm(visitor, settings, provider):
    visitor.open("/oidc/logout/")
    visitor.see("Sign out?")


def refresh(visitor, settings, provider):
    settings.OIDC_LOGOUT_RESPONSE = "refresh"
    provider.idp.answers["/end-session"] = stay
    visitor.click()
    visitor.see("Continue if nothing happens")


def signed_out(visitor, settings, provider):
    visitor.click()
    visitor.see("Signed out at 127.0.0.1.")


def not_signed_out(visitor, settings, provider):
    provider.idp.metadata["end_session_endpoint"] = ""
    cache.clear()
    visitor.click()
    visitor.see("You may still be signed in at 127.0.0.1.")


def reauthenticate(visitor, settings, provider):
    end_sessions(sub="ada", reauthenticate=True)
    ReauthenticationMark.objects.update(not_before=timezone.now() - timedelta(seconds=10))
    visitor.open("/oidc/authenticate/?next=/watched/")
    visitor.see("Please sign in again")


def sessions(visitor, settings, provider):
    visitor.open("/oidc/sessions/")
    visitor.see("Where you are signed in")
