"""What calls answer: the fields are those of the command's ``--json``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class FileReport:
    path: str
    bytes: int
    sha256: str | None = None
    """64 hexadecimal digits; ``None`` where it was not computed."""


@dataclass(frozen=True)
class NodeDecision:
    """A node that has a weight, and what becomes of it."""

    node: str
    """Its name; may be empty."""
    op_type: str
    weight: str
    quantized: bool
    weight_type: str | None = None
    weight_shape: list[int] | None = None
    weight_bytes: int | None = None
    """In the input."""
    quantized_bytes: int | None = None
    """Codes and scales in the output; a shared weight counts at each of its nodes."""
    stored_only: bool = False
    """Restored to floating point when the model is loaded."""
    form: str | None = None
    """Of a product: ``"per-token"``, ..."""
    form_note: str | None = None
    """Why it is not the form that was asked for."""
    also_kept: bool = False
    reason: str | None = None
    """Why it is not quantized: a short fixed name, ``"not-constant"``."""
    detail: str | None = None


@dataclass(frozen=True)
class StoreAdvice:
    """What would make the output of a model smaller whose weights are mostly left as they are."""

    operators: list[str]
    """For ``store_int8``."""
    output_bytes: int


@dataclass(frozen=True)
class PlanReport:
    """What would be written; sizes are exact, in bytes."""

    inputs: list[FileReport]
    """The model, then its data files."""
    outputs: list[FileReport]
    quantized_nodes: int
    quantized_before: int
    """Nodes that compute with, or restore, numbers of few bits in the input already."""
    quantized_weights: int
    constant_inputs: int
    weight_bytes_before: int
    weight_bytes_after: int
    input_bytes: int
    output_bytes: int
    nodes: list[NodeDecision]
    store_advice: StoreAdvice | None = None


@dataclass(frozen=True, kw_only=True)
class RunReport(PlanReport):
    """What a run of :func:`quantize` did. Where ``outcome`` is ``"nothing-quantized"``, nothing was written."""

    outcome: Literal["done", "planned", "nothing-quantized"]
    seconds: float
    peak_memory_bytes: int
    """The largest resident set that this process ever had, Python included."""
    reason: str | None = None
    """Why nothing was quantized."""


@dataclass(frozen=True)
class WeightStatistics:
    """Of the numbers of a weight that are finite, in the weight's unit."""

    non_finite: int
    least: float
    greatest: float
    mean: float
    deviation: float
    peak_over_rms: float
    outliers: int
    """Numbers further than 6 standard deviations from the mean."""
    channels: int | None = None
    zero_channels: int | None = None
    sqnr_db: float | None = None
    """Of the INT8 form, in decibels; ``None``: it has none, or no error."""
    largest_error: float | None = None


@dataclass(frozen=True)
class WeightReport:
    weight: str
    type: str
    shape: list[int]
    elements: int
    bytes: int
    op_type: str
    quantized: bool
    reason: str | None = None
    statistics: WeightStatistics | None = None


@dataclass(frozen=True)
class DeclaredValue:
    name: str
    type: str
    shape: str


@dataclass(frozen=True)
class TypeTotal:
    type: str
    tensors: int
    elements: int
    bytes: int


@dataclass(frozen=True)
class OperatorTotal:
    op_type: str
    tensors: int
    elements: int
    bytes: int


@dataclass(frozen=True)
class InspectReport:
    path: str
    ir_version: int
    opsets: dict[str, int]
    producer: str
    domain: str
    model_version: int
    doc_string: str
    graph_name: str
    metadata: dict[str, str]
    inputs: list[DeclaredValue]
    outputs: list[DeclaredValue]
    graphs: int
    functions: int
    operators: dict[str, int]
    by_type: list[TypeTotal]
    by_operator: list[OperatorTotal]
    read_weights: bool
    weights: list[WeightReport]
    """Of floating point, the largest first."""
    plan: PlanReport
    """Its outputs as ``<name>_int8.onnx``."""


@dataclass(frozen=True)
class Check:
    check: str
    """One word: "checksums", "loads", "names", "order", "weights", "origin", "source", "tensors", "graph"."""
    result: Literal["holds", "fails", "not-checked"]
    detail: str
    problems: list[str]
    """The first 20 of them."""
    problem_count: int
    advice: str


