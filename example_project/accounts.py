"""How the site creates users for people from the identity provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def username(email: str, claims: Mapping[str, Any]) -> str:
    """Return the provider's user name, which is unique, instead of mozilla's hash."""
    return claims.get("preferred_username") or email
