"""Where the browser goes at a sign-out. Worked out before the session ends, and never raising."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.utils.translation import get_language, gettext, to_locale

from . import landing, registry, responses, sessions, tokens
from .exceptions import OIDCLogoutError, ProviderSkipped, ProviderUnavailable, TokenUnreadable
from .landing import State
from .providers import EndSessionRequest

if TYPE_CHECKING:
    from django.http import HttpRequest

    from .models import OIDCSession
    from .outcome import Provider
    from .providers import OIDCProvider
    from .tokens import IDToken

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Where to send the browser, whether that is at the provider, and why."""

    url: str
    provider: Provider
    reason: str
    warning: str = ""
    """What a person would be misled without, if `url` is not the signed-out page, which says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """What is known of how the session was signed in."""

    alias: str = ""
    """The provider's; empty if it is not configured."""
    issuer: str = ""
    id_token: str = ""
    sid: str = ""
    logout_hint: str = ""


def plan(
    request: HttpRequest,
    row: OIDCSession | None,
    *,
    return_to: object = None,
    local_only: bool = False,
) -> Departure:
    """Work out where the browser goes; whatever fails, it is somewhere on this site.

    Args:
        request: the request that signs out.
        row: its session's row in the index, if there is one.
        return_to: the URL, path or view name asked for; an unsafe one is as good as none.
        local_only: leave the provider alone.
    """
    state = State()
    try:
        state = replace(state, next=landing.target(request, return_to))
        signed_in = _sign_in(request, row)
        state = replace(state, alias=signed_in.alias)
        if local_only:
            reason = "Signing out of this site only was asked for."
            return _here(state, "skipped", reason, warn=False)
        return _to_provider(request, signed_in, replace(state, provider="redirect"))
    except ProviderSkipped as exc:
        return _here(state, "skipped", str(exc))
    except OIDCLogoutError as exc:
        return _here(state, "unavailable", f"The provider cannot be told: {exc}.")
    except Exception:  # rule 1: not even a provider class of the site's own keeps anybody signed in
        logger.exception("The address to sign out at the provider could not be worked out")
        return _here(state, "unavailable", "The provider cannot be told: see the error in the log.")


def _here(state: State, provider: Provider, reason: str, *, warn: bool = True) -> Departure:
    url = landing.here(replace(state, provider=provider))
    told_there = not state.next and not landing.default()
    may_be_signed_in = provider == "unavailable" or state.alias
    warning = _warning(state) if warn and may_be_signed_in and not told_there else ""
    return Departure(url=url, provider=provider, reason=reason, warning=warning)


def _warning(state: State) -> str:
    name = registry.name_of(state.alias, "") or gettext("your identity provider")
    text = gettext("You are signed out here. You may still be signed in at %(name)s.")
    return text % {"name": name}


def _sign_in(request: HttpRequest, row: OIDCSession | None) -> SignIn:
    if row is not None:
        return SignIn(
            alias=row.provider,
            issuer=row.issuer,
            id_token=row.id_token,
            sid=row.sid,
            logout_hint=_login_hint(row.id_token) or row.sub,
        )
    if token := _mozilla_token(request):
        return SignIn(
            alias=registry.alias_of(token),
            issuer=token.issuer,
            id_token=token.encoded,
            sid=token.sid,
            logout_hint=token.login_hint,
        )
    if sessions.signed_in_user(request) and not sessions.by_provider(request.session):
        raise ProviderSkipped("The sign-in was not through an identity provider.")
    return SignIn(alias=registry.fallback_alias())


def _mozilla_token(request: HttpRequest) -> IDToken | None:
    try:
        return tokens.read_id_token(sessions.mozilla_id_token(request.session))
    except TokenUnreadable:
        return None


def _login_hint(id_token: str) -> str:
    try:
        return tokens.read_id_token(id_token).login_hint
    except TokenUnreadable:
        return ""


def _to_provider(request: HttpRequest, signed_in: SignIn, state: State) -> Departure:
    provider = _provider(signed_in)
    url, remark = provider.address(
        EndSessionRequest(
            id_token_hint=signed_in.id_token,
            logout_hint=signed_in.logout_hint,
            sid=signed_in.sid,
            post_logout_redirect_uri=_post_logout_redirect_uri(request, provider),
            state=landing.sign(state),
            ui_locales=_ui_locales(),
        ),
        max_length=responses.max_url_length(request),
    )
    if not url.startswith(("https://", "http://")):
        raise ProviderUnavailable(f"{provider.name} has no web address to sign out at")
    reason = f"The browser was sent to {provider.name}. {remark}".strip()
    return Departure(url=url, provider="redirect", reason=reason)


def _provider(signed_in: SignIn) -> OIDCProvider:
    if signed_in.issuer:
        return registry.of_session(signed_in.alias, signed_in.issuer)
    if signed_in.alias:
        return registry.get(signed_in.alias)
    raise ProviderUnavailable("OIDC_LOGOUT_PROVIDERS does not say which provider to tell")


def _post_logout_redirect_uri(request: HttpRequest, provider: OIDCProvider) -> str:
    path = landing.callback_path()
    own = request.build_absolute_uri(path) if path else ""
    return provider.options.post_logout_redirect_uri or own


def _ui_locales() -> str:
    return to_locale(get_language() or "").replace("_", "-")
