"""The key with which the identity provider signs ID Tokens."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

if TYPE_CHECKING:
    from pathlib import Path


def signing_key(path: Path) -> str:
    """Read the key in PEM; make it first if there is none."""
    if not path.exists():
        _make(path)
    return path.read_text()


def _make(path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    # Whole or not at all, and for nobody else to read.
    draft = path.with_suffix(f".{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(pem)
    draft.replace(path)
