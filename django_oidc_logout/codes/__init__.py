"""Stable codes of what happened, for programs. The sentence of each is for people and may change.

`docs/reference/codes.md` lists them all.
"""

from .base import Code, Source
from .log import LogCode
from .outcomes import (
    EndedCode,
    NotEndedCode,
    OutcomeCode,
    RefusedCode,
    RejectedCode,
    SignInCode,
)

__all__ = [
    "Code",
    "EndedCode",
    "LogCode",
    "NotEndedCode",
    "OutcomeCode",
    "RefusedCode",
    "RejectedCode",
    "SignInCode",
    "Source",
]
