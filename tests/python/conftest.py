"""What the tests of the wheel share: models, ways to run them, and the command that came with it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).parent / "quantize-int8"

Feeds = dict[str, np.ndarray]


def two_products(width: int = 64) -> onnx.ModelProto:
    """y = relu(x W1) W2, with names that a regular expression would misread."""
    random = np.random.default_rng(1)

    def weight(name: str) -> TensorProto:
        return numpy_helper.from_array(random.standard_normal((width, width)).astype(np.float32), name)

    nodes = [
        helper.make_node("MatMul", ["x", "W1"], ["h"], name="block.0/up(1)"),
        helper.make_node("Relu", ["h"], ["r"], name="relu"),
        helper.make_node("MatMul", ["r", "W2"], ["y"], name="block.0/up(2)"),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width]) for name in "xy"]
    graph = helper.make_graph(nodes, "two_products", values[:1], values[1:], [weight("W1"), weight("W2")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    onnx.save(two_products(), path)
    return path


@pytest.fixture
def long_work(tmp_path: Path) -> Path:
    """A model whose weights take a second to quantize, and, being all 0 in a file with a hole, no time to make."""
    size = 1 << 14
    weight = TensorProto(name="W", dims=[size, size], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", "zeros"), ("offset", "0"), ("length", str(4 * size * size))):
        weight.external_data.add(key=key, value=value)
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size]) for name in "xy"]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "W"], ["y"], name="product")], "long", values[:1], values[1:], [weight]
    )
    folder = tmp_path / "long"
    folder.mkdir()
    with open(folder / "zeros", "wb") as data:
        data.truncate(4 * size * size)
    (folder / "model.onnx").write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    )
    return folder / "model.onnx"


def run(model: Path, feeds: list[Feeds]) -> list[list[np.ndarray]]:
    """What the model gives for each of the feeds."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # Products of uint8 by int8 as they are defined, also on a processor on which they saturate.
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return [session.run(None, feed) for feed in feeds]


def decibels(reference: list[list[np.ndarray]], results: list[list[np.ndarray]]) -> float:
    """10 log10 of signal over noise of the worst output, over all feeds together."""
    worst = np.inf
    for output in range(len(reference[0])):
        exact = np.concatenate([np.ravel(one[output]).astype(float) for one in reference])
        found = np.concatenate([np.ravel(one[output]).astype(float) for one in results])
        noise = np.sum((exact - found) ** 2)
        if noise > 0:
            worst = min(worst, 10 * np.log10(np.sum(exact**2) / noise))
    return float(worst)


def noise(*shape: int, scale: float = 0.3, kind: type = np.float32) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda random: (scale * random.standard_normal(shape)).astype(kind)


def integers(*shape: int, below: int, kind: type = np.int64) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda random: random.integers(0, below, shape).astype(kind)


# The real models of scripts/fetch-models, with inputs that each of them takes.
REAL_MODELS = {
    "embedding_model.onnx": {"input_1": noise(1, 76, 32, 1)},
    "fr_liveness.onnx": {"input": noise(1, 3, 128, 128)},
    "hey_jarvis_v0.1.onnx": {"x.1": noise(1, 16, 96)},
    "magika_standard_v3_3.onnx": {"bytes": integers(1, 2048, below=257, kind=np.int32)},
    "melspectrogram.onnx": {"input": noise(1, 12800)},
    "silero_vad_16k_op15.onnx": {"input": noise(1, 576), "state": noise(2, 1, 128)},
    "silero_vad_half.onnx": {"input": noise(1, 576), "state": noise(2, 1, 128)},
    "ch_PP-OCRv4_rec_infer.onnx": {"x": noise(1, 3, 48, 320)},
    "ch_PP-OCRv4_det_infer.onnx": {"x": noise(1, 3, 64, 64)},
}


def real_model(name: str) -> Path:
    path = REPOSITORY / "build/models" / name
    assert path.exists(), f"{path} is missing: run scripts/fetch-models"
    return path


def feeds_of(name: str, count: int = 16) -> list[Feeds]:
    feeds = []
    for seed in range(count):
        random = np.random.default_rng(seed)
        feeds.append({value: make(random) for value, make in REAL_MODELS[name].items()})
        if name == "silero_vad_16k_op15.onnx":
            feeds[-1]["sr"] = np.array(16000)
    return feeds


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False)
