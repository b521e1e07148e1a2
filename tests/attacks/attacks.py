#!/usr/bin/env python3
"""Attacks on quantize-int8 by somebody who can put files where it reads and writes.

    tests/attacks/attacks.py BUILD_FOLDER [PART...]

Each try plants something (links at every level, pipes, hard links, folders, files of others) beside an output or an input,
or changes it while the program runs, and then runs the program. Whatever the program answers, it must not hang or crash,
and the files of the victim, which lie in a folder of their own, must be as they were, down to their times. Most tries must be
refused, too. PARTs are the names of the functions below that begin with "part_"; all of them without any. Some need root, which
the tests have in CI: without it, they end the run with an error rather than being left out.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

STRANGER = 12345  # a user identifier that nobody has
LOCATION = b"model.onnx.data"  # as the example model names its data; other locations must be as long


class Failure(Exception):
    pass


def snapshot(folder):
    """Everything in a folder: kinds, contents, modes, owners and times of last change."""
    seen = {}
    for path in sorted(Path(folder).rglob("*")):
        status = path.lstat()
        contents = b""
        if path.is_symlink():
            contents = os.readlink(path).encode()
        elif path.is_file():
            contents = path.read_bytes()
        seen[str(path)] = (status.st_mode, status.st_uid, status.st_mtime_ns, contents)
    return seen


class Arena:
    """A folder with a victim's home, a folder "repo" with a model, and nothing else."""

    def __init__(self, build, template):
        self.program = build / "quantize-int8"
        self.root = Path(tempfile.mkdtemp(prefix="qi8-attacks-"))
        self.home = self.root / "home"
        self.repo = self.root / "repo"
        self.home.mkdir()
        for name in ("thesis", "secret1", "q.onnx", "q.onnx.data", "model.onnx", "model.onnx.data", "lock"):
            (self.home / name).write_text("my only copy of " + name)
        (self.home / "empty").write_text("")
        (self.home / "sub").mkdir()
        (self.home / "sub" / "file").write_text("deep")
        shutil.copytree(template, self.repo)
        self.before = snapshot(self.home)
        self.inputs = {name: (self.repo / name).read_bytes() for name in ("model.onnx", "model.onnx.data")}

    def close(self):
        shutil.rmtree(self.root, ignore_errors=True)

    def run(self, *arguments, expect=None):
        process = subprocess.Popen([self.program, *map(str, arguments)], cwd=self.repo, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=120)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise Failure("it hangs") from error
        err = err.decode(errors="replace")
        if process.returncode not in (0, 1, 2, 3, 4):
            raise Failure(f"it ended with {process.returncode}: {err}")
        if expect == "refused" and process.returncode == 0:
            raise Failure(f"it was not refused: {out.decode(errors='replace')}")
        if expect == "done" and process.returncode != 0:
            raise Failure(f"it was refused: {err}")
        if process.returncode in (1, 2) and "quantize-int8: error: " not in err:
            raise Failure(f"no message: {err}")
        return process.returncode, err

    def check(self, inputs_may_change=False):
        after = snapshot(self.home)
        if after != self.before:
            changed = [path for path in self.before.keys() | after.keys() if self.before.get(path) != after.get(path)]
            raise Failure(f"files of the victim changed: {changed}")
        if inputs_may_change:
            return
        for name, contents in self.inputs.items():
            path = self.repo / name
            if path.is_file() and path.read_bytes() != contents:
                raise Failure(f"the input {name} changed")


def plants(arena):
    """What an attacker can put under a name, by kind."""

    def folder(path):
        path.mkdir()
        (path / "theirs").write_text("theirs")

    return {
        "absolute link to a folder": lambda path: path.symlink_to(arena.home),
        "relative link to a folder": lambda path: path.symlink_to(os.path.relpath(arena.home, path.parent)),
        "link to a file": lambda path: path.symlink_to(arena.home / "thesis"),
        "link to an empty file": lambda path: path.symlink_to(arena.home / "empty"),
        "link to nothing": lambda path: path.symlink_to(arena.home / "made"),
        "hard link": lambda path: os.link(arena.home / "thesis", path),
        "pipe": lambda path: os.mkfifo(path),
        "file": lambda path: path.write_text("theirs"),
        "folder": folder,
    }


KINDS = ("absolute link to a folder", "relative link to a folder", "link to a file", "link to an empty file",
         "link to nothing", "hard link", "pipe", "file", "folder")


