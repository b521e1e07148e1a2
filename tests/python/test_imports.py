"""Libraries that have protobuf and more of their own in them, in one process with ours."""

from __future__ import annotations

import itertools
import re
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


def functions_of_our_libraries() -> set[str]:
    """By the names that other copies of these libraries have for them."""
    names = set()
    for library in ("libprotobuf.so", "libonnx_proto.so", "libre2.so", "libyaml-cpp.so"):
        found = subprocess.run(["cc", f"-print-file-name={library}"], check=True, capture_output=True, text=True)
        listed = subprocess.run(
            ["nm", "-D", "--defined-only", "--format=posix", found.stdout.strip()], check=True, capture_output=True, text=True
        ).stdout
        for name, kind, *_ in map(str.split, listed.splitlines()):
            if kind in "TW" and re.search(r"google8protobuf|4onnx|3re2|4YAML", name):
                names.add(name.partition("@")[0])
    return names


# TensorFlow, for one, shows its protobuf, which is of another version, to all libraries that are loaded later.
@pytest.mark.parametrize("order", ["theirs-ours", "ours-theirs"])
def test_libraries_that_all_can_see_do_not_meet_ours(order: str, tmp_path: Path) -> None:
    """Here, each function of theirs ends the process."""
    names = functions_of_our_libraries()
    assert len(names) > 3000
    source = "".join(f".globl {name}\n.type {name}, @function\n{name}: ud2\n" for name in names)
    (tmp_path / "theirs.s").write_text(".text\n" + source)
    subprocess.run(["cc", "-shared", "-nostdlib", "-o", "theirs.so", "theirs.s"], cwd=tmp_path, check=True)
    theirs = f"import ctypes\nctypes.CDLL({str(tmp_path / 'theirs.so')!r}, ctypes.RTLD_GLOBAL)\n"
    ours = "import quantize_int8\n"
    use = (
        "import sys\n"
        "quantize_int8.quantize(sys.argv[1], sys.argv[2], exclude=['relu'])\n"
        "assert quantize_int8.verify(sys.argv[2]).holds\n"
    )
    ended = run_python((theirs + ours if order == "theirs-ours" else ours + theirs) + use, tmp_path)
    assert ended.returncode == 0, (ended.returncode, ended.stderr)


def test_no_runtime_is_imported_before_it_is_needed(tmp_path: Path) -> None:
    code = (
        "import sys, quantize_int8\n"
        "quantize_int8.quantize_dynamic(sys.argv[1], sys.argv[2])\n"
        "sys.exit(bool({'onnx', 'onnxruntime', 'numpy'} & set(sys.modules)))\n"
    )
    ended = run_python(code, tmp_path)
    assert ended.returncode == 0, ended.stderr
