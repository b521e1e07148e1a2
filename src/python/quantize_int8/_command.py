"""The command ``quantize-int8``, as pip puts it on PATH: it becomes the program, and leaves no Python behind."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from quantize_int8._runtime import PROGRAM, find_onnxruntime


def main() -> NoReturn:
    # This Python's runtime, also where its environment is not the active one.
    if runtime := find_onnxruntime():
        os.environ["QI8_ONNXRUNTIME"] = runtime
    os.execv(PROGRAM, ["quantize-int8", *sys.argv[1:]])
