"""What others say of the models that are written: ONNX's checker and its shape inference."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from conftest import REAL_MODELS, real_model

import quantize_int8

FORMS = ["per-token", "per-tensor", "residual", "float16"]


def check(path: Path, source: Path) -> None:
    """The full check, as far as the source holds it: it is ours only to keep what was right."""
    onnx.checker.check_model(path)
    try:
        onnx.checker.check_model(source, full_check=True)
    except Exception:
        return
    onnx.checker.check_model(path, full_check=True)


def knows_its_outputs(path: Path) -> list[onnx.ValueInfoProto]:
    return list(onnx.shape_inference.infer_shapes(onnx.load(path), strict_mode=False, data_prop=True).graph.output)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", sorted(REAL_MODELS))
def test_the_checker_and_shape_inference_take_them(name: str, form: str, tmp_path: Path) -> None:
    model, output = real_model(name), tmp_path / "q.onnx"
    quantize_int8.quantize(model, output, form=form, store_int8=["all"], allow_empty=True)
    check(output, model)
    assert knows_its_outputs(output) == knows_its_outputs(model)
