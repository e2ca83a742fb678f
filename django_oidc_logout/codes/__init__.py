"""Stable codes for programs. The sentence of each code is for people and may change.

`docs/reference/codes.md` lists all codes.
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
