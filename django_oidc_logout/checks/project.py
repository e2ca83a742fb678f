"""System checks of the project around us: its apps, URLs, middleware and admin. None queries."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Warning
from django.shortcuts import resolve_url

from .. import engines, landing
from ..conf import conf
from . import lookup

MIDDLEWARE = "MIDDLEWARE"
OURS = "django_oidc_logout.middleware.OIDCSessionMiddleware"
SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
SESSION_REFRESH = "mozilla_django_oidc.middleware.SessionRefresh"
LOGOUT_URL_METHOD = "django_oidc_logout.backends.provider_logout_url"
ADMIN = "django.contrib.admin"
ADMIN_CONFIG = "django_oidc_logout.sites.OIDCAdminConfig"
ADMIN_MIXIN = "django_oidc_logout.sites.OIDCAdminSiteMixin"
VIEWS = ("logout", "callback", "backchannel", "frontchannel", "status")
SEEN_BY_REFRESH = ("logout", "callback", "frontchannel", "status")
MOZILLAS_VIEWS = ("oidc_authentication_init", "oidc_authentication_callback", "oidc_logout")


def check_session_table() -> list[CheckMessage]:
    """Sessions that are kept in the database have a model there."""
    model = getattr(lookup.attempt(engines.store, None), "get_model_class", None)
    if model is None or lookup.attempt(model, None):
        return []
    return [
        Error(
            f"SESSION_ENGINE is {conf.raw('SESSION_ENGINE')!r}, whose model is not installed.",
            hint='Add "django.contrib.sessions" to INSTALLED_APPS, and run manage.py migrate.',
            id="oidc_logout.E015",
        )
    ]


def _is_mozillas_view_meant() -> bool:
    return bool(conf.raw("OIDC_OP_LOGOUT_URL_METHOD") == LOGOUT_URL_METHOD)


def check_urls() -> list[CheckMessage]:
    """The package's URLs are included, unless the site comes back by a road of its own."""
    providers = conf.OIDC_LOGOUT_PROVIDERS.values()
    if (
        all(options.post_logout_redirect_uri for options in providers)
        or _is_mozillas_view_meant()
        or not lookup.urls_load()
        or lookup.path_of("oidc_logout:callback")
    ):
        return []
    return [
        Error(
            "The URLs of django-oidc-logout are not included in ROOT_URLCONF.",
            hint='Write path("oidc/", include("django_oidc_logout.urls")) before mozilla\'s, in no '
            "other namespace and behind no argument.",
            id="oidc_logout.E016",
        )
    ]


def check_order_of_urls() -> list[CheckMessage]:
    """At the paths of the package's views, it is they who answer."""
    return [
        Error(
            f"At {lookup.path_of(f'oidc_logout:{name}')} it is {taker} that answers, and not "
            f"the view oidc_logout:{name}.",
            hint='Move path("oidc/", include("django_oidc_logout.urls")) before it: the first that '
            "matches answers.",
            id="oidc_logout.E017",
        )
        for name in VIEWS
        if (taker := _taker(name)) and not (name == "logout" and _is_mozillas_view_meant())
    ]


def _taker(name: str) -> str:
    """Return who answers in the place of a view of ours, or nothing."""
    path = lookup.path_of(f"oidc_logout:{name}")
    match = lookup.served_by(path) if path else None
    if match is None or (match.url_name == name and match.app_names[-1:] == ["oidc_logout"]):
        return ""
    view = getattr(match.func, "view_class", match.func)
    return f"{view.__module__}.{getattr(view, '__qualname__', type(view).__qualname__)}"


def check_landing_place() -> list[CheckMessage]:
    """The place where people land is one."""
    url = lookup.attempt(_landing_place, None)
    if not lookup.urls_load() or (
        isinstance(url, str) and (url.startswith(("/", ".")) or landing.ABSOLUTE.match(url))
    ):
        return []
    own = lookup.attempt(lambda: bool(conf.raw("OIDC_LOGOUT_REDIRECT_URL")), otherwise=True)
    return [
        Warning(
            f"{'OIDC_LOGOUT_REDIRECT_URL' if own else 'LOGOUT_REDIRECT_URL'} is no view's name, no "
            "path and no absolute URL.",
            hint='Write a name that reverse() knows, a path such as "/bye/", or an https URL. '
            "Otherwise people land where they should not.",
            id="oidc_logout.W003",
        )
    ]


def _landing_place() -> str:
    """Return where the settings send people, which may be lazy; else where our own page is."""
    place = conf.OIDC_LOGOUT_REDIRECT_URL
    return resolve_url(place) if place else "/"


def check_order_of_middleware() -> list[CheckMessage]:
    """The session is there before the middleware asks for it."""
    before = _before_ours()
    if before is None or _has_session(before):
        return []
    return [
        Error(
            "OIDCSessionMiddleware is listed before any SessionMiddleware: each request fails.",
            hint=f'Move it in MIDDLEWARE to after "{AUTHENTICATION}".',
            id="oidc_logout.E018",
        )
    ]


