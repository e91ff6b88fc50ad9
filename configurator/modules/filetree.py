"""Attributes of everything below a directory: what `recurse` of the file module means."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from configurator.modules.attributes import Attributes
from configurator.modules.state import State
from configurator.modules.system import FileStat, System

_SHOWN = 50  # differing entries that are shown one by one; the rest is a number
_REST = "others_below"  # the field that counts them


def observed(system: System, path: str, attributes: Attributes) -> State:
    """Return what differs below `path`: fields named `path:ENTRY|FIELD`, and `differing`, all the entries."""
    differing: dict[str, State] = {}
    state: State = {"differing": differing, _REST: 0}
    for entry, stat in walk(system, path):
        actual = attributes.observed(stat)
        wanted = {
            name: value for name, value in attributes.wanted(stat.kind, stat).items() if actual[name] != value
        }
        if not wanted:
            continue
        if len(differing) < _SHOWN:
            state |= {f"path:{entry}|{name}": actual[name] for name in wanted}
        else:
            state[_REST] += 1
        differing[entry] = wanted
    return state


def wanted(actual: State) -> State:
    """Return the fields that the entries should have, for those that differ and are shown."""
    differing = actual.get("differing", {})
    fields: State = {_REST: 0} if len(differing) > _SHOWN else {}
    for entry, values in list(differing.items())[:_SHOWN]:
        fields |= {f"path:{entry}|{name}": value for name, value in values.items()}
    return fields


def converge(system: System, attributes: Attributes, before: State) -> None:
    """Set the attributes of the entries that differ, of links their own."""
    for entry in before.get("differing", {}):
        attributes.set(system, entry, follow=False)


def walk(system: System, path: str) -> Iterator[tuple[str, FileStat]]:
    """Yield everything below a directory, entering no links; not recursive, since trees can be deep."""
    todo = [path]
    while todo:
        directory = todo.pop()
        for name in system.listdir(directory):
            entry = posixpath.join(directory, name)
            stat = system.stat(entry)
            if stat is not None:
                yield entry, stat
                if stat.kind == "directory":
                    todo.append(entry)