class Attacks:
    def __init__(self, build):
        self.build = build
        self.work = Path(tempfile.mkdtemp(prefix="qi8-attacks-template-"))
        self.template = self.work / "repo"
        self.template.mkdir()
        subprocess.run([build / "make-audio-core", "--size", "tiny", self.template / "model.onnx"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.tries = 0
        self.failures = []

    def attempt(self, name, action, **check):
        arena = Arena(self.build, self.template)
        self.tries += 1
        try:
            action(arena)
            arena.check(**check)
        except (Failure, OSError) as failure:
            self.failures.append(f"{name}: {failure}")
        finally:
            arena.close()

    # --- what is planted beside an output before the run

    def part_staging(self):
        """The folder in which a run stages its output, and each thing in it."""
        commands = {
            ".q.onnx.qi8": ("model.onnx", "q.onnx"),
            ".q.onnx.qi8-optimized": ("model.onnx", "q.onnx", "--optimize", "basic"),
        }
        for staging, command in commands.items():
            for kind in KINDS:
                def itself(arena, kind=kind, staging=staging, command=command):
                    plants(arena)[kind](arena.repo / staging)
                    arena.run(*command, expect="refused")

                self.attempt(f"{staging} is a {kind}", itself)
                for inside in ("new", "old", "outdated", "current", "next", "lock", "model.onnx"):
                    def within(arena, kind=kind, staging=staging, command=command, inside=inside):
                        (arena.repo / staging).mkdir()
                        plants(arena)[kind](arena.repo / staging / inside)
                        arena.run(*command, expect="refused")

                    self.attempt(f"{staging}/{inside} is a {kind}", within)

    def part_clone(self):
        """A staging folder as git, tar or cp bring it along: all links, and a link that says which of them counts."""
        for current in ("new", "old", "none"):
            for target in ("absolute", "relative"):
                for dry in (False, True):
                    def cloned(arena, current=current, target=target, dry=dry):
                        staging = arena.repo / ".q.onnx.qi8"
                        staging.mkdir()
                        home = arena.home if target == "absolute" else "../../home"
                        for name in ("new", "old", "outdated"):
                            (staging / name).symlink_to(home)
                        if current != "none":
                            (staging / "current").symlink_to(current)
                        arena.run("model.onnx", "q.onnx", *(["--dry-run"] if dry else []),
                                  expect="done" if dry else "refused")

                    self.attempt(f"a clone with {target} links, current -> {current}, dry run {dry}", cloned)

    def part_names(self):
        """The names of the output, its data, its checksums and the log."""
        names = ("q.onnx", "q.onnx.data", "q.onnx.sha256", "quantization_log.jsonl")
        for kind in KINDS:
            for name in names:
                for options in ((), ("--force",)):
                    def named(arena, kind=kind, name=name, options=options):
                        plants(arena)[kind](arena.repo / name)
                        before = (arena.repo / name).lstat()
                        arena.run("model.onnx", "q.onnx", *options, expect="refused")
                        after = (arena.repo / name).lstat()
                        if (before.st_ino, before.st_mtime_ns) != (after.st_ino, after.st_mtime_ns):
                            raise Failure(f"{name} was touched")

                    self.attempt(f"{name} is a {kind} {options}", named)
            for option in ("--checksums", "--audit-log"):
                if kind == "pipe" and option == "--audit-log":
                    continue  # a log that the user names may be one
                def chosen(arena, kind=kind, option=option):
                    plants(arena)[kind](arena.repo / "chosen")
                    arena.run("model.onnx", "q.onnx", option, "chosen",
                              expect=None if kind == "link to an empty file" else "refused")

                if kind == "link to an empty file" and option == "--checksums":
                    continue  # a checksum file that the user names may be reached through a link, and this one is one
                self.attempt(f"{option} is a {kind}", chosen)

    def part_models(self):
        """--force on models and data that the program did not write."""
        for name in ("model.onnx", "model.onnx.data"):
            def input_itself(arena, name=name):
                arena.run("model.onnx", name, "--force", expect="refused")

            self.attempt(f"{name} as output", input_itself)

        def other_model(arena):
            shutil.copy(arena.repo / "model.onnx", arena.repo / "other.onnx")
            arena.run("model.onnx", "other.onnx", "--force", expect="refused")
            if (arena.repo / "other.onnx").read_bytes() != arena.inputs["model.onnx"]:
                raise Failure("another model was replaced")

        self.attempt("another model as output", other_model)

        def other_data(arena):
            (arena.repo / "q.onnx.data").write_text("theirs")
            arena.run("model.onnx", "q.onnx", "--force", "--external-data", "never", expect="refused")

        self.attempt("data without a model", other_data)

    def part_owners(self):
        """Folders and files of another user, as in a folder that many share."""
        if os.geteuid() != 0:
            raise SystemExit("attacks.py: only root can make files of another user; run it as root")

        def foreign(arena, mode, lock):
            staging = arena.repo / ".q.onnx.qi8"
            (staging / "new").mkdir(parents=True)
            (staging / "new" / "q.onnx").write_text("theirs")
            if lock:
                inode = staging.stat().st_ino
                (staging / "lock").write_text(f"quantize-int8 stages files in the folder of inode {inode}\n")
            return staging, mode

        for lock in (False, True):
            for owner in ("folder", "lock", "new", "none"):
                for mode in (0o755, 0o775, 0o777):
                    if owner == "none" and mode == 0o755 and lock:
                        continue  # that is what a run of this user leaves
                    def owned(arena, lock=lock, owner=owner, mode=mode):
                        staging, _ = foreign(arena, mode, lock)
                        path = {"folder": staging, "lock": staging / "lock", "new": staging / "new"}.get(owner)
                        if path and path.exists():
                            os.chown(path, STRANGER, STRANGER)
                        if not path or not path.exists() or owner != "lock":
                            os.chmod(staging, mode)
                        arena.run("model.onnx", "q.onnx", expect="refused")

                    if owner == "lock" and not lock:
                        continue
                    self.attempt(f"staging folder of mode {mode:o}, {owner} of a stranger, record {lock}", owned)

    # --- what a model may name as its data

    def part_locations(self):
        locations = (b"../home/secret1", b"a/../../home/s1", b"/etc/hostname//", b"./../home/empty", b"..//home/thesis",
                     b"../repo/../home")
        for location in locations:
            def located(arena, location=location):
                assert len(location) == len(LOCATION), location
                model = arena.repo / "model.onnx"
                model.write_bytes(model.read_bytes().replace(LOCATION, location))
                arena.run("model.onnx", "q.onnx", expect="refused")
                arena.run("inspect", "model.onnx", expect="refused")

            self.attempt(f"location {location!r}", located, inputs_may_change=True)

        kinds = {
            "link to a file": lambda arena, path: path.symlink_to(arena.home / "secret1"),
            "relative link": lambda arena, path: path.symlink_to("../home/secret1"),
            "link through /proc": lambda arena, path: path.symlink_to(
                "/proc/self/root" + str(arena.home / "secret1")),
            "link to itself": lambda arena, path: path.symlink_to(path.name),
            "link to nothing": lambda arena, path: path.symlink_to("nowhere"),
            "pipe": lambda arena, path: os.mkfifo(path),
            "folder": lambda arena, path: path.mkdir(),
            "device": lambda arena, path: path.symlink_to("/dev/zero"),
            "chain of links": chain_of_links,
        }
        for kind, plant in kinds.items():
            for follow in (False, True):
                if follow and kind in ("link to a file", "relative link", "link through /proc", "chain of links"):
                    continue  # the user vouches for them
                def data(arena, plant=plant, follow=follow):
                    path = arena.repo / "model.onnx.data"
                    path.unlink()
                    plant(arena, path)
                    arena.run("model.onnx", "q.onnx", *(["--follow-links"] if follow else []), expect="refused")

                self.attempt(f"data is a {kind}, --follow-links {follow}", data, inputs_may_change=True)

        def planted_hard_link(arena):
            path = arena.repo / "model.onnx.data"
            path.unlink()
            os.link(arena.home / "secret1", path)
            os.chmod(arena.repo, 0o777)  # anybody can have made the link
            arena.run("model.onnx", "q.onnx", expect="refused")

        self.attempt("data is a hard link in a folder that all may write to", planted_hard_link, inputs_may_change=True)

        for target in ("../../../home/secret1", "../../../../home/secret1", "../../blobs/link"):
            def hub(arena, target=target):
                repository = arena.repo / "models--a--b"
                snapshot_folder = repository / "snapshots" / "revision"
                snapshot_folder.mkdir(parents=True)
                (repository / "blobs").mkdir()
                (repository / "blobs" / "link").symlink_to(arena.home / "secret1")
                shutil.copy(arena.repo / "model.onnx", snapshot_folder)
                (snapshot_folder / "model.onnx.data").symlink_to(target)
                arena.run(snapshot_folder / "model.onnx", "q.onnx", expect="refused")

            self.attempt(f"a cache of the hub with a link to {target}", hub)

    # --- what changes while the program runs

    def part_races(self):
        """Somebody exchanges names for links all the time."""

        def swap(arena, name, target, stop):
            path, link = arena.repo / name, arena.repo / ".theirs"
            while not stop.is_set():
                try:
                    if link.is_symlink():
                        link.unlink()
                    link.symlink_to(target)
                    os.rename(path, arena.repo / ".away")
                    os.rename(link, path)
                    time.sleep(0.0005)
                    path.unlink()
                    os.rename(arena.repo / ".away", path)
                except OSError:
                    pass

        races = {
            ".q.onnx.qi8": "home", ".q.onnx.qi8/new": "home", ".q.onnx.qi8/old": "home", ".q.onnx.qi8/current": "home",
            ".q.onnx.qi8/lock": "home/lock", "q.onnx": "home/q.onnx", "q.onnx.data": "home/q.onnx.data",
            "q.onnx.sha256": "home/empty", "quantization_log.jsonl": "home/empty", "model.onnx.data": "home/secret1",
        }
        for name, target in races.items():
            for round_number in range(3):
                def race(arena, name=name, target=target, round_number=round_number):
                    if round_number > 0:
                        arena.run("model.onnx", "q.onnx")
                    stop = threading.Event()
                    attacker = threading.Thread(target=swap, args=(arena, name, arena.root / target, stop))
                    attacker.start()
                    try:
                        for _ in range(5):
                            arena.run("model.onnx", "q.onnx", "--force")
                    finally:
                        stop.set()
                        attacker.join()

                self.attempt(f"{name} is exchanged for a link, round {round_number}", race, inputs_may_change=True)

    def part_changes(self):
        """The input grows, shrinks or is written while it is read; the run is interrupted."""

        def change(arena, how, stop):
            data = arena.repo / "model.onnx.data"
            while not stop.is_set():
                with open(data, "r+b") as file:
                    how(file)
                time.sleep(0.001)

        ways = {
            "shrinks": lambda file: file.truncate(1000),
            "grows": lambda file: (file.seek(0, 2), file.write(b"x")),
            "is written": lambda file: (file.seek(5000), file.write(os.urandom(16))),
        }
        for name, how in ways.items():
            for _ in range(3):
                def changing(arena, how=how):
                    stop = threading.Event()
                    attacker = threading.Thread(target=change, args=(arena, how, stop))
                    attacker.start()
                    try:
                        for _ in range(3):
                            arena.run("model.onnx", "q.onnx", "--force")
                    finally:
                        stop.set()
                        attacker.join()

                self.attempt(f"the data {name}", changing, inputs_may_change=True)

        for delay in (0, 0.001, 0.003, 0.005, 0.01, 0.02):
            def interrupted(arena, delay=delay):
                process = subprocess.Popen([arena.program, "model.onnx", "q.onnx", "-q"], cwd=arena.repo,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(delay)
                process.send_signal(signal.SIGINT)
                status = process.wait(timeout=60)
                if status not in (0, 130, -signal.SIGINT):
                    raise Failure(f"interrupted, it ended with {status}")
                left = {path.name for path in arena.repo.iterdir()} - {"model.onnx", "model.onnx.data"}
                if status != 0 and left:
                    raise Failure(f"interrupted, it left {left}")

            self.attempt(f"interrupted after {delay} s", interrupted)

    # --- the reports of compare

    def part_reports(self):
        def prepare(arena):
            arena.run("model.onnx", "q.onnx", expect="done")

        for name in ("model.onnx", "model.onnx.data", "q.onnx", "q.onnx.data", "q.onnx.sha256", "notes.txt"):
            def replaced(arena, name=name):
                prepare(arena)
                (arena.repo / "notes.txt").write_text("notes")
                before = (arena.repo / name).read_bytes()
                arena.run("compare", "model.onnx", "q.onnx", "--runs", "1", "--report", name, expect="refused")
                if (arena.repo / name).read_bytes() != before:
                    raise Failure(f"{name} was replaced")

            self.attempt(f"--report {name}", replaced)
        for kind in KINDS:
            for name in ("r.html", ".r.html.qi8"):
                def reported(arena, kind=kind, name=name):
                    prepare(arena)
                    plants(arena)[kind](arena.repo / name)
                    arena.run("compare", "model.onnx", "q.onnx", "--runs", "1", "--report", "r.html",
                              expect="refused")

                self.attempt(f"{name} is a {kind}", reported)

    def go(self, parts):
        names = parts or [name[len("part_"):] for name in dir(self) if name.startswith("part_")]
        for name in names:
            before, start = self.tries, time.monotonic()
            getattr(self, "part_" + name)()
            print(f"{name}: {self.tries - before} tries, {time.monotonic() - start:.1f} s", flush=True)
        shutil.rmtree(self.work, ignore_errors=True)
        for failure in self.failures:
            print("FAILED", failure)
        print(f"{self.tries} tries, {len(self.failures)} failed")
        return 1 if self.failures else 0


def chain_of_links(arena, path):
    path.symlink_to("step1")
    (arena.repo / "step1").symlink_to("step2")
    (arena.repo / "step2").symlink_to("../home/secret1")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    sys.exit(Attacks(Path(sys.argv[1]).resolve()).go(sys.argv[2:]))
