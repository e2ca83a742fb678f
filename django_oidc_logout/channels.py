"""Sign-out that starts at the provider, over its two channels.

OpenID Connect Back-Channel Logout 1.0 (a signed token, server to server), and Front-Channel
Logout 1.0 (a frame in the browser, which brings no cookie any more, so it is a look-up).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from . import api, caching, discovery, index, logout_tokens, registry, tokens
from .exceptions import LogoutTokenInvalid, OIDCLogoutError
from .signals import logout_token_rejected

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .conf import ProviderOptions
    from .logout_tokens import LogoutToken


def back(encoded: str) -> int:
    """Verify a logout token, end its sessions, and return how many there were.

    Raises:
        OIDCLogoutError: the token fails a check, its key cannot be fetched, or a session cannot be
            ended. The same token may be sent again, unless it has done its work already.
    """
    issuer = ""
    try:
        logout_tokens.require_length(encoded)
        header, claims = tokens.parse(encoded)
        options = _addressee(claims)
        issuer = options.issuer
        token = _verify(encoded, header, claims, options)
        return _end(token, options)
    except OIDCLogoutError as exc:
        logout_token_rejected.send_robust(sender=back, issuer=issuer, reason=str(exc))
        raise


def _addressee(claims: Mapping[str, Any]) -> ProviderOptions:
    """Find by the unverified claims whose key and which client's rules are to be applied."""
    issuer, audience = claims.get("iss"), tokens.audience(claims)
    options = registry.options_for(issuer, audience, claims.get("azp"))
    if options is None:
        raise LogoutTokenInvalid("the token's iss and aud are no provider's and client's here")
    return options


def _verify(
    encoded: str, header: Mapping[str, Any], claims: Mapping[str, Any], options: ProviderOptions
) -> LogoutToken:
    algorithm = logout_tokens.require_algorithm(header, options)
    logout_tokens.require_header(header, options)
    if not any(
        tokens.is_signed_by(encoded, algorithm, keys)
        for keys in _key_sets(algorithm, header.get("kid"), options)
    ):
        raise LogoutTokenInvalid("the token's signature is by no key of its issuer")
    return logout_tokens.validate(claims, options, now=time.time())


def _key_sets(algorithm: str, kid: object, options: ProviderOptions) -> Iterable[list[Any]]:
    """Yield the keys to try: those known, and, if none fits, the newest."""
    if algorithm.startswith("HS"):
        yield [options.client_secret] if options.client_secret else []
        return
    known = tokens.fitting_keys(discovery.keys(options), algorithm, kid)
    yield known
    if not known or kid is None:
        yield tokens.fitting_keys(discovery.newest_keys(options), algorithm, kid)


def _end(token: LogoutToken, options: ProviderOptions) -> int:
    """End the sessions, once for each token: a replay must not reach a later sign-in.

    A token has been used when its sessions have ended, and not before: if the process dies in
    between, the provider hears nothing, and the same token sent again ends the rest.
    """
    used = caching.key("jti", token.issuer, token.jti)
    if caching.get(used):
        raise LogoutTokenInvalid("the token has been used")
    rows = index.matching(issuer=token.issuer, sub=token.subject, sid=token.sid)
    rows = rows.exclude(provider__in=registry.other_clients(options))
    ended = api.end_rows(rows, reason="The provider ended the session (back-channel).")
    lifetime = token.issued_at + options.max_token_age + logout_tokens.LEEWAY - time.time()
    if not caching.add(used, lifetime):
        raise LogoutTokenInvalid("the token has been used at the same time")
    return ended


def front(issuer: str, sid: str) -> int:
    """End the session that the provider means, and return how many there were: one, or none.

    Raises:
        SessionsNotEnded: the session could not be ended.
    """
    if not sid or issuer not in registry.issuers():
        return 0
    rows = index.matching(issuer=issuer, sid=sid)
    return api.end_rows(rows, reason="The provider ended the session (front-channel).")
