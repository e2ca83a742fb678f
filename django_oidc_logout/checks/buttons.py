"""System checks of other packages' logout views: they must sign out of the provider too.

A view is recognized by the names of its classes, so that other packages are not imported.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.checks import CheckMessage, Warning
from django.urls import get_script_prefix

from ..rp_initiated import return_to
from . import lookup, project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .lookup import Route

OURS = "django_oidc_logout.views.LogoutView"
DJANGOS = "django.contrib.auth.views.LogoutView"
MOZILLAS = "mozilla_django_oidc.views.OIDCLogoutView"
WAGTAILS = "wagtail.admin.views.account.LogoutView"
ALLAUTHS = re.compile(r"allauth\.account\.views\.(?:\w+\.)?LogoutView")
JAZZMIN = "jazzmin"
CMS, CMS_TOOLBARS, CMS_POOL = "cms", "cms.cms_toolbars", "cms.toolbar_pool.toolbar_pool"
ALLAUTH_BRIDGE = "django_oidc_logout.contrib.allauth"
METHOD = "OIDC_OP_LOGOUT_URL_METHOD"
ADMIN_SITE = "django.contrib.admin.sites.AdminSite"
LANDS_AT = {WAGTAILS: "wagtailadmin_login"}


def check_logout_views() -> list[CheckMessage]:
    """Check that the URLconf's logout views sign out of the provider and have a valid target."""
    return [message for route in lookup.routes() for message in _messages(route)]


def _messages(route: Route) -> Iterator[CheckMessage]:
    classes = _classes(route)
    target = _initkwargs(route).get("return_to") if OURS in classes else None
    if target is not None and not return_to.is_place(target):
        yield Warning(
            f"{_shown(route)} has return_to={target!r}, which is not a view name, a path or an "
            "absolute URL.",
            hint='Pass as_view() a name that reverse() knows, or a path such as "/bye/".',
            id="oidc_logout.W057",
        )
    view, hint = _without_provider(route, classes)
    if view and lookup.is_served(route) and not _is_in_place_of_ours(route):
        yield Warning(
            f"{_shown(route)} is served by {view}, which does not sign out of the provider.",
            hint=hint,
            id="oidc_logout.W056",
        )


def _without_provider(route: Route, classes: list[str]) -> tuple[str, str]:
    """Return a view that signs out of this site only, and a hint, or two empty strings."""
    site = getattr(route.callback, "admin_site", None)
    if site is not None and route.name == "logout":
        return ("", "") if _signs_out(site) else (f"the admin {site.name!r}", _admin_hint(site))
    if MOZILLAS in classes and not project.uses_mozilla_view() and not project.check_urls():
        hint = f'{_line(route, classes)} Or set {METHOD} = "{project.LOGOUT_URL_METHOD}".'
        return classes[0], hint
    if any(ALLAUTHS.fullmatch(name) for name in classes) and not apps.is_installed(ALLAUTH_BRIDGE):
        return classes[0], f'Add "{ALLAUTH_BRIDGE}" to INSTALLED_APPS.'
    if DJANGOS in classes and _is_djangos(route, classes):
        return classes[0], _line(route, classes)
    return "", ""


def _signs_out(site: Any) -> bool:
    """Return whether an admin site has this package's sign-out, or one that is not Django's.

    A plain admin site need not have it, because on many sites staff sign in only with a password.
    """
    own = lookup.load(ADMIN_SITE)
    if type(site) is own and not apps.is_installed(JAZZMIN):
        return True
    # If OIDCAdminConfig is installed, `check_admin_sites` reports the site.
    return lookup.has_admin_config() or type(site).logout is not own.logout


def _admin_hint(site: Any) -> str:
    if lookup.path_to(type(site)) == ADMIN_SITE or site.name == "admin":
        return f'Put "{lookup.ADMIN_CONFIG}" into INSTALLED_APPS, in place of "{lookup.ADMIN}".'
    return f"Add {project.ADMIN_MIXIN} before the base class of {lookup.path_to(type(site))}."


def _is_djangos(route: Route, classes: list[str]) -> bool:
    """Return whether Django's own code signs out. A site's subclass may call `sign_out`."""
    subclasses = route.callback.view_class.__mro__[: classes.index(DJANGOS)]
    own = {name for kind in subclasses for name in vars(kind)}
    return WAGTAILS in classes or not own & {"dispatch", "post"}


def _line(route: Route, classes: list[str]) -> str:
    """Return a hint with the line of the URLconf that replaces a route."""
    where = ", in i18n_patterns()" if route.in_languages else ""
    return (
        f'Add path("{route.path}", LogoutView.as_view({_argument(route, classes)})) before '
        f"it{where}, with LogoutView from {OURS.rpartition('.')[0]}."
    )


def _argument(route: Route, classes: list[str]) -> str:
    """Return the argument that keeps the view's present target, or the empty string."""
    own = _initkwargs(route).get("next_page")
    target = next((LANDS_AT[name] for name in classes if name in LANDS_AT), own)
    return f'return_to="{target}"' if target else ""


def _classes(route: Route) -> list[str]:
    """Return the dotted paths of a view's class and its bases; empty if it is a function."""
    view_class = getattr(route.callback, "view_class", None)
    return [lookup.path_to(kind) for kind in view_class.__mro__] if view_class else []


def _initkwargs(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = getattr(route.callback, "view_initkwargs", {})
    return found


def _is_in_place_of_ours(route: Route) -> bool:
    """Return whether a view has the path of our view, which `check_order_of_urls` reports."""
    return _shown(route) == lookup.path_of("oidc_logout:logout")


def _shown(route: Route) -> str:
    return f"{get_script_prefix()}{route.prefix}{route.path}"


def check_cms_toolbar() -> list[CheckMessage]:
    """Check that the toolbar of django CMS does not sign out with a script.

    Its script does not follow the redirect to the provider, whichever view responds.
    """
    if not apps.is_installed(CMS) or not lookup.attempt(_has_cms_own_button, otherwise=False):
        return []
    return [
        Warning(
            "The toolbar of django CMS signs out with a script that does not follow the redirect "
            "to the provider: people stay signed in there.",
            hint="Replace BasicToolbar with a subclass whose add_logout_button() is "
            'parent.add_link_item("Log out", url=reverse("oidc_logout:logout")).',
            id="oidc_logout.W063",
        )
    ]


def _has_cms_own_button() -> bool:
    toolbars = lookup.load(CMS_POOL).get_toolbars().values()
    buttons = [getattr(toolbar, "add_logout_button", None) for toolbar in toolbars]
    return any(getattr(button, "__module__", "") == CMS_TOOLBARS for button in buttons)


CHECKS = (check_logout_views, check_cms_toolbar)
