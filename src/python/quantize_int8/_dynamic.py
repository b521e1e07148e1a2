"""``quantize_dynamic`` with the parameters of ONNX Runtime's function of that name."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from quantize_int8 import _native
from quantize_int8._calls import quantize
from quantize_int8._errors import QuantizeInt8Error
from quantize_int8._options import Path, QuantizeOptions
from quantize_int8._reports import RunReport
from quantize_int8._warn import warn

if TYPE_CHECKING:
    import onnx


class QuantType(Enum):
    """What the codes of weights are; the members are those of ONNX Runtime's enumeration of that name."""

    QInt8 = 0
    QUInt8 = 1
    QFLOAT8E4M3FN = 2
    QInt16 = 3
    QUInt16 = 4
    QInt4 = 5
    QUInt4 = 6

    def __str__(self) -> str:
        return self.name


# What ONNX Runtime's function quantizes where it is not told; of these, convolutions and recurrent layers compute as
# before, from weights stored as INT8: their integer forms are slower, and ruin many models.
_COMPUTED_BY_DEFAULT = ["MatMul", "Gemm", "Gather", "Attention", "EmbedLayerNormalization"]
_STORED_BY_DEFAULT = ["Conv", "LSTM"]

# Operators that ONNX Runtime's function takes, and that have no weights.
_WITHOUT_WEIGHTS = {"Transpose"}

# Keys of extra_options that say nothing about a dynamic INT8 model as it is written here, by why that is so.
_WITHOUT_EFFECT = {
    "ForceQuantizeNoInputCheck",  # what has a constant weight is quantized, whatever its input is
    "DefaultTensorType",  # no types have to be guessed
}

# Keys that would change the model, and what does instead.
_ALTERNATIVES = {
    "ActivationSymmetric": "activations are quantized when the model runs; quantize(..., form=...) chooses how",
    "ActivationRestrictedAsymmetric": "activations are quantized when the model runs; quantize(..., form=...) chooses how",
    "MinimumRealRange": "scales follow from the weights alone; quantize(..., exclude=...) leaves nodes alone",
    "TensorQuantOverrides": "quantize(..., node_form={node: form}) says it node by node",
    "QDQOpTypePerChannelSupportToAxis": "axes follow from the operators; quantize(..., granularity=...) chooses the scales",
}


def quantize_dynamic(
    model_input: Path | onnx.ModelProto,
    model_output: Path,
    op_types_to_quantize: Sequence[str] | None = None,
    per_channel: bool | None = None,
    reduce_range: bool = False,
    weight_type: QuantType | Enum = QuantType.QInt8,
    nodes_to_quantize: Sequence[str] | None = None,
    nodes_to_exclude: Sequence[str] | None = None,
    use_external_data_format: bool = False,
    extra_options: Mapping[str, Any] | None = None,
) -> RunReport:
    """Quantizes ``model_input`` into ``model_output``, as ONNX Runtime's ``quantize_dynamic`` does.

    The parameters mean what they mean there, but for three defaults: where ``op_types_to_quantize`` does not name
    them, Conv and LSTM compute as before, from weights that are stored as INT8; ``per_channel`` is True (False is
    taken at its word); bodies of If, Loop and Scan are quantized as well (``EnableSubgraph``). docs/python.md has the
    table of all parameters, and why.

    An earlier output of this program is replaced. Where nothing can be quantized, the output is the input, with a
    :class:`QuantizeInt8Warning`.

    Raises :class:`QuantizeInt8Error`: as :func:`quantize` does, and of kind ``"usage"`` for what this program has no
    form for; the message names the alternative.
    """
    options: QuantizeOptions = {
        "force": True,
        "allow_empty": True,
        "override_inputs": True,  # as there: an initializer is a constant, also where it is listed as an input
        "external_data": "always" if use_external_data_format else "auto",
        "granularity": "tensor" if per_channel is False else "channel",
        "reduce_range": reduce_range,
        "weight_type": _weight_type(weight_type),
        "symmetric": _name(weight_type) == "QInt8",
    }
    if op_types_to_quantize:
        options["ops"] = _operators(op_types_to_quantize)
    else:
        options["ops"] = _COMPUTED_BY_DEFAULT
        options["store_int8"] = _STORED_BY_DEFAULT
    if nodes_to_quantize:
        options["include"] = _exactly(nodes_to_quantize)
    if nodes_to_exclude:
        options["exclude"] = _exactly(nodes_to_exclude)
    _add_extra(options, extra_options or {})
    if isinstance(model_input, (str, os.PathLike)):
        report = quantize(model_input, model_output, **options)
    else:
        report = _quantize_proto(model_input, model_output, options)
    if report.quantized_nodes == 0:
        warn(f"nothing was quantized: '{os.fspath(model_output)}' is a copy of the input; inspect() says why, by node")
    return report


