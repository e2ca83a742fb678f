"""HTTP requests to the identity provider. Only this module uses the network.

Each request is limited in time and size. Plain http is rejected except on loopback, and so is a
redirect to another host.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import requests

from ..exceptions import NotPublished, ProviderUnavailable
from . import failures, secure_urls
from .deadline import within

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..conf import ProviderOptions

MAX_BYTES = 1024 * 1024
MAX_REDIRECTS = 3
CHUNK = 64 * 1024
OAUTH_STATUSES = (200, 400, 401)  # RFC 6749, section 5
NOT_PUBLISHED = (404, 410)

is_secure = secure_urls.is_secure


def get_json(url: str, options: ProviderOptions) -> tuple[dict[str, Any], str]:
    """Fetch a JSON object. Return it and the Cache-Control header.

    Raises:
        NotPublished: the provider does not have the document.
        ProviderUnavailable: the request failed, or took more than `options.timeout` seconds.
    """
    document, headers = get_document(url, options)
    return document, headers.get("Cache-Control", "")


def get_document(url: str, options: ProviderOptions) -> tuple[dict[str, Any], Mapping[str, str]]:
    """Fetch a JSON object. Return it and the headers, whose names are case-insensitive.

    Raises:
        ProviderUnavailable: see `get_json`.
    """
    return within(options.timeout, url, lambda deadline: _get(url, options, deadline))


class Answer(NamedTuple):
    """A response with any status."""

    status: int
    location: str
    """The target of a redirect; empty if it is not a redirect."""
    document: dict[str, Any]
    """The JSON object of the response to a form; empty if it is not one."""


def ask(
    url: str,
    options: ProviderOptions,
    form: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
) -> Answer:
    """Send a GET request, or post a form, and return the response without following a redirect.

    Raises:
        ProviderUnavailable: see `get_json`.
    """
    return within(options.timeout, url, lambda deadline: _ask(url, options, form, auth, deadline))


def post_form(
    url: str, options: ProviderOptions, data: Mapping[str, str], auth: tuple[str, str] | None
) -> None:
    """Post a form, with HTTP basic authentication if `auth` is given, and require a 200 response.

    Raises:
        ProviderUnavailable: see `get_json`.
    """
    return within(options.timeout, url, lambda _: _post(url, options, data, auth))


def post_for_json(
    url: str, options: ProviderOptions, data: Mapping[str, str], auth: tuple[str, str] | None
) -> tuple[int, dict[str, Any]]:
    """Post a form like `post_form`. Return the status and the JSON object, even of an OAuth error.

    Raises:
        ProviderUnavailable: see `get_json`; also if the status is neither 200, 400 nor 401.
    """
    return within(
        options.timeout, url, lambda deadline: _post_for_json(url, options, data, auth, deadline)
    )


def call(
    method: str, url: str, options: ProviderOptions, *, token: str, document: object = None
) -> tuple[int, Any]:
    """Call an API with a bearer token. Return the status and the JSON, or None if it is not JSON.

    Raises:
        ProviderUnavailable: see `get_json`. Any status is accepted.
    """
    run = partial(_call, method, url, options, token, document)
    return within(options.timeout, url, run)


def _get(
    url: str, options: ProviderOptions, deadline: float
) -> tuple[dict[str, Any], Mapping[str, str]]:
    target = url
    for _ in range(MAX_REDIRECTS + 1):
        with _request("GET", target, options) as response:
            if response.is_redirect:
                target = _same_host(target, response)
                continue
            if (status := response.status_code) != requests.codes.ok:
                failure = NotPublished if status in NOT_PUBLISHED else ProviderUnavailable
                raise failure(f"{target} responded with status {status}")
            return _parse(target, _read(target, response, deadline)), response.headers
    raise ProviderUnavailable(f"{url} redirects more than {MAX_REDIRECTS} times")


def _ask(
    url: str,
    options: ProviderOptions,
    form: Mapping[str, str] | None,
    auth: tuple[str, str] | None,
    deadline: float,
) -> Answer:
    method = "GET" if form is None else "POST"
    with _request(method, url, options, data=form, auth=auth) as response:
        document: dict[str, Any] = {}
        if form is not None:
            with suppress(ProviderUnavailable):
                document = _parse(url, _read(url, response, deadline))
        return Answer(response.status_code, response.headers.get("Location", ""), document)


def _post(
    url: str, options: ProviderOptions, data: Mapping[str, str], auth: tuple[str, str] | None
) -> None:
    with _request("POST", url, options, data=data, auth=auth) as response:
        if response.status_code != requests.codes.ok:
            raise ProviderUnavailable(f"{url} responded with status {response.status_code}")


def _post_for_json(
    url: str,
    options: ProviderOptions,
    data: Mapping[str, str],
    auth: tuple[str, str] | None,
    deadline: float,
) -> tuple[int, dict[str, Any]]:
    with _request("POST", url, options, data=data, auth=auth) as response:
        status = response.status_code
        if status not in OAUTH_STATUSES:
            raise ProviderUnavailable(f"{url} responded with status {status}")
        return status, _parse(url, _read(url, response, deadline))


def _call(  # noqa: PLR0913, PLR0917  # private, and called once
    method: str, url: str, options: ProviderOptions, token: str, document: object, deadline: float
) -> tuple[int, Any]:
    bearer = {"Authorization": f"Bearer {token}"}
    with _request(method, url, options, headers=bearer, json=document) as response:
        body = _read(url, response, deadline)
    try:
        return response.status_code, json.loads(body)
    except (ValueError, RecursionError):
        return response.status_code, None


class _Session(requests.Session):
    """Ignores redirects: requests would read the whole body of a redirect, even unfollowed."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None, so that a response does not count as a redirect."""


@contextmanager
def _request(
    method: str,
    url: str,
    options: ProviderOptions,
    *,
    headers: Mapping[str, str] | None = None,
    **kwargs: Any,
) -> Iterator[requests.Response]:
    if not is_secure(url):
        raise ProviderUnavailable(f"{url} is not an https URL")
    with _Session() as session:
        try:
            response = session.request(
                method,
                url,
                headers={"Accept": "application/json", **(headers or {})},
                timeout=options.timeout,
                stream=True,
                verify=options.verify_ssl,
                proxies=dict(options.proxies) if options.proxies else None,
                **kwargs,
            )
        except (OSError, ValueError) as exc:  # requests does not wrap all exceptions
            raise ProviderUnavailable(f"{url} cannot be reached: {failures.reason(exc)}") from exc
        with response:
            yield response


def _same_host(url: str, response: requests.Response) -> str:
    try:
        target = urljoin(url, response.headers["Location"])
        host = urlsplit(target).hostname
    except ValueError as exc:
        raise ProviderUnavailable(f"{url} redirects to an invalid URL") from exc
    if host != urlsplit(url).hostname:
        raise ProviderUnavailable(f"{url} redirects to another host")
    return target


def _read(url: str, response: requests.Response, deadline: float) -> bytes:
    body = bytearray()
    try:
        for chunk in response.iter_content(CHUNK):
            body += chunk
            if len(body) > MAX_BYTES or time.monotonic() > deadline:
                raise ProviderUnavailable(f"{url} responded with too much data, or too slowly")
    except requests.RequestException as exc:
        raise ProviderUnavailable(
            f"{url} closed the connection early: {type(exc).__name__}"
        ) from exc
    return bytes(body)


def _parse(url: str, body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise ProviderUnavailable(f"{url} did not respond with JSON") from exc
    if not isinstance(document, dict):
        raise ProviderUnavailable(f"{url} did not respond with a JSON object")
    return document
