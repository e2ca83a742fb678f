"""The admin's list of sessions, and the action "Sign out everywhere" for lists of users."""

from .filters import ProviderFilter, StateFilter
from .history import SessionEventAdmin
from .sessions import OIDCSessionAdmin
from .users import OIDCUserAdmin, SignOutEverywhereMixin

__all__ = [
    "OIDCSessionAdmin",
    "OIDCUserAdmin",
    "ProviderFilter",
    "SessionEventAdmin",
    "SignOutEverywhereMixin",
    "StateFilter",
]
