"""Where people land: safe targets, and the signed state that remembers them on the way.

A target that somebody else could have chosen (`next`, `return_to`) is checked when it is received
and again when it is used. Settings are the site's own words and are trusted.
"""

from __future__ import annotations

import logging
import re
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode, urlsplit

from django.core import signing
from django.http import HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils.encoding import iri_to_uri
from django.utils.http import url_has_allowed_host_and_scheme

from .conf import conf

if TYPE_CHECKING:
    from django.http import HttpRequest

logger = logging.getLogger(__name__)

NOWHERE = "nowhere"  # no path, so nothing that is safe
MAX_TARGET_LENGTH = 2048  # as it stands in a Location
MAX_STATE_LENGTH = 8192
STATE_SALT = "django_oidc_logout.state"
STATE_LIFETIME = 60 * 60  # seconds

FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
ABSOLUTE = re.compile(r"https?://[^/?#@\s]+(?:[/?#]|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a sign-out tells the page on which it ends."""

    next: str = ""
    """The target asked for, if any."""
    alias: str = ""
    """The provider's, if there was one to be told."""
    provider: str = ""
    """The outcome's word on it."""


def sign(state: State) -> str:
    """Return `state` as a token: signed, limited in time, kept nowhere."""
    values = {name: value for name, value in asdict(state).items() if value}
    return signing.dumps(values, salt=STATE_SALT, compress=True)


def unsign(token: str | None) -> State | None:
    """Return the state of a token that is ours, unaltered and not too old; else None."""
    if not token or len(token) > MAX_STATE_LENGTH:
        return None
    try:
        values = signing.loads(token, salt=STATE_SALT, max_age=STATE_LIFETIME)
    except signing.BadSignature:
        return None
    return State(**values) if _is_state(values) else None


def _is_state(values: object) -> bool:
    """Tell whether signed values are of this version, and not of one before or to come."""
    names = {field.name for field in fields(State)}
    return (
        isinstance(values, dict)
        and values.keys() <= names
        and all(isinstance(value, str) for value in values.values())
    )


def target(request: HttpRequest, requested: object) -> str:
    """Return the URL that `requested` (a URL, a path or a view's name) means, if it is safe.

    Otherwise the empty string: people land at the default place.
    """
    url = _named(requested)
    if not url:
        return ""
    if is_safe(url, hosts={request.get_host(), *conf.OIDC_LOGOUT_ALLOWED_HOSTS}, request=request):
        return url
    logger.warning("A place to land after sign-out is refused: not on this site or an allowed host")
    return ""


def is_safe(url: str, *, hosts: set[str], request: HttpRequest) -> bool:
    """Tell whether `url` is a path on this site, or a URL on one of `hosts`, to every browser."""
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


def _named(requested: object) -> str:
    """Return the URL of a view's name, lazy or not; anything else as it is."""
    try:
        text = str(requested or "")
        return reverse(text) if text and "/" not in text else text
    except NoReverseMatch:
        return NOWHERE


def default() -> str:
    """Return where the settings send people; empty for the built-in signed-out page."""
    try:
        configured = conf.OIDC_LOGOUT_REDIRECT_URL
        url = resolve_url(configured) if configured else ""
        HttpResponseRedirect(url)  # it raises for what no browser may be sent to
    except Exception:  # the setting may be lazy, or no text at all, and a sign-out never fails
        logger.exception("The place to land after sign-out is no URL and no view's name")
        return ""
    return url


def callback_path() -> str:
    """Return the path of the callback; empty if the package's URLs are not included."""
    try:
        return reverse("oidc_logout:callback")
    except NoReverseMatch:
        return ""


def here(state: State) -> str:
    """Return where a sign-out that does not go by the provider ends."""
    path = callback_path()
    signed_out_page = f"{path}?{urlencode({'state': sign(state)})}" if path else "/"
    return state.next or default() or signed_out_page
