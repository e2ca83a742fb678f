"""The sites: what differs between the libraries, as far as the scenario needs it."""

from __future__ import annotations

from dataclasses import dataclass

STAFF = "staff"
"""The name of a member of staff who signs in to the admin by a password, which is the same."""

BUTTONS_PAGE = "docs/how-to/other-logout-buttons.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    name: str
    """Of its package in this folder."""
    library: str
    """A module of the library, and the name under which pip knows it."""
    distribution: str
    callback: str
    """Where the provider sends people back after the sign-in."""
    button: str = "/oidc/logout/"
    """Where the site's own sign-out button posts to."""
    told: frozenset[str] = frozenset()
    """The checks that tell a site which forgets a step: none knows of a line in a site's view."""


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            name="mozilla",
            library="mozilla_django_oidc",
            distribution="mozilla-django-oidc",
            callback="/oidc/callback/",
            told=frozenset({"oidc_logout.W008"}),
        ),
        Kind(
            name="allauth",
            library="allauth",
            distribution="django-allauth",
            callback="/accounts/oidc/company/login/callback/",
            button="/accounts/logout/",
            told=frozenset({"oidc_logout.W008", "oidc_logout.W030", "oidc_logout.W056"}),
        ),
        Kind(
            name="authlib",
            library="authlib",
            distribution="Authlib",
            callback="/callback/",
        ),
        Kind(
            name="social",
            library="social_django",
            distribution="social-auth-app-django",
            callback="/social/complete/oidc/",
            told=frozenset({"oidc_logout.W030"}),
        ),
        Kind(
            name="wagtail",
            library="wagtail",
            distribution="wagtail",
            callback="/oidc/callback/",
            button="/cms/logout/",
            told=frozenset({"oidc_logout.W008", "oidc_logout.W056"}),
        ),
    )
}
