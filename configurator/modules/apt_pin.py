"""apt_pin: some versions of packages have a priority for apt, so that one is preferred, or never taken.

Ours; Ansible has no such module. It keeps /etc/apt/preferences.d/NAME.pref (apt_preferences(5)) with one
record: the `packages` (names, wildcards, `src:NAME`; `*` for all), the `pin` (`version 1.2*`, `release
a=bookworm-backports`, `origin deb.example.org`) and the `priority`: below 0 never, below 100 only where
nothing is installed, up to 990 if it is newer, above 1000 even as a downgrade. After a change `apt-cache
policy` has to accept the file, else the old one is put back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import TaskError
from configurator.modules import apt_index
from configurator.modules.apt_errors import first_error
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, Content, State
from configurator.modules.system import System

_DIRECTORY = "/etc/apt/preferences.d"
_PIN = re.compile(r"version \S+|origin (?:\"[^\"]*\"|\S+)|release \S.*")
_RELEASE_KEYS = frozenset("acnvolb")  # archive, component, codename, version, origin, label, architecture
_LIMIT = 32767  # apt keeps a short integer, and takes 0 for none


@dataclass(frozen=True, slots=True)
class AptPinParams:
    """What one record says."""

    name: str = param("str", required=True)
    packages: tuple[str, ...] = param("list", aliases=("package",))
    pin: str | None = param("str")
    priority: int | None = param("int")
    explanation: str | None = param("str")
    state: str = param("str", "present", choices=("present", "absent"))

    @property
    def path(self) -> str:
        """The file of the record."""
        return f"{_DIRECTORY}/{self.name}.pref"

    @property
    def text(self) -> str:
        """The file's content."""
        explained = [f"Explanation: {line}" for line in (self.explanation or "").splitlines() if line.strip()]
        lines = [
            *explained,
            f"Package: {' '.join(self.packages)}",
            f"Pin: {' '.join((self.pin or '').split())}",
            f"Pin-Priority: {self.priority}",
        ]
        return "\n".join(lines) + "\n"


class AptPin(Module[AptPinParams]):
    """Keeps a record of apt's preferences."""

    name = "apt_pin"
    params = AptPinParams
    typical_s: ClassVar[float] = 0.5

    def check(self, params: AptPinParams) -> Sequence[ParamProblem]:
        """Return what apt would overlook or refuse."""
        problems = []
        if re.fullmatch(r"[A-Za-z0-9_-]+", params.name) is None:
            problems.append(
                ParamProblem(
                    "name", f"{params.name!r} must be of letters, digits, '-' and '_', for apt reads no other"
                )
            )
        if params.state == "absent":
            return problems
        for name in ("packages", "pin", "priority"):
            if getattr(params, name) in (None, ()):
                problems.append(ParamProblem(name, f"missing required parameter {name!r}"))
        if any(set(package) & set(" \n\t") for package in params.packages):
            problems.append(ParamProblem("packages", "takes names and wildcards, each without blanks"))
        pin = " ".join((params.pin or "").split())
        if pin and (_PIN.fullmatch(pin) is None or "\n" in (params.pin or "").strip()):
            problems.append(
                ParamProblem("pin", f"{pin!r} must be `version V`, `release K=V,...` or `origin HOST`")
            )
        elif pin.startswith("release "):
            keys = [part.strip().partition("=") for part in pin.removeprefix("release ").split(",")]
            wrong = [key for key, sign, _ in keys if sign and key not in _RELEASE_KEYS]
            problems += [
                ParamProblem("pin", f"{key!r} is none of a release's a, n, c, v, o, l and b") for key in wrong
            ]
        if params.priority is not None and (params.priority == 0 or abs(params.priority) > _LIMIT):
            problems.append(ParamProblem("priority", f"must be from -{_LIMIT} to {_LIMIT}, and not 0"))
        return problems

    def subject(self, params: AptPinParams) -> str:
        """Return the file's key."""
        return f"path:{params.path}"

    def effects(self, params: AptPinParams) -> Effects:
        """The file; apt reads it."""
        return effects(writes={f"path:{params.path}"})

    def locks(self, params: AptPinParams) -> frozenset[str]:  # noqa: ARG002
        """Nobody decides about packages while that changes."""
        return frozenset({"apt"})

    def observe(self, system: System, params: AptPinParams) -> State:
        """Return the file's content."""
        there = f"{params.name}.pref" in system.listdir(_DIRECTORY)
        return {"content": Content(system.read(params.path)) if there else None}

    def desired(self, params: AptPinParams, actual: State) -> State:  # noqa: ARG002
        """Return the record, or that there is none."""
        return {"content": None if params.state == "absent" else Content(params.text.encode())}

    def converge(self, system: System, params: AptPinParams, change: Change) -> None:
        """Write it and have apt read it; the candidates of all packages may be others from now on."""
        _put(system, params.path, change.after["content"])
        index = apt_index.index_state(system) | {"pending": True}
        # It builds apt's caches, too, which the next command needs.
        asked = system.run(["apt-cache", "policy"], establishes={apt_index.INDEX: index}, ok=(0, 100))
        if asked.exit_status != 0:
            _put(system, params.path, change.before["content"])
            raise TaskError(
                f"apt does not accept this, and the file is as it was: {first_error(asked.stderr)}",
                command=asked.argv,
                exit_status=asked.exit_status,
                output=asked.stderr,
            )

    def outputs(self, params: AptPinParams, actual: State) -> dict[str, object]:  # noqa: ARG002
        """Return the file's path."""
        return {"path": params.path}


def _put(system: System, path: str, content: Content | None) -> None:
    if content is None:
        system.remove(path)
    else:
        system.write(path, content.data)
