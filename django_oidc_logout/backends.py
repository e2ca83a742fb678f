"""The link to mozilla-django-oidc. Only this module imports it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.utils.decorators import method_decorator
from django.utils.functional import SimpleLazyObject
from mozilla_django_oidc import views
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from .exceptions import ProviderUnavailable
from .framework import request_scope
from .providers import sign_in_settings
from .rp_initiated import destination
from .sessions import entry, index, pending, validity
from .sign_in import recording, refusals

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest, HttpResponseBase


class DiscoveryMixin:
    """Reads from the provider's discovery document what mozilla's settings do not contain.

    The endpoints are lazy, because mozilla reads its settings whenever it creates a backend. Django
    creates a backend for each request of a signed-in person.
    """

    def get_settings(self, attr: str, *args: Any) -> Any:
        """Return a setting or, if it is not set, the value from the discovery document."""
        if attr == sign_in_settings.ALGORITHM and self._is_algorithm_published():
            return sign_in_settings.UNTIL_PUBLISHED
        if attr not in sign_in_settings.ENDPOINTS:
            return super().get_settings(attr, *args)  # type: ignore[misc]  # mozilla's
        written = super().get_settings(attr, None)  # type: ignore[misc]  # mozilla's
        return written or SimpleLazyObject(partial(sign_in_settings.endpoint, attr))

    def _is_algorithm_published(self) -> bool:
        """Return whether the settings leave the algorithm to the discovery document.

        If the site sets the token endpoint, mozilla's own default applies, which is HS256.
        """
        written = super().get_settings  # type: ignore[misc]  # mozilla's
        names = (sign_in_settings.ALGORITHM, sign_in_settings.TOKEN)
        return not any(written(name, None) for name in names)


class OIDCLogoutMixin(DiscoveryMixin):
    """Keeps the tokens of a sign-in for its sign-out. List it before a mozilla backend.

    mozilla-django-oidc drops the refresh token, and `login()` may flush the session with the ID
    Token in it. So the request keeps both until `user_logged_in` is sent.
    """

    request: HttpRequest
    OIDC_RP_SIGN_ALGO: str
    _refresh_token: str | None = None

    def verify_token(self, token: str, **kwargs: Any) -> Any:
        """Verify with the algorithm that the provider publishes, unless the settings name one."""
        if self.OIDC_RP_SIGN_ALGO is sign_in_settings.UNTIL_PUBLISHED:
            self.OIDC_RP_SIGN_ALGO = sign_in_settings.algorithm()
        return super().verify_token(token, **kwargs)  # type: ignore[misc]  # mozilla's

    def get_token(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Keep the refresh token of the token response."""
        token_info: dict[str, Any] = super().get_token(payload)  # type: ignore[misc]  # mozilla's
        self._refresh_token = token_info.get("refresh_token")
        return token_info

    def store_tokens(self, access_token: str | None, id_token: str) -> None:
        """Keep the verified tokens."""
        super().store_tokens(access_token, id_token)  # type: ignore[misc]  # mozilla's
        tokens = pending.PendingTokens(
            id_token=id_token, access_token=access_token, refresh_token=self._refresh_token
        )
        pending.put(self.request, tokens)

    def get_or_create_user(
        self, access_token: str, id_token: str | None, payload: Any
    ) -> AbstractBaseUser | None:
        """Return None if the sign-in is refused. The middleware then shows the reason.

        mozilla's class for Django REST framework calls this with an access token only, and does not
        sign anybody in.
        """
        if id_token and recording.is_refused(self.request, id_token):
            return None
        user: AbstractBaseUser | None = super().get_or_create_user(  # type: ignore[misc]  # mozilla's
            access_token, id_token, payload
        )
        return user

    def authenticate(self, request: HttpRequest | None, **kwargs: Any) -> AbstractBaseUser | None:
        """Record a silent refresh: the same user gets new tokens, and `login()` is not called.

        If the provider's metadata is needed but unavailable, return None. The middleware then shows
        the reason.
        """
        try:
            user: AbstractBaseUser | None = super().authenticate(request, **kwargs)  # type: ignore[misc]  # mozilla's
        except ProviderUnavailable as exc:
            refusals.log_unavailable(exc)
            if request is not None:
                request.__dict__[refusals.UNAVAILABLE] = True
            return None
        if request is not None and user is not None and _is_signed_in(request, user):
            if tokens := pending.take(request, user):
                recording.record(request, tokens, renewal=True)
            # The session may have ended in the meantime.
            return None if entry.signed_in_user(request) is None else user
        return user

    def get_user(self, user_id: Any) -> AbstractBaseUser | None:
        """Return the user of a session, unless they have been deactivated."""
        user: AbstractBaseUser | None = super().get_user(user_id)  # type: ignore[misc]  # mozilla's
        return user if getattr(user, "is_active", True) else None

    async def aget_user(self, user_id: Any) -> AbstractBaseUser | None:
        """See `get_user`. Django's own method would not call a site's `get_user`."""
        return await sync_to_async(self.get_user)(user_id)


def _is_signed_in(request: HttpRequest, user: AbstractBaseUser) -> bool:
    return validity.is_of(request.session, user) and entry.signed_in_user(request) is not None


class OIDCLogoutBackend(OIDCLogoutMixin, OIDCAuthenticationBackend):  # type: ignore[misc]  # untyped
    """mozilla-django-oidc's backend, which also keeps what a sign-out needs."""


class AuthenticationRequestView(DiscoveryMixin, views.OIDCAuthenticationRequestView):  # type: ignore[misc]  # untyped
    """Starts a sign-in at the discovered endpoint. Name it in `OIDC_AUTHENTICATE_CLASS`."""

    OIDC_OP_AUTH_ENDPOINT: str

    @method_decorator(request_scope.within)
    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Redirect to the provider, or show that it is unavailable."""
        try:
            self.OIDC_OP_AUTH_ENDPOINT = str(self.OIDC_OP_AUTH_ENDPOINT)
        except ProviderUnavailable as exc:
            refusals.log_unavailable(exc)
            return refusals.unavailable(request)
        response: HttpResponseBase = super().get(request)
        return response


@request_scope.within
def provider_logout_url(request: HttpRequest) -> str:
    """Return the end-session URL for mozilla's own logout view, as `OIDC_OP_LOGOUT_URL_METHOD`."""
    chosen = destination.choose(request, index.current(request))
    return destination.hand_out(request, chosen)
