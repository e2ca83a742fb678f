"""Searching by person."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.db.models import CharField, TextField


def search_fields() -> list[str]:
    """Return the name and e-mail fields that the site's user model has, for a search."""
    model = get_user_model()
    texts = {
        field.name
        for field in model._meta.concrete_fields
        if isinstance(field, (CharField, TextField))
    }
    naming = (model.USERNAME_FIELD, model.get_email_field_name(), "first_name", "last_name")
    return [f"user__{name}" for name in dict.fromkeys(naming) if name in texts]
