"""The target after sign-out: whether it is safe, and the signed state that carries it.

Anybody can choose `next` or `return_to`, so a target is checked when it is received and again when
it is used. The site's settings are trusted.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode, urljoin, urlsplit

from django.core import signing
from django.core.exceptions import DisallowedHost
from django.http import HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils.encoding import iri_to_uri
from django.utils.http import url_has_allowed_host_and_scheme

from ..codes import LogCode
from ..conf import conf

if TYPE_CHECKING:
    from django.http import HttpRequest

logger = logging.getLogger("django_oidc_logout")

UNKNOWN_VIEW = "unknown-view"  # not a path, so never safe
MAX_TARGET_LENGTH = 2048  # as sent in a Location header
MAX_STATE_LENGTH = 8192
STATE_SALT = "django_oidc_logout.state"
STATE_LIFETIME = 60 * 60  # seconds

DEFAULT = "_oidc_logout_return_to"

FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
ABSOLUTE = re.compile(r"https?://[^/?#@\s]+(?:[/?#]|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a sign-out passes to the callback view."""

    next: str = ""
    """The requested target, if any."""
    alias: str = ""
    """The alias of the provider, if it is known."""
    provider_outcome: str = ""
    """The value of `Outcome.provider`."""

    @property
    def is_local(self) -> bool:
        """Whether the sign-out did not redirect the browser to the provider."""
        return self.provider_outcome not in ("", "redirect")


def sign(state: State) -> str:
    """Return `state` as a signed token that expires. The site does not store it."""
    values = {name: value for name, value in asdict(state).items() if value}
    return signing.dumps(values, salt=STATE_SALT, compress=True)


def unsign(token: str | None) -> State | None:
    """Return the state in a token, or None if it is forged, altered or expired."""
    if not token or len(token) > MAX_STATE_LENGTH:
        return None
    try:
        values = signing.loads(token, salt=STATE_SALT, max_age=STATE_LIFETIME)
    except signing.BadSignature:
        return None
    return State(**values) if _is_state(values) else None


def _is_state(values: object) -> bool:
    """Return whether signed values are a state of this version of the package."""
    names = {field.name for field in fields(State)}
    return (
        isinstance(values, dict)
        and values.keys() <= names
        and all(isinstance(value, str) for value in values.values())
    )


def safe_target(request: HttpRequest, requested: object) -> str:
    """Return the URL that `requested` (a URL, path or view name) means, if it is safe.

    Otherwise return the empty string, so that the settings decide.
    """
    url = _resolve(requested)
    if not url:
        return ""
    if is_safe(url, hosts={request.get_host(), *conf.OIDC_LOGOUT_ALLOWED_HOSTS}, request=request):
        return url
    logger.warning(
        "Rejected an unsafe redirect target, check OIDC_LOGOUT_ALLOWED_HOSTS",
        extra=LogCode.UNSAFE_TARGET.extra(),
    )
    return ""


def note_default(request: HttpRequest, target: object) -> None:
    """Store a view's default target on a request. It counts if the request's own is not safe."""
    setattr(request, DEFAULT, target)


def chosen(request: HttpRequest, requested: object) -> object:
    """Return the requested target. If it is not safe, return the view's default, if it is set."""
    default = getattr(request, DEFAULT, None)
    with suppress(DisallowedHost):  # a bad Host header must not prevent a sign-out
        if default is None or safe_target(request, requested):
            return requested
    return default


def is_safe(url: str, *, hosts: set[str], request: HttpRequest) -> bool:
    """Return whether every browser reads `url` as a path on this site or a URL on `hosts`."""
    if FORBIDDEN.search(url) or FORBIDDEN.search(unquote(url)):
        return False
    if len(iri_to_uri(url)) > MAX_TARGET_LENGTH:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if url.startswith("//") or "//" in unquote(parts.path):
        return False
    if not (url.startswith("/") or ABSOLUTE.match(url)):
        return False
    return url_has_allowed_host_and_scheme(url, hosts, require_https=request.is_secure())


def _resolve(requested: object) -> str:
    """Return the URL of a view name, lazy or not, or any other target as a string."""
    try:
        text = str(requested or "")
        return reverse(text) if text and "/" not in text else text
    except NoReverseMatch:
        return UNKNOWN_VIEW


def is_place(requested: object) -> bool:
    """Return whether a URLconf's `return_to` is a view name, a path or an absolute URL."""
    url = _resolve(requested)
    return url.startswith("/") or ABSOLUTE.match(url) is not None


def default_url() -> str:
    """Return the target in the settings; empty for the built-in signed-out page."""
    try:
        configured = conf.OIDC_LOGOUT_REDIRECT_URL
        url = resolve_url(configured) if configured else ""
        HttpResponseRedirect(url)  # raises for URLs that Django does not redirect to
    except Exception:  # the setting may be lazy or have any type, and a sign-out must not fail
        logger.exception(
            "OIDC_LOGOUT_REDIRECT_URL is neither a URL nor a view name",
            extra=LogCode.BAD_REDIRECT_URL.extra(),
        )
        return ""
    return "" if leads_back(url) else url


def leads_back(url: str) -> bool:
    """Return whether a target is the callback or the logout view, which would lead to it again."""
    target = urlsplit(urljoin(callback_path(), url))
    return not target.netloc and target.path in {callback_path(), _path_of("logout")} - {""}


def callback_path() -> str:
    """Return the path of the callback view; empty if the package's URLs are not included."""
    return _path_of("callback")


def _path_of(name: str) -> str:
    try:
        return reverse(f"oidc_logout:{name}")
    except NoReverseMatch:
        return ""


def local_url(state: State) -> str:
    """Return the target of a sign-out that does not redirect to the provider."""
    return state.next or default_url() or page_url(state) or "/"


def page_url(state: State) -> str:
    """Return the URL of the signed-out page; empty if the package's URLs are not included."""
    path = callback_path()
    return f"{path}?{urlencode({'state': sign(state)})}" if path else ""
