"""Folders as exporters leave them and as hubs have them: models, and what belongs to them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from quantize_int8._calls import quantize
from quantize_int8._errors import QuantizeInt8Error
from quantize_int8._options import Path, QuantizeOptions
from quantize_int8._reports import RunReport

if TYPE_CHECKING:
    from typing_extensions import Unpack

# The names that exporters give to models that are no FP32 ones any more.
_MADE_ALREADY = ("_quantized", "_int8", "_uint8", "_fp16", "_q8", "_q4", "_q4f16", "_bnb4")


@dataclass(frozen=True)
class FolderReport:
    """What :func:`quantize_folder` wrote."""

    models: list[RunReport]
    """Of each model, in the order of their names."""
    copied: list[str]
    """The files that were copied, by their paths in the folder."""


def quantize_folder(source: Path, destination: Path, **options: Unpack[QuantizeOptions]) -> FolderReport:
    """Quantizes every FP32 model of a folder and copies what belongs to them: configuration, tokenizer, vocabulary.

    A model in the folder itself becomes ``<name>_quantized.onnx``, as optimum names it; one in its folder ``onnx``
    becomes ``onnx/<name>_int8.onnx``, as transformers.js does, with its data, if it has any, in ``<file>_data``. Other
    models are left where they are, and so are hidden files. ``destination`` may be ``source``: then nothing is copied.

    ``options`` are those of :func:`quantize`, for every model, but for the names of files; weights go into the model
    where they are below 1 GiB (``external_data="auto"``). A file in ``destination`` that would be copied over with
    other content is an error. Raises as :func:`quantize` does, and what was written before is then removed again.
    """
    source, destination = FilePath(os.fspath(source)), FilePath(os.fspath(destination))
    for name in ("data_file", "checksums", "audit_log"):
        if name in options:
            raise _usage(f"{name} names one file, and each model has its own")
    if not source.is_dir():
        raise _usage(f"'{source}' is not a folder; quantize() takes one model")
    models = list(_models(source))
    if not models:
        raise _usage(f"'{source}' has no FP32 model (*.onnx) in it, nor in its folder onnx")
    in_place = destination.exists() and source.samefile(destination)
    before = _there(destination)
    try:
        reports = [_quantize_one(source, destination, model, options) for model in models]
        copied: list[str] = []
        if not in_place and not options.get("dry_run"):
            belongs_to_models = {os.path.realpath(file.path) for report in reports for file in report.inputs}
            for file in _companions(source, belongs_to_models):
                _copy(source / file, destination / file)
                copied.append(str(file))
    except BaseException:  # KeyboardInterrupt too
        for path in sorted(_there(destination) - before, reverse=True):  # what is in a folder comes before it
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        raise
    return FolderReport(reports, copied)


def _usage(message: str) -> QuantizeInt8Error:
    return QuantizeInt8Error(f"quantize_folder: {message}", "usage")


def _there(folder: FilePath) -> set[FilePath]:
    """What exists in the folder, and of the folders that it is in."""
    return {path for path in (folder, *folder.parents) if path.exists()} | set(folder.rglob("*"))


def _models(source: FilePath) -> Iterator[FilePath]:
    """By their paths in the folder."""
    for folder in (source, source / "onnx"):
        for path in sorted(folder.glob("*.onnx")):
            if not path.name.startswith(".") and not path.stem.endswith(_MADE_ALREADY):
                yield path.relative_to(source)


def _quantize_one(
    source: FilePath, destination: FilePath, model: FilePath, options: QuantizeOptions
) -> RunReport:
    suffix = "_int8" if model.parent.name == "onnx" else "_quantized"
    output = destination / model.with_name(model.stem + suffix + ".onnx")
    if not options.get("dry_run"):
        output.parent.mkdir(parents=True, exist_ok=True)
    own: QuantizeOptions = {"external_data": "auto", **options, "data_file": output.name + "_data"}
    return quantize(source / model, output, **own)


def _companions(source: FilePath, models: set[str]) -> Iterator[FilePath]:
    """What is neither hidden, nor a model, nor the data of one, nor the record of an earlier run."""
    for path in sorted(source.rglob("*")):
        inner = path.relative_to(source)
        if any(part.startswith(".") for part in inner.parts) or not path.is_file():
            continue
        is_of_a_model = ".onnx" in path.name or os.path.realpath(path) in models
        if not is_of_a_model and path.name != "quantization_log.jsonl":
            yield inner


def _copy(source: FilePath, destination: FilePath) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    if destination.exists():
        if destination.read_bytes() == source.read_bytes():
            return
        raise QuantizeInt8Error(
            f"'{destination}' is there already, with other content than '{source}'; remove it, or name another folder"
        )
    shutil.copyfile(source, destination)  # of a link, what it leads to: caches of hubs consist of links
