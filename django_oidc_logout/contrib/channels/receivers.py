"""Signal receivers that notify the sockets of each session that ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver

from ...sessions import entry, handles
from ...sessions.end_own import EndedSession
from ...signals import session_ended, signed_out
from . import layers

if TYPE_CHECKING:
    from django.http import HttpRequest


@receiver([signed_out, session_ended], dispatch_uid="oidc_logout.tell_sockets")
def tell_sockets(handle: str, **_: Any) -> None:
    """Notify the sockets of a session that has ended."""
    layers.tell(handle)


@receiver(user_logged_out, dispatch_uid="oidc_logout.tell_sockets_of_logout")
def tell_sockets_of_logout(request: HttpRequest | None, **_: Any) -> None:
    """Notify the sockets of a session that a provider did not begin. Others send `signed_out`."""
    session = getattr(request, "session", None)
    if session is None or isinstance(session, EndedSession) or entry.is_from_provider(session):
        return
    layers.tell(handles.session_handle(session))
