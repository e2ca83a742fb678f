"""What the commands that select people do with their options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from django_oidc_logout.providers import configured

if TYPE_CHECKING:
    from collections.abc import Iterable


def refuse_empty(options: dict[str, Any], names: Iterable[str]) -> None:
    """Refuse an option that is given without a value, as a shell's variable that is not set is.

    Raises:
        CommandError: one of the options is the empty string.
    """
    for name in names:
        if options[name] == "":
            raise CommandError(f"--{name} is empty. Give a value, or leave it out.")


def given_or_only_issuer(issuer: str | None) -> str:
    """Return the issuer, or that of the only provider if none is given.

    Raises:
        CommandError: none is given, and the number of issuers is not one.
    """
    try:
        return issuer or configured.only_issuer()
    except ValueError as exc:
        raise CommandError(f"{exc}.") from exc
