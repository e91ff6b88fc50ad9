"""sshd_config(5): options as lines, and which file has the say about an option.

sshd takes the first value that it finds of most options, in the order of the file and of the files that it
includes where it does; a `Match` block ends with its file.
"""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from configurator.core.errors import ParameterError
from configurator.modules.system import System

MAIN = "/etc/ssh/sshd_config"
HEADER = "# Kept by Configurator: change the role, not this file.\n"
# Options of which every line counts, not the first alone.
ADDED_UP = frozenset(
    {"acceptenv", "allowgroups", "allowusers", "denygroups", "denyusers", "hostcertificate", "hostkey",
     "listenaddress", "port", "setenv", "subsystem"}
)  # fmt: skip
_ONE_A_LINE = frozenset({"hostcertificate", "hostkey", "listenaddress", "port", "setenv", "subsystem"})
_WITH_COMMAS = (
    "ciphers",
    "macs",
    "algorithms",
    "acceptedkeytypes",
)  # endings of names whose values are lists
_DEPTH = 16  # of includes in includes, as in sshd


@dataclass(frozen=True, slots=True)
class Line:
    """One option as it stands in a file, outside of any `Match` block."""

    path: str
    number: int
    name: str
    value: str


def rendered(options: Mapping[str, Any]) -> str:
    """Return the lines for options; blocks (`Match User deploy`) come last, since they end with the file.

    Booleans are `yes` and `no`; None leaves an option out. ParameterError for a value with a line break.
    """
    plain = {name: value for name, value in options.items() if not is_block(name)}
    blocks = {name: value for name, value in options.items() if is_block(name)}
    text = HEADER + "".join(_lines(plain, ""))
    for name, inside in blocks.items():
        if not isinstance(inside, Mapping):
            raise ParameterError(f"the value of {name!r} must be a mapping of options")
        text += f"\n{' '.join(name.split())}\n" + "".join(_lines(inside, "    "))
    return text


def is_block(name: str) -> bool:
    """Return True if a key stands for a block of options for some connections."""
    return name.lower().startswith("match ")


def _lines(options: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in options.items():
        if value is None:
            continue
        for one in _values(name, value):
            if set(one) & set("\n\r\0"):
                raise ParameterError(f"the value of {name!r} has a line break in it")
            yield f"{indent}{name} {one}\n"


def _values(name: str, value: Any) -> list[str]:
    if isinstance(value, Mapping):
        raise ParameterError(f"the value of {name!r} must be text, a number, a boolean or a list")
    if not isinstance(value, (list, tuple)):
        return [_word(value)]
    words = [_word(item) for item in value]
    if name.lower() in _ONE_A_LINE:
        return words
    return [("," if name.lower().endswith(_WITH_COMMAS) else " ").join(words)] if words else []


def _word(value: Any) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def parsed(text: str) -> list[tuple[int, str, str]]:
    """Return number, name and value of each option in a file, down to its first `Match`."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip().replace("=", " ", 1) if "=" in line.strip().split(" ")[0] else line.strip()
        name, _, value = words.replace("\t", " ").partition(" ")
        if not name or name.startswith("#"):
            continue
        if name.lower() == "match":
            break
        found.append((number, name.lower(), value.strip().strip('"')))
    return found


def lines_in_order(system: System, path: str = MAIN, depth: int = 0) -> Iterator[Line]:
    """Yield the options of sshd's configuration in the order in which sshd reads them, includes followed."""
    if depth > _DEPTH or system.stat(path, follow=True) is None:
        return
    for number, name, value in parsed(system.read(path).decode(errors="replace")):
        if name != "include":
            yield Line(path, number, name, value)
            continue
        yield Line(path, number, name, value)
        for pattern in value.split():
            whole = pattern.strip('"')
            whole = whole if whole.startswith("/") else posixpath.join("/etc/ssh", whole)
            directory, last = posixpath.split(whole)
            # glob(7): a hidden file is not meant by `*`.
            for item in sorted(fnmatch.filter(system.listdir(directory), last)):
                if not item.startswith("."):
                    yield from lines_in_order(system, f"{directory}/{item}", depth + 1)


def effective(said: str) -> dict[str, list[str]]:
    """Return the values of each option in the output of `sshd -T`."""
    found: dict[str, list[str]] = {}
    for line in said.splitlines():
        name, _, value = line.partition(" ")
        found.setdefault(name.lower(), []).append(value)
    return found
