"""Finds the user that somebody names on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db.models import Q

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.base_user import AbstractBaseUser

HELP = "a user name, a primary key or an e-mail address"
MAX_LISTED = 5


def find(text: str) -> Any:
    """Return the user with this name, primary key or e-mail address.

    Raises:
        CommandError: the number of matching users is not one.
    """
    users = get_user_model()._default_manager
    found = list(users.filter(_matching(text)).order_by("pk")[: MAX_LISTED + 1])
    if not found:
        raise CommandError(f"No user matches {text!r}.")
    if len(found) > 1:
        raise CommandError(f"Several users match {text!r}: {_listed(found)}.")
    return found[0]


def _matching(text: str) -> Q:
    model: Any = get_user_model()
    email = model.get_email_field_name()
    matching = Q(**{model.USERNAME_FIELD: text})
    if any(field.name == email for field in model._meta.fields):
        matching |= Q(**{f"{email}__iexact": text})
    try:
        return matching | Q(pk=model._meta.pk.to_python(text))
    except ValidationError:  # a name or an address
        return matching


def _listed(users: Sequence[AbstractBaseUser]) -> str:
    named = [f"{user.get_username()} (primary key {user.pk})" for user in users[:MAX_LISTED]]
    return ", ".join([*named, *["and others"] * (len(users) > MAX_LISTED)])
