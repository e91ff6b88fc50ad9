"""hosts_entry: an address has these names in /etc/hosts, or none of them.

A module of our own. `names` are the host names of `address`, the first of them the canonical one (hosts(5)).
They stand on one line, in this order; names that are on it already stay behind them unless `exclusive` is
true. `state: absent` removes the names, or without `names` the whole address. All other lines are kept byte
for byte. A name that an earlier line gives to another address is a warning: the first line wins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.modules import hosts_lines as lines
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, Content, State
from configurator.modules.system import System

_FILE = "/etc/hosts"
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?\Z")


@dataclass(frozen=True, slots=True)
class HostsEntryParams:
    """The parameters of hosts_entry."""

    address: str = param("str", required=True, aliases=("ip",))
    names: tuple[str, ...] = param("list", aliases=("name", "hosts"))
    state: str = param("str", "present", choices=("present", "absent"))
    exclusive: bool = param("bool", False)
    backup: bool = param("bool", False)


class HostsEntry(Module[HostsEntryParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "hosts_entry"
    params: ClassVar[type] = HostsEntryParams

    def check(self, params: HostsEntryParams) -> Sequence[ParamProblem]:
        """Return what cannot stand on a line."""
        import ipaddress  # noqa: PLC0415  (10 ms on the host)

        problems = []
        try:
            ipaddress.ip_address(params.address)
        except ValueError:
            problems.append(ParamProblem("address", f"{params.address!r} is no IP address"))
        problems += [
            ParamProblem("names", f"{name!r} is no host name")
            for name in params.names
            if not _NAME.match(name)
        ]
        if params.state == "present" and not params.names:
            problems.append(ParamProblem("names", "missing required parameter 'names'"))
        return problems

    def subject(self, params: HostsEntryParams) -> str:
        """Return the address's key."""
        return f"hosts:{params.address.lower()}"

    def effects(self, params: HostsEntryParams) -> Effects:
        """The address; its file is shared by many tasks, whose lines do not contradict each other."""
        return effects(reads={f"path:{_FILE}"}, writes={self.subject(params)})

    def locks(self, params: HostsEntryParams) -> frozenset[str]:  # noqa: ARG002
        """Two tasks must not rewrite one file at once."""
        return frozenset({f"path:{_FILE}"})

    def observe(self, system: System, params: HostsEntryParams) -> State:
        """Return the file, and warn of names that others have."""
        found = system.stat(_FILE, follow=True)
        content = None if found is None else Content(system.read(_FILE))
        text = _text(content)
        for name, other in lines.elsewhere(text, params.address, params.names):
            if params.state == "present":
                system.notice(f"{name} also is a name of {other}: whichever line comes first wins")
        if found is not None and text.startswith("# Your system has configured 'manage_etc_hosts'"):
            system.notice("cloud-init writes this file anew at each boot: change its template instead")
        return {"content": content, "names": lines.named(text, params.address)}

    def desired(self, params: HostsEntryParams, actual: State) -> State:
        """Return the file with the line as it should be."""
        text = _text(actual["content"])
        if params.state == "absent":
            new = lines.without(text, params.address, params.names)
        else:
            new = lines.with_names(text, params.address, params.names, exclusive=params.exclusive)
        if actual["content"] is None and not new:
            return {}
        return {"content": Content(new.encode("utf-8", "surrogateescape"))}

    def converge(self, system: System, params: HostsEntryParams, change: Change) -> None:
        """Write the file."""
        system.write(_FILE, change.after["content"].data, backup=params.backup)

    def outputs(self, params: HostsEntryParams, actual: State) -> dict[str, Any]:
        """Return the address and all of its names."""
        return {"address": params.address, "names": actual["names"] or []}


def _text(content: Content | None) -> str:
    return "" if content is None else content.data.decode("utf-8", "surrogateescape")
