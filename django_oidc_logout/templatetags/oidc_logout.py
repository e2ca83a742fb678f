"""`{% load oidc_logout %}`: a button that signs out."""

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
    """Return the URL of the pages' stylesheet; without one, a page is plain and no error."""
    try:
        return static("oidc_logout/pages.css")
    except (ImproperlyConfigured, ValueError):
        return ""


@register.inclusion_tag("oidc_logout/button.html", takes_context=True)
def oidc_logout_button(
    context: Context,
    *,
    label: str = "",
    next: str = "",  # noqa: A002  # Django's name for it
    local: bool = False,
    css_class: str = "",
) -> dict[str, Any]:
    """Show a form with a button that signs out.

    Args:
        context: the page's.
        label: the button's text.
        next: where people land: a path, a URL on an allowed host, or a view's name.
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
