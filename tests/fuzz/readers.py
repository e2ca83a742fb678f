"""How those who may follow a Location parse it: they do not agree."""

from __future__ import annotations

import re
from urllib.parse import unquote, urljoin, urlsplit

from urllib3.util import parse_url

PAGE = "http://testserver/oidc/logout/"
SPECIAL = {"http", "https", "ws", "wss", "ftp", "file"}


def as_browsers(location, page=PAGE):
    """Return scheme, authority and path as the WHATWG's URL standard reads them (section 4.4)."""
    text = location.strip("".join(map(chr, range(0x21))))
    text = re.sub("[\t\n\r]", "", text)
    base = urlsplit(page)
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", text, re.DOTALL)
    scheme, rest = (match[1].lower(), match[2]) if match else (base.scheme, text)
    if scheme not in SPECIAL:
        return scheme, "", rest
    rest = re.split("[?#]", rest, maxsplit=1)[0].replace("\\", "/")
    relative = not rest.startswith("//") and (not match or scheme == base.scheme)
    if relative:
        path = rest if rest.startswith("/") else f"{base.path}{rest}"
        return scheme, base.netloc, path
    authority, slash, path = rest.lstrip("/").partition("/")
    return scheme, authority.rpartition("@")[2].lower(), slash + path


def as_urllib(location, page=PAGE):
    """Read as Python's standard library does."""
    url = urlsplit(urljoin(page, location))
    return url.scheme, url.netloc, url.path


def as_urllib3(location, page=PAGE):
    """Read as `requests` does."""
    url = parse_url(urljoin(page, location))
    return url.scheme, url.netloc or "", url.path or ""


def as_careless_proxies(location, page=PAGE):
    """Read as what decodes, and takes out the dots, before it looks (RFC 3986, section 5.2.4)."""
    scheme, authority, path = as_browsers(unquote(location), page)
    return scheme, authority, re.sub(r"/(\./)+", "/", path)


READERS = [as_browsers, as_urllib, as_urllib3, as_careless_proxies]


def leads_astray(location, hosts, *, schemes=("http", "https")):
    """Return whether any reader takes a Location for anything but a path on one of the hosts."""
    for read in READERS:
        scheme, authority, path = read(location)
        if scheme not in schemes or authority not in hosts or path.startswith("//"):
            return True
    return False
