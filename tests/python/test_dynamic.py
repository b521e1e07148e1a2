"""quantize_dynamic beside ONNX Runtime's own: the same call, with the import changed."""

from __future__ import annotations

import inspect
import logging
import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime.quantization
import pytest
from conftest import REAL_MODELS, REPOSITORY, decibels, feeds_of, real_model, run, two_products
from onnx import TensorProto, helper, numpy_helper

import quantize_int8
from quantize_int8 import QuantizeInt8Error, QuantizeInt8Warning, QuantType, quantize_dynamic

# On these, ONNX Runtime's function ends with an error.
THEIRS_FAILS = ["ch_PP-OCRv4_rec_infer.onnx", "ch_PP-OCRv4_det_infer.onnx"]
# On this one it leaves a body in FP32, so that what comes out is not the same kind of model.
THEIRS_LEAVES_HALF = ["hey_jarvis_v0.1.onnx"]


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)  # theirs advises preprocessing at every call


@pytest.mark.parametrize("weight_type", ["QInt8", "QUInt8"])
@pytest.mark.parametrize("name", sorted(set(REAL_MODELS) - set(THEIRS_FAILS + THEIRS_LEAVES_HALF)))
def test_the_same_call_gives_a_model_that_is_at_least_as_good(name: str, weight_type: str, tmp_path: Path) -> None:
    model_fp32, feeds = real_model(name), feeds_of(name)
    for module, output in ((onnxruntime.quantization, "theirs.onnx"), (quantize_int8, "ours.onnx")):
        module.quantize_dynamic(model_fp32, tmp_path / output, weight_type=module.QuantType[weight_type])
    exact = run(model_fp32, feeds)
    theirs = decibels(exact, run(tmp_path / "theirs.onnx", feeds))
    ours = decibels(exact, run(tmp_path / "ours.onnx", feeds))
    print(f"{name}: {theirs:.1f} dB, {ours:.1f} dB")  # pytest -rP shows the figures of docs/python.md
    assert ours >= theirs
    assert (tmp_path / "ours.onnx").stat().st_size < 1.02 * (tmp_path / "theirs.onnx").stat().st_size


@pytest.mark.parametrize("name", THEIRS_FAILS)
def test_it_works_where_theirs_fails(name: str, tmp_path: Path) -> None:
    model = real_model(name)
    with pytest.raises(ValueError, match="to be an initializer"):
        onnxruntime.quantization.quantize_dynamic(model, tmp_path / "theirs.onnx")
    quantize_dynamic(model, tmp_path / "ours.onnx")
    assert (tmp_path / "ours.onnx").stat().st_size < 0.3 * model.stat().st_size
    feeds = feeds_of(name, 1)
    for output in run(tmp_path / "ours.onnx", feeds)[0]:
        assert np.isfinite(output).all()


def test_it_has_the_parameters_of_theirs() -> None:
    theirs = inspect.signature(onnxruntime.quantization.quantize_dynamic).parameters
    ours = inspect.signature(quantize_dynamic).parameters
    assert list(ours) == list(theirs)
    differing = {name for name in ours if str(ours[name].default) != str(theirs[name].default)}
    assert differing == {"per_channel"}
    assert [kind.name for kind in QuantType] == [kind.name for kind in onnxruntime.quantization.QuantType]


