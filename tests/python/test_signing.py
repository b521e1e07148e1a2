"""The recipe for signatures, as docs/python.md has it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from conftest import REPOSITORY

from quantize_int8 import quantize_folder


def shell(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_output_is_signed_and_a_changed_one_is_not_taken(model: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    model.rename(tmp_path / "in/model.onnx")
    quantize_folder(tmp_path / "in", tmp_path / "quantized")
    page = (REPOSITORY / "docs/python.md").read_text()
    (recipe,) = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    signed = shell(recipe, tmp_path)
    assert signed.returncode == 0, signed.stderr

    with open(tmp_path / "quantized/model_quantized.onnx", "ab") as changed:
        changed.write(b"\0")
    verify = recipe.splitlines()[-1]
    assert verify.startswith("model_signing verify")
    assert shell(verify, tmp_path).returncode != 0
