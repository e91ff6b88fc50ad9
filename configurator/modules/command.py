"""command and shell: run something, unless `creates` or `removes` says that it is not needed.

What a command does is not known: it orders against everything (modules/effects.py), a plan says that it
would run, and it counts as a change whenever it runs, as in Ansible.
"""

from __future__ import annotations

import fnmatch
import posixpath
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.base import Module
from configurator.modules.effects import OPAQUE, Effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, State
from configurator.modules.system import CommandResult, System

_MAGIC = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class CommandParams:
    """The parameters of command; `cmd` is also what stands behind `command:`."""

    cmd: str | None = param("str", aliases=("_raw_params",))
    argv: tuple[str, ...] = param("list")
    chdir: str | None = param("str")
    creates: str | None = param("str")
    removes: str | None = param("str")
    stdin: str | None = param("str")
    stdin_add_newline: bool = param("bool", True)
    strip_empty_ends: bool = param("bool", True)
    expand_argument_vars: bool = param("bool", True)


@dataclass(frozen=True, slots=True)
class ShellParams:
    """The parameters of shell."""

    cmd: str | None = param("str", aliases=("_raw_params",))
    chdir: str | None = param("str")
    creates: str | None = param("str")
    removes: str | None = param("str")
    stdin: str | None = param("str")
    stdin_add_newline: bool = param("bool", True)
    executable: str = param("str", "/bin/sh")
    strip_empty_ends: ClassVar[bool] = True
    argv: ClassVar[tuple[str, ...]] = ()


class Command(Module[Any]):
    """See the module's docstring."""

    name: ClassVar[str] = "command"
    params: ClassVar[type] = CommandParams
    free_form: ClassVar[str | None] = "cmd"
    timeout_s: ClassVar[float] = 3600.0
    typical_s: ClassVar[float] = 1.0

    def check(self, params: Any) -> Sequence[ParamProblem]:
        if bool(params.cmd) == bool(params.argv):
            return [ParamProblem("", "exactly one of 'cmd' and 'argv' is required")]
        if params.cmd:
            try:
                self._words(params)
            except ValueError as error:
                return [ParamProblem("cmd", f"'cmd' cannot be split into words: {error}")]
        return ()

    def subject(self, params: Any) -> str:
        return f"command:{params.cmd or shlex.join(params.argv)}"

    def effects(self, params: Any) -> Effects:  # noqa: ARG002
        return OPAQUE

    def observe(self, system: System, params: Any) -> State:
        creates, removes = params.creates, params.removes
        return {
            "ran": False,
            "needless": (creates is not None and _exists(system, _absolute(params, creates)))
            or (removes is not None and not _exists(system, _absolute(params, removes))),
        }

    def desired(self, params: Any, actual: State) -> State:  # noqa: ARG002
        # After the run the proof has "ran": what `creates` names may be there by then, or not.
        return {} if actual["needless"] and not actual["ran"] else {"ran": True}

    def converge(self, system: System, params: Any, change: Change) -> State | None:  # noqa: ARG002
        stdin = params.stdin
        if stdin is not None and params.stdin_add_newline and not stdin.endswith("\n"):
            stdin += "\n"
        result = self._execute(system, params, stdin)
        strip = params.strip_empty_ends
        out, err = result.stdout, result.stderr
        return {
            "ran": True,
            "rc": result.exit_status,
            "stdout": out.rstrip("\r\n") if strip else out,
            "stderr": err.rstrip("\r\n") if strip else err,
        }

    def _words(self, params: Any) -> list[str]:
        return list(params.argv) or shlex.split(params.cmd or "")

    def _execute(self, system: System, params: Any, stdin: str | None) -> CommandResult:
        words = self._words(params)
        if not words:
            raise TaskError("the command is empty")
        return system.run(words, stdin=stdin, cwd=params.chdir)

    def outputs(self, params: Any, actual: State) -> dict[str, Any]:  # noqa: ARG002
        return {key: actual[key] for key in ("rc", "stdout", "stderr") if key in actual}


class Shell(Command):
    """Runs its text through a shell."""

    name: ClassVar[str] = "shell"
    params: ClassVar[type] = ShellParams

    def _words(self, params: Any) -> list[str]:
        return [params.cmd or ""]

    def _execute(self, system: System, params: Any, stdin: str | None) -> CommandResult:
        return system.shell(params.cmd or "", executable=params.executable, stdin=stdin, cwd=params.chdir)


def _absolute(params: Any, path: str) -> str:
    return posixpath.join(params.chdir or "/", path)


def _exists(system: System, pattern: str) -> bool:
    """Return True if something is there; the pattern may have wildcards, as in Ansible."""
    if not _MAGIC & set(pattern):
        return system.stat(pattern, follow=True) is not None
    return next(_matches(system, pattern), None) is not None


def _matches(system: System, pattern: str) -> Iterator[str]:
    """Yield the paths that match a pattern whose wildcards do not cross slashes (glob(7))."""
    parent, name = posixpath.split(pattern)
    parents = _matches(system, parent) if _MAGIC & set(parent) else iter((parent,))
    for directory in parents:
        for entry in system.listdir(directory):
            if fnmatch.fnmatchcase(entry, name) and (not entry.startswith(".") or name.startswith(".")):
                yield posixpath.join(directory, entry)
