"""What test modules share, other than fixtures."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit


def is_signed_in(client):
    """Tell whether the site still knows a client."""
    return b"AnonymousUser" not in client.get("/private/").content


def query_of(response):
    """Return the query of the address that an answer redirects to."""
    return {k: v[0] for k, v in parse_qs(urlsplit(response["Location"]).query).items()}
