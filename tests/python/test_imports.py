"""Libraries that have protobuf and more of their own in them, in one process with ours."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from conftest import two_products

# All that each of them does with protobuf, after all are imported.
USE_ALL = """
import onnx, onnxruntime, quantize_int8, numpy, sys
model = onnx.load(sys.argv[1])
quantize_int8.quantize_dynamic(model, sys.argv[2])
onnx.checker.check_model(sys.argv[2], full_check=True)
onnx.shape_inference.infer_shapes(onnx.load(sys.argv[2]))
onnxruntime.InferenceSession(sys.argv[2]).run(None, {"x": numpy.zeros((1, 64), numpy.float32)})
assert quantize_int8.verify(sys.argv[2]).holds
quantize_int8.quantize(sys.argv[1], sys.argv[2] + "2.onnx", optimize="extended")
"""


def run_python(code: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    onnx.save(two_products(), tmp_path / "m.onnx")
    command = [sys.executable, "-c", code, tmp_path / "m.onnx", tmp_path / "q.onnx"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("order", list(itertools.permutations(["onnx", "onnxruntime", "quantize_int8"])), ids="-".join)
def test_they_are_imported_in_any_order(order: tuple[str, ...], tmp_path: Path) -> None:
    ended = run_python("".join(f"import {name}\n" for name in order) + USE_ALL, tmp_path)
    assert ended.returncode == 0, ended.stderr


# TensorFlow, for one, shows its protobuf to all libraries that are loaded later.
@pytest.mark.parametrize("first", [True, False])
def test_a_protobuf_that_all_can_see_does_not_meet_ours(first: bool, tmp_path: Path) -> None:
    load = "import ctypes\nctypes.CDLL('libonnx_proto.so.1', ctypes.RTLD_GLOBAL)\n"
    ours = "import quantize_int8\n"
    use = "import sys\nquantize_int8.quantize(sys.argv[1], sys.argv[2])\nassert quantize_int8.verify(sys.argv[2]).holds\n"
    ended = run_python((load + ours if first else ours + load) + use, tmp_path)
    assert ended.returncode == 0, ended.stderr


def test_no_runtime_is_imported_before_it_is_needed(tmp_path: Path) -> None:
    code = (
        "import sys, quantize_int8\n"
        "quantize_int8.quantize_dynamic(sys.argv[1], sys.argv[2])\n"
        "sys.exit(bool({'onnx', 'onnxruntime', 'numpy'} & set(sys.modules)))\n"
    )
    ended = run_python(code, tmp_path)
    assert ended.returncode == 0, ended.stderr
