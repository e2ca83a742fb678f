"""The middleware: keeps the index up to date and signed-in pages out of the browser's cache."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async

from .conf import conf
from .framework import request_scope
from .sessions import bound_store, entry, index, unrecorded, user_changes
from .sessions.pending import PendingTokens
from .sign_in import recording, refusals

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


class OIDCSessionMiddleware:
    """Follows sessions whose key or ID Token changes, and marks signed-in pages `no-store`.

    If sessions are kept in cookies, a session that began through a provider lives only as long as
    its row. A request that does not use the session does not cost a query. List the middleware
    after `AuthenticationMiddleware`.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Handle a request. Under ASGI, return the coroutine that handles it."""
        if self.is_async:
            return self.__acall__(request)
        with request_scope.begin(request):
            return self._handle(request)

    def _handle(self, request: HttpRequest) -> Any:
        bound_store.bind(request)
        request.__dict__[user_changes.HANDLED] = True
        try:
            response = self.get_response(request)
        finally:  # even if the server stops this request
            request.__dict__.pop(user_changes.HANDLED, None)
            if user_changes.END_OWN in request.__dict__:
                user_changes.end_own(request)
        if entry.will_be_saved(request.session):
            _update_row(request)
        elif entry.was_seen_long_ago(request.session):
            index.see(request.session)
        if refusals.concern(request):
            response = refusals.answer(request, response)
        return _no_store(request, response)

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        with request_scope.begin(request):
            return await self._ahandle(request)

    async def _ahandle(self, request: HttpRequest) -> HttpResponseBase:
        await sync_to_async(bound_store.bind)(request)
        request.__dict__[user_changes.HANDLED] = True
        try:
            response: HttpResponseBase = await self.get_response(request)
        finally:  # even if the browser disconnects: Django then cancels the view
            request.__dict__.pop(user_changes.HANDLED, None)
            if user_changes.END_OWN in request.__dict__:
                await asyncio.shield(sync_to_async(user_changes.end_own)(request))
        if entry.will_be_saved(request.session):
            await sync_to_async(_update_row)(request)
        elif entry.was_seen_long_ago(request.session):
            await sync_to_async(index.see)(request.session)
        if refusals.concern(request):
            response = await sync_to_async(refusals.answer)(request, response)
        return _no_store(request, response)


def _update_row(request: HttpRequest) -> None:
    if id_token := entry.new_id_token(request.session):
        recording.record(request, PendingTokens(id_token=id_token), renewal=True)
    unrecorded.report(request)
    bound_store.follow(request)
    if entry.expiry_differs(request.session):
        index.extend(request.session)


def _no_store(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if (
        request.session.accessed
        and conf.OIDC_LOGOUT_NO_STORE
        and not response.has_header("Cache-Control")
        and entry.is_signed_in(request.session)
    ):
        response.headers["Cache-Control"] = "no-store"
    return response
