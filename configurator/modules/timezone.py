"""timezone: the host's time zone, by a name of the tz database such as `Europe/Berlin`.

`/etc/localtime` is the link that everything reads (localtime(5)); `/etc/timezone` is Debian's older record of
the same name, which some programs still read. Parameters are Ansible's, but for `hwclock`: servers keep their
clock in UTC, and a virtual machine's is not its own.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import ParameterError
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, did_you_mean, param
from configurator.modules.state import Change, State
from configurator.modules.system import System

_ZONES = "/usr/share/zoneinfo"
_LINK = "/etc/localtime"
_RECORD = "/etc/timezone"
_NAME = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*\Z")  # also keeps `..` out of the path


@dataclass(frozen=True, slots=True)
class TimezoneParams:
    """The parameters of timezone."""

    name: str = param("str", required=True)


class Timezone(Module[TimezoneParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "timezone"
    params: ClassVar[type] = TimezoneParams
    omitted: ClassVar[Mapping[str, str]] = {"hwclock": "the clock of a virtual server is its host's"}

    def check(self, params: TimezoneParams) -> Sequence[ParamProblem]:
        if not _NAME.match(params.name):
            return [
                ParamProblem("name", f"{params.name!r} is no time zone", "such as Europe/Berlin or Etc/UTC")
            ]
        return ()

    def subject(self, params: TimezoneParams) -> str:  # noqa: ARG002
        return "timezone:"

    def effects(self, params: TimezoneParams) -> Effects:  # noqa: ARG002
        reads = (f"path:{_ZONES}", "package:tzdata")
        return effects(reads=reads, writes=("timezone:", f"path:{_LINK}", f"path:{_RECORD}"))

    def observe(self, system: System, params: TimezoneParams) -> State:
        zone = f"{_ZONES}/{params.name}"
        found = system.stat(zone, follow=True)
        if found is None or found.kind != "file":
            raise _unknown(system, params.name)
        link = system.stat(_LINK)
        record = system.stat(_RECORD, follow=True)
        target = link.target if link is not None and link.kind == "link" else None
        return {
            "zone": None if target is None else _zone_of(target),
            "recorded": system.read(_RECORD).decode(errors="replace").strip() if record is not None else None,
        }

    def desired(self, params: TimezoneParams, actual: State) -> State:  # noqa: ARG002
        return {"zone": params.name, "recorded": params.name}

    def converge(self, system: System, params: TimezoneParams, change: Change) -> State | None:
        if "zone" in change:
            system.symlink(f"{_ZONES}/{params.name}", _LINK)
        if "recorded" in change:
            system.write(_RECORD, f"{params.name}\n".encode(), mode="0644")
        return None


def _zone_of(target: str) -> str:
    """Return the zone that a link names; links are absolute or relative to /etc."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(_LINK), target))
    return path.removeprefix(_ZONES + "/")


def _unknown(system: System, name: str) -> ParameterError:
    if system.stat(_ZONES, follow=True) is None:
        return ParameterError("the time zones are not on the host", hint="install the package tzdata first")
    folder = posixpath.dirname(name)
    known = [posixpath.join(folder, entry) for entry in system.listdir(posixpath.join(_ZONES, folder))]
    hint = did_you_mean(name, known) or f"see {_ZONES} on the host"
    return ParameterError(f"the time zone {name!r} does not exist", hint=hint)
