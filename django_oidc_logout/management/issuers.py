"""Completes the issuer that somebody leaves out on the command line."""

from __future__ import annotations

from django.core.management.base import CommandError

from django_oidc_logout.providers import configured


def given_or_only(issuer: str | None) -> str:
    """Return the issuer, or that of the only provider if none is given.

    Raises:
        CommandError: none is given, and the number of issuers is not one.
    """
    try:
        return issuer or configured.only_issuer()
    except ValueError as exc:
        raise CommandError(f"{exc}.") from exc