@dataclass(frozen=True)
class WeightError:
    weight: str
    shape: list[int]
    sqnr_db: float | None
    """In decibels; ``None``: no error."""
    largest_error: float | None
    """In the weight's unit."""


@dataclass(frozen=True)
class VerifyReport:
    holds: bool
    checks: list[Check]
    weights: list[WeightError]
    seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True)
class Memory:
    """Bytes of the process that ran a model, ONNX Runtime included."""

    resident: int
    peak: int


@dataclass(frozen=True)
class ModelMeasure:
    path: str
    model_bytes: int
    data_bytes: int
    load_seconds: list[float]
    memory_after_load: Memory
    memory_after_runs: Memory


@dataclass(frozen=True)
class Latency:
    """Seconds of a run."""

    p50: float
    p90: float
    p99: float
    runs: list[float]


@dataclass(frozen=True)
class OutputFidelity:
    """How near an output of the INT8 model is to that of the FP32 one."""

    name: str
    type: str
    sqnr_db: float | None
    """In decibels; infinite: equal."""
    cosine: float | None
    max_difference: float
    top1: float | None
    """0 to 1."""
    worst_set: str | None = None
    overall_sqnr_db: float | None = None


@dataclass(frozen=True)
class SetFidelity:
    label: str
    outputs: list[OutputFidelity]


@dataclass(frozen=True)
class CaseReport:
    label: str
    inputs: list[str]
    fp32_latency: Latency
    int8_latency: Latency
    speedup: float
    outputs: list[OutputFidelity]
    length: int | None = None
    sets: list[SetFidelity] = field(default_factory=list)


@dataclass(frozen=True)
class LimitCheck:
    limit: str
    """The command's name for it: ``"--min-sqnr"``."""
    of: str
    bound: float
    measured: float
    holds: bool


@dataclass(frozen=True)
class Comparison:
    verdict: Literal["pass", "fail", "no-limits"]
    limits: list[LimitCheck]
    inputs_from: str
    inputs_made_up: bool
    notes: list[str]
    fp32: ModelMeasure
    int8: ModelMeasure
    cases: list[CaseReport]
    onnxruntime: str
    processor: str
    processors: int
    threads: int
    runs: int
    warmup: int
    seed: int


@dataclass(frozen=True)
class Prediction:
    """What a plan comes to, by the measurements of its nodes."""

    sqnr_db: float
    overall_sqnr_db: float
    seconds: float
    speedup: float
    bytes: int


@dataclass(frozen=True)
class FrontierPoint(Prediction):
    nodes: str
    """How many nodes have which form: ``"3 float32, 12 per-token"``."""


@dataclass(frozen=True)
class PlanMeasure:
    """The whole model in the forms of the plan, written and run."""

    sqnr_db: float
    overall_sqnr_db: float
    sqnr_db_by_output: list[float]
    fp32_seconds: float
    int8_seconds: float
    speedup: float
    bytes: int


@dataclass(frozen=True)
class FormMeasure:
    form: str
    seconds: float
    bytes: int
    noise: list[float] | None
    """Shares of the output's power; ``None`` where it was not measured."""


@dataclass(frozen=True)
class NodeMeasure:
    node: str
    op_type: str
    weight_shape: list[int]
    form: str
    """That of the plan."""
    choices: list[FormMeasure]


@dataclass(frozen=True)
class Tuning:
    command: str
    model: str
    model_sha256: str
    inputs_from: str
    inputs_sha256: str
    runtime_version: str
    fp32_seconds: float
    fp32_bytes: int
    cases: list[str]
    outputs: list[str]
    frontier: list[FrontierPoint]
    """Plans none of which is both slower and noisier than another, by falling speed."""
    predicted: Prediction
    measured: PlanMeasure
    nodes: list[NodeMeasure]
    notes: list[str]
    node_forms: dict[str, str]
    """The plan: ``quantize(..., node_form=tuning.node_forms)``. (Not in the JSON.)"""
    plan_toml: str
    """The same as a configuration file for ``quantize-int8 --config``. (Not in the JSON.)"""
