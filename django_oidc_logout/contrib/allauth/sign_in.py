"""Records sign-ins through allauth, even if steps come between the provider and `login()`.

allauth decodes the ID Token and does not store it. If a sign-up form, a second factor or an e-mail
verification comes in between, allauth keeps its `SocialLogin` in the session. So this adds the
encrypted ID Token to it. A session in a cookie is too small for that, and has only the claims.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from allauth.account.signals import user_logged_in
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from allauth.socialaccount.signals import pre_social_login
from django.dispatch import receiver

from ... import fields
from ...api import check_reauthentication, remember_login
from ...conf import conf
from ...exceptions import TokenUnreadable
from ...sessions import engines, entry, unrecorded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from allauth.socialaccount.models import SocialLogin
    from django.http import HttpRequest

ID_TOKEN = "_oidc_logout_id_token"  # noqa: S105  # the name of an attribute
STATE = "oidc_logout"


def _keep_from_response(complete_login: Callable[..., SocialLogin]) -> Callable[..., SocialLogin]:
    """Make an adapter keep the ID Token of the token response, which it has verified."""

    @wraps(complete_login)
    def wrapper(*args: Any, **kwargs: Any) -> SocialLogin:
        social_login = complete_login(*args, **kwargs)
        setattr(social_login, ID_TOKEN, kwargs.get("response", {}).get("id_token"))
        return social_login

    return wrapper


def _keep_from_client(verify_token: Callable[..., SocialLogin]) -> Callable[..., SocialLogin]:
    """Make a provider keep the ID Token that a headless client sent, once it is verified."""

    @wraps(verify_token)
    def wrapper(
        provider: OpenIDConnectProvider, request: HttpRequest, token: Mapping[str, Any]
    ) -> SocialLogin:
        social_login = verify_token(provider, request, token)
        setattr(social_login, ID_TOKEN, token.get("id_token"))
        return social_login

    return wrapper


@receiver(pre_social_login, dispatch_uid="oidc_logout.prepare_social_login")
def prepare_social_login(request: HttpRequest, sociallogin: SocialLogin, **_: Any) -> None:
    """Keep the ID Token until the sign-in is complete, or refuse the sign-in before it begins.

    The token becomes part of the state that allauth keeps in the session.

    Raises:
        ImmediateHttpResponse: the person must authenticate again.
    """
    if sociallogin.state.get("process") == AuthProcess.LOGIN:
        _refuse_if_due(request, sociallogin)
    id_token = getattr(sociallogin, ID_TOKEN, None)
    if id_token and not engines.in_cookies():
        sociallogin.state[STATE] = fields.encrypt(id_token)


def _refuse_if_due(request: HttpRequest, social_login: SocialLogin) -> None:
    claims = _claims(social_login)
    if not _is_openid(social_login, claims):
        return
    try:
        response = check_reauthentication(request, claims, provider=_alias(social_login, claims))
    except TokenUnreadable:  # it is logged when the sign-in is complete
        return
    if response is not None:
        raise ImmediateHttpResponse(response)


@receiver(user_logged_in, dispatch_uid="oidc_logout.record_social_login")
def record_social_login(
    request: HttpRequest, sociallogin: SocialLogin | None = None, **_: Any
) -> None:
    """Record a sign-in through OpenID Connect, now that allauth has called `login()`."""
    if sociallogin is None:  # with a password, a code or a passkey
        return
    claims, token = _claims(sociallogin), sociallogin.token
    if not _is_openid(sociallogin, claims):
        unrecorded.settle(request)
        entry.mark_provider(request.session)  # how to sign out there is unknown
        return
    remember_login(
        request,
        _id_token(sociallogin),
        claims=claims,
        access_token=token.token if token else None,
        refresh_token=token.token_secret if token else None,
        provider=_alias(sociallogin, claims),
    )


def _is_openid(social_login: SocialLogin, claims: Mapping[str, Any]) -> bool:
    """Return whether a sign-in used OpenID Connect. OAuth alone does not define a sign-out."""
    return isinstance(social_login.provider, OpenIDConnectProvider) or "iss" in claims


def _id_token(social_login: SocialLogin) -> str | None:
    kept: str | None = getattr(social_login, ID_TOKEN, None)
    return kept or fields.decrypt(social_login.state.get(STATE, "")) or None


def _claims(social_login: SocialLogin) -> dict[str, Any]:
    """Return the claims of the ID Token, or those of the UserInfo response."""
    data: dict[str, Any] = social_login.account.extra_data
    # With Google and Apple, and from a headless client, the data itself is the claims.
    return data.get("id_token") or data.get("userinfo") or data


def _alias(social_login: SocialLogin, claims: Mapping[str, Any]) -> str | None:
    """Return allauth's ID of the provider if it is an alias. An issuer may have several."""
    options = conf.OIDC_LOGOUT_PROVIDERS.get(social_login.account.provider)
    is_issuer = options is not None and claims.get("iss", options.issuer) == options.issuer
    return options.alias if options and is_issuer else None


for _owner, _name, _wrap in (
    (OpenIDConnectOAuth2Adapter, "complete_login", _keep_from_response),
    (OpenIDConnectProvider, "verify_token", _keep_from_client),
):
    setattr(_owner, _name, _wrap(getattr(_owner, _name)))
