"""swapfile: the host swaps to a file of a given size, now and after the next boot, or no longer does.

Ours; Ansible has no module for it. The file is made at its full size (a sparse one cannot be swapped to), can
be read by root alone from the start, and gets the signature of mkswap(8); fstab(5) names it. That it is in
use is read back from /proc/swaps (proc(5)). A file of another size is taken out of use and made anew; what is
at the path and is no swap file is refused. With `active: false` all is kept but swapping itself, for an image
that boots elsewhere. A container cannot swap: its kernel is its host's.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import ParameterError, TaskError
from configurator.modules import fstab
from configurator.modules.attributes import clean, make_parents
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects, parent_keys, path_keys
from configurator.modules.fstab import Entry
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, State
from configurator.modules.system import System

_SWAPS = "/proc/swaps"
_SMALLEST = 40 * 1024  # mkswap(8) wants ten pages


@dataclass(frozen=True, slots=True)
class SwapFileParams:
    """The parameters of swapfile; `size` is in bytes, or with a letter: `512M`, `2G`."""

    path: str = param("str", "/swapfile", aliases=("name",))
    size: str | None = param("str")
    priority: int | None = param("int")
    state: str = param("str", "present", choices=("present", "absent"))
    active: bool = param("bool", True)
    fstab: str = param("str", "/etc/fstab")

    @property
    def place(self) -> str:
        """The path, without what means nothing."""
        return clean(self.path)

    @property
    def bytes(self) -> int:
        """The size in bytes."""
        return fstab.size_of(self.size or "") or 0

    @property
    def entry(self) -> Entry:
        """The line of fstab."""
        options = "sw" if self.priority is None else f"sw,pri={self.priority}"
        return Entry(self.place, "none", "swap", options)


class SwapFile(Module[SwapFileParams]):
    """Keeps one file that the host swaps to."""

    name = "swapfile"
    params = SwapFileParams
    typical_s: ClassVar[float] = 1.0

    def check(self, params: SwapFileParams) -> Sequence[ParamProblem]:
        """Return sizes that are none, and priorities that swapon(8) does not know."""
        problems = [
            ParamProblem(name, f"must be an absolute path, not {value!r}")
            for name, value in (("path", params.path), ("fstab", params.fstab))
            if not value.startswith("/")
        ]
        if params.state == "present" and params.bytes < _SMALLEST:
            problems.append(ParamProblem("size", "must be a size of 40k at least, such as 512M or 2G"))
        if params.priority is not None and not -1 <= params.priority <= 32767:
            problems.append(ParamProblem("priority", "must be -1 to 32767"))
        return problems

    def subject(self, params: SwapFileParams) -> str:
        """Return the file's key."""
        return f"path:{params.place}"

    def effects(self, params: SwapFileParams) -> Effects:
        """The file and its directories; fstab has lines of many tasks."""
        reads = {f"path:{params.fstab}", *path_keys(params.place)}
        makes = parent_keys(params.place) if params.state == "present" else ()
        return effects(reads=reads, writes={self.subject(params)}, makes=makes)

    def locks(self, params: SwapFileParams) -> frozenset[str]:
        """Two tasks must not rewrite one fstab at once."""
        return frozenset({f"path:{params.fstab}"})

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: SwapFileParams) -> State:
        """Return the file's size and mode, its line in fstab, and whether it is in use."""
        # Its state outlives the file only in the memory of a plan.
        there = system.stat(params.place) is not None
        state = system.lookup(_key(params.place), lambda: _probe(system, params.place)) if there else _ABSENT
        text = _text(system, params.fstab)
        lines = [entry for _, entry in fstab.find(text, params.entry)]
        return state | {"fstab": lines[0].line() if lines else None, "text": text}

    def desired(self, params: SwapFileParams, actual: State) -> State:  # noqa: ARG002
        """Return the size, the line and the use that are wanted."""
        if params.state == "absent":
            return {"size": None, "fstab": None, "active": False}
        wanted: State = {"size": params.bytes, "mode": "0600", "fstab": params.entry.line()}
        if params.active:
            wanted["active"] = True
            if params.priority is not None and params.priority >= 0:
                wanted["priority"] = params.priority
        return wanted

    def converge(self, system: System, params: SwapFileParams, change: Change) -> State | None:
        """Take the old file out of use, make the new one, use it, and only then tell the next boot of it."""
        before, path = change.before, params.place
        remade = "size" in change
        state = {name: before[name] for name in _ABSENT}
        if before["active"] and (remade or "active" in change or "priority" in change):
            state |= {"active": False, "priority": None}
            system.run(["swapoff", path], establishes={_key(path): dict(state)})
        if remade and before["size"] is not None:
            system.remove(path)
        if params.state == "present":
            if remade:
                state |= {"exists": True, "size": params.bytes, "mode": "0600"}
                self._make(system, params, state)
            elif "mode" in change:
                system.set_attributes(path, mode="0600")
            if params.active and not state["active"]:
                self._use(system, params, state)
        if "fstab" in change:
            edit = fstab.without_entry if params.state == "absent" else fstab.with_entry
            system.write(params.fstab, edit(before["text"], params.entry).encode(errors="surrogateescape"))
        return None

    @staticmethod
    def _make(system: System, params: SwapFileParams, state: State) -> None:
        path = params.place
        make_parents(system, posixpath.dirname(path))
        system.write(path, b"", mode="0600", owner="root", group="root")
        try:
            # fallocate(1) is quick, but leaves holes on some file systems, which swapon(8) refuses.
            system.run(
                ["dd", "if=/dev/zero", f"of={path}", "bs=1M", f"count={params.bytes}", "iflag=count_bytes"],
                establishes={},
            )
            system.run(["mkswap", path], establishes={_key(path): dict(state)})
        except TaskError:
            system.remove(path)  # half a file helps nobody, and a full disk even less
            raise

    @staticmethod
    def _use(system: System, params: SwapFileParams, state: State) -> None:
        priority = [] if params.priority is None else ["--priority", str(params.priority)]
        given = params.priority if params.priority is not None and params.priority >= 0 else None
        used = state | {"active": True, "priority": given}
        argv = ["swapon", *priority, params.place]
        done = system.run(argv, establishes={_key(params.place): used}, ok=tuple(range(256)))
        if done.exit_status != 0:
            raise TaskError(
                f"{params.place} cannot be swapped to: {done.stderr.strip().rpartition(': ')[2]}",
                command=done.argv,
                exit_status=done.exit_status,
                output=done.stderr,
                hint="a container cannot swap; `active: false` prepares the file and fstab alone",
            )


