"""Owner, group and mode, which every module that makes files has in common."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Any

from configurator.modules.modes import after_chown, apply_mode, mode_problem, octal
from configurator.modules.params import ParamProblem, absolute
from configurator.modules.state import State
from configurator.modules.system import FileStat, System

NEW_FILE = 0o644  # what System.write gives a new file, which symbolic modes start from
NEW_DIRECTORY = 0o755  # the same for System.mkdir


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a task asks for; None: whatever it is. A mode of `preserve` has been replaced by now."""

    mode: str | None = None
    owner: str | None = None
    group: str | None = None

    @classmethod
    def of(cls, params: Any) -> Attributes:
        """Return those of a task's parameters."""
        return cls(params.mode if params.mode != "preserve" else None, params.owner, params.group)

    def __bool__(self) -> bool:
        return any(value is not None for value in (self.mode, self.owner, self.group))

    def observed(self, stat: FileStat | None) -> State:
        """Return a path's kind and attributes as fields; the kind is `absent` if nothing is there.

        Who was asked for by number is shown by number, so that two names of one number are no difference.
        """
        if stat is None:
            return {"kind": "absent"}
        return {
            "kind": stat.kind,
            "mode": octal(stat.mode),
            "owner": str(stat.uid) if self.owner is not None and self.owner.isdigit() else stat.owner,
            "group": str(stat.gid) if self.group is not None and self.group.isdigit() else stat.group,
        }

    def wanted(self, kind: str, stat: FileStat | None) -> State:
        """Return the fields asked for, of a `file`, `directory` or `link` that is `stat` now (None: new)."""
        fields: State = {}
        if self.mode is not None and kind != "link":  # a link has no mode of its own (symlink(7))
            is_dir = kind == "directory"
            new = NEW_DIRECTORY if is_dir else NEW_FILE
            fields["mode"] = octal(apply_mode(self.mode, new if stat is None else stat.mode, is_dir))
        for name, value in (("owner", self.owner), ("group", self.group)):
            if value is not None:
                fields[name] = str(int(value)) if value.isdigit() else value
        if self.mode is None and kind == "file" and stat is not None:
            actual = self.observed(stat)
            left = after_chown(stat.mode)
            # A new owner costs set-ID bits that nobody asks to keep: that is a change to be shown.
            if left != stat.mode and any(value != actual[name] for name, value in fields.items()):
                fields["mode"] = octal(left)
        return fields

    def set(self, system: System, path: str, *, follow: bool = True) -> None:
        """Set all that is asked for: a new owner alone would cost the file its set-ID bits."""
        system.set_attributes(path, mode=self.mode, owner=self.owner, group=self.group, follow=follow)

    def account_keys(self) -> tuple[str, ...]:
        """Return the effect keys of the accounts that the file needs."""
        accounts = (("user", self.owner), ("group", self.group))
        return tuple(f"{kind}:{name}" for kind, name in accounts if name is not None and not name.isdigit())


def described(stat: FileStat) -> dict[str, Any]:
    """Return a path's attributes under the names that Ansible's modules of files return them by."""
    return {
        "mode": f"0{stat.mode:03o}",
        "owner": stat.owner,
        "group": stat.group,
        "uid": stat.uid,
        "gid": stat.gid,
        "size": stat.size,
        "state": "hard" if stat.kind == "file" and stat.links > 1 else stat.kind,
    }


def common_problems(params: Any, *, path: str = "path", preserve: bool = False) -> list[ParamProblem]:
    """Return what is wrong with the parameters that all modules of files have: path, mode and validate."""
    problems = path_problems(path, getattr(params, path))
    problem = mode_problem(params.mode, preserve=preserve)
    if problem is not None:
        problems.append(ParamProblem("mode", f"'mode': {problem}"))
    if "%s" not in (getattr(params, "validate", None) or "%s"):
        problems.append(ParamProblem("validate", "'validate' must contain %s, which stands for the new file"))
    return problems


def path_problems(name: str, value: str) -> list[ParamProblem]:
    """Return a problem if the value of the parameter `name` is no absolute path."""
    if absolute(value):
        return []
    hint = "write the whole path: relative ones depend on who is asked" if value else None
    return [ParamProblem(name, f"{name!r} must be an absolute path, not {value!r}", hint)]


def clean(path: str) -> str:
    """Return a path in the form that effect keys use: without doubled, trailing or dotted parts."""
    return posixpath.normpath(path).replace("//", "/") if path else path


def make_parents(
    system: System, path: str, *, mode: str | None = None, owner: str | None = None, group: str | None = None
) -> None:
    """Make a directory and those above it that are missing, all with the same attributes."""
    missing = []
    while path not in ("/", "") and system.stat(path, follow=True) is None:
        missing.append(path)
        path = path.rstrip("/").rpartition("/")[0] or "/"
    for one in reversed(missing):
        system.mkdir(one, mode=mode, owner=owner, group=group)
