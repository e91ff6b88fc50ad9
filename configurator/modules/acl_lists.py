"""Access lists of files as getfacl(1) tells them, or as a plan has left them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from configurator.core.errors import TaskError
from configurator.modules import acl_entries as entries
from configurator.modules.acl_entries import Acl
from configurator.modules.state import State
from configurator.modules.system import FileStat, System

_MISSING_PROGRAM = 127  # System.query
_AT_ONCE = 200  # paths that one command is given, so that its output is kept whole


@dataclass(frozen=True, slots=True)
class Lists:
    """What is at a path: its access list, and the one that a directory hands down, which may be empty."""

    stat: FileStat
    access: Acl
    default: Acl

    @property
    def directory(self) -> bool:
        """True if a default list can be."""
        return self.stat.kind == "directory"


def established(access: Acl, default: Acl) -> State:
    """Return what a command that leaves these lists establishes, for the key of `key_of`."""
    return {"exists": True, "access": dict(access), "default": dict(default)}


def key_of(path: str) -> str:
    """Return the effect key of a path's lists."""
    return f"acl:{path}"


def lists_of(system: System, found: Mapping[str, FileStat]) -> dict[str, Lists]:
    """Return the lists of paths that lead through no links, in the order given."""
    asked = _ask(system, found)
    return {path: _lists(system, path, stat, asked.get(path)) for path, stat in found.items()}


def batches(paths: Iterable[str]) -> Iterable[list[str]]:
    """Return the paths in lists that one command can be given."""
    all_paths = list(paths)
    return (all_paths[start : start + _AT_ONCE] for start in range(0, len(all_paths), _AT_ONCE))


def _lists(system: System, path: str, stat: FileStat, told: tuple[Acl, Acl] | None) -> Lists:
    """Take the bits of the mode from the file itself: who changes its mode changes the list (acl(5))."""

    def probe() -> State:
        return established(*(told or _inherited(system, path, stat)))

    state = system.lookup(key_of(path), probe)
    return Lists(stat, entries.with_mode(state["access"], stat.mode), state["default"])


def _inherited(system: System, path: str, stat: FileStat) -> tuple[Acl, Acl]:
    """Return the lists of a file that getfacl(1) does not see yet: its directory may hand some down."""
    above = posixpath.dirname(path)
    parent = system.stat(above) if above != path else None
    if parent is None or parent.kind != "directory":
        return entries.of_mode(stat.mode), {}
    handed = lists_of(system, {above: parent})[above].default
    return handed or entries.of_mode(stat.mode), handed if stat.kind == "directory" else {}


def _ask(system: System, paths: Iterable[str]) -> dict[str, tuple[Acl, Acl]]:
    """Return the lists of those paths that are on the host; nothing if getfacl(1) is only going to be."""
    told: dict[str, tuple[Acl, Acl]] = {}
    for some in batches(paths):
        argv = ["getfacl", "--absolute-names", "--no-effective", "--", *some]
        answer = system.query(argv, ok=range(256))
        if answer.exit_status == _MISSING_PROGRAM:
            if not system.lookup("package:acl", lambda: {"exists": False})["exists"]:
                raise TaskError(
                    "getfacl is not installed on the host", hint="install it first: `apt: {name: acl}`"
                )
            return {}
        blocks = {name: entries.parsed(block) for name, block in _blocks(answer.stdout)}
        # The output of a command is text: bytes of a name that are none are told as one and the same sign.
        told |= {path: blocks[_told(path)] for path in some if _told(path) in blocks}
    return told


def _blocks(text: str) -> Iterable[tuple[str, str]]:
    """Yield the path and the lines of each file that getfacl(1) tells of."""
    for block in text.split("\n\n"):
        first, _, rest = block.partition("\n")
        if first.startswith("# file: "):
            yield entries.unescaped(first.removeprefix("# file: ")), rest


def _told(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
