"""Warnings that point at the line that made the call, however many functions of this package lie between."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

from quantize_int8._errors import QuantizeInt8Warning
from quantize_int8._words import in_python

_PACKAGE = str(Path(__file__).parent)


def warn(message: str) -> None:
    """``message`` as the library says it."""
    level = 2
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
        level += 1
    warnings.warn(in_python(message), QuantizeInt8Warning, stacklevel=level)
