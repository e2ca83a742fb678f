"""`{% load oidc_logout %}`: a sign-out button, and a script that watches open tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from django.template import Context

register = template.Library()


@register.simple_tag
def oidc_logout_url() -> str:
    """Return the URL of the logout view."""
    return reverse("oidc_logout:logout")


@register.simple_tag
def oidc_logout_stylesheet() -> str:
    """Return the URL of the pages' stylesheet, or "" if static files are not set up."""
    return _static("oidc_logout/pages.css")


def _static(name: str) -> str:
    try:
        return static(name)
    except (ImproperlyConfigured, ValueError):
        return ""


@register.inclusion_tag("oidc_logout/button.html", takes_context=True)
def oidc_logout_button(
    context: Context,
    label: str = "",
    next: str = "",  # noqa: A002  # Django's name for it
    local: bool = False,  # noqa: FBT001, FBT002  # a tag cannot declare keyword-only arguments
    css_class: str = "",
) -> dict[str, Any]:
    """Show a form with a sign-out button.

    Args:
        context: the page's context.
        label: the button's text.
        next: the target after sign-out: a path, a URL on an allowed host, or a view name.
        local: sign out of this site only.
        css_class: the button's class.
    """
    return {
        "csrf_token": context.get("csrf_token"),
        "label": label or _("Sign out"),
        "next": next,
        "local": local,
        "css_class": css_class,
    }


@register.inclusion_tag("oidc_logout/watch.html", takes_context=True)
def oidc_logout_watch(
    context: Context, interval: int = 60, leave_url: str = "", nonce: object = ""
) -> dict[str, Any]:
    """Add a script that leaves the page once its session has ended, if somebody is signed in.

    Args:
        context: the page's context.
        interval: seconds between two checks of the session, from 1 to 86,400.
        leave_url: the URL to open then; if it is empty, the page reloads.
        nonce: the page's Content-Security-Policy nonce, if its policy needs one.
    """
    user = getattr(context.get("request"), "user", None) or context.get("user")
    return {
        "script": getattr(user, "is_authenticated", False) and _static("oidc_logout/watch.js"),
        "interval": str(interval),
        "leave_url": leave_url,
        "nonce": str(nonce),
    }
