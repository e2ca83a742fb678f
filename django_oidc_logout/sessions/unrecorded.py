"""Sign-ins through a provider that were not recorded, because a bridge or a token is missing.

The session is marked, so that its sign-out redirects to the provider, and the log has one warning.
A site's code may record a sign-in after `login()`, so the middleware logs at the end of the
request.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ..codes import LogCode, SignInCode
from ..providers import configured
from ..signals import signed_in
from . import end, entry, flushed, origin, stores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.sessions.backends.base import SessionBase
    from django.http import HttpRequest

logger = logging.getLogger("django_oidc_logout")

AWAITED = "_oidc_logout_awaited"

INSTALL = 'add "django_oidc_logout.contrib.{}" to INSTALLED_APPS'
CALL = "call remember_login()"
REMEDIES = {
    origin.MOZILLA: "use OIDCLogoutBackend or add OIDCLogoutMixin to your backend",
    origin.SOCIAL: INSTALL.format("social"),
    origin.ADFS: INSTALL.format("adfs"),
}


def mark(request: HttpRequest) -> None:
    """Mark the session that `login()` has begun, if that was through a provider."""
    session = request.session
    if entry.row_key(session) or entry.provider_alias(session) is not None:
        return
    if origin.is_through_provider(session):
        entry.mark_provider(session, _alias(session))
        setattr(session, AWAITED, True)
        if not isinstance(session, stores.BOUND):  # without the middleware
            report(request)
        return
    before = flushed.of(session)
    if before.provider is not None:  # somebody acts as another user
        entry.mark_provider(session, before.provider)
        entry.limit(session, before.ends_at)


def settle(request: HttpRequest) -> None:
    """Do not report the sign-in of this request: it is being recorded."""
    request.session.__dict__.pop(AWAITED, None)


def report(request: HttpRequest) -> None:
    """Log and announce it if the sign-in of this request was not recorded."""
    session = request.session
    if session.__dict__.pop(AWAITED, False) and not entry.row_key(session):
        logger.warning(
            "Nothing recorded a sign-in through a provider, its sign-out will lack the hint, %s: "
            "backend=%s",
            remedy(session),
            origin.backend(session),
            extra=LogCode.NOTHING_RECORDED.extra(provider=entry.provider_alias(session) or ""),
        )
        announce(request)


def announce(request: HttpRequest) -> None:
    """Send `signed_in` for a sign-in that does not have a row."""
    end.announce(
        signed_in,
        sender=announce,
        request=request,
        session=None,
        provider=entry.provider_alias(request.session) or "",
        code=SignInCode.NOT_RECORDED,
    )


def remedy(session: SessionBase | Mapping[str, Any]) -> str:
    """Return what the site must do to record sign-ins such as this one."""
    if origin.is_allauth_social(session):
        return INSTALL.format("allauth")
    return remedy_for(origin.backend(session))


def remedy_for(path: str) -> str:
    """Return what the site must do to record the sign-ins of a backend."""
    found = [text for base, text in REMEDIES.items() if origin.is_kind(path, [base])]
    return found[0] if found else CALL


def _alias(session: SessionBase) -> str:
    """Return the alias of the provider, or the empty string if the settings do not decide it."""
    if origin.is_kind(origin.backend(session), [origin.MOZILLA]):
        return configured.fallback_alias()  # mozilla's settings are those of "default"
    return configured.only_alias()