def _usage(message: str) -> QuantizeInt8Error:
    return QuantizeInt8Error(f"quantize_dynamic: {message}", "usage")


def _name(weight_type: object) -> str:
    return weight_type.name if isinstance(weight_type, Enum) else str(weight_type)


def _weight_type(weight_type: object) -> Any:
    """Also of ONNX Runtime's own enumeration, whose members have the same names."""
    name = _name(weight_type)
    if name == "QInt8":
        return "int8"
    if name == "QUInt8":
        return "uint8"
    raise _usage(f"weight_type {name}: weights become QInt8 or QUInt8; quantize(..., form='float16') stores 16 bits")


def _operators(names: Sequence[str]) -> list[str]:
    """MatMul is Gemm too: ONNX Runtime's function makes each Gemm a MatMul and an Add first."""
    if isinstance(names, str):
        raise _usage(f"op_types_to_quantize is a list, not '{names}'")
    known = set(_native.computed_operators())
    for name in names:
        if name not in known | _WITHOUT_WEIGHTS:
            hint = f"; quantize(..., store_int8=['{name}']) stores it" if name in _native.storable_operators() else ""
            warn(f"operator {name} has no INT8 form and stays as it is{hint}")
    chosen = [name for name in names if name in known]
    if "MatMul" in chosen and "Gemm" not in chosen:
        chosen.append("Gemm")
    if not chosen:
        raise _usage(f"op_types_to_quantize: none of {', '.join(names)} has an INT8 form; {', '.join(sorted(known))} have")
    return chosen


def _exactly(names: Sequence[str]) -> list[str]:
    """Names as regular expressions that match these alone."""
    if isinstance(names, str):
        raise _usage(f"a list of names of nodes is wanted, not '{names}'")
    return [f"^{re.escape(name)}$" for name in names]


def _add_extra(options: QuantizeOptions, extra: Mapping[str, Any]) -> None:
    for key, value in extra.items():
        if key == "EnableSubgraph":
            options["subgraphs"] = bool(value)
        elif key == "MatMulConstBOnly":
            options["matmul_const_b_only"] = bool(value)
        elif key == "WeightSymmetric":
            if value is not None:
                options["symmetric"] = bool(value)
        elif key in _WITHOUT_EFFECT or not value:
            continue
        else:
            why = _ALTERNATIVES.get(key, "there is no such option; quantize() has the ones that there are")
            raise _usage(f"extra_options {key}={value!r}: {why}")


def _quantize_proto(model: onnx.ModelProto, output: Path, options: QuantizeOptions) -> RunReport:
    if not hasattr(model, "SerializeToString"):
        raise _usage(f"model_input is a path or an onnx.ModelProto, not {type(model).__name__}")
    for tensor in model.graph.initializer:
        if tensor.data_location == 1:  # EXTERNAL: relative to a file that a ModelProto does not name
            raise _usage(
                f"model_input has tensor '{tensor.name}' in another file; give the path of the model, "
                "or load it with its data (onnx.load)"
            )
    try:
        serialized = model.SerializeToString()
    except Exception as error:  # protobuf's, which differs by its version
        raise _usage(
            f"model_input cannot be serialized ({error}); above 2 GB, save it with "
            "onnx.save_model(..., save_as_external_data=True) and give the path"
        ) from error
    with tempfile.TemporaryDirectory(prefix="quantize_int8-") as folder:
        path = FilePath(folder) / "model.onnx"
        path.write_bytes(serialized)
        return quantize(path, output, **options)
