"""How a call tells of itself while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from quantize_int8._warn import warn


@dataclass(frozen=True)
class Progress:
    """How far a call has come."""

    stage: str
    """"load", "scan", "plan", "layout", "preflight", "execute", "publish", "record", or what is measured."""
    done: int
    """Of ``total``, in ``unit``; both are 0 where a stage begins."""
    total: int
    unit: Literal["bytes", "measurements"]


ProgressCallback = Callable[[Progress], None]

# What the native module calls: kind, text, done, total.
Listener = Callable[[str, str, int, int], None]


def listener(progress: ProgressCallback | None) -> Listener:
    stage = ""

    def listen(kind: str, text: str, done: int, total: int) -> None:
        nonlocal stage
        if kind == "warning":
            warn(text)
            return
        if kind == "stage":
            stage = text
        if progress is not None:
            progress(Progress(stage, done, total, "measurements" if kind == "measured" else "bytes"))

    return listen
