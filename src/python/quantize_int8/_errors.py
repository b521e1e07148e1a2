"""The one exception class, and the one class of warnings."""

from __future__ import annotations

from typing import Literal

from quantize_int8._words import in_python

ErrorKind = Literal["failure", "invalid-model", "usage", "check-failed", "interrupted"]


class QuantizeInt8Error(Exception):
    """What ends a call. ``str()`` of it says where, what was wrong and what to do.

    ``kind`` is what a program decides on: ``"usage"`` for options that cannot be meant, ``"invalid-model"`` for a
    file that is no model, ``"check-failed"`` for something that was to be proved and does not hold, ``"failure"``
    for all else, such as a full disk.
    """

    kind: ErrorKind

    def __init__(self, message: str, kind: ErrorKind = "failure") -> None:
        super().__init__(message, kind)
        self.kind = kind

    def __str__(self) -> str:
        return str(self.args[0])


class QuantizeInt8Warning(UserWarning):
    """Something that a user should know and that does not end a call."""


def from_library(message: str, kind: ErrorKind) -> QuantizeInt8Error:
    """What the native module raises for an error of the library."""
    return QuantizeInt8Error(in_python(message), kind)
