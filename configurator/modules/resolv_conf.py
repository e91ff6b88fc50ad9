"""resolv_conf: the host's resolver asks these name servers, with this search list and these options.

A module of our own, for hosts whose /etc/resolv.conf is a plain file (resolv.conf(5)). What is given is
written; `search` and `options` that are left out stay as they are in the file, comments and other lines too.
Where systemd-resolved, resolvconf or NetworkManager writes the file the task fails, and says where the name
servers belong then: whatever was written would be gone with the next change of the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.base import Guard, Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, Content, State
from configurator.modules.system import System

_FILE = "/etc/resolv.conf"
_MOST_SERVERS = 3  # resolv.conf(5), MAXNS: the resolver does not ask more
# Who writes the file, by what the link's target or the first lines say, and where to turn instead.
_WRITERS = (
    ("systemd/resolve", "systemd-resolved", "put `DNS=` into /etc/systemd/resolved.conf.d/NAME.conf"),
    ("man:systemd-resolved", "systemd-resolved", "put `DNS=` into /etc/systemd/resolved.conf.d/NAME.conf"),
    ("resolvconf", "resolvconf", "put `dns-nameservers` into /etc/network/interfaces, or the lines into"
     " /etc/resolvconf/resolv.conf.d/head"),
    ("NetworkManager", "NetworkManager", "set the connection's ipv4.dns with nmcli"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ResolvConfParams:
    """The parameters of resolv_conf."""

    nameservers: tuple[str, ...] = param("list", required=True, aliases=("nameserver",))
    search: tuple[str, ...] = param("list")
    options: tuple[str, ...] = param("list")
    backup: bool = param("bool", False)


class ResolvConf(Module[ResolvConfParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "resolv_conf"
    params: ClassVar[type] = ResolvConfParams

    def check(self, params: ResolvConfParams) -> Sequence[ParamProblem]:
        """Return addresses and words that the resolver would not take."""
        import ipaddress  # noqa: PLC0415  (10 ms on the host)

        problems = []
        for server in params.nameservers:
            try:
                ipaddress.ip_address(server.partition("%")[0])
            except ValueError:
                problems.append(ParamProblem("nameservers", f"{server!r} is no IP address"))
        if not 0 < len(params.nameservers) <= _MOST_SERVERS:
            problems.append(ParamProblem("nameservers", f"the resolver asks 1 to {_MOST_SERVERS} servers"))
        for name in ("search", "options"):
            wrong = [word for word in getattr(params, name) if not word or word.split() != [word]]
            if wrong:
                problems.append(ParamProblem(name, f"{wrong[0]!r} is not one word"))
        return problems

    def subject(self, params: ResolvConfParams) -> str:  # noqa: ARG002
        """Return the file's key."""
        return f"path:{_FILE}"

    def effects(self, params: ResolvConfParams) -> Effects:  # noqa: ARG002
        """The file."""
        return effects(writes={f"path:{_FILE}"})

    def locks(self, params: ResolvConfParams) -> frozenset[str]:  # noqa: ARG002
        """Others may edit the file, too."""
        return frozenset({f"path:{_FILE}"})

    def guard(self, params: ResolvConfParams, system: System) -> Guard | None:  # noqa: ARG002
        """sshd may ask for the names of those who log in, and accounts may come from a directory."""
        return Guard(saves=(_FILE,))

    def observe(self, system: System, params: ResolvConfParams) -> State:  # noqa: ARG002
        """Return the file; TaskError if it is somebody else's."""
        link = system.stat(_FILE)
        found = system.stat(_FILE, follow=True)
        content = None if found is None else Content(system.read(_FILE))
        head = "" if content is None else "\n".join(content.data.decode(errors="replace").splitlines()[:6])
        target = link.target if link is not None else None
        for sign, writer, hint in _WRITERS:
            if sign in (target or "") or any(sign in line for line in head.splitlines() if line[:1] in "#;"):
                raise TaskError(f"{_FILE} is written by {writer}", hint=hint)
        return {"content": content}

    def desired(self, params: ResolvConfParams, actual: State) -> State:
        """Return the file with the lines that are asked for."""
        content = actual["content"]
        text = "" if content is None else content.data.decode("utf-8", "surrogateescape")
        return {"content": Content(edited(text, params).encode("utf-8", "surrogateescape"))}

    def converge(self, system: System, params: ResolvConfParams, change: Change) -> None:
        """Write the file."""
        system.write(_FILE, change.after["content"].data, mode="0644", backup=params.backup)

    def outputs(self, params: ResolvConfParams, actual: State) -> dict[str, Any]:  # noqa: ARG002
        """Return the name servers."""
        return {"nameservers": list(params.nameservers)}


def edited(text: str, params: Any) -> str:
    """Return the file's text with the wanted lines where the first of their kind stood, or at its end."""
    wanted: dict[str, list[str]] = {"nameserver": [f"nameserver {server}\n" for server in params.nameservers]}
    for name in ("search", "options"):
        words = getattr(params, name)
        if words:
            wanted[name] = [f"{name} {' '.join(words)}\n"]
    out: list[str] = []
    placed: set[str] = set()
    for line in text.splitlines(keepends=True):
        words = line.split()
        # `domain` is the older word for a search list of one (resolv.conf(5)): the last of both counts.
        kind = "search" if words[:1] == ["domain"] else words[0] if words else ""
        if kind not in wanted:
            out.append(line)
        elif kind not in placed:
            out += wanted[kind]
            placed.add(kind)
    if out and not out[-1].endswith("\n"):
        out[-1] += "\n"
    for kind, new in wanted.items():
        if kind not in placed:
            out += new
    return "".join(out)
