"""Which URLs may be called."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

# URL parsers disagree on whether these characters end a host.
AMBIGUOUS = re.compile(r"[\x00-\x20\x7f\\\ud800-\udfff]")


def is_secure(url: object) -> bool:
    """Return whether `url` is an absolute https URL, or an http URL on loopback."""
    if AMBIGUOUS.search(str(url)):
        return False
    try:
        parts = urlsplit(str(url))
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
