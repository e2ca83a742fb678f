"""System checks of the project: its apps, URLs, middleware and admin sites."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Warning
from django.shortcuts import resolve_url

from ..conf import conf
from ..rp_initiated import return_to
from ..sessions import engines
from . import lookup

MIDDLEWARE = "MIDDLEWARE"
OIDC_SESSION = "django_oidc_logout.middleware.OIDCSessionMiddleware"
SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
SESSION_REFRESH = "mozilla_django_oidc.middleware.SessionRefresh"
LOGOUT_URL_METHOD = "django_oidc_logout.backends.provider_logout_url"
ADMIN_MIXIN = "django_oidc_logout.sites.OIDCAdminSiteMixin"
VIEWS = ("logout", "callback", "backchannel", "frontchannel", "status")
VIEWS_FOR_BROWSERS = ("logout", "callback", "frontchannel", "status")
MOZILLA_VIEWS = ("oidc_authentication_init", "oidc_authentication_callback", "oidc_logout")


def check_session_table() -> list[CheckMessage]:
    """Check that the model of database sessions is installed."""
    model = getattr(lookup.attempt(engines.store, None), "get_model_class", None)
    if model is None or lookup.attempt(model, None):
        return []
    return [
        Error(
            f"SESSION_ENGINE is {conf.raw('SESSION_ENGINE')!r}, but its model is not installed.",
            hint='Add "django.contrib.sessions" to INSTALLED_APPS and run manage.py migrate.',
            id="oidc_logout.E015",
        )
    ]


def uses_mozilla_view() -> bool:
    """Return whether mozilla's logout view gets its URL from this package."""
    return bool(conf.raw("OIDC_OP_LOGOUT_URL_METHOD") == LOGOUT_URL_METHOD)


def check_urls() -> list[CheckMessage]:
    """Check that the package's URLs are included, unless the site has its own callback."""
    providers = conf.known_providers.values()
    if (
        all(options.post_logout_redirect_uri for options in providers)
        or uses_mozilla_view()
        or not lookup.urls_load()
        or lookup.path_of("oidc_logout:callback")
    ):
        return []
    return [
        Error(
            "The URLs of django-oidc-logout are not included in ROOT_URLCONF.",
            hint='Add path("oidc/", include("django_oidc_logout.urls")) before mozilla\'s, outside '
            "other namespaces and without URL arguments.",
            id="oidc_logout.E016",
        )
    ]


def check_order_of_urls() -> list[CheckMessage]:
    """Check that the paths of the package's views resolve to these views."""
    return [
        Error(
            f"{lookup.path_of(f'oidc_logout:{name}')} is served by {other}, not by the view "
            f"oidc_logout:{name}.",
            hint='Move path("oidc/", include("django_oidc_logout.urls")) before it: Django uses '
            "the first match.",
            id="oidc_logout.E017",
        )
        for name in VIEWS
        if (other := _other_view(name)) and not (name == "logout" and uses_mozilla_view())
    ]


def _other_view(name: str) -> str:
    """Return the view that serves the path of `oidc_logout:{name}` instead, or an empty string."""
    path = lookup.path_of(f"oidc_logout:{name}")
    match = lookup.served_by(path) if path else None
    if match is None or (match.url_name == name and match.app_names[-1:] == ["oidc_logout"]):
        return ""
    view = getattr(match.func, "view_class", match.func)
    return f"{view.__module__}.{getattr(view, '__qualname__', type(view).__qualname__)}"


def check_redirect_url() -> list[CheckMessage]:
    """Check that the redirect target after sign-out is valid."""
    problem = _redirect_problem(lookup.attempt(lambda: str(_redirect_url()), ""))
    if not problem or not lookup.urls_load():
        return []
    own = lookup.attempt(lambda: bool(conf.raw("OIDC_LOGOUT_REDIRECT_URL")), otherwise=True)
    return [
        Warning(
            f"{'OIDC_LOGOUT_REDIRECT_URL' if own else 'LOGOUT_REDIRECT_URL'} {problem}.",
            hint='Set it to a name that reverse() knows, a path such as "/bye/", or an https URL.',
            id="oidc_logout.W003",
        )
    ]


def _redirect_problem(url: str) -> str:
    """Return what is wrong with the redirect target, or the empty string."""
    if not (url.startswith(("/", ".")) or return_to.ABSOLUTE.match(url)):
        return "is not a view name, a path or an absolute URL"
    leads_back = lookup.attempt(lambda: return_to.leads_back(url), otherwise=False)
    return "is a view of the sign-out, so people land on the built-in page" if leads_back else ""


def _redirect_url() -> str:
    """Return the URL in the settings, which may be lazy; "/" stands for the built-in page."""
    url = conf.OIDC_LOGOUT_REDIRECT_URL
    return resolve_url(url) if url else "/"


