"""locale_gen: locales are compiled, and stay so when locale-gen(8) runs again; or they are gone.

Parameters are those of community.general.locale_gen. A locale is known by its line in /etc/locale.gen, whose
other lines stay byte for byte, and by what `locale -a` says. Only what is missing is compiled, and only what
is asked for is removed from the archive; nothing else is compiled anew.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import ParameterError, TaskError
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, did_you_mean, param
from configurator.modules.state import Change, State
from configurator.modules.system import System

_FILE = "/etc/locale.gen"
_SUPPORTED = "/usr/share/i18n/SUPPORTED"  # of the package locales
_COMPILED = "locales:"  # the key of all that `locale -a` names
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.@-]*( [A-Za-z0-9_-]+)?")


@dataclass(frozen=True, slots=True)
class LocaleGenParams:
    """The parameters of community.general.locale_gen."""

    name: tuple[str, ...] = param("list", required=True)
    state: str = param("str", "present", choices=("present", "absent"))


class LocaleGen(Module[LocaleGenParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "locale_gen"
    params: ClassVar[type] = LocaleGenParams
    typical_s: ClassVar[float] = 2.0

    def check(self, params: LocaleGenParams) -> Sequence[ParamProblem]:
        problems = [] if params.name else [ParamProblem("name", "'name' is empty")]
        return problems + [
            ParamProblem("name", f"{name!r} is not the name of a locale", "such as de_DE.UTF-8")
            for name in params.name
            if not _NAME.fullmatch(name)
        ]

    def subject(self, params: LocaleGenParams) -> str:
        return f"locale:{params.name[0]}"

    def effects(self, params: LocaleGenParams) -> Effects:
        reads = {"package:locales", "package:locales-all", f"path:{_FILE}", f"path:{_SUPPORTED}"}
        return effects(reads=reads, writes={f"locale:{name}" for name in params.name})

    def locks(self, params: LocaleGenParams) -> frozenset[str]:  # noqa: ARG002
        """One file lists all locales, one archive holds them, and all processors compile one."""
        return frozenset({"locales"})

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: LocaleGenParams) -> State:
        supported = _supported(system)
        if supported is None and params.state == "present":
            pending = system.lookup("package:locales", lambda: {"exists": False}).get("exists")
            if not pending:
                raise TaskError(
                    "locale-gen is not installed on the host", hint="install it first: `apt: {name: locales}`"
                )
        text = _text(system)
        compiled = {_normal(name) for name in _compiled(system)}
        state: State = {"text": text, "lines": {}}
        for name in params.name:
            line = _line_of(name, supported, needed=params.state == "present")
            state["lines"][name] = line
            state[f"locale:{name}|compiled"] = _normal(line.split()[0]) in compiled
            state[f"locale:{name}|listed"] = line in _listed(text)
        return state

    def desired(self, params: LocaleGenParams, actual: State) -> State:  # noqa: ARG002
        wanted = params.state == "present"
        fields = ("compiled", "listed")
        return {f"locale:{name}|{field}": wanted for name in params.name for field in fields}

    def converge(self, system: System, params: LocaleGenParams, change: Change) -> None:
        present = params.state == "present"
        lines = list(change.before["lines"].values())
        old = str(change.before["text"])
        new = edit(old, lines, present=present)
        if new != old:
            system.write(_FILE, new.encode(errors="surrogateescape"))
        compiled = set(_compiled(system))
        changed = [name for name in params.name if f"locale:{name}|compiled" in change]
        spelt = {name: change.before["lines"][name].split()[0] for name in changed}
        if present and changed:
            after = compiled | set(spelt.values())
            _run(system, ["locale-gen", "--keep-existing"], after)
        for word in () if present else spelt.values():
            known = next(name for name in compiled if _normal(name) == _normal(word))
            compiled = compiled - {known}
            _run(system, ["localedef", "--delete-from-archive", known], compiled)


def _supported(system: System) -> list[str] | None:
    """Return the lines that locale-gen takes; None without the package."""
    if system.stat(_SUPPORTED, follow=True) is None:
        return None
    return [" ".join(line.split()) for line in system.read(_SUPPORTED).decode().splitlines() if line.strip()]


def _line_of(name: str, supported: Sequence[str] | None, *, needed: bool) -> str:
    """Return the line for a locale: it is written with or without its character set, and in any spelling."""
    word, _, charset = name.partition(" ")
    for line in supported or ():
        known, _, known_charset = line.partition(" ")
        if _normal(known) == _normal(word) and charset in ("", known_charset):
            return line
    if needed and supported is not None:
        hint = did_you_mean(word, [line.split()[0] for line in supported])
        raise ParameterError(
            f"the locale {name!r} does not exist", hint=hint or f"{_SUPPORTED} on the host names them"
        )
    return f"{word} {charset or word.partition('.')[2].partition('@')[0] or 'ISO-8859-1'}"


def _normal(name: str) -> str:
    """Return a locale's name with its character set as `locale -a` spells it."""
    language, dot, rest = name.partition(".")
    charset, at, modifier = rest.partition("@")
    return f"{language}{dot}{re.sub('[^a-z0-9]', '', charset.lower())}{at}{modifier}"


def _compiled(system: System) -> tuple[str, ...]:
    state = system.lookup(
        _COMPILED, lambda: {"exists": True, "names": tuple(system.query(["locale", "-a"]).stdout.split())}
    )
    return tuple(state["names"])


def _text(system: System) -> str:
    if system.stat(_FILE, follow=True) is None:
        return ""
    return system.read(_FILE).decode(errors="surrogateescape")


def _listed(text: str) -> set[str]:
    return {" ".join(line.partition("#")[0].split()) for line in text.splitlines()}


def edit(text: str, wanted: Sequence[str], *, present: bool) -> str:
    """Return the text of /etc/locale.gen with these lines in force, or commented out."""
    lines = text.split("\n")
    for entry in wanted:
        active = [
            number for number, line in enumerate(lines) if " ".join(line.partition("#")[0].split()) == entry
        ]
        if not present:
            for number in active:
                lines[number] = f"# {entry}"
            continue
        if active:
            continue
        hidden = [
            n for n, line in enumerate(lines) if line.startswith("#") and " ".join(line[1:].split()) == entry
        ]
        if hidden:
            lines[hidden[-1]] = entry
        else:
            ended = lines[-1] == ""
            lines[-1:] = [entry, ""] if ended else [lines[-1], entry, ""]
    return "\n".join(lines)


def _run(system: System, argv: Sequence[str], after: set[str]) -> None:
    established: State = {"exists": True, "names": tuple(sorted(after))}
    done = system.run(argv, establishes={_COMPILED: established}, ok=range(256))
    if done.exit_status == 0:
        return
    hint = "the package locales-all brings all locales ready-made" if argv[0] == "localedef" else None
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    raise TaskError(
        f"{argv[0]}: {said[-1] if said else 'it gave no reason'}",
        command=done.argv,
        exit_status=done.exit_status,
        output=done.stdout + done.stderr,
        hint="no space left?" if "No space" in done.stderr else hint,
    )
