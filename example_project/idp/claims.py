"""What the identity provider tells a site about a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oauth2_provider.oauth2_validators import OAuth2Validator

if TYPE_CHECKING:
    from collections.abc import Callable

    from oauthlib.common import Request


class Validator(OAuth2Validator):
    """Adds name and e-mail address, as the granted scopes allow."""

    # Without the argument `request`, the claims are named in the discovery document as well.
    def get_additional_claims(self) -> dict[str, Callable[[Request], str]]:
        """Name the claims for the ID Token and for userinfo."""
        return {
            "email": lambda request: request.user.email,
            "name": lambda request: request.user.get_full_name(),
            "preferred_username": lambda request: request.user.get_username(),
        }
