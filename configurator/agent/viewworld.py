"""Whether a plan knows enough for a view of the host, and which accounts it has; see hostview.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from configurator.agent.viewfiles import Account
from configurator.agent.world import World
from configurator.modules.state import State

# Established by commands, and seen by no validator: what is made of them is in the files, or in the kernel.
_ELSEWHERE = frozenset({"user", "group", "unit", "sysctl", "apt-index"})


def complete(world: World) -> bool:
    """Return True if all that will be there by now is known, but for what the scripts of packages make."""
    if world.pending.opaque is not None or world.pending.unseen or world.files.unknown():
        return False
    return all(state is not None and _is_in_files(key, state) for key, state in world.states.items())


def _is_in_files(key: str, state: State) -> bool:
    """Return True for a state that a view has, or that no validator looks at."""
    namespace = key.partition(":")[0]
    there = bool(state.get("exists"))
    if namespace == "package":
        return there and bool(state.get("new", True))  # nothing is taken away, and nothing upgraded
    if namespace == "path":
        return not there or state.get("kind") == "directory"
    return namespace in _ELSEWHERE


def accounts(world: World) -> list[Account]:
    """Return the users and groups that packages and tasks make or remove, in the order in which they come."""
    made = [] if world.ahead is None else [_packaged(kind, name) for kind, name in world.ahead.accounts()]
    for key, state in world.states.items():
        kind, _, name = key.partition(":")
        if kind in ("user", "group") and state is not None:
            made.append(_established(kind, name, state))
    return made


def _packaged(kind: str, name: str) -> Account:
    return {"kind": kind, "name": name, "exists": True, "group": name, "members": [], "home": "", "shell": ""}


def _established(kind: str, name: str, state: State) -> Account:
    def text(field: str) -> str:
        value = state.get(field)
        return value if isinstance(value, str) else ""

    members: Iterable[Any] = state.get("members") or ()
    return {
        "kind": kind,
        "name": name,
        "exists": bool(state.get("exists")),
        "number": state.get("uid" if kind == "user" else "gid") if _is_number(state, kind) else None,
        "group": text("group") or name,
        "members": [member for member in members if isinstance(member, str)],
        "home": text("home"),
        "shell": text("shell"),
    }


def _is_number(state: State, kind: str) -> bool:
    return isinstance(state.get("uid" if kind == "user" else "gid"), int)
