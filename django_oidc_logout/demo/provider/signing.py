"""The tokens that the identity provider signs itself: django-oauth-toolkit signs the ID Tokens."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from jwcrypto.jwt import JWT
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.utils import jwk_from_pem

from django_oidc_logout.demo.agreed import PROVIDER, Site

SECONDS_TO_RESPOND = 2


def signed(kind: str, site: Site, **claims: Any) -> str:
    """Return a token of a kind (its `typ`) for a site."""
    key = jwk_from_pem(oauth2_settings.OIDC_RSA_PRIVATE_KEY)
    standard = {
        "iss": PROVIDER.url,
        "aud": site.client_id,
        "iat": int(time.time()),
        "jti": secrets.token_urlsafe(16),
    }
    token = JWT(
        header=json.dumps({"alg": "RS256", "typ": kind, "kid": key.thumbprint()}),
        claims=json.dumps(standard | claims),
    )
    token.make_signed_token(key)
    return str(token.serialize())