def check_place_of_middleware() -> list[CheckMessage]:
    """The middleware comes after that which tells who is signed in."""
    before = _before_ours()
    late = {*lookup.derived(MIDDLEWARE, AUTHENTICATION)} - {*(before or ())}
    if before is None or not _has_session(before) or not late:
        return []
    return [
        Warning(
            "OIDCSessionMiddleware is listed before AuthenticationMiddleware.",
            hint=f'Move it in MIDDLEWARE to after "{AUTHENTICATION}": it is made for that place.',
            id="oidc_logout.W009",
        )
    ]


def _before_ours() -> list[str] | None:
    """Return what comes before our middleware; None if that is not there."""
    ours = lookup.derived(MIDDLEWARE, OURS)
    paths = lookup.named(MIDDLEWARE)
    return paths[: paths.index(ours[0])] if ours else None


def _has_session(paths: list[str]) -> bool:
    """Tell whether some middleware brings the session; other packages' go by the same name."""
    return any(p.endswith(".SessionMiddleware") or lookup.is_kind(p, SESSION) for p in paths)


def check_middleware() -> list[CheckMessage]:
    """The middleware is there; sessions in cookies cannot do without."""
    if lookup.derived(MIDDLEWARE, OURS):
        return []
    hint = f'Add "{OURS}" to MIDDLEWARE, after AuthenticationMiddleware.'
    if lookup.attempt(engines.in_cookies, otherwise=False):
        return [
            Error(
                "Sessions are kept in cookies, and OIDCSessionMiddleware is not in MIDDLEWARE: "
                "nothing but the browser can end them.",
                hint=hint,
                id="oidc_logout.E019",
            )
        ]
    return [
        Warning(
            "OIDCSessionMiddleware is not in MIDDLEWARE: after a change of password a session "
            "cannot be ended from elsewhere, and Back shows private pages after sign-out.",
            hint=hint,
            id="oidc_logout.W010",
        )
    ]


def check_session_refresh() -> list[CheckMessage]:
    """mozilla's SessionRefresh leaves the package's pages alone."""
    if not lookup.derived(MIDDLEWARE, SESSION_REFRESH):
        return []
    missing = [f"oidc_logout:{name}" for name in SEEN_BY_REFRESH if not _is_exempt(name)]
    if not missing:
        return []
    return [
        Warning(
            f"SessionRefresh sends people from {', '.join(missing)} to the provider.",
            hint=f"Add to OIDC_EXEMPT_URLS: {', '.join(map(repr, missing))}.",
            id="oidc_logout.W011",
        )
    ]


def _is_exempt(name: str) -> bool:
    path = lookup.path_of(f"oidc_logout:{name}")
    exempt: Any = conf.raw("OIDC_EXEMPT_URLS", [])
    entries = [*exempt] if isinstance(exempt, list | tuple | set) else []
    return not path or any(_exempts(entry, path) for entry in (*entries, *MOZILLAS_VIEWS))


def _exempts(entry: Any, path: str) -> bool:
    """Tell whether an entry (a name, a path, a compiled pattern) means a path, as mozilla reads."""
    if isinstance(entry, str):
        return path == (entry if entry.startswith("/") else lookup.path_of(entry))
    return bool(lookup.attempt(lambda: entry.match(path), None))


def check_admin_sites() -> list[CheckMessage]:
    """Where the admin is to sign out of the provider, each of its sites does."""
    configs = [config for config in apps.get_app_configs() if config.name == ADMIN]
    if not any(lookup.is_kind(_path(config), ADMIN_CONFIG) for config in configs):
        return []
    mixin = lookup.load(ADMIN_MIXIN)
    return [
        Warning(
            f"The admin site {site.name!r} ({_path(site)}) signs out of this site only.",
            hint="Put django_oidc_logout.sites.OIDCAdminSiteMixin in front of its base class.",
            id="oidc_logout.W012",
        )
        for site in _admin_sites()
        if not isinstance(site, mixin)
    ]


def _path(instance: object) -> str:
    return f"{type(instance).__module__}.{type(instance).__qualname__}"


def _admin_sites() -> list[Any]:
    """Return the admin sites that the URLconf has; it may make some as it is imported."""
    if not lookup.urls_load():
        return []
    sites = [*lookup.load("django.contrib.admin.sites.all_sites")]
    return [site for site in sites if lookup.path_of(f"{site.name}:index")]


CHECKS = (
    check_session_table,
    check_order_of_middleware,
    check_place_of_middleware,
    check_middleware,
)
URL_CHECKS = (check_urls, check_order_of_urls, check_landing_place, check_session_refresh)
