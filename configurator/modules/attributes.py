"""Owner, group and mode, which every module that makes files has in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from configurator.core.errors import ParameterError
from configurator.modules.modes import apply_mode
from configurator.modules.state import State
from configurator.modules.system import FileStat, System


def observed(stat: FileStat | None) -> State:
    """Return a path's kind and attributes as fields; `absent` alone if nothing is there."""
    if stat is None:
        return {"kind": "absent"}
    return {
        "kind": stat.kind,
        "mode": f"{stat.mode:04o}",
        "owner": stat.owner,
        "group": stat.group,
        "uid": stat.uid,
        "gid": stat.gid,
        "target": stat.target,
    }


def wanted(*, mode: str | None, owner: str | None, group: str | None, current: int, is_dir: bool) -> State:
    """Return the fields that the parameters ask for; a numeric owner is compared as a number."""
    fields: State = {}
    if mode is not None and mode != "preserve":
        fields["mode"] = f"{checked_mode(mode, current, is_dir):04o}"
    if owner is not None:
        fields |= {"uid": int(owner)} if owner.isdigit() else {"owner": owner}
    if group is not None:
        fields |= {"gid": int(group)} if group.isdigit() else {"group": group}
    return fields


def checked_mode(mode: str, current: int, is_dir: bool) -> int:
    """Return the mode as a number; ParameterError if the text is no mode."""
    try:
        return apply_mode(mode, current, is_dir)
    except ValueError as error:
        raise ParameterError(str(error)) from None


def set_changed(
    system: System, path: str, fields: Iterable[str], wanted_state: Any, *, follow: bool = True
) -> None:
    """Set those attributes of a path that are among the changed fields."""
    changed = set(fields)
    owner = wanted_state["owner"] if "owner" in changed else None
    group = wanted_state["group"] if "group" in changed else None
    if "uid" in changed:
        owner = str(wanted_state["uid"])
    if "gid" in changed:
        group = str(wanted_state["gid"])
    mode = wanted_state["mode"] if "mode" in changed else None
    if owner is not None or group is not None or mode is not None:
        system.set_attributes(path, mode=mode, owner=owner, group=group, follow=follow)


def account_keys(owner: str | None, group: str | None) -> tuple[str, ...]:
    """Return the effect keys of the accounts that a file needs."""
    keys = []
    if owner is not None and not owner.isdigit():
        keys.append(f"user:{owner}")
    if group is not None and not group.isdigit():
        keys.append(f"group:{group}")
    return tuple(keys)
