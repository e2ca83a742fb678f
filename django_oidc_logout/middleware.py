"""A middleware that keeps the index true, and signed-in pages out of the browser's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.contrib.auth import SESSION_KEY

from . import binding, index, sessions
from .conf import conf
from .late import late

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from . import api
else:
    api = late(".api")


class OIDCSessionMiddleware:
    """Follows sessions whose key or ID Token changes, and marks signed-in pages `no-store`.

    Where sessions live in cookies, one that was signed in through a provider lives only while its
    row does. A request that leaves the session alone costs no query. To be listed after
    `AuthenticationMiddleware`.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Handle a request; under ASGI, return the coroutine that does."""
        if self.is_async:
            return self.__acall__(request)
        binding.bind(request)
        response = self.get_response(request)
        if sessions.is_to_be_saved(request.session):
            _follow(request)
        return _no_store(request, response)

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        await sync_to_async(binding.bind)(request)
        response: HttpResponseBase = await self.get_response(request)
        if sessions.is_to_be_saved(request.session):
            await sync_to_async(_follow)(request)
        return _no_store(request, response)


def _follow(request: HttpRequest) -> None:
    if id_token := sessions.unseen_id_token(request.session):
        api.renew_login(request, id_token)
        return
    binding.follow(request)
    if sessions.has_lengthened(request.session):
        index.extend(request.session)


def _no_store(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if (
        request.session.accessed
        and conf.OIDC_LOGOUT_NO_STORE
        and not response.has_header("Cache-Control")
        and SESSION_KEY in request.session
    ):
        response.headers["Cache-Control"] = "no-store"
    return response