def test_the_docs_have_every_parameter_and_every_extra_option() -> None:
    page = (REPOSITORY / "docs/python.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
    assert documented >= set(inspect.signature(quantize_dynamic).parameters)
    theirs = onnxruntime.quantization.quantize_dynamic.__doc__
    assert documented >= set(re.findall(r"^\s+(\w+) = True/False", theirs, re.MULTILINE))


def codes(path: Path) -> dict[str, onnx.TensorProto]:
    kinds = (TensorProto.INT8, TensorProto.UINT8)
    return {one.name: one for one in onnx.load(path).graph.initializer if one.data_type in kinds and len(one.dims) == 2}


def operators(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node]


def test_a_model_in_memory_is_taken_and_not_changed(tmp_path: Path) -> None:
    model = two_products()
    before = model.SerializeToString()
    quantize_dynamic(model, tmp_path / "q.onnx")
    assert model.SerializeToString() == before
    onnx.save(model, tmp_path / "model.onnx")
    quantize_dynamic(tmp_path / "model.onnx", tmp_path / "from_path.onnx")
    for name, tensor in codes(tmp_path / "q.onnx").items():
        assert tensor == codes(tmp_path / "from_path.onnx")[name]


def test_a_model_in_memory_without_its_data_is_refused(tmp_path: Path) -> None:
    onnx.save(two_products(), tmp_path / "m.onnx", save_as_external_data=True, size_threshold=0)
    model = onnx.load(tmp_path / "m.onnx", load_external_data=False)
    with pytest.raises(QuantizeInt8Error, match="give the path of the model"):
        quantize_dynamic(model, tmp_path / "q.onnx")


def test_something_else_than_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QuantizeInt8Error, match="not int"):
        quantize_dynamic(3, tmp_path / "q.onnx")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("weight_type", "extra", "kind", "zero"),
    [
        (QuantType.QInt8, {}, TensorProto.INT8, True),
        (QuantType.QUInt8, {}, TensorProto.UINT8, False),
        (onnxruntime.quantization.QuantType.QUInt8, {"WeightSymmetric": True}, TensorProto.UINT8, False),
        (QuantType.QInt8, {"WeightSymmetric": False}, TensorProto.INT8, False),
    ],
)
def test_weight_types_are_what_they_are_there(
    weight_type: QuantType, extra: dict, kind: int, zero: bool, tmp_path: Path, model: Path
) -> None:
    quantize_dynamic(model, tmp_path / "q.onnx", weight_type=weight_type, per_channel=True, extra_options=extra)
    stored = codes(tmp_path / "q.onnx")
    assert len(stored) == 2
    assert {tensor.data_type for tensor in stored.values()} == {kind}
    points = [one for one in onnx.load(tmp_path / "q.onnx").graph.initializer if "zero_point" in one.name]
    assert all(not numpy_helper.to_array(one).any() for one in points) == zero


@pytest.mark.parametrize("name", ["QInt4", "QInt16", "QFLOAT8E4M3FN"])
def test_other_weight_types_name_the_alternative(name: str, model: Path, tmp_path: Path) -> None:
    with pytest.raises(QuantizeInt8Error, match="QInt8 or QUInt8") as raised:
        quantize_dynamic(model, tmp_path / "q.onnx", weight_type=QuantType[name])
    assert raised.value.kind == "usage"


def test_scales_are_by_channel_unless_it_is_asked_otherwise(model: Path, tmp_path: Path) -> None:
    def scales(**options: object) -> set[int]:
        quantize_dynamic(model, tmp_path / "q.onnx", **options)
        tensors = onnx.load(tmp_path / "q.onnx").graph.initializer
        return {int(np.prod(one.dims)) for one in tensors if one.data_type == TensorProto.FLOAT and "scale" in one.name}

    assert scales() == {64}
    assert scales(per_channel=True) == {64}
    assert scales(per_channel=False) == {1}


def test_reduced_range_has_codes_of_seven_bits(model: Path, tmp_path: Path) -> None:
    def largest(**options: object) -> int:
        quantize_dynamic(model, tmp_path / "q.onnx", **options)
        return max(int(np.abs(numpy_helper.to_array(one).astype(int)).max()) for one in codes(tmp_path / "q.onnx").values())

    assert largest() == 127
    assert largest(reduce_range=True) == 64


def test_nodes_are_taken_by_their_exact_names(model: Path, tmp_path: Path) -> None:
    output = tmp_path / "q.onnx"
    quantize_dynamic(model, output, nodes_to_quantize=["block.0/up(1)"])
    assert operators(output).count("MatMul") == 1
    quantize_dynamic(model, output, nodes_to_exclude=["block.0/up(1)"])
    assert operators(output).count("MatMul") == 1
    with pytest.raises(QuantizeInt8Error, match="matches no node"):  # theirs says nothing
        quantize_dynamic(model, output, nodes_to_exclude=["block.0/up"])
    with pytest.raises(QuantizeInt8Error, match="a list of names"):
        quantize_dynamic(model, output, nodes_to_exclude="block.0/up(1)")


def test_operators_are_those_that_are_named(model: Path, tmp_path: Path) -> None:
    output = tmp_path / "q.onnx"
    with pytest.warns(QuantizeInt8Warning, match="nothing was quantized"):
        quantize_dynamic(model, output, op_types_to_quantize=["Conv"])
    assert operators(output).count("MatMul") == 2
    with pytest.warns(QuantizeInt8Warning, match="operator Relu has no INT8 form"):
        quantize_dynamic(model, output, op_types_to_quantize=["MatMul", "Relu"])
    assert operators(output).count("MatMul") == 0
    with pytest.warns(QuantizeInt8Warning, match="store_int8"):
        quantize_dynamic(model, output, op_types_to_quantize=["MatMul", "GRU"])
    with pytest.raises(QuantizeInt8Error, match="none of Transpose has an INT8 form"):
        quantize_dynamic(model, output, op_types_to_quantize=["Transpose"])


