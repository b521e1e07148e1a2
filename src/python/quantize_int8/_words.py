"""Messages of the library, which name options as the command spells them, in words of Python."""

from __future__ import annotations

import re

# Where more than the spelling differs.
_NAMES = {"dim": "dims", "no-input-checksum": "input_checksum=False", "no-checksums": "checksums=None", "for": "over"}


def in_python(message: str) -> str:
    """``--data-file`` becomes ``data_file``; what stands in quotes, such as a path, stays."""

    def spell(found: re.Match[str]) -> str:
        option = found[1]
        return found[0] if option is None else _NAMES.get(option, option.replace("-", "_"))

    return re.sub(r"'[^']*'|(?<![\w-])--([a-z][a-z0-9-]+)", spell, message)
