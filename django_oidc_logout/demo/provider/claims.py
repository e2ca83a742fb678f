"""The claims about a person that the identity provider sends to a site."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from oauth2_provider.oauth2_validators import OAuth2Validator

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from oauthlib.common import Request

SHORT = 2  # seconds after the token was issued, which may be in the next second


class Validator(OAuth2Validator):
    """Adds the session, and the name and e-mail address if the scopes allow them."""

    # A method without the argument `request` also lists its claims in the discovery document.
    def get_additional_claims(self) -> dict[str, Callable[[Request], str]]:
        """Return the claims for the ID Token and for userinfo."""
        return {
            "email": lambda request: request.user.email,
            "name": lambda request: request.user.get_full_name(),
            "preferred_username": lambda request: request.user.get_username(),
        }

    def get_id_token_dictionary(
        self, token: object, token_handler: object, request: Request
    ) -> tuple[dict[str, Any], datetime]:
        """Add the claims that `views.AuthorizationView` has stored with the authorization code.

        A short session ends `SHORT` seconds later. The site adds half a minute, because clocks
        differ.
        """
        claims, expires = super().get_id_token_dictionary(token, token_handler, request)
        if request.grant_type == "authorization_code":
            claims["sid"] = request.claims["sid"]
            if request.claims.get("is_short"):
                claims["session_expiry"] = int(time.time()) + SHORT
        return claims, expires
