"""command and shell: run something, unless `creates` or `removes` says that it is not needed.

What a command does is not known: it orders against everything (modules/effects.py), a plan says that it
would run, and it counts as a change whenever it runs, as in Ansible. The result is Ansible's, too: `cmd` (of
`command` its words), `rc`, `stdout`, `stderr`, their lines, `start`, `end`, `delta` and `msg`.
"""

from __future__ import annotations

import posixpath
import re
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
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
        began = time.time()
        try:
            result = self._execute(system, params, stdin)
        except TaskError as error:
            ran = "rc" in error.outputs and error.outputs["rc"] == error.exit_status
            more = {"msg": _FAILED, **_times(began, time.time())} if ran else {}
            error.outputs = {**error.outputs, "cmd": self._told(params), **more}
            raise
        ends = "\r\n" if params.strip_empty_ends else ""
        return {
            "ran": True,
            **_times(began, time.time()),
            "rc": result.exit_status,
            "stdout": result.stdout.rstrip(ends),
            "stderr": result.stderr.rstrip(ends),
        }

    def _words(self, params: Any) -> list[str]:
        return list(params.argv) or shlex.split(params.cmd or "")

    def _told(self, params: Any) -> list[str] | str:
        """Return Ansible's `cmd`: the words, or the text of what splits it itself."""
        return self._words(params)

    def _execute(self, system: System, params: Any, stdin: str | None) -> CommandResult:
        words = self._words(params)
        if params.expand_argument_vars:
            words = _expanded(system, words)
        return system.run(words, stdin=stdin, cwd=params.chdir)

    def outputs(self, params: Any, actual: State) -> dict[str, Any]:
        """Return what Ansible does: `cmd`, `rc`, texts, times and `msg`; a needless command says why."""
        out: dict[str, Any] = {"cmd": self._told(params), "rc": actual.get("rc", 0), "msg": ""}
        out |= {name: actual.get(name) for name in ("start", "end", "delta")}
        said = ""
        if not actual["ran"] and actual["needless"] is not None:
            path, what = actual["needless"]
            said = f"skipped, since {path} {what}"
            out["msg"] = f"Did not run command since '{path}' {what}"
        for name, otherwise in (("stdout", said), ("stderr", "")):
            text = actual.get(name, otherwise)
            out |= {name: text, f"{name}_lines": text.splitlines()}
        return out


class Shell(Command):
    """Runs its text through a shell."""

    name: ClassVar[str] = "shell"
    params: ClassVar[type] = ShellParams

    def _words(self, params: Any) -> list[str]:
        return [params.cmd or ""]  # the shell itself says what is wrong with it

    def _told(self, params: Any) -> list[str] | str:
        return str(params.cmd)

    def _execute(self, system: System, params: Any, stdin: str | None) -> CommandResult:
        return system.shell(params.cmd or "", executable=params.executable, stdin=stdin, cwd=params.chdir)


def _times(began: float, ended: float) -> dict[str, str]:
    """Return Ansible's `start`, `end` and `delta` of times in seconds; in the host's time zone."""
    took = max(round((ended - began) * 1_000_000), 0)
    seconds, fraction = divmod(took, 1_000_000)
    return {
        "start": _moment(began),
        "end": _moment(ended),
        "delta": f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:06d}",
    }


def _moment(at: float) -> str:
    whole, fraction = divmod(round(at * 1_000_000), 1_000_000)
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(whole))}.{fraction:06d}"


def _needless(system: System, params: Any) -> tuple[str, str] | None:
    """Return why the command need not run: a path, and that it is there or not; else None."""
    base = params.chdir or "/"
    if params.creates is not None and exists(system, posixpath.join(base, params.creates)):
        return params.creates, "exists"
    if params.removes is not None and not exists(system, posixpath.join(base, params.removes)):
        return params.removes, "does not exist"
    return None


_FAILED = "non-zero return code"  # Ansible's words
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
