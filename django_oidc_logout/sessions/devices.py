"""The device and the address of a request, as far as `OIDC_LOGOUT_KEEP_DEVICE` keeps them."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from ..conf import conf

try:
    import ua_parser
except ImportError:  # the extra "device" is not installed
    ua_parser = None  # type: ignore[assignment]  # it is optional

if TYPE_CHECKING:
    from django.http import HttpRequest

MAX_USER_AGENT = 500  # characters to parse; browsers send fewer
MAX_LENGTH = 100
PREFIXES = {4: 24, 6: 48}  # bits of a truncated address


def has_parser() -> bool:
    """Return whether user agents can be parsed."""
    return ua_parser is not None


def describe(request: HttpRequest | None) -> dict[str, str]:
    """Return the values of `device` and `address` of a row; both are empty if they are not kept."""
    if request is None or not conf.OIDC_LOGOUT_KEEP_DEVICE:
        return {"device": "", "address": ""}
    return {
        "device": _device(request.headers.get("User-Agent", "")),
        "address": _address(request.META.get("REMOTE_ADDR") or ""),
    }


def _device(user_agent: str) -> str:
    """Return the browser and the system, such as "Firefox, Linux"; empty without ua-parser."""
    if not (has_parser() and user_agent):
        return ""
    parsed = ua_parser.parse(user_agent[:MAX_USER_AGENT])
    families = (part.family for part in (parsed.user_agent, parsed.os) if part)
    return ", ".join(families)[:MAX_LENGTH]


def _address(remote: str) -> str:
    if conf.kept_address == "none":
        return ""
    try:
        address = ipaddress.ip_address(remote.partition("%")[0])
    except ValueError:  # such as with a Unix socket
        return ""
    address = getattr(address, "ipv4_mapped", None) or address  # on a socket for both versions
    if conf.kept_address == "full":
        return str(address)
    network = ipaddress.ip_network(f"{address}/{PREFIXES[address.version]}", strict=False)
    return str(network.network_address)
