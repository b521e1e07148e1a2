"""The options of the calls, by the names that the command has for them with ``_`` for ``-``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from os import PathLike
from typing import Any, Literal, TypedDict, TypeVar

from quantize_int8 import _native
from quantize_int8._errors import QuantizeInt8Error
from quantize_int8._listen import ProgressCallback
from quantize_int8._runtime import find_onnxruntime, worker

Path = str | PathLike[str]
E = TypeVar("E", bound=Enum)


class SelectionOptions(TypedDict, total=False):
    """What is quantized, and how. :func:`quantize` and :func:`inspect` have these."""

    ops: Sequence[str]
    """Operators; default ``["MatMul", "Gemm", "Gather"]``, ``["all"]`` for all."""
    store_int8: Sequence[str]
    """Operators that compute as before from weights stored as INT8: ``Conv``, ``ConvTranspose``, ``LSTM``, ..."""
    include: Sequence[str]
    """Regular expressions (RE2): only nodes whose name one matches anywhere. One that matches none is an error."""
    exclude: Sequence[str]
    """Likewise: not these nodes."""
    form: str | Sequence[str]
    """Of all products, ``"residual"``, or of those whose name matches, ``"residual=/attn/"``; the last counts."""
    node_form: Mapping[str, str]
    """Forms of nodes by their exact names; counts more than ``form``. :func:`tune` finds them."""
    min_elements: int
    matmul_const_b_only: bool
    """False: also products of two activations. Default True."""
    nonfinite: Literal["keep", "error"]
    """What becomes of a weight with a NaN or an infinity. Default ``"keep"``."""
    subgraphs: bool
    """Also in the bodies of If, Loop and Scan. Default True."""
    override_inputs: bool
    allow_growth: bool
    weight_type: Literal["int8", "uint8"]
    symmetric: bool
    """Default True."""
    granularity: Literal["channel", "tensor"]
    reduce_range: bool
    """Codes of 7 bits, which are coarser, and whose products do not saturate either."""
    target_ort: str
    """The oldest ONNX Runtime that is to run it: ``"1.24"``."""
    external_data: Literal["always", "auto", "never"]
    follow_links: bool
    """Read external data through any link; for folders of models that you trust."""


class QuantizeOptions(SelectionOptions, total=False):
    """Of :func:`quantize`."""

    expect_input: str
    """SHA-256 that the input must have."""
    optimize: Literal["none", "basic", "extended"]
    """Let ONNX Runtime optimize the model first."""
    onnxruntime: Path
    """The library or its folder; default: that of this Python's package."""
    force: bool
    """Replace the output of an earlier run. What this program did not write is never replaced."""
    data_file: str
    """The name of the file with the weights, beside the output. Default: OUTPUT.data."""
    allow_empty: bool
    """Write an output even where nothing is quantized."""
    checksums: Path
    """Default: OUTPUT.sha256."""
    audit_log: Path
    """Default: quantization_log.jsonl beside the output."""
    dry_run: bool
    """Write nothing."""
    input_checksum: bool
    """Hash the input, so that the output says what it came from. Default True."""
    threads: int
    """0: as many as the machine has."""
    isa: str
    memory_budget: int
    """Bytes for weights in flight; default 96 MiB."""
    progress: ProgressCallback


class InspectOptions(SelectionOptions, total=False):
    """Of :func:`inspect`."""

    weights: bool
    """Read the weights: range, outliers, error of the INT8 form."""
    progress: ProgressCallback


class VerifyOptions(TypedDict, total=False):
    """Of :func:`verify`."""

    checksums: Path | None
    """Default: MODEL.sha256. ``None``: go without."""
    onnxruntime: Path
    """For a model that was optimized before it was quantized."""
    follow_links: bool
    threads: int
    isa: str
    memory_budget: int
    """Bytes."""
    progress: ProgressCallback


class RunOptions(TypedDict, total=False):
    """What models are run with, and on what. :func:`compare` and :func:`tune` have these."""

    inputs: Path
    """Recorded inputs: a .npz file or a folder. Default: made up from the model's inputs."""
    cases: int
    """Of recorded inputs, only the first so many sets."""
    mask: str
    """Input whose zeros switch positions off."""
    dims: Mapping[str, int]
    """Sizes of dynamic dimensions by their name, or by ``"input:axis"``."""
    lengths: Sequence[int] | Mapping[str, Sequence[int]]
    """Several sizes of the first dynamic dimension, or of the one named (several: ``"a,b"``); a case each."""
    values: Mapping[str, float | tuple[float, float]]
    """The value of made-up inputs, or the least and the greatest."""
    seed: int
    threads: int
    """0: as ONNX Runtime chooses."""
    timeout: float
    """Seconds that a load or a run may take; 0: any. Default 600."""
    onnxruntime: Path
    follow_links: bool
    progress: ProgressCallback


class CompareOptions(RunOptions, total=False):
    """Of :func:`compare`."""

    runs: int
    warmup: int
    loads: int
    min_sqnr: float
    """Decibels."""
    min_cosine: float
    min_top1: float
    """0 to 1."""
    max_latency_p50: float
    """Seconds."""
    min_speedup: float
    max_rss: int
    """Bytes."""
    max_size_ratio: float


