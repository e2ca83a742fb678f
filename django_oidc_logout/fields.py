"""Model fields: text encrypted at rest, and digests that make long text searchable."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography import fernet
from django.db import models
from django.utils.crypto import salted_hmac

from .conf import conf

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

SALT = "django_oidc_logout.fields"


@lru_cache(maxsize=4)
def _cipher(secrets: tuple[str | bytes, ...]) -> fernet.MultiFernet:
    keys = (salted_hmac(SALT, "", secret=key, algorithm="sha256").digest() for key in secrets)
    return fernet.MultiFernet([fernet.Fernet(base64.urlsafe_b64encode(key)) for key in keys])


def encrypt(text: str) -> str:
    """Return text encrypted with a key derived from `SECRET_KEY`."""
    return _cipher(conf.secret_keys).encrypt(text.encode()).decode()


def decrypt(text: str) -> str:
    """Return what `encrypt` was given, or the empty string if it can no longer be decrypted."""
    try:
        return _cipher(conf.secret_keys).decrypt(text.encode()).decode()
    except fernet.InvalidToken:
        return ""


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]  # not subscriptable at run time
    """Text encrypted with a key derived from `SECRET_KEY`, or from one of `SECRET_KEY_FALLBACKS`.

    A value that can no longer be decrypted reads as the empty string.
    """

    def get_prep_value(self, value: Any) -> Any:
        """Encrypt on the way to the database."""
        text = super().get_prep_value(value)
        return encrypt(text) if text else text

    def from_db_value(
        self, value: str | None, _expression: object, _connection: BaseDatabaseWrapper
    ) -> str | None:
        """Decrypt on the way from the database."""
        return decrypt(value) if value else value


def digest(issuer: str, identifier: str) -> str:
    """Return the key under which an issuer's identifier is indexed; empty if the identifier is.

    It has a fixed length and compares exactly in every database collation.
    """
    text = f"{issuer}\0{identifier}"
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest() if identifier else ""


class DigestField(models.CharField):  # type: ignore[type-arg]  # not subscriptable at run time
    """The digest of the model's `issuer` and its attribute `source`, updated on every save."""

    def __init__(self, *args: Any, source: str = "", **kwargs: Any) -> None:
        self.source = source
        super().__init__(*args, **{"max_length": 64, "editable": False, **kwargs})

    def deconstruct(self) -> Any:
        """Include `source`."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "source": self.source}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:  # noqa: FBT001, ARG002  # Django's signature
        """Compute the digest."""
        value = digest(model_instance.issuer, getattr(model_instance, self.source))  # type: ignore[attr-defined]  # any model with such a column
        setattr(model_instance, self.attname, value)
        return value