def gemm() -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32), "W")
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 64]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Gemm", ["x", "W"], ["y"], name="g")], "gemm", [x], [y], [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_matmul_means_gemm_too_as_there(tmp_path: Path) -> None:
    onnx.save(gemm(), tmp_path / "g.onnx")
    for function in (quantize_dynamic, onnxruntime.quantization.quantize_dynamic):
        function(tmp_path / "g.onnx", tmp_path / "q.onnx", op_types_to_quantize=["MatMul"])
        assert "Gemm" not in operators(tmp_path / "q.onnx")
        (tmp_path / "q.onnx").unlink()


def test_data_stands_beside_the_model_where_it_is_asked_for(model: Path, tmp_path: Path) -> None:
    quantize_dynamic(model, tmp_path / "q.onnx")
    assert not (tmp_path / "q.onnx.data").exists()
    quantize_dynamic(model, tmp_path / "q.onnx", use_external_data_format=True)
    assert (tmp_path / "q.onnx.data").stat().st_size >= 2 * 64 * 64


def in_a_body() -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32), "W")
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 64]) for name in "xy")
    branch = helper.make_tensor_value_info("b", TensorProto.FLOAT, ["batch", 64])
    body = helper.make_graph([helper.make_node("MatMul", ["x", "W"], ["b"], name="inner")], "body", [], [branch])
    choose = helper.make_tensor_value_info("choose", TensorProto.BOOL, [])
    node = helper.make_node("If", ["choose"], ["y"], then_branch=body, else_branch=body)
    graph = helper.make_graph([node], "if", [x, choose], [y], [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_bodies_are_quantized_unless_it_is_asked_otherwise(tmp_path: Path) -> None:
    report = quantize_dynamic(in_a_body(), tmp_path / "q.onnx")
    assert report.quantized_weights == 1
    with pytest.warns(QuantizeInt8Warning, match="nothing was quantized"):
        report = quantize_dynamic(in_a_body(), tmp_path / "q.onnx", extra_options={"EnableSubgraph": False})
    assert report.nodes[0].reason == "subgraph"


def of_activations() -> onnx.ModelProto:
    x = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [8, 8]) for name in "xwy"]
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"], name="m")], "p", x[:2], x[2:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.filterwarnings("ignore::quantize_int8.QuantizeInt8Warning")
def test_products_of_activations_are_quantized_where_it_is_asked_for(tmp_path: Path) -> None:
    quantize_dynamic(of_activations(), tmp_path / "q.onnx")
    assert "MatMul" in operators(tmp_path / "q.onnx")
    quantize_dynamic(of_activations(), tmp_path / "q.onnx", extra_options={"MatMulConstBOnly": False})
    assert "MatMul" not in operators(tmp_path / "q.onnx")


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"ActivationSymmetric": True}, "form="),
        ({"TensorQuantOverrides": {"W": [{}]}}, "node_form="),
        ({"Sigmoid.nnapi": True}, "no such option"),
    ],
)
def test_extra_options_without_a_counterpart_name_the_alternative(extra: dict, words: str, model: Path, tmp_path: Path) -> None:
    with pytest.raises(QuantizeInt8Error, match=words) as raised:
        quantize_dynamic(model, tmp_path / "q.onnx", extra_options=extra)
    assert raised.value.kind == "usage"


def test_extra_options_that_change_nothing_are_taken(model: Path, tmp_path: Path) -> None:
    extra = {"ForceQuantizeNoInputCheck": True, "DefaultTensorType": 1, "ActivationSymmetric": False}
    assert quantize_dynamic(model, tmp_path / "q.onnx", extra_options=extra).quantized_nodes == 2


def test_what_is_not_ours_is_not_replaced(model: Path, tmp_path: Path) -> None:
    onnxruntime.quantization.quantize_dynamic(model, tmp_path / "q.onnx")
    with pytest.raises(QuantizeInt8Error, match="remove it"):
        quantize_dynamic(model, tmp_path / "q.onnx")
