"""The native interface: the command's calls, with dataclasses in place of text."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import typing
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import command, decibels, run, two_products

import numpy as np
import onnx
import quantize_int8
from quantize_int8 import QuantizeInt8Error, QuantizeInt8Warning, _options


def plain(report: object) -> object:
    """As JSON has it: without what is not there, and without what differs from run to run."""
    volatile = {"seconds", "peak_memory_bytes", "path"}

    def strip(value: object) -> object:
        if isinstance(value, dict):
            return {key: strip(inner) for key, inner in value.items() if inner is not None and key not in volatile}
        return [strip(inner) for inner in value] if isinstance(value, list) else value

    return strip(dataclasses.asdict(report) if dataclasses.is_dataclass(report) else report)


def with_defaults(json_object: dict, report: object) -> dict:
    """Fields that the JSON leaves out have a default."""
    kept = [node for node in json_object["nodes"] if not node["quantized"]]
    for node in kept:
        node.update(stored_only=False, also_kept=False)
    return json_object


def test_quantize_has_the_fields_of_the_json(model: Path, tmp_path: Path) -> None:
    report = quantize_int8.quantize(model, tmp_path / "a.onnx")
    printed = command(model, tmp_path / "b.onnx", "--json", "-q")
    assert printed.returncode == 0, printed.stderr
    said = plain(json.loads(printed.stdout))
    ours = plain(report)
    assert (tmp_path / "a.onnx.sha256").exists()
    for files in (said["outputs"], ours["outputs"]):  # their names are part of what is hashed
        for file in files:
            del file["sha256"]
    assert ours == with_defaults(said, report)
    assert report.outcome == "done"
    assert report.quantized_nodes == 2


def test_inspect_has_the_fields_of_the_json(model: Path) -> None:
    report = quantize_int8.inspect(model, weights=True)
    said = json.loads(command("inspect", model, "--weights", "--json").stdout)
    with_defaults(said["plan"], report)
    assert plain(report) == plain(said)
    assert report.weights[0].statistics.sqnr_db > 30


def test_verify_has_the_fields_of_the_json(model: Path, tmp_path: Path) -> None:
    output = tmp_path / "q.onnx"
    quantize_int8.quantize(model, output)
    report = quantize_int8.verify(output, model)
    assert plain(report) == plain(json.loads(command("verify", output, "--against", model, "--json").stdout))
    assert report.holds

    data = tmp_path / "q.onnx.data"
    changed = bytearray(data.read_bytes())
    changed[100] ^= 1
    data.write_bytes(changed)
    assert not quantize_int8.verify(output, model, checksums=None).holds


def test_compare_judges_as_the_command_does(model: Path, tmp_path: Path) -> None:
    output = tmp_path / "q.onnx"
    quantize_int8.quantize(model, output, weight_type="uint8")  # exact on every processor
    with pytest.warns(QuantizeInt8Warning, match="made-up inputs"):
        report = quantize_int8.compare(model, output, min_sqnr=20, runs=2, lengths={"batch": [1, 3]})
    assert report.verdict == "pass"
    assert [case.length for case in report.cases] == [1, 3]
    assert report.cases[0].outputs[0].sqnr_db > 20
    said = json.loads(command("compare", model, output, "--json", "--runs", 2, "--lengths", "batch=1,3").stdout)
    assert set(dataclasses.asdict(report)) == set(said)
    assert len(report.fp32.load_seconds) == len(said["fp32"]["load_seconds"])
    assert quantize_int8.compare(model, output, max_size_ratio=0.01, runs=1).verdict == "fail"


@pytest.mark.filterwarnings("ignore::quantize_int8.QuantizeInt8Warning")
def test_what_tune_finds_is_what_quantize_takes(model: Path, tmp_path: Path) -> None:
    stages = set()
    tuning = quantize_int8.tune(
        model,
        min_sqnr=30,
        over="sum",
        weight_type="uint8",
        dims={"batch": 8},
        progress=lambda at: stages.add((at.stage, at.unit)),
    )
    assert tuning.measured.sqnr_db >= 30
    assert any(unit == "measurements" for _, unit in stages)
    assert set(tuning.node_forms) == {"block.0/up(1)", "block.0/up(2)"}
    assert "node-form" in tuning.plan_toml
    assert 'weight-type = "uint8"' in tuning.plan_toml
    report = quantize_int8.quantize(
        model, tmp_path / "q.onnx", node_form=tuning.node_forms, weight_type="uint8", allow_empty=True
    )
    forms = {node.node: node.form for node in report.nodes if node.quantized}
    assert forms == {node: form for node, form in tuning.node_forms.items() if form != "float32"}


@pytest.mark.filterwarnings("ignore::quantize_int8.QuantizeInt8Warning")
def test_no_plan_is_an_error_of_its_kind(model: Path) -> None:
    with pytest.raises(QuantizeInt8Error) as raised:
        quantize_int8.tune(model, min_speedup=1e6)
    assert raised.value.kind == "check-failed"


def test_an_optimized_model_is_quantized_beside_pythons_own_runtime(model: Path, tmp_path: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(model)
    report = quantize_int8.quantize(model, tmp_path / "q.onnx", optimize="basic")
    assert report.outcome == "done"
    assert quantize_int8.verify(tmp_path / "q.onnx", model).holds
    assert len(session.run(None, {"x": np.zeros((1, 64), np.float32)})) == 1


def test_progress_comes_in_order_and_in_bytes(model: Path, tmp_path: Path) -> None:
    seen = []
    quantize_int8.quantize(model, tmp_path / "q.onnx", progress=seen.append)
    stages = list(dict.fromkeys(at.stage for at in seen))
    assert stages == ["load", "plan", "preflight", "execute", "publish", "record"]
    last = [at for at in seen if at.stage == "execute"][-1]
    assert (last.done, last.unit) == (model.stat().st_size, "bytes")


class Stop(Exception):
    pass


@pytest.mark.parametrize("stage", ["load", "execute"])
def test_what_a_callback_raises_ends_the_call_and_leaves_nothing(long_work: Path, stage: str) -> None:
    before = sorted(long_work.parent.iterdir())

    def stop(at: quantize_int8.Progress) -> None:
        if at.stage == stage:
            raise Stop

    with pytest.raises(Stop):
        quantize_int8.quantize(long_work, long_work.parent / "q.onnx", progress=stop)
    assert sorted(long_work.parent.iterdir()) == before


@pytest.fixture
def _heeded_ctrl_c() -> Iterator[None]:
    """What a shell starts in the background ignores Ctrl-C, also where it is the tests."""
    as_it_was = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, as_it_was)


@pytest.mark.usefixtures("_heeded_ctrl_c")
def test_ctrl_c_ends_the_call_and_leaves_nothing(long_work: Path) -> None:
    before = sorted(long_work.parent.iterdir())
    interrupted = threading.Event()

    # From within the run, as a thread that waits for it may come too late on a busy machine.
    def interrupt(at: quantize_int8.Progress) -> None:
        if at.stage == "execute" and not interrupted.is_set():
            interrupted.set()
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        quantize_int8.quantize(long_work, long_work.parent / "q.onnx", threads=1, progress=interrupt)
    assert sorted(long_work.parent.iterdir()) == before


@pytest.mark.filterwarnings("ignore::quantize_int8.QuantizeInt8Warning")
def test_the_processes_that_run_models_end_with_the_call(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # where tune puts the models that it measures
    before = sorted(tmp_path.iterdir())
    children = []

    def stop(at: quantize_int8.Progress) -> None:
        if at.unit == "measurements" and at.done > 0:
            children.extend(own_children())
            raise Stop

    with pytest.raises(Stop):
        quantize_int8.tune(model, progress=stop)
    assert children, "no process ran a model when the call was ended"
    assert own_children() == []
    assert sorted(tmp_path.iterdir()) == before


def own_children() -> list[str]:
    return [process.name for process in Path("/proc").glob("[0-9]*") if parent_of(process) == os.getpid()]


def parent_of(process: Path) -> int | None:
    """As /proc tells it: behind the name, which may contain blanks and brackets, come state and parent."""
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return None


def test_other_threads_go_on_meanwhile(long_work: Path) -> None:
    turns = []
    done = threading.Event()

    def count() -> None:
        while not done.wait(0.001):
            turns.append(time.monotonic())

    thread = threading.Thread(target=count)
    thread.start()
    begin = time.monotonic()
    quantize_int8.inspect(long_work, weights=True)
    end = time.monotonic()
    done.set()
    thread.join()
    between = [turn for turn in turns if begin < turn < end]
    assert len(between) >= 3, f"{len(between)} turns in {end - begin} s"


def test_errors_say_what_in_words_of_python(model: Path, tmp_path: Path) -> None:
    quantize_int8.quantize(model, tmp_path / "q.onnx")
    with pytest.raises(QuantizeInt8Error, match="exists; use force to replace it") as raised:
        quantize_int8.quantize(model, tmp_path / "q.onnx")
    assert raised.value.kind == "failure"
    quantize_int8.quantize(model, tmp_path / "q.onnx", force=True)

    garbage = tmp_path / "garbage.onnx"
    garbage.write_bytes(b"\xff" * 100)
    with pytest.raises(QuantizeInt8Error) as raised:
        quantize_int8.inspect(garbage)
    assert raised.value.kind == "invalid-model"


@pytest.mark.filterwarnings("ignore::quantize_int8.QuantizeInt8Warning")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fore": True}, "there is no option fore"),
        ({"granularity": "row"}, "none of channel, tensor"),
        ({"nonfinite": "drop"}, "none of keep, error"),
        ({"threads": "two"}, "of a wrong type or out of range"),
        ({"threads": -1}, "of a wrong type or out of range"),
        ({"form": [3]}, "quantize: "),
        ({"node_form": "residual"}, "quantize: "),
        ({"ops": "MatMul"}, "not a list of strings"),
        ({"target_ort": "new"}, "not a version"),
        ({"form": "nice"}, "forms are per-tensor"),
        ({"node_form": {"a": "nice"}}, "forms are per-tensor"),
        ({"exclude": ["no such node"]}, "matches no node"),
    ],
)
def test_options_that_cannot_be_meant_are_usage(model: Path, tmp_path: Path, options: dict, words: str) -> None:
    with pytest.raises(QuantizeInt8Error, match=words) as raised:
        quantize_int8.quantize(model, tmp_path / "q.onnx", **options)
    assert raised.value.kind == "usage"
    assert not (tmp_path / "q.onnx").exists()


@pytest.mark.filterwarnings("ignore::quantize_int8.QuantizeInt8Warning")
def test_every_selecting_option_reaches_the_plan(model: Path, tmp_path: Path) -> None:
    def decisions(**options: object) -> dict[str, tuple[str | None, str | None]]:
        plan = quantize_int8.quantize(model, tmp_path / "q.onnx", dry_run=True, **options)
        return {node.node: (node.form, node.reason) for node in plan.nodes}

    one, two = "block.0/up(1)", "block.0/up(2)"
    usual = ("per-token", None)
    assert decisions() == {one: usual, two: usual}
    assert decisions(include=[r"up\(1\)"])[two] == (None, "not-included")
    assert decisions(exclude=[r"up\(1\)"])[one] == (None, "excluded")
    assert decisions(ops=["Gather"])[one] == (None, "operator-not-selected")
    assert decisions(min_elements=10**6)[one] == (None, "too-small")
    assert decisions(form=["residual", r"float16=\(2\)"]) == {one: ("residual", None), two: ("float16", None)}
    assert decisions(node_form={two: "per-tensor"}) == {one: usual, two: ("per-tensor", None)}
    assert not (tmp_path / "q.onnx").exists()


def test_where_nothing_is_quantized_nothing_is_written_and_it_says_so(model: Path, tmp_path: Path) -> None:
    with pytest.warns(QuantizeInt8Warning, match="nothing was written"):
        report = quantize_int8.quantize(model, tmp_path / "q.onnx", ops=["Gather"])
    assert (report.outcome, report.quantized_nodes) == ("nothing-quantized", 0)
    assert report.reason
    assert list(tmp_path.iterdir()) == [model]


def test_schemes_and_files_are_as_asked_for(model: Path, tmp_path: Path) -> None:
    output = tmp_path / "q.onnx"
    quantize_int8.quantize(
        model,
        output,
        weight_type="uint8",
        symmetric=False,
        granularity="tensor",
        reduce_range=True,
        form="per-tensor",
        external_data="never",
        checksums=tmp_path / "sums",
        audit_log=tmp_path / "log.jsonl",
    )
    weights = [tensor for tensor in onnx.load(output).graph.initializer if len(tensor.dims) == 2]
    assert {tensor.data_type for tensor in weights} == {onnx.TensorProto.UINT8}
    assert {path.name for path in tmp_path.iterdir()} == {"model.onnx", "q.onnx", "sums", "log.jsonl"}
    feeds = [{"x": np.random.default_rng(0).standard_normal((4, 64)).astype(np.float32)}]
    assert decibels(run(model, feeds), run(output, feeds)) > 20


def test_paths_of_all_kinds_are_taken(tmp_path: Path) -> None:
    folder = tmp_path / "Modelle für München"
    folder.mkdir()
    onnx.save(two_products(), folder / "einzig.onnx")
    assert quantize_int8.quantize(str(folder), str(tmp_path / "q.onnx")).outcome == "done"
    onnx.save(two_products(), folder / "zwei.onnx")
    with pytest.raises(QuantizeInt8Error, match="name one model"):
        quantize_int8.inspect(folder)


def test_every_option_of_the_commands_has_its_name_here() -> None:
    """With ``_`` for ``-``; but for what is said otherwise in Python, or is about a terminal."""
    # What learned rounding is learned from. It is the command's alone.
    learning = {"rounding", "inputs", "cases", "mask", "require_inputs", "dim", "lengths", "values", "seed"}
    calls = {
        "": (
            _options.QuantizeOptions,
            {"version", "help", "quiet", "json", "log_level", "config", "symmetric"},
            # Tuning has a call of its own, whose result is given with node_form.
            {"min_sqnr", "min_speedup", "max_latency", "max_size", "for", "forms", "batch_dependent", "inputs"}
            | {"timeout"}
            | learning,
        ),
        "inspect": (_options.InspectOptions, {"help", "json", "top", "symmetric"}, set()),
        "verify": (_options.VerifyOptions, {"help", "json", "quiet", "against", "no_checksums"}, learning),
        "compare": (_options.CompareOptions, {"help", "json", "quiet", "report", "require_inputs", "dim"}, set()),
        "tune": (
            _options.TuneOptions,
            {"help", "json", "quiet", "report", "require_inputs", "dim", "for", "batch_dependent"},
            {"config", "rounding"},  # the former in an example
        ),
    }
    for name, (kind, shown, tuning) in calls.items():
        text = command(*([name] if name else []), "--help").stdout
        declared = {option.replace("-", "_") for option in re.findall(r"(?<![\w-])--([a-z][a-z0-9-]+)", text)}
        declared -= {"no_input_checksum", "asymmetric"}  # input_checksum=False, symmetric=False
        missing = declared - shown - tuning - set(typing.get_type_hints(kind))
        assert declared >= {"help"}, name
        assert not missing, f"{name}: {missing}"


def test_no_other_thread_is_left(model: Path, tmp_path: Path) -> None:
    """The thread of a call ends with it, so that a process may fork afterwards."""
    code = (
        "import os, sys, quantize_int8\n"
        "quantize_int8.inspect(sys.argv[1])\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    quantize_int8.quantize(sys.argv[1], sys.argv[2])\n"
        "    os._exit(0)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    subprocess.run([sys.executable, "-c", code, model, tmp_path / "q.onnx"], check=True, timeout=60)
    assert (tmp_path / "q.onnx").exists()


def test_a_warning_points_at_the_call(model: Path, tmp_path: Path) -> None:
    for call in (
        lambda: quantize_int8.quantize(model, tmp_path / "q.onnx", ops=["Gather"]),
        lambda: quantize_int8.quantize_dynamic(model, tmp_path / "q.onnx", op_types_to_quantize=["Conv"]),
    ):
        with pytest.warns(QuantizeInt8Warning) as warned:
            call()
        assert {one.filename for one in warned} == {__file__}


def test_a_warning_that_is_made_an_error_ends_the_call(model: Path, tmp_path: Path) -> None:
    quantize_int8.quantize(model, tmp_path / "q.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(QuantizeInt8Warning):
            quantize_int8.compare(model, tmp_path / "q.onnx", min_sqnr=1, runs=1)