class TuneOptions(RunOptions, total=False):
    """Of :func:`tune`."""

    min_sqnr: float
    """Decibels of the worst output: the fastest plan that has them."""
    min_speedup: float
    max_latency: float
    """Seconds of one run."""
    max_size: int
    """Bytes of the output."""
    over: Literal["most", "sum", "worst"]
    """What ``min_sqnr`` holds for (the command's ``--for``): all cases together and each but one in ten, all
    together, or each."""
    forms: Sequence[str]
    """To choose from, besides float32. Default ``["per-token", "residual"]``."""
    weight_type: Literal["int8", "uint8"]
    """As :func:`quantize` has it, which is then to be given the same."""


def _usage(message: str) -> QuantizeInt8Error:
    return QuantizeInt8Error(message, "usage")


class Reader:
    """Takes options one after the other; what nobody took is an error, as a misspelt option must not be silent."""

    def __init__(self, call: str, options: Mapping[str, Any]) -> None:
        self._call = call
        self._left = dict(options)

    def take(self, name: str, default: Any = None) -> Any:
        value = self._left.pop(name, None)
        return default if value is None else value

    def set(self, target: object, **attributes: str) -> None:
        """Sets the attributes of ``target`` from the options that they name, where these are given."""
        for attribute, name in attributes.items():
            if (value := self.take(name)) is None:
                continue
            try:
                setattr(target, attribute, value)
            except TypeError:
                raise _usage(f"{self._call}: {name}={value!r} is of a wrong type or out of range") from None

    def choose(self, name: str, kind: type[E], default: str) -> E:
        value = self.take(name, default)
        if not isinstance(value, str) or value.upper() not in kind.__members__:
            known = ", ".join(member.lower() for member in kind.__members__)
            raise _usage(f"{self._call}: {name}={value!r} is none of {known}")
        return kind[value.upper()]

    def strings(self, name: str) -> list[str] | None:
        value = self.take(name)
        if value is None:
            return None
        if isinstance(value, str) or not all(isinstance(item, str) for item in value):
            raise _usage(f"{self._call}: {name}={value!r} is not a list of strings")
        return list(value)

    def links(self) -> _native.LinkPolicy:
        return _native.LinkPolicy.FOLLOW if self.take("follow_links", False) else _native.LinkPolicy.SAFE

    def onnxruntime(self) -> str:
        return str(self.take("onnxruntime", "")) or find_onnxruntime()

    def finish(self) -> None:
        if self._left:
            raise _usage(f"{self._call}: there is no option {', '.join(sorted(self._left))}")


@contextmanager
def reading(call: str, options: Mapping[str, Any]) -> Iterator[Reader]:
    """Of a call's options; what cannot be made of them, whatever Python says of it, is wrong usage."""
    reader = Reader(call, options)
    try:
        yield reader
        reader.finish()
    except (AttributeError, TypeError, ValueError) as error:
        raise _usage(f"{call}: {error}") from error


def read_selection(reader: Reader) -> _native.Selection:
    selection = _native.Selection()
    for name in ("ops", "store_int8", "include", "exclude"):
        if (value := reader.strings(name)) is not None:
            setattr(selection, name, value)
    forms = reader.take("form", [])
    for text in [forms] if isinstance(forms, str) else forms:
        form, equals, pattern = text.partition("=")
        selection.add_form(form, pattern if equals else None)
    for node, form in reader.take("node_form", {}).items():
        selection.set_node_form(node, form)
    for name in (
        "min_elements",
        "matmul_const_b_only",
        "subgraphs",
        "override_inputs",
        "allow_growth",
        "symmetric",
        "reduce_range",
    ):
        reader.set(selection, **{name: name})
    selection.weight_type = reader.choose("weight_type", _native.WeightType, "int8")
    selection.granularity = reader.choose("granularity", _native.Granularity, "channel")
    if (version := reader.take("target_ort")) is not None:
        parts = str(version).split(".")
        if len(parts) < 2 or not all(part.isdecimal() for part in parts[:2]):
            raise _usage(f"target_ort={version!r} is not a version (example: 1.24)")
        selection.set_target(int(parts[0]), int(parts[1]))
    return selection


def read_nonfinite(reader: Reader) -> bool:
    value = reader.take("nonfinite", "keep")
    if value not in ("keep", "error"):
        raise _usage(f"nonfinite={value!r} is none of keep, error")
    return bool(value == "keep")


def read_run(reader: Reader, options: _native.RunOptions) -> None:
    reader.set(
        options,
        inputs="inputs",
        most_sets="cases",
        mask="mask",
        seed="seed",
        threads="threads",
        timeout_seconds="timeout",
    )
    options.dims = dict(reader.take("dims", {}))
    lengths = reader.take("lengths", [])
    if isinstance(lengths, Mapping):
        for names, sizes in lengths.items():
            options.set_lengths(names.split(","), list(sizes))
    else:
        options.set_lengths([], list(lengths))
    for name, value in reader.take("values", {}).items():
        low, high = value if isinstance(value, tuple) else (value, value)
        options.set_values(name, low, high)
    options.links = reader.links()
    options.onnxruntime = reader.onnxruntime()
    options.worker = worker()
