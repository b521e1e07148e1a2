"""Turns FP32 ONNX models into INT8 ones that ONNX Runtime runs several times faster on a CPU.

``quantize_dynamic`` takes the place of ONNX Runtime's function of that name. The other calls are the commands of the
program ``quantize-int8``: ``quantize``, ``inspect``, ``verify``, ``compare`` and ``tune``.
"""

from quantize_int8 import _native
from quantize_int8._calls import compare, inspect, quantize, tune, verify
from quantize_int8._dynamic import QuantType, quantize_dynamic
from quantize_int8._errors import QuantizeInt8Error, QuantizeInt8Warning
from quantize_int8._folder import FolderReport, quantize_folder
from quantize_int8._listen import Progress
from quantize_int8._reports import Comparison, InspectReport, RunReport, Tuning, VerifyReport

__version__ = _native.version()

__all__ = [
    "Comparison",
    "FolderReport",
    "InspectReport",
    "Progress",
    "QuantType",
    "QuantizeInt8Error",
    "QuantizeInt8Warning",
    "RunReport",
    "Tuning",
    "VerifyReport",
    "compare",
    "inspect",
    "quantize",
    "quantize_dynamic",
    "quantize_folder",
    "tune",
    "verify",
]