def check_order_of_middleware() -> list[CheckMessage]:
    """Check that the middleware comes after SessionMiddleware."""
    before = _before_oidc_session()
    if before is None or _has_session(before):
        return []
    return [
        Error(
            "MIDDLEWARE does not have SessionMiddleware before OIDCSessionMiddleware: every "
            "request fails.",
            hint=f'Put "{SESSION}" and "{AUTHENTICATION}" before it.',
            id="oidc_logout.E018",
        )
    ]


def check_place_of_middleware() -> list[CheckMessage]:
    """Check that the middleware comes after AuthenticationMiddleware."""
    before = _before_oidc_session()
    after = {*lookup.derived(MIDDLEWARE, AUTHENTICATION)} - {*(before or ())}
    if before is None or not _has_session(before) or not after:
        return []
    return [
        Warning(
            "OIDCSessionMiddleware comes before AuthenticationMiddleware in MIDDLEWARE.",
            hint=f'Move it after "{AUTHENTICATION}", where it is tested.',
            id="oidc_logout.W009",
        )
    ]


def _before_oidc_session() -> list[str] | None:
    """Return the middleware before OIDCSessionMiddleware, or None if that is missing."""
    found = lookup.derived(MIDDLEWARE, OIDC_SESSION)
    paths = lookup.named(MIDDLEWARE)
    return paths[: paths.index(found[0])] if found else None


def _has_session(paths: list[str]) -> bool:
    """Return whether one is a session middleware. Other packages' classes have the same name."""
    return any(p.endswith(".SessionMiddleware") or lookup.is_kind(p, SESSION) for p in paths)


def check_middleware() -> list[CheckMessage]:
    """Check that the middleware is installed: sessions in cookies need it."""
    if lookup.derived(MIDDLEWARE, OIDC_SESSION):
        return []
    hint = (
        f'Add "{OIDC_SESSION}" to MIDDLEWARE, after AuthenticationMiddleware. It also shows people '
        "why their sign-in was refused: without it, they are redirected without a reason."
    )
    if lookup.attempt(engines.in_cookies, otherwise=False):
        return [
            Error(
                "SESSION_ENGINE stores sessions in cookies, and OIDCSessionMiddleware is not in "
                "MIDDLEWARE: only the browser can end a session.",
                hint=hint,
                id="oidc_logout.E019",
            )
        ]
    return [
        Warning(
            "OIDCSessionMiddleware is not in MIDDLEWARE: after a password change, nothing can end "
            "the session remotely; after sign-out, the Back button shows private pages.",
            hint=hint,
            id="oidc_logout.W010",
        )
    ]


def check_session_refresh() -> list[CheckMessage]:
    """Check that mozilla's SessionRefresh skips the package's views."""
    if not lookup.derived(MIDDLEWARE, SESSION_REFRESH):
        return []
    missing = [f"oidc_logout:{name}" for name in VIEWS_FOR_BROWSERS if not _is_exempt(name)]
    if not missing:
        return []
    return [
        Warning(
            f"SessionRefresh redirects people from {', '.join(missing)} to the provider.",
            hint=f"Add to OIDC_EXEMPT_URLS: {', '.join(map(repr, missing))}.",
            id="oidc_logout.W011",
        )
    ]


def _is_exempt(name: str) -> bool:
    path = lookup.path_of(f"oidc_logout:{name}")
    exempt: Any = conf.raw("OIDC_EXEMPT_URLS", [])
    entries = [*exempt] if isinstance(exempt, list | tuple | set) else []
    return not path or any(_exempts(entry, path) for entry in (*entries, *MOZILLA_VIEWS))


def _exempts(entry: Any, path: str) -> bool:
    """Return whether mozilla would match a path with an entry: a name, a path or a pattern."""
    if isinstance(entry, str):
        return path == (entry if entry.startswith("/") else lookup.path_of(entry))
    return bool(lookup.attempt(lambda: entry.match(path), None))


def check_admin_sites() -> list[CheckMessage]:
    """Check that every admin site signs out of the provider, if OIDCAdminConfig is installed."""
    if not lookup.has_admin_config():
        return []
    mixin = lookup.load(ADMIN_MIXIN)
    return [
        Warning(
            f"The admin site {site.name!r} ({lookup.path_to(type(site))}) does not sign out of the "
            "provider.",
            hint=f"Add {ADMIN_MIXIN} before its base class.",
            id="oidc_logout.W012",
        )
        for site in _admin_sites()
        if not isinstance(site, mixin)
    ]


def _admin_sites() -> list[Any]:
    """Return the admin sites in the URLconf, which may create some when it is imported."""
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
URL_CHECKS = (check_urls, check_order_of_urls, check_redirect_url, check_session_refresh)