_ABSENT: State = {"exists": False, "size": None, "mode": None, "active": False, "priority": None}


def _key(path: str) -> str:
    return f"swapfile:{path}"


def _probe(system: System, path: str) -> State:
    found = system.stat(path)
    if found is None:
        return dict(_ABSENT)
    if found.kind != "file":
        raise ParameterError(f"{path} is no file, but a {found.kind}")
    priority = _in_use(system, path)
    if priority is None and found.size and not _has_signature(system, path):
        raise ParameterError(
            f"{path} is there and is no swap file", hint="name another path, or remove it first"
        )
    return {
        "exists": True,
        "size": found.size,
        "mode": f"{found.mode:04o}",
        "active": priority is not None,
        "priority": priority,
    }


def _in_use(system: System, path: str) -> int | None:
    """Return the priority of a file that is swapped to, or None (proc(5), /proc/swaps)."""
    for line in _text(system, _SWAPS).splitlines()[1:]:
        words = line.split()
        if len(words) >= 5 and fstab.unescape(words[0]) == path:
            return int(words[4])
    return None


def _has_signature(system: System, path: str) -> bool:
    """Return True if blkid(8) sees what mkswap has written."""
    seen = system.query(
        ["blkid", "--probe", "--output", "value", "--match-tag", "TYPE", path], ok=(0, 2, 127)
    )
    return seen.stdout.strip() == "swap"


def _text(system: System, path: str) -> str:
    if system.stat(path, follow=True) is None:
        return ""
    return system.read(path).decode(errors="surrogateescape")
