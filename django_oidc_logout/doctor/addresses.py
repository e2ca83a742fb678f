"""The site's URLs that a provider must know."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.apps import apps
from django.contrib.sites.shortcuts import get_current_site
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist
from django.db import DatabaseError
from django.urls import reverse

from ..providers import fetch
from .findings import Finding, error, ok, quoted, warning
from .recipes import Registration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .inspected import InspectedProvider

UNKNOWN_SITE = "https://your.site"
VIEWS = {
    "post_logout_redirect_uri": "callback",
    "backchannel_logout_uri": "backchannel",
    "frontchannel_logout_uri": "frontchannel",
}
CHANNELS = {
    "backchannel_logout_uri": "backchannel",
    "frontchannel_logout_uri": "frontchannel",
}


def registration(inspected: InspectedProvider) -> Registration | None:
    """Return the URLs to register; None if sign-out is local or the URLs are not included."""
    paths = _paths()
    if inspected.is_local_only or not paths:
        return None
    uris = {name: absolute(inspected, path) for name, path in paths.items()}
    if inspected.options.post_logout_redirect_uri:
        uris["post_logout_redirect_uri"] = str(inspected.options.post_logout_redirect_uri)
    return Registration(**uris)


def offered(inspected: InspectedProvider, register: Registration, commands: str) -> tuple[str, ...]:
    """Return the names of the URLs that the provider accepts, as far as this is known.

    They are those that it announces or that its vendor's commands register. If this excludes both
    channels, return all names, because some providers do not announce what they support.
    """
    announced = [
        name
        for name, channel in CHANNELS.items()
        if inspected.published(f"{channel}_logout_supported") is True
        or getattr(register, name) in commands
    ]
    return ("post_logout_redirect_uri", *(announced or CHANNELS))


def addresses(inspected: InspectedProvider) -> Iterator[Finding]:
    """Inspect whether the site's URL is known, on https, and has this package's callback."""
    paths = _paths()
    if inspected.is_local_only or not paths:
        return
    (base, source), own = _base(inspected), inspected.options.post_logout_redirect_uri
    remedy = "Pass the site's URL: --site https://www.example.com"
    if not source:
        yield warning("addresses", f"The site's URL is not known: {base} is a placeholder.", remedy)
    elif not fetch.is_secure(base):
        detail = f"{quoted(base)} ({source}) is not an https URL, which providers require."
        yield error("addresses", detail, f"Serve the site on https. {remedy}")
    elif own and urlsplit(own).path != paths["post_logout_redirect_uri"]:
        yield warning(
            "addresses",
            f"{inspected.setting('POST_LOGOUT_REDIRECT_URI')} is {quoted(own)}, not this package's "
            "callback: people return to the site, but not to the page they asked for.",
            f"Set its path to {paths['post_logout_redirect_uri']}",
        )
    else:
        yield ok("addresses", f"{base}, from {source}.")


def path_of(view: str) -> str:
    """Return the path of a view, or the empty string if the URLconf does not have it."""
    try:
        return reverse(view)
    except Exception:  # noqa: BLE001  # urls.py may raise anything, see `site`
        return ""


def _paths() -> dict[str, str]:
    paths = {name: path_of(f"oidc_logout:{view}") for name, view in VIEWS.items()}
    return paths if all(paths.values()) else {}


def is_site_known(inspected: InspectedProvider) -> bool:
    """Return whether the site's base URL is not a placeholder."""
    return bool(_base(inspected)[1])


def absolute(inspected: InspectedProvider, path: str) -> str:
    """Return the absolute URL of a path at the site."""
    return _base(inspected)[0].rstrip("/") + path


def _base(inspected: InspectedProvider) -> tuple[str, str]:
    """Return the site's base URL and its source, which is empty if the URL is a placeholder."""
    if inspected.site:
        return inspected.site, "--site"
    if own := inspected.options.post_logout_redirect_uri:
        parts = urlsplit(own)
        return f"{parts.scheme}://{parts.netloc}", "POST_LOGOUT_REDIRECT_URI"
    if apps.is_installed("django.contrib.sites"):
        try:
            return f"https://{get_current_site(None).domain}", "django.contrib.sites"
        except (DatabaseError, ImproperlyConfigured, ObjectDoesNotExist):
            pass
    return UNKNOWN_SITE, ""


INSPECTIONS = (addresses,)
