"""command and shell: run something, unless `creates` or `removes` says that it is not needed.

What a command does is not known: it orders against everything (modules/effects.py), a plan says that it
would run, and it counts as a change whenever it runs, as in Ansible.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.modules.base import Module
from configurator.modules.effects import OPAQUE, Effects
from configurator.modules.globbing import exists
from configurator.modules.params import ParamProblem, absolute, param
from configurator.modules.state import Change, State
from configurator.modules.system import CommandResult, System


@dataclass(frozen=True, slots=True)
class CommandParams:
    """The parameters of command; `cmd` is also what stands behind `command:`."""

    cmd: str | None = param("str", aliases=("_raw_params",))
    argv: tuple[str, ...] = param("list")
    chdir: str | None = param("str", path=True)
    creates: str | None = param("str", path=True)
    removes: str | None = param("str", path=True)
    stdin: str | None = param("str")
    stdin_add_newline: bool = param("bool", True)
    strip_empty_ends: bool = param("bool", True)
    expand_argument_vars: bool = param("bool", True)


@dataclass(frozen=True, slots=True)
class ShellParams:
    """The parameters of shell."""

    cmd: str | None = param("str", aliases=("_raw_params",))
    chdir: str | None = param("str", path=True)
    creates: str | None = param("str", path=True)
    removes: str | None = param("str", path=True)
    stdin: str | None = param("str")
    stdin_add_newline: bool = param("bool", True)
    strip_empty_ends: bool = param("bool", True)
    executable: str = param("str", "/bin/sh")

    # What command has and shell has not.
    argv: ClassVar[tuple[str, ...]] = ()


class Command(Module[Any]):
    """See the module's docstring."""

    name: ClassVar[str] = "command"
    params: ClassVar[type] = CommandParams
    free_form: ClassVar[str | None] = "cmd"
    timeout_s: ClassVar[float] = 3600.0
    typical_s: ClassVar[float] = 1.0

    def check(self, params: Any) -> Sequence[ParamProblem]:
        problems = []
        if not (params.cmd or "").strip() and not params.argv:
            problems.append(ParamProblem("", "no command given"))
        if params.cmd and params.argv:
            problems.append(ParamProblem("argv", "'cmd' and 'argv' exclude each other"))
        elif params.cmd:
            try:
                self._words(params)
            except ValueError as error:
                problems.append(ParamProblem("cmd", f"'cmd' cannot be split into words: {error}"))
        if not absolute(params.chdir or "/"):
            problems.append(ParamProblem("chdir", f"'chdir' must be an absolute path, not {params.chdir!r}"))
        for name in ("creates", "removes"):
            if params.chdir is None and not absolute(getattr(params, name) or "/"):
                problems.append(ParamProblem(name, f"{name!r} must be an absolute path, or go with 'chdir'"))
        return problems

    def subject(self, params: Any) -> str:
        return f"command:{params.cmd or shlex.join(params.argv)}"

    def effects(self, params: Any) -> Effects:  # noqa: ARG002
        return OPAQUE

    def observe(self, system: System, params: Any) -> State:
        """Nothing has run yet; `needless` says why it need not, or is None."""
        return {"ran": False, "needless": _needless(system, params)}

    def desired(self, params: Any, actual: State) -> State:  # noqa: ARG002
        # Once it has run, what `creates` names is there: that must not hide the event.
        return {"ran": True} if actual["ran"] or actual["needless"] is None else {}

    def converge(self, system: System, params: Any, change: Change) -> State | None:  # noqa: ARG002
        stdin = params.stdin
        if stdin is not None and params.stdin_add_newline:
            stdin += "\n"
        result = self._execute(system, params, stdin)
        ends = "\r\n" if params.strip_empty_ends else ""
        return {
            "ran": True,
            "rc": result.exit_status,
            "stdout": result.stdout.rstrip(ends),
            "stderr": result.stderr.rstrip(ends),
        }

    def _words(self, params: Any) -> list[str]:
        return list(params.argv) or shlex.split(params.cmd or "")

    def _execute(self, system: System, params: Any, stdin: str | None) -> CommandResult:
        words = self._words(params)
        if params.expand_argument_vars:
            words = _expanded(system, words)
        return system.run(words, stdin=stdin, cwd=params.chdir)

    def outputs(self, params: Any, actual: State) -> dict[str, Any]:
        """Return Ansible's `cmd`, `rc`, `stdout`, `stderr` and their lines; a needless command says why."""
        out: dict[str, Any] = {"cmd": params.cmd or list(params.argv), "rc": actual.get("rc", 0)}
        for name in ("stdout", "stderr"):
            text = actual.get(name, "")
            if name == "stdout" and not actual["ran"] and actual["needless"] is not None:
                text = f"skipped, since {actual['needless']}"
            out |= {name: text, f"{name}_lines": text.splitlines()}
        return out


class Shell(Command):
    """Runs its text through a shell."""

    name: ClassVar[str] = "shell"
    params: ClassVar[type] = ShellParams

    def _words(self, params: Any) -> list[str]:
        return [params.cmd or ""]  # the shell itself says what is wrong with it

    def _execute(self, system: System, params: Any, stdin: str | None) -> CommandResult:
        return system.shell(params.cmd or "", executable=params.executable, stdin=stdin, cwd=params.chdir)


def _needless(system: System, params: Any) -> str | None:
    """Return why the command need not run, or None."""
    base = params.chdir or "/"
    if params.creates is not None and exists(system, posixpath.join(base, params.creates)):
        return f"{params.creates} exists"
    if params.removes is not None and not exists(system, posixpath.join(base, params.removes)):
        return f"{params.removes} does not exist"
    return None


_HOME_FIELD = 5  # passwd(5)
_VARIABLE = re.compile(r"\$(?:(\w+)|\{([^}]*)\})")


def _expanded(system: System, words: Sequence[str]) -> list[str]:
    """Replace `$NAME`, `${NAME}` and a leading `~` or `~user`; a name that is not set stays as it is."""
    if not any("$" in word or word.startswith("~") for word in words):
        return list(words)
    listed = system.query(("env", "-0")).stdout  # the environment that the command will find
    environment = dict(entry.split("=", 1) for entry in listed.split("\0") if "=" in entry)
    words = [
        _VARIABLE.sub(lambda match: environment.get(match[1] or match[2] or "", match[0]), word)
        for word in words
    ]
    return [_home(system, word, environment) if word.startswith("~") else word for word in words]


def _home(system: System, word: str, environment: Mapping[str, str]) -> str:
    user, slash, rest = word[1:].partition("/")
    if not user:
        return environment.get("HOME", "~") + slash + rest
    # getent(1): 2 says that there is no such key, and then the word is no home, as in a shell.
    entry = system.query(("getent", "passwd", user), ok=(0, 2)).stdout.rstrip("\n").split(":")
    if len(entry) < _HOME_FIELD + 1:
        return word
    return entry[_HOME_FIELD] + slash + rest
