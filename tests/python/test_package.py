"""The wheel itself: what is in it, what installing it leaves, and the command that comes with it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import venv
import zipfile
from pathlib import Path

import onnx
import pytest
from conftest import COMMAND, REPOSITORY, command, two_products

import quantize_int8


def wheel() -> Path:
    wheels = list((REPOSITORY / "dist").glob("quantize_int8-*.whl"))
    assert len(wheels) == 1, "run scripts/build-wheel"
    return wheels[0]


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


def test_it_is_small_and_for_many_linuxes() -> None:
    assert wheel().stat().st_size <= 12_000_000
    assert wheel().name.endswith("-manylinux_2_28_x86_64.whl"), wheel().name


def test_it_has_the_licenses_of_what_is_in_it() -> None:
    with zipfile.ZipFile(wheel()) as archive:
        files = archive.namelist()
    licenses = {Path(file).name for file in files if "/licenses/" in file}
    assert licenses >= {"LICENSE", "nanobind", "nlohmann-json3-dev"}
    for library in ("libprotobuf", "libonnx", "libssl", "libstdc++", "libtbb", "libre2", "libyaml-cpp", "libzip"):
        assert any(name.startswith(library) for name in licenses), library


def test_all_libraries_are_linked_in() -> None:
    with zipfile.ZipFile(wheel()) as archive:
        files = [file for file in archive.namelist() if ".so" in file]
    assert len(files) == 1, files


def test_the_wheel_is_built_with_what_pyproject_asks_for() -> None:
    asked = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["build-system"]["requires"]
    assert set(asked) <= set((REPOSITORY / "src/python/requirements.txt").read_text().splitlines())


def test_uninstalling_leaves_nothing(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=False)
    before = files_below(tmp_path / "env")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", tmp_path / "env"]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", wheel()], check=True)
    python = tmp_path / "env/bin/python"
    onnx.save(two_products(), tmp_path / "m.onnx")
    code = "import quantize_int8, sys; quantize_int8.quantize_dynamic(sys.argv[1], sys.argv[2])"  # of nothing else
    subprocess.run([python, "-c", code, tmp_path / "m.onnx", tmp_path / "q.onnx"], check=True)
    subprocess.run([tmp_path / "env/bin/quantize-int8", "--version"], check=True, capture_output=True)
    assert files_below(tmp_path / "env") > before
    subprocess.run([*pip, "uninstall", "--yes", "quantize-int8"], check=True)
    assert files_below(tmp_path / "env") == before
    assert not list((tmp_path / "env").rglob("*quantize_int8*"))


def test_python_sees_one_function_of_the_module() -> None:
    shown = subprocess.run(
        ["nm", "-D", "--defined-only", "--format=just-symbols", quantize_int8._native.__file__],
        check=True,
        capture_output=True,
        text=True,
    )
    assert shown.stdout.split() == ["PyInit__native"]


def test_the_example_of_the_readme_runs(tmp_path: Path) -> None:
    text = (REPOSITORY / "README.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    onnx.save(two_products(), tmp_path / "model.onnx")
    ended = subprocess.run([sys.executable, "-c", blocks[0]], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "model_int8.onnx").exists()


def test_the_examples_of_the_page_run(tmp_path: Path) -> None:
    text = (REPOSITORY / "docs/python.md").read_text()
    onnx.save(two_products(), tmp_path / "model.onnx")
    shutil.copytree(optimum_folder(tmp_path), tmp_path / "exported")
    for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        ended = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, f"{block}\n{ended.stderr}"


def optimum_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    onnx.save(two_products(), folder / "model.onnx")
    (folder / "config.json").write_text("{}")
    return folder


def test_types_hold_for_those_who_check_strictly(tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(
        "import quantize_int8\n"
        "report = quantize_int8.quantize('a.onnx', 'b.onnx', ops=['MatMul'], progress=lambda at: print(at.done))\n"
        "size: int = report.output_bytes\n"
        "quantize_int8.quantize('a.onnx', 'b.onnx', thread=1)\n"
        "quantize_int8.verify('a.onnx').holds + ''\n"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", "use.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [line.split(":")[1] for line in ended.stdout.splitlines() if ": error:" in line]
    assert errors == ["4", "5"], ended.stdout


def test_the_package_passes_mypy_strict() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "mypy"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout


def test_the_command_is_the_program(model: Path, tmp_path: Path) -> None:
    assert command("--version").stdout.split() == ["quantize-int8", quantize_int8.__version__]
    assert command(model, tmp_path / "q.onnx").returncode == 0
    assert command(model, tmp_path / "q.onnx").returncode == 1
    assert command("nonsense", "--what").returncode == 2
    module = subprocess.run([sys.executable, "-m", "quantize_int8", "--version"], capture_output=True, text=True, check=True)
    assert module.stdout == command("--version").stdout


def test_the_command_finds_the_runtime_of_its_own_environment(model: Path, tmp_path: Path) -> None:
    """Also where that is not the active one: nothing of it is on PATH."""
    quantize_int8.quantize(model, tmp_path / "q.onnx")
    ended = subprocess.run(
        [COMMAND, "compare", model, tmp_path / "q.onnx", "--runs", "1"],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def test_ctrl_c_reaches_the_program(long_work: Path) -> None:
    output = long_work.parent / "q.onnx"
    running = subprocess.Popen([COMMAND, long_work, output, "--threads", "1", "-q"])
    while not any(path.name.startswith(".") for path in long_work.parent.iterdir()):  # its staging folder
        assert running.poll() is None
        time.sleep(0.005)
    os.kill(running.pid, signal.SIGINT)
    assert running.wait(timeout=60) == 130
    assert not output.exists()


@pytest.mark.parametrize("name", ["QI8_ONNXRUNTIME"])
def test_a_runtime_that_is_named_counts_more(name: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, str(tmp_path / "nowhere.so"))
    with pytest.raises(quantize_int8.QuantizeInt8Error, match=r"nowhere\.so"):
        quantize_int8.quantize(model, tmp_path / "q.onnx", optimize="basic")
