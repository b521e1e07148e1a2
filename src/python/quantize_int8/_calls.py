"""The calls: each is a command of the program, with dataclasses in place of text."""

from __future__ import annotations

import json
import os
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from quantize_int8 import _native
from quantize_int8._errors import QuantizeInt8Error
from quantize_int8._json import read
from quantize_int8._listen import listener
from quantize_int8._options import Path, read_nonfinite, read_run, read_selection, reading
from quantize_int8._reports import Comparison, InspectReport, RunReport, Tuning, VerifyReport
from quantize_int8._warn import warn

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from quantize_int8._options import (
        CompareOptions,
        InspectOptions,
        QuantizeOptions,
        TuneOptions,
        VerifyOptions,
    )


def _model_at(path: Path) -> FilePath:
    """The path itself; of a folder, the one .onnx file in it."""
    path = FilePath(os.fspath(path))
    if not path.is_dir():
        return path
    models = sorted(path.glob("*.onnx"))
    if len(models) == 1:
        return models[0]
    found = ", ".join(f"'{model.name}'" for model in models[:10]) or "no .onnx file"
    raise QuantizeInt8Error(f"folder '{path}' has {found} in it; name one model", "usage")


def quantize(model: Path, output: Path, **options: Unpack[QuantizeOptions]) -> RunReport:
    """Quantizes the FP32 model ``model`` (a .onnx file, or the folder of one) into ``output``.

    Beside the output stand its data, a checksum file and an audit log, as the command leaves them. The options are
    those of the command, see :class:`QuantizeOptions`. ``progress`` is called in this thread with a
    :class:`Progress`; what it raises ends the run. Other threads of Python go on meanwhile.

    Raises :class:`QuantizeInt8Error`, and KeyboardInterrupt for Ctrl-C. Whatever is raised, the input is untouched,
    the output is all of the old files or all of the new, and nothing else is left.
    """
    with reading("quantize", options) as reader:
        native = _native.QuantizeOptions()
        native.input = _model_at(model)
        native.output = os.fspath(output)
        native.selection = read_selection(reader)
        native.keep_non_finite = read_nonfinite(reader)
        native.links = reader.links()
        native.optimize = reader.choose("optimize", _native.Optimization, "none")
        native.external_data = reader.choose("external_data", _native.ExternalData, "always")
        onnxruntime = reader.onnxruntime()
        listen = listener(reader.take("progress"))
        reader.set(
            native,
            expected_input="expect_input",
            replace_output="force",
            data_file="data_file",
            allow_empty="allow_empty",
            checksum_file="checksums",
            audit_log="audit_log",
            dry_run="dry_run",
            hash_inputs="input_checksum",
            threads="threads",
            isa="isa",
            memory_budget="memory_budget",
        )
    report = read(RunReport, json.loads(_native.quantize(native, onnxruntime, listen)))
    if report.outcome == "nothing-quantized":
        warn(f"nothing to quantize in '{native.input}', so nothing was written: {report.reason}")
    return report


def inspect(model: Path, **options: Unpack[InspectOptions]) -> InspectReport:
    """What is in a model, and what quantizing would make of it; see :class:`InspectOptions`.

    Reads the graph, and weights only with ``weights=True``. Raises :class:`QuantizeInt8Error`.
    """
    with reading("inspect", options) as reader:
        native = _native.InspectOptions()
        native.model = _model_at(model)
        native.selection = read_selection(reader)
        native.keep_non_finite = read_nonfinite(reader)
        native.links = reader.links()
        native.external_data = reader.choose("external_data", _native.ExternalData, "always")
        listen = listener(reader.take("progress"))
        reader.set(native, read_weights="weights")
    return read(InspectReport, json.loads(_native.inspect(native, listen)))


def verify(model: Path, against: Path | None = None, **options: Unpack[VerifyOptions]) -> VerifyReport:
    """Checks the INT8 model ``model`` in itself and by its checksum file; with ``against``, the FP32 model that it
    came from, every bit of it. See :class:`VerifyOptions`.

    What does not hold is in the report (``holds``). Raises :class:`QuantizeInt8Error` where something cannot be read.
    """
    without_checksums = "checksums" in options and options["checksums"] is None
    with reading("verify", options) as reader:
        native = _native.VerifyOptions()
        native.model = os.fspath(model)
        native.against = None if against is None else os.fspath(against)
        native.use_checksums = not without_checksums
        native.links = reader.links()
        onnxruntime = reader.onnxruntime()
        listen = listener(reader.take("progress"))
        reader.set(
            native, checksum_file="checksums", threads="threads", isa="isa", memory_budget="memory_budget"
        )
    return read(VerifyReport, json.loads(_native.verify(native, onnxruntime, listen)))


def compare(fp32: Path, int8: Path, **options: Unpack[CompareOptions]) -> Comparison:
    """Runs both models on ONNX Runtime, each in a process of its own, and measures latency, memory, size and
    fidelity; see :class:`CompareOptions`.

    A limit that does not hold is in the report (``verdict``). Raises :class:`QuantizeInt8Error` where a model cannot
    be run, or there is no ONNX Runtime.
    """
    with reading("compare", options) as reader:
        native = _native.CompareOptions()
        native.fp32 = os.fspath(fp32)
        native.int8 = os.fspath(int8)
        read_run(reader, native)
        listen = listener(reader.take("progress"))
        reader.set(native, runs="runs", warmup="warmup", loads="loads")
        limits = _native.Limits()
        reader.set(
            limits,
            min_sqnr_db="min_sqnr",
            min_cosine="min_cosine",
            min_top1="min_top1",
            max_latency_p50="max_latency_p50",
            min_speedup="min_speedup",
            max_rss="max_rss",
            max_size_ratio="max_size_ratio",
        )
        native.limits = limits
    return read(Comparison, json.loads(_native.compare(native, listen)))


def tune(model: Path, **options: Unpack[TuneOptions]) -> Tuning:
    """Finds a form for each product of a model by measuring on ONNX Runtime; see :class:`TuneOptions`.

    Its ``node_forms`` are what :func:`quantize` takes as ``node_form``. Without a goal, the plan is the knee of what
    can be had. Raises :class:`QuantizeInt8Error`, of kind ``"check-failed"`` where no plan reaches the goals.
    """
    with reading("tune", options) as reader:
        native = _native.TuneOptions()
        native.model = _model_at(model)
        read_run(reader, native)
        listen = listener(reader.take("progress"))
        goals = _native.Goals()
        goals.over = reader.choose("over", _native.Over, "most")
        reader.set(
            goals,
            min_sqnr_db="min_sqnr",
            min_speedup="min_speedup",
            max_latency="max_latency",
            max_size="max_size",
        )
        native.goals = goals
        native.weight_type = reader.choose("weight_type", _native.WeightType, "int8")
        if (forms := reader.strings("forms")) is not None:
            native.set_forms(forms)
    result = _native.tune(native, listen)
    return read(Tuning, {**json.loads(result.json), "node_forms": result.forms, "plan_toml": result.plan})
