"""The native module: options as the C++ library has them, and calls that answer with the command's JSON."""

import enum
from os import PathLike

from quantize_int8._listen import Listener

Path = str | PathLike[str]

class LinkPolicy(enum.Enum):
    SAFE = ...
    FOLLOW = ...

class WeightType(enum.Enum):
    INT8 = ...
    UINT8 = ...

class Granularity(enum.Enum):
    CHANNEL = ...
    TENSOR = ...

class ExternalData(enum.Enum):
    ALWAYS = ...
    AUTO = ...
    NEVER = ...

class Optimization(enum.Enum):
    NONE = ...
    BASIC = ...
    EXTENDED = ...

class Over(enum.Enum):
    MOST = ...
    SUM = ...
    WORST = ...

class Selection:
    ops: list[str]
    store_int8: list[str]
    include: list[str]
    exclude: list[str]
    min_elements: int
    granularity: Granularity
    matmul_const_b_only: bool
    subgraphs: bool
    override_inputs: bool
    allow_growth: bool
    weight_type: WeightType
    symmetric: bool
    reduce_range: bool
    def set_target(self, major: int, minor: int, /) -> None: ...
    def add_form(self, form: str, pattern: str | None, /) -> None: ...
    def set_node_form(self, node: str, form: str, /) -> None: ...

class QuantizeOptions:
    input: Path
    output: Path
    links: LinkPolicy
    selection: Selection
    optimize: Optimization
    external_data: ExternalData
    replace_output: bool
    keep_non_finite: bool
    dry_run: bool
    allow_empty: bool
    expected_input: str | None
    hash_inputs: bool
    data_file: str | None
    checksum_file: Path | None
    audit_log: Path | None
    isa: str
    threads: int
    memory_budget: int

class InspectOptions:
    model: Path
    links: LinkPolicy
    selection: Selection
    external_data: ExternalData
    keep_non_finite: bool
    read_weights: bool

class VerifyOptions:
    model: Path
    against: Path | None
    use_checksums: bool
    checksum_file: Path | None
    links: LinkPolicy
    isa: str
    threads: int
    memory_budget: int

class RunOptions:
    inputs: Path
    most_sets: int | None
    dims: dict[str, int]
    seed: int
    mask: str | None
    links: LinkPolicy
    threads: int
    timeout_seconds: float
    onnxruntime: str
    worker: list[str]
    def set_lengths(self, dimensions: list[str], values: list[int], /) -> None: ...
    def set_values(self, input: str, low: float, high: float, /) -> None: ...

class Limits:
    min_sqnr_db: float | None
    min_cosine: float | None
    min_top1: float | None
    max_latency_p50: float | None
    min_speedup: float | None
    max_rss: int | None
    max_size_ratio: float | None

class CompareOptions(RunOptions):
    fp32: Path
    int8: Path
    runs: int
    warmup: int
    loads: int
    limits: Limits

class Goals:
    min_sqnr_db: float | None
    min_speedup: float | None
    max_latency: float | None
    max_size: int | None
    over: Over

class TuneOptions(RunOptions):
    model: Path
    goals: Goals
    weight_type: WeightType
    def set_forms(self, names: list[str], /) -> None: ...

class TuneResult:
    @property
    def json(self) -> str: ...
    @property
    def plan(self) -> str: ...
    @property
    def forms(self) -> dict[str, str]: ...

def quantize(options: QuantizeOptions, onnxruntime: str, listener: Listener, /) -> str: ...
def inspect(options: InspectOptions, listener: Listener, /) -> str: ...
def verify(options: VerifyOptions, onnxruntime: str, listener: Listener, /) -> str: ...
def compare(options: CompareOptions, listener: Listener, /) -> str: ...
def tune(options: TuneOptions, listener: Listener, /) -> TuneResult: ...
def version() -> str: ...
def computed_operators() -> list[str]: ...
def storable_operators() -> list[str]: ...
