"""Where the program and ONNX Runtime are. Nothing here imports or loads either."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

PROGRAM = Path(__file__).parent / "bin" / "quantize-int8"


def find_onnxruntime() -> str:
    """The folder of the pip package ``onnxruntime`` of this Python; empty where the library's own search decides.

    The environment variable ``QI8_ONNXRUNTIME`` counts more than the package.
    """
    if os.environ.get("QI8_ONNXRUNTIME"):
        return ""
    package = importlib.util.find_spec("onnxruntime")
    if package is None or package.origin is None:
        return ""
    return str(Path(package.origin).parent)


def worker() -> list[str]:
    """The command of the processes in which models are run."""
    return [str(PROGRAM), "compare-worker"]
