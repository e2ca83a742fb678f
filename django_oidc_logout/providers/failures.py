"""Why a request to the identity provider failed, in words for the person who runs the site."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

REASONS = {
    socket.gaierror: "its host name cannot be resolved (DNS)",
    ssl.SSLError: "the TLS handshake failed",
    ConnectionRefusedError: "the connection was refused",
    ConnectionResetError: "the connection was closed",
    TimeoutError: "the connection timed out",
}


def reason(error: BaseException) -> str:
    """Return why a connection failed: DNS, refused, TLS, time-out; otherwise, the error's class."""
    if problem := certificate_problem(error):
        return f"its certificate is not valid ({problem})"
    if type(error).__name__ == "ProxyError":  # from requests, which only `fetch` imports
        return "the proxy does not respond"
    for cause in _causes(error):
        for kind, text in REASONS.items():
            if isinstance(cause, kind):
                return text
    return type(error).__name__


def certificate_problem(error: BaseException) -> str:
    """Return why the certificate was rejected, or the empty string if `error` has another cause."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
