"""hostname: the host's name, now and after a reboot.

`/etc/hostname` (hostname(5)) is written and the kernel's name is set (sethostname(2), through hostname(1)):
what hostnamectl does, without needing the system bus. Parameters are Ansible's; of `use` only Debian's ways
are accepted, and they all mean the same here. `/etc/hosts` is left alone, as in Ansible. Tasks
below see the new name in the facts `hostname`, `nodename`, `fqdn` and `domain`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, State
from configurator.modules.system import System

_FILE = "/etc/hostname"
# hostname(7): labels of letters, digits and hyphens; 64 bytes is the kernel's limit (sethostname(2)).
_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\Z")
_LONGEST = 64
_KEY = "hostname:"


@dataclass(frozen=True, slots=True)
class HostnameParams:
    """The parameters of hostname."""

    name: str = param("str", required=True)
    use: str | None = param("str", choices=("debian", "systemd", "generic"))


class Hostname(Module[HostnameParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "hostname"
    params: ClassVar[type] = HostnameParams

    def check(self, params: HostnameParams) -> Sequence[ParamProblem]:
        if len(params.name) > _LONGEST or not _NAME.match(params.name):
            rule = "letters, digits, hyphens and dots, at most 64"
            return [ParamProblem("name", f"{params.name!r} is no host name", rule)]
        return ()

    def subject(self, params: HostnameParams) -> str:  # noqa: ARG002
        return _KEY

    def effects(self, params: HostnameParams) -> Effects:  # noqa: ARG002
        return effects(writes=(_KEY, f"path:{_FILE}"))

    def facts_after(self, params: HostnameParams, known: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the facts of the new name, as Ansible does; of a name that the host has it knows better."""
        if known.get("nodename") == params.name:
            return {}
        short, _, domain = params.name.partition(".")
        return {"hostname": short, "nodename": params.name, "fqdn": params.name, "domain": domain}

    def observe(self, system: System, params: HostnameParams) -> State:  # noqa: ARG002
        found = system.stat(_FILE, follow=True)
        text = system.read(_FILE).decode(errors="replace") if found is not None else ""
        return {"permanent": _first(text), "current": system.lookup(_KEY, lambda: _current(system))["name"]}

    def desired(self, params: HostnameParams, actual: State) -> State:  # noqa: ARG002
        return {"permanent": params.name, "current": params.name}

    def converge(self, system: System, params: HostnameParams, change: Change) -> State | None:
        if "permanent" in change:
            system.write(_FILE, f"{params.name}\n".encode(), mode="0644")
        if "current" in change:
            now: State = {"exists": True, "name": params.name}
            system.run(["hostname", params.name], establishes={_KEY: now})
        return None


def _first(text: str) -> str:
    """Return the name in hostname(5)'s format: the first line that is no comment."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not line.startswith("#")), "")


def _current(system: System) -> State:
    name = system.read("/proc/sys/kernel/hostname").decode(errors="replace").strip()
    return {"exists": True, "name": name}
