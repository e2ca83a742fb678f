"""The door to mozilla-django-oidc. The only module that imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from . import api, departure, index, sessions

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.http import HttpRequest


class OIDCLogoutMixin:
    """Keeps the tokens of a sign-in for its sign-out. Put it in front of a mozilla backend.

    mozilla-django-oidc drops the refresh token, and `login()` may flush the session with the ID
    Token in it, so both wait on the request until `user_logged_in`.
    """

    request: HttpRequest
    _refresh_token: str | None = None

    def get_token(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Note the refresh token of the token response."""
        token_info: dict[str, Any] = super().get_token(payload)  # type: ignore[misc]  # mozilla's
        self._refresh_token = token_info.get("refresh_token")
        return token_info

    def store_tokens(self, access_token: str | None, id_token: str) -> None:
        """Note the verified tokens."""
        super().store_tokens(access_token, id_token)  # type: ignore[misc]  # mozilla's
        sessions.note_tokens(
            self.request,
            id_token=id_token,
            access_token=access_token,
            refresh_token=self._refresh_token,
        )

    def authenticate(self, request: HttpRequest | None, **kwargs: Any) -> AbstractBaseUser | None:
        """Record a silent refresh, which no `login()` follows: the same person, new tokens."""
        user: AbstractBaseUser | None = super().authenticate(request, **kwargs)  # type: ignore[misc]  # mozilla's
        if request is not None and user is not None and user == sessions.signed_in_user(request):
            if tokens := sessions.take_tokens(request):
                api.renew_login(request, **tokens)
            return user if sessions.signed_in_user(request) else None  # it was ended meanwhile
        return user


class OIDCLogoutBackend(OIDCLogoutMixin, OIDCAuthenticationBackend):  # type: ignore[misc]  # untyped
    """mozilla-django-oidc's backend, remembering what a sign-out needs."""


def provider_logout_url(request: HttpRequest) -> str:
    """Return where mozilla's own logout view sends the browser: `OIDC_OP_LOGOUT_URL_METHOD`."""
    row = index.current(request.session)
    return departure.plan(request, row).url
