"""Gives the libraries that auditwheel put into a wheel symbols of their own:

    isolate_symbols.py FOLDER        (an unpacked wheel)

auditwheel gives each of them a file name of its own, so that no other copy takes its place. That is not enough for their
symbols: a process that has loaded another protobuf for all to see (TensorFlow does) would have ours call that one, and
C++ makes some variables one for the whole process. So every symbol that one of them defines, and that has no version to
tell it apart, gets a suffix, there and in all that uses it.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

SUFFIX = "_of_quantize_int8"


def symbols(file: Path, *options: str) -> set[str]:
    lines = subprocess.run(
        ["nm", "--dynamic", "--format=just-symbols", *options, file], check=True, capture_output=True, text=True
    ).stdout.split()
    return {name for name in lines if "@" not in name}


def main() -> None:
    wheel = Path(sys.argv[1])
    libraries = sorted(wheel.glob("*.libs/*.so*"))
    users = [*wheel.glob("*/*.so"), *wheel.glob("*/bin/*")]
    defined = set().union(*(symbols(library, "--defined-only") for library in libraries))
    if not defined:
        sys.exit(f"isolate_symbols: the libraries in {wheel} define nothing")
    with tempfile.NamedTemporaryFile("w", suffix=".map") as table:
        table.writelines(f"{name} {name}{SUFFIX}\n" for name in sorted(defined))
        table.flush()
        for file in [*libraries, *users]:
            subprocess.run(["patchelf", "--rename-dynamic-symbols", table.name, file], check=True)
    for file in [*libraries, *users]:
        if left := symbols(file) & defined:
            sys.exit(f"isolate_symbols: {file} still has {sorted(left)[0]}")
    print(f"{len(defined)} symbols of {len(libraries)} libraries are now the wheel's own")


if __name__ == "__main__":
    main()
