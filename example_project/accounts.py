"""How people from the identity provider become users of the site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def username(email: str, claims: Mapping[str, Any]) -> str:
    """Name a new user as the provider does, which keeps names unique, not by a hash."""
    return claims.get("preferred_username") or email
