"""Folders as exporters and hubs have them."""

from __future__ import annotations

import os
from pathlib import Path

import onnx
import pytest
from conftest import two_products

import quantize_int8
from quantize_int8 import QuantizeInt8Error, quantize_folder


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """As optimum leaves one."""
    folder = tmp_path / "exported"
    folder.mkdir()
    onnx.save(
        two_products(), folder / "model.onnx", save_as_external_data=True, location="model.onnx_data", size_threshold=0
    )
    (folder / "config.json").write_text('{"model_type": "bert"}')
    (folder / "tokenizer.json").write_text("{}")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text("{}")
    return folder


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_what_belongs_to_a_model_comes_with_it(exported: Path, tmp_path: Path) -> None:
    out = tmp_path / "a/b"
    report = quantize_folder(exported, out)
    assert names(out) == {
        "model_quantized.onnx",
        "model_quantized.onnx.sha256",
        "quantization_log.jsonl",
        "config.json",
        "tokenizer.json",
        "1_Pooling/config.json",
    }
    assert sorted(report.copied) == ["1_Pooling/config.json", "config.json", "tokenizer.json"]
    assert [run.quantized_nodes for run in report.models] == [2]
    assert (out / "config.json").read_text() == (exported / "config.json").read_text()
    assert quantize_int8.verify(out / "model_quantized.onnx", exported / "model.onnx").holds


def test_a_folder_of_a_hub_keeps_its_layout(exported: Path, tmp_path: Path) -> None:
    hub, blobs = tmp_path / "hub", tmp_path / "blobs"
    (hub / "onnx").mkdir(parents=True)
    blobs.mkdir()
    for name in ("model.onnx", "model.onnx_data"):
        (exported / name).rename(hub / "onnx" / name)
    (hub / "onnx/model_fp16.onnx").write_bytes(b"another form of it")
    (blobs / "1").write_text("{}")
    os.symlink("../blobs/1", hub / "config.json")  # as a cache has it
    (hub / ".gitattributes").write_text("")
    out = tmp_path / "out"
    quantize_folder(hub, out, external_data="always")
    assert names(out) == {
        "onnx/model_int8.onnx",
        "onnx/model_int8.onnx_data",
        "onnx/model_int8.onnx.sha256",
        "onnx/quantization_log.jsonl",
        "config.json",
    }
    assert not (out / "config.json").is_symlink()


def test_in_its_own_folder_nothing_is_copied(exported: Path) -> None:
    before = names(exported)
    report = quantize_folder(exported, exported)
    assert report.copied == []
    assert names(exported) - before == {
        "model_quantized.onnx",
        "model_quantized.onnx.sha256",
        "quantization_log.jsonl",
    }
    again = quantize_folder(exported, exported, force=True)
    assert len(again.models) == 1  # what it wrote is no model to quantize


def test_a_dry_run_makes_no_folder(exported: Path, tmp_path: Path) -> None:
    report = quantize_folder(exported, tmp_path / "out", dry_run=True)
    assert report.models[0].outcome == "planned"
    assert not (tmp_path / "out").exists()


def test_where_it_fails_nothing_is_left(exported: Path, tmp_path: Path) -> None:
    (exported / "other.onnx").write_bytes(b"\xff" * 10)
    with pytest.raises(QuantizeInt8Error):
        quantize_folder(exported, tmp_path / "a/b")
    assert not (tmp_path / "a").exists()

    (tmp_path / "there").mkdir()
    (tmp_path / "there/mine").write_text("kept")
    with pytest.raises(QuantizeInt8Error):
        quantize_folder(exported, tmp_path / "there")
    assert names(tmp_path / "there") == {"mine"}


def test_other_content_is_not_overwritten(exported: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "config.json").write_text("mine")
    with pytest.raises(QuantizeInt8Error, match="other content"):
        quantize_folder(exported, out)
    assert names(out) == {"config.json"}
    assert (out / "config.json").read_text() == "mine"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.mkdir(), "no FP32 model"),
        (lambda path: path.write_text(""), "is not a folder"),
    ],
)
def test_a_folder_without_a_model_is_usage(make: object, words: str, tmp_path: Path) -> None:
    make(tmp_path / "in")  # type: ignore[operator]
    with pytest.raises(QuantizeInt8Error, match=words) as raised:
        quantize_folder(tmp_path / "in", tmp_path / "out")
    assert raised.value.kind == "usage"


def test_names_of_single_files_are_refused(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(QuantizeInt8Error, match="each model has its own"):
        quantize_folder(exported, tmp_path / "out", data_file="weights")
