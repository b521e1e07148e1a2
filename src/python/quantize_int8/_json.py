"""From the command's JSON to dataclasses of the same fields."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Hashable
from typing import Any, TypeVar, cast

T = TypeVar("T")


def read(kind: type[T], value: Any) -> T:
    """``value`` as the dataclass ``kind``: every key is a field, what is not there has the field's default."""
    hints = _hints(cast(Hashable, kind))
    return kind(**{name: _convert(hints[name], inner) for name, inner in value.items()})


@functools.cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _convert(kind: Any, value: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else _convert(arguments[0], value)
    if origin is list:
        return [_convert(arguments[0], item) for item in value]
    if origin is dict:
        return {key: _convert(arguments[1], item) for key, item in value.items()}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return read(kind, value)
    if kind is float:
        return float("nan") if value is None else float(value)  # JSON has no number for these: null, "inf", "-inf"
    return value
