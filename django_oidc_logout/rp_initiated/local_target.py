"""The target of a sign-out that does not redirect to the provider, and what people must know there.

The session at the provider may still exist. The signed-out page says so. A page of the site says so
if it shows Django's messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext

from ..providers import configured
from ..sessions import entry
from . import responses, return_to

if TYPE_CHECKING:
    from django.http import HttpRequest

    from .return_to import State


def choose(request: HttpRequest, state: State, *, warn: bool) -> tuple[str, str]:
    """Return the target, and a warning that Django's messages must show there, if any.

    If they cannot carry the warning, the target is the signed-out page, which shows it and links to
    where the person wanted to go.

    Args:
        request: the request that signs out.
        state: the state of the sign-out.
        warn: whether the person must know that the session at the provider may still exist.
    """
    url = return_to.local_url(state)
    may_be_signed_in = state.provider_outcome == "unavailable" or state.alias
    if not (warn and may_be_signed_in and _has_own_page(state)):
        return url, ""
    if responses.can_warn(request):
        return url, _warning(state)
    is_person = entry.known_user(request) is not None
    if is_person and not responses.is_answered_in_json(request):
        url = return_to.page_url(state) or url
    return url, ""


def _has_own_page(state: State) -> bool:
    """Return whether people land on a page of the site."""
    return bool(state.next or return_to.default_url() or not return_to.callback_path())


def _warning(state: State) -> str:
    name = configured.display_name(state.alias, "") or gettext("your identity provider")
    text = gettext("You are signed out here. You may still be signed in at %(name)s.")
    return text % {"name": name}
