"""Where a sign-out redirects the browser. This is decided before the session ends."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.utils.translation import get_language, to_locale

from ..codes import LogCode, OutcomeCode
from ..exceptions import OIDCLogoutError, ProviderSkipped, ProviderUnavailable
from ..framework import request_scope
from ..providers import EndSessionRequest, EndSessionURL, configured
from ..sessions import entry, login_hints, sql
from ..tokens import id_token
from . import local_target, responses, return_to
from .return_to import State

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest

    from ..models import OIDCSession
    from ..outcome import ProviderOutcome
    from ..providers import OIDCProvider
    from ..tokens.id_token import IDToken

logger = logging.getLogger("django_oidc_logout")

HANDED_OUT = "_oidc_logout_destination"


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where to redirect the browser, whether that is at the provider, and why."""

    url: str
    provider_outcome: ProviderOutcome
    code: OutcomeCode
    reason: str
    alias: str = ""
    """The alias of the provider, if it is known."""
    warning: str = ""
    """A warning for Django's messages to show at the target. See `local_target.choose`."""
    page_url: str = ""
    """The URL of the signed-out page, if there is a warning."""
    is_recorded: bool = True
    """Whether the sign-in has a row, if it was through a provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """What is known about how the session began."""

    alias: str = ""
    """The alias of the provider; empty if it is not configured."""
    issuer: str = ""
    hint: str = ""
    """The ID Token as it was kept, even if it cannot be read."""
    id_token: IDToken | None = None
    sid: str = ""
    logout_hint: str = ""
    signed_in_at: datetime | None = None
    is_recorded: bool = False


def choose(
    request: HttpRequest,
    row: OIDCSession | None,
    *,
    requested: object = None,
    local_only: bool = False,
) -> Destination:
    """Decide where to redirect the browser. If anything fails, the result is a URL on this site.

    Args:
        request: the request that signs out.
        row: the row of its session, or None.
        requested: the requested URL, path or view name; ignored if it is unsafe.
        local_only: whether to keep the session at the provider.
    """
    state, is_recorded = State(), True
    try:
        state = replace(state, next=return_to.safe_target(request, requested))
        with sql.savepoints():
            sign_in = _sign_in(request, row)
            state, is_recorded = replace(state, alias=sign_in.alias), sign_in.is_recorded
            destination = _destination(request, sign_in, state, local_only=local_only)
    except ProviderSkipped as exc:
        destination = _local(request, state, "skipped", _code(exc), str(exc))
    except OIDCLogoutError as exc:
        reason = OutcomeCode.PROVIDER_UNAVAILABLE.sentence.format(why=exc)
        destination = _local(request, state, "unavailable", _code(exc), reason)
    except Exception:  # not even the site's own provider class may prevent a sign-out
        logger.exception(
            "Could not build the end-session URL, check the provider's BACKEND",
            extra=LogCode.PROVIDER_CLASS_FAILED.extra(),
        )
        destination = _local(request, state, "unavailable", OutcomeCode.PROVIDER_CLASS_FAILED)
    return replace(destination, is_recorded=is_recorded, alias=state.alias)


def _code(exc: OIDCLogoutError) -> OutcomeCode:
    is_of_outcome = isinstance(exc.code, OutcomeCode)
    return OutcomeCode(exc.code) if is_of_outcome else OutcomeCode.PROVIDER_UNAVAILABLE


def _destination(
    request: HttpRequest, sign_in: SignIn, state: State, *, local_only: bool
) -> Destination:
    if local_only:
        return _local(request, state, "skipped", OutcomeCode.LOCAL_ONLY)
    return _at_provider(request, sign_in, replace(state, provider_outcome="redirect"))


def hand_out(request: HttpRequest, destination: Destination) -> str:
    """Store a destination on the request. Return the URL for code that cannot show its warning."""
    setattr(request_scope.unwrapped(request), HANDED_OUT, destination)
    return destination.page_url or destination.url


def handed_out(request: HttpRequest) -> Destination | None:
    """Return the destination that `hand_out` stored on the request, if any."""
    return getattr(request_scope.unwrapped(request), HANDED_OUT, None)


def _local(
    request: HttpRequest,
    state: State,
    outcome: ProviderOutcome,
    code: OutcomeCode,
    reason: str = "",
) -> Destination:
    is_asked_for = code == OutcomeCode.LOCAL_ONLY
    state = replace(state, provider_outcome=outcome)
    url, warning = local_target.choose(request, state, warn=not is_asked_for)
    return Destination(
        url=url,
        provider_outcome=outcome,
        code=code,
        reason=reason or code.sentence,
        warning=warning,
        page_url=return_to.page_url(state) if warning else "",
    )


def _sign_in(request: HttpRequest, row: OIDCSession | None) -> SignIn:
    if row is not None:
        token = id_token.read_or_none(row.id_token)
        return SignIn(
            alias=row.provider or (token.alias if token else ""),
            issuer=row.issuer,
            hint=row.id_token,
            id_token=token,
            sid=row.sid,
            logout_hint=_logout_hint(request, row, token),
            signed_in_at=row.signed_in_at,
            is_recorded=True,
        )
    if token := id_token.read_or_none(entry.mozilla_id_token(request.session)):
        return SignIn(
            alias=token.alias,
            issuer=token.issuer,
            hint=token.encoded,
            id_token=token,
            sid=token.sid,
            logout_hint=token.login_hint or token.subject,
        )
    is_from_provider = entry.is_from_provider(request.session)
    if entry.signed_in_user(request) is not None and not is_from_provider:
        raise ProviderSkipped(code=OutcomeCode.NOT_THROUGH_PROVIDER)
    alias = entry.provider_alias(request.session)
    if alias is None:
        alias = configured.fallback_alias()
    return SignIn(alias=alias, is_recorded=not is_from_provider)


def _logout_hint(request: HttpRequest, row: OIDCSession, token: IDToken | None) -> str:
    """Return a name by which the provider may know the person, or else their `sub`."""
    if token:
        return token.login_hint or token.subject
    known = login_hints.of(request.session)
    return row.sub if known is None else known


def _at_provider(request: HttpRequest, sign_in: SignIn, state: State) -> Destination:
    provider = _provider(sign_in)
    found = _end_session_url(
        provider,
        sign_in,
        EndSessionRequest(
            id_token_hint=sign_in.hint,
            logout_hint=sign_in.logout_hint,
            sid=sign_in.sid,
            post_logout_redirect_uri=_post_logout_redirect_uri(request, provider),
            state=return_to.sign(state),
            ui_locales=to_locale(get_language() or "").replace("_", "-"),
        ),
        responses.max_url_length(request),
    )
    if not found.url.startswith(("https://", "http://")):
        raise ProviderUnavailable(f"the end_session_endpoint of {provider.name} is not an http URL")
    redirected = OutcomeCode.REDIRECTED.sentence.format(name=provider.name)
    return Destination(
        url=found.url,
        provider_outcome="redirect",
        code=found.code,
        reason=f"{redirected} {found.remark}".strip(),
    )


def _end_session_url(
    provider: OIDCProvider, sign_in: SignIn, request: EndSessionRequest, max_length: int | None
) -> EndSessionURL:
    """Return the end-session URL, without a hint that the provider would reject.

    Some providers respond to such a hint with an error page, and keep the session.
    """
    found = provider.end_session_url(request, max_length=max_length)
    token = sign_in.id_token
    if token is None or not id_token.is_withdrawn(token, provider.options, sign_in.signed_in_at):
        return found
    without = replace(request, id_token_hint="")
    shorter = provider.end_session_url(without, max_length=max_length)
    if len(shorter.url) >= len(found.url):  # it did not have a hint
        return found
    code = OutcomeCode.HINT_KEY_WITHDRAWN
    return EndSessionURL(shorter.url, f"{code.sentence} {shorter.remark}".strip(), code)


def _provider(sign_in: SignIn) -> OIDCProvider:
    if sign_in.issuer:
        return configured.provider_of_session(sign_in.alias, sign_in.issuer)
    if sign_in.alias:
        return configured.provider_for(sign_in.alias)
    configured.require_readable()
    raise ProviderUnavailable(code=OutcomeCode.PROVIDER_NOT_CONFIGURED)


def _post_logout_redirect_uri(request: HttpRequest, provider: OIDCProvider) -> str:
    path = return_to.callback_path()
    own = request.build_absolute_uri(path) if path else ""
    return provider.options.post_logout_redirect_uri or own
