"""System checks of what browsers see: pages, callback URL, security policy, cookies."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from django.core.checks import CheckMessage, Warning
from django.template.loader import get_template
from django.utils import translation

from .. import providers
from ..conf import conf
from . import lookup

if TYPE_CHECKING:
    from ..conf import ProviderOptions

PAGES = ("confirm", "signed_out", "refresh", "frontchannel")
DJANGO_CSP = "django.middleware.csp.ContentSecurityPolicyMiddleware"
PACKAGE_CSP = "csp.middleware.CSPMiddleware"


def check_templates() -> list[CheckMessage]:
    """Check that the page templates load."""
    names = [f"oidc_logout/{page}.html" for page in PAGES]
    missing = [name for name in names if not lookup.attempt(partial(get_template, name), None)]
    if not missing:
        return []
    return [
        Warning(
            f"TEMPLATES cannot load {', '.join(missing)}.",
            hint="Add a DjangoTemplates engine with APP_DIRS = True to TEMPLATES. If you override "
            "the template, fix the error in yours.",
            id="oidc_logout.W022",
        )
    ]


def check_form_action() -> list[CheckMessage]:
    """Check that the Content-Security-Policy allows the redirect to each provider."""
    sources = _form_action()
    if conf.OIDC_LOGOUT_RESPONSE != "redirect" or sources is None:
        return []
    return [
        Warning(
            "The form-action of the Content-Security-Policy blocks the redirect to the provider "
            f"{alias!r}: in Chromium, people are signed out here but stay on the page.",
            hint='Set OIDC_LOGOUT_RESPONSE = "refresh". Or allow the origin of the '
            "end_session_endpoint and of every host that it redirects to.",
            id="oidc_logout.W013",
        )
        for alias, options in conf.known_providers.items()
        if not any(_allows(source, _origin(options)) for source in sources)
    ]


def _form_action() -> list[str] | None:
    """Return the sources of the form-action that the installed middleware sends."""
    if lookup.derived("MIDDLEWARE", DJANGO_CSP):
        return _sources(conf.raw("SECURE_CSP"))
    if not lookup.derived("MIDDLEWARE", PACKAGE_CSP):
        return None
    policy: Any = conf.raw("CONTENT_SECURITY_POLICY")  # django-csp 4; 3 has CSP_FORM_ACTION
    if policy is not None:
        return _sources(lookup.attempt(lambda: policy["DIRECTIVES"], None))
    old = None if conf.raw("CSP_REPORT_ONLY") else conf.raw("CSP_FORM_ACTION")
    return _sources({"form-action": old})


def _sources(policy: Any) -> list[str] | None:
    value = lookup.attempt(lambda: policy["form-action"], None)
    if isinstance(value, str):
        return value.split()
    return [str(item) for item in value] if isinstance(value, list | tuple | set) else None


def _origin(options: ProviderOptions) -> SplitResult | None:
    """Return the origin of the end_session_endpoint, if it is known without the network."""
    known = options.end_session_endpoint or options.issuer
    is_standard = lookup.load(options.backend) is providers.OIDCProvider
    if not (options.end_session_endpoint or is_standard):
        return None
    return lookup.attempt(lambda: urlsplit(known), None)


def _allows(source: str, origin: SplitResult | None) -> bool:
    """Return whether a source allows an origin. If that is unknown, any host is enough."""
    if source.startswith("'") or origin is None:
        return not source.startswith("'")
    scheme, _, rest = source.rpartition("://")
    host, _, _ = rest.partition("/")
    found = (origin.hostname or "") if host.endswith(":*") else origin.netloc
    return source in ("*", f"{origin.scheme}:", "http:") or (
        scheme in ("", "http", origin.scheme) and fnmatchcase(found, host.removesuffix(":*"))
    )


def check_cleared_cookies() -> list[CheckMessage]:
    """Check that Clear-Site-Data does not clear cookies."""
    configured = lookup.named("OIDC_LOGOUT_CLEAR_SITE_DATA")
    if not {"cookies", "*"} & {*configured}:
        return []
    return [
        Warning(
            "OIDC_LOGOUT_CLEAR_SITE_DATA clears cookies: Chromium then clears those of the whole "
            "registrable domain, sibling sites included.",
            hint='Set it to ["storage"]: the session cookie is deleted anyway. If this is the '
            "only site on the domain, silence this.",
            id="oidc_logout.W014",
        )
    ]


def check_strict_cookie() -> list[CheckMessage]:
    """Check that browsers send the session cookie when people return from signing in."""
    if str(conf.raw("SESSION_COOKIE_SAMESITE")).lower() != "strict":
        return []
    return [
        Warning(
            'SESSION_COOKIE_SAMESITE is "Strict": browsers may not send the session cookie when '
            "the provider redirects people here, so the sign-in fails.",
            hint='Set it to "Lax", Django\'s default.',
            id="oidc_logout.W015",
        )
    ]


def check_insecure_cookie() -> list[CheckMessage]:
    """Check that browsers accept the session cookie."""
    same_site = str(conf.raw("SESSION_COOKIE_SAMESITE")).lower()
    if same_site != "none" or conf.raw("SESSION_COOKIE_SAMESITE") is None:
        return []
    if conf.raw("SESSION_COOKIE_SECURE"):
        return []
    return [
        Warning(
            'SESSION_COOKIE_SAMESITE is "None" without SESSION_COOKIE_SECURE: Chromium rejects '
            "the cookie, so nobody stays signed in.",
            hint='Set SESSION_COOKIE_SAMESITE = "Lax": neither logout channel needs the cookie. '
            "Or set SESSION_COOKIE_SECURE = True.",
            id="oidc_logout.W016",
        )
    ]


def check_callback_address() -> list[CheckMessage]:
    """Check that the callback URL is the same in every language."""
    options = conf.known_providers.values()
    unknown: list[str] = []
    paths = lookup.attempt(_callback_paths, unknown)
    if not paths[1:] or all(provider.post_logout_redirect_uri for provider in options):
        return []
    return [
        Warning(
            f"The callback has a URL for each language: {' and '.join(paths)}.",
            hint='Move path("oidc/", include("django_oidc_logout.urls")) out of i18n_patterns: '
            "the provider accepts only the URL that is registered.",
            id="oidc_logout.W023",
        )
    ]


def _callback_paths() -> list[str]:
    """Return the callback's paths in the first two languages. Each language costs time."""
    languages: Any = conf.raw("LANGUAGES")
    paths = []
    for code, _name in languages[:2]:
        with translation.override(code):
            paths.append(lookup.path_of("oidc_logout:callback"))
    return sorted({*paths})


CHECKS = (
    check_templates,
    check_form_action,
    check_cleared_cookies,
    check_strict_cookie,
    check_insecure_cookie,
)
URL_CHECKS = (check_callback_address,)
