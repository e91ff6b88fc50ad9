"""debconf: a question of a package has its answer in debconf's database, so that nobody is asked.

Parameters are those of ansible.builtin.debconf. The database is read from /var/cache/debconf (debconf(7)),
and written by debconf-set-selections(1), which is handed the answer on its standard input. An answer that the
package's own default happens to be is set all the same: the default may change. A password (`vtype:
password`) is never shown. Without `question` the present answers are returned, and nothing is changed.

An answer counts when the package is installed or reconfigured: set it before the package's task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, SecretValue, State
from configurator.modules.system import System

_DATABASE = "/var/cache/debconf"
_FILES = ("config.dat", "passwords.dat")
_SECRET = "password"  # noqa: S105  (the name of a type)
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class DebconfParams:
    """The parameters of ansible.builtin.debconf."""

    name: str = param("str", required=True, aliases=("pkg",))
    question: str | None = param("str", aliases=("selection", "setting"))
    vtype: str | None = param(
        "str",
        choices=(
            "boolean", "error", "multiselect", "note", _SECRET, "seen", "select", "string", "text", "title"
        ),
    )  # fmt: skip
    value: Any = param("raw", aliases=("answer",))
    unseen: bool = param("bool", False)

    @property
    def answer(self) -> str:
        """The answer as debconf keeps it: booleans are words, several choices are joined."""
        value = self.value
        if isinstance(value, (list, tuple)):
            return ", ".join(str(one) for one in value)
        text = ("true" if value else "false") if isinstance(value, bool) else str(value).strip()
        if self.vtype in ("boolean", "seen"):
            return "true" if text.lower() in _TRUE else "false" if text.lower() in _FALSE else text
        return text


class Debconf(Module[DebconfParams]):
    """Keeps an answer in debconf's database."""

    name = "debconf"
    params = DebconfParams
    typical_s: ClassVar[float] = 0.4

    def check(self, params: DebconfParams) -> Sequence[ParamProblem]:
        """Return what is missing, and what debconf could not keep."""
        problems = []
        if set(params.name) & set(" \t\n") or not params.name:
            problems.append(ParamProblem("name", f"{params.name!r} is not the name of a package"))
        if params.question is None:
            given = [name for name in ("vtype", "value") if getattr(params, name) is not None]
            problems += [ParamProblem(name, f"{name!r} needs 'question'") for name in given]
            return problems
        if set(params.question) & set(" \t\n") or not params.question:
            problems.append(ParamProblem("question", f"{params.question!r} is not the name of a question"))
        for name in ("vtype", "value"):
            if getattr(params, name) is None:
                problems.append(ParamProblem(name, f"'question' needs {name!r}"))
        if problems or isinstance(params.value, dict):
            return problems or [ParamProblem("value", "must be text, a boolean or a list")]
        if "\n" in params.answer:
            problems.append(ParamProblem("value", "must be one line"))
        if params.vtype in ("boolean", "seen") and params.answer not in ("true", "false"):
            problems.append(ParamProblem("value", f"must be true or false, not {params.answer!r}"))
        return problems

    def subject(self, params: DebconfParams) -> str:
        """Return the question, or the package where none is asked for."""
        return f"debconf:{params.question or params.name}"

    def effects(self, params: DebconfParams) -> Effects:
        """The answer; a package that is installed afterwards reads it."""
        if params.question is None:
            return effects(reads={f"path:{_DATABASE}/config.dat"})
        return effects(writes={self.subject(params), f"path:{_DATABASE}/config.dat"})

    def locks(self, params: DebconfParams) -> frozenset[str]:  # noqa: ARG002
        """debconf's database is open to one at a time, and dpkg opens it, too."""
        return frozenset({"apt"})

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: DebconfParams) -> State:
        """Return the answer and whether the question counts as seen."""
        if system.stat("/usr/bin/debconf-set-selections", follow=True) is None:
            raise TaskError("debconf is not installed", hint="the package debconf brings it")
        if params.question is None:
            return {"current": _answers(_records(system, _FILES[:1]), params.name)}
        question = params.question

        def probe() -> State:
            record = _records(system, _FILES).get(question)
            if record is None:
                return {"exists": False, "value": None, "seen": False}
            seen = "seen" in record.get("flags", "").split(", ")
            return {"exists": True, "value": record.get("value"), "seen": seen}

        found = system.lookup(self.subject(params), probe)
        return {"answer": _shown(params, found["value"]), "seen": found["seen"], "found": found}

    def desired(self, params: DebconfParams, actual: State) -> State:  # noqa: ARG002
        """Return the answer, or the flag for `vtype: seen`."""
        if params.question is None:
            return {}
        if params.vtype == "seen":
            return {"seen": params.answer == "true"}
        return {"answer": _shown(params, params.answer)}

    def converge(self, system: System, params: DebconfParams, change: Change) -> None:
        """Hand the answer to debconf."""
        seen = params.answer == "true" if params.vtype == "seen" else not params.unseen
        value = change.before["found"]["value"] if params.vtype == "seen" else params.answer
        line = f"{params.name} {params.question} {params.vtype} {params.answer}\n"
        done = system.run(
            ["debconf-set-selections", *(["--unseen"] if params.unseen else [])],
            stdin=line,
            establishes={self.subject(params): {"exists": True, "value": value, "seen": seen}},
            ok=tuple(range(256)),
        )
        if done.exit_status != 0:
            locked = "locked by another process" in done.stderr
            raise TaskError(
                f"debconf refused the answer to {params.question}",
                command=done.argv,
                exit_status=done.exit_status,
                output=done.stderr,
                hint="another process configures packages right now" if locked else None,
            )

    def outputs(self, params: DebconfParams, actual: State) -> dict[str, object]:
        """Return `current`: the answers of the package, without passwords."""
        if params.question is None:
            return {"current": actual["current"]}
        value = "" if params.vtype == _SECRET else actual["found"]["value"]
        return {"current": {params.question: value}}


def _shown(params: DebconfParams, value: Any) -> Any:
    return SecretValue(value) if params.vtype == _SECRET else value


def _records(system: System, files: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    there = system.listdir(_DATABASE)
    for name in files:
        if name in there:
            found |= parse(system.read(f"{_DATABASE}/{name}").decode(errors="replace"))
    return found


def _answers(records: dict[str, dict[str, str]], package: str) -> dict[str, str]:
    return {
        name: record.get("value", "")
        for name, record in records.items()
        if package in record.get("owners", "").split(", ")
    }


def parse(text: str) -> dict[str, dict[str, str]]:
    """Return the questions of a database by name; field names are in lower case."""
    found: dict[str, dict[str, str]] = {}
    for block in text.split("\n\n"):
        record: dict[str, str] = {}
        for line in block.split("\n"):
            key, colon, value = line.partition(":")
            if colon and not line.startswith((" ", "\t")):
                record[key.lower()] = value.removeprefix(" ").replace("\\n", "\n")
        if "name" in record:
            found[record["name"]] = record
    return found
