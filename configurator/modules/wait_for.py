"""wait_for: a port answers, a file is there, or what was there is gone; nothing below starts before that.

Parameters are those of ansible.builtin.wait_for. A plan looks once and does not wait: what is met already is
ok, everything else is unknown. The connections of a port that is `drained` are those that the kernel lists in
/proc/net/tcp and tcp6 (proc(5)). Without `port` and `path` the task only lets `timeout` seconds pass.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import ParameterError, TaskError
from configurator.modules.base import Module
from configurator.modules.effects import OPAQUE, Effects
from configurator.modules.params import ParamProblem, absolute, param
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import System

_STATES = {  # as the kernel numbers them (include/net/tcp_states.h)
    "ESTABLISHED": 1,
    "SYN_SENT": 2,
    "SYN_RECV": 3,
    "FIN_WAIT1": 4,
    "FIN_WAIT2": 5,
    "TIME_WAIT": 6,
}
_GONE = ("absent", "stopped")


@dataclass(frozen=True, slots=True)
class WaitForParams:
    """The parameters of ansible.builtin.wait_for."""

    host: str = param("str", "127.0.0.1")
    port: int | None = param("int")
    path: str | None = param("str", path=True)
    state: str = param("str", "started", choices=("absent", "drained", "present", "started", "stopped"))
    search_regex: str | None = param("str")
    timeout: int = param("int", 300)
    connect_timeout: int = param("int", 5)
    delay: int = param("int", 0)
    sleep: int = param("int", 1)
    exclude_hosts: tuple[str, ...] = param("list")
    active_connection_states: tuple[str, ...] = param("list", tuple(_STATES), choices=tuple(_STATES))
    msg: str | None = param("str")

    @property
    def place(self) -> str:
        """What is waited for, as people write it."""
        return self.path or (f"{self.host}:{self.port}" if self.port is not None else "")


class WaitFor(Module[WaitForParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "wait_for"
    params: ClassVar[type] = WaitForParams
    timeout_s: ClassVar[float] = 86400.0  # `timeout` is what ends it
    typical_s: ClassVar[float] = 1.0

    def check(self, params: WaitForParams) -> Sequence[ParamProblem]:
        found = []
        if params.port is not None and params.path is not None:
            found.append(ParamProblem("path", "'port' and 'path' exclude each other"))
        if params.port is not None and not 0 < params.port < 65536:
            found.append(ParamProblem("port", f"{params.port} is not a port"))
        if params.path is not None and not absolute(params.path):
            found.append(ParamProblem("path", "'path' must be an absolute path"))
        if params.state == "drained" and params.port is None:
            found.append(ParamProblem("state", "'state: drained' needs 'port'"))
        if params.exclude_hosts and params.state != "drained":
            found.append(ParamProblem("exclude_hosts", "'exclude_hosts' needs 'state: drained'"))
        if params.search_regex is not None and (not params.place or params.state == "drained"):
            found.append(ParamProblem("search_regex", "'search_regex' needs a port or a file to read from"))
        try:
            re.compile(params.search_regex or "")
        except re.error as error:
            found.append(ParamProblem("search_regex", f"'search_regex' is no regular expression: {error}"))
        for name, least in (("timeout", 0), ("delay", 0), ("connect_timeout", 1), ("sleep", 1)):
            if getattr(params, name) < least:
                found.append(ParamProblem(name, f"{name!r} must be at least {least}"))
        return found

    def subject(self, params: WaitForParams) -> str:
        return f"wait_for:{params.place}"

    def effects(self, params: WaitForParams) -> Effects:  # noqa: ARG002
        """All above is what it waits for, all below is what waits for it."""
        return OPAQUE

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: WaitForParams) -> State:
        """Look once, unless `delay` says that it is too early: `met`, and what `search_regex` has found."""
        if params.delay or not params.place:
            return {"met": False, "match": None}
        found: list[re.Match[bytes]] = []
        return {"met": _met(system, params, found), "match": found[-1] if found else None, "elapsed": 0}

    def desired(self, params: WaitForParams, actual: State) -> State:  # noqa: ARG002
        # Waiting changes nothing: how it ends is all that there is to know.
        return {} if actual["met"] else {"waited": UNKNOWN}

    def converge(self, system: System, params: WaitForParams, change: Change) -> State | None:  # noqa: ARG002
        began = time.monotonic()
        if params.delay:
            system.pause(params.delay)
        found: list[re.Match[bytes]] = []
        met = system.wait_until(
            lambda: bool(params.place) and _met(system, params, found),
            every_s=params.sleep,
            timeout_s=params.timeout,
        )
        elapsed = int(time.monotonic() - began)
        if not met and params.place:
            raise TaskError(params.msg or _expired(params), outputs={"elapsed": elapsed})
        return {"met": True, "match": found[-1] if found else None, "elapsed": elapsed}

    def outputs(self, params: WaitForParams, actual: State) -> dict[str, Any]:
        """Return Ansible's `elapsed`, `state`, `port`, `path`, `match_groups` and `match_groupdict`."""
        match: re.Match[bytes] | None = actual.get("match")
        groups = () if match is None else match.groups()
        named = {} if match is None else match.groupdict()
        return {
            "elapsed": actual.get("elapsed", 0),
            "state": params.state,
            "port": params.port,
            "path": params.path,
            "search_regex": params.search_regex,
            "match_groups": [_text(group) for group in groups],
            "match_groupdict": {name: _text(group) for name, group in named.items()},
        }


def _text(group: bytes | None) -> str | None:
    return None if group is None else group.decode(errors="replace")


def _expired(params: WaitForParams) -> str:
    wanted = {"started": "there", "present": "there", "drained": "free of connections"}.get(
        params.state, "gone"
    )
    regex = f" with {params.search_regex!r}" if params.search_regex is not None else ""
    return f"{params.place}{regex} was not {wanted} within {params.timeout} s"


def _met(system: System, params: WaitForParams, found: list[re.Match[bytes]]) -> bool:
    """Return True if what is waited for is so now; a match is added to `found`."""
    if params.state == "drained":
        return not _connections(system, params)
    expression = (
        None if params.search_regex is None else re.compile(params.search_regex.encode(), re.MULTILINE)
    )

    def heard(said: bytes) -> bool:
        match = expression.search(said) if expression is not None else None
        found.extend([match] if match is not None else [])
        return match is not None

    if params.path is None:
        assert params.port is not None
        there = system.dial(
            params.host,
            params.port,
            timeout_s=params.connect_timeout,
            heard=heard if expression is not None else None,
            listen_s=params.connect_timeout,
        )
        return not there if params.state in _GONE else there is True
    stat = system.stat(params.path, follow=True)
    there = stat is not None and (
        expression is None or (stat.kind == "file" and heard(system.read(params.path)))
    )
    return there != (params.state in _GONE)


# -- connections ------------------------------------------------------------------------------------------


def _connections(system: System, params: WaitForParams) -> int:
    """Return how many connections the port has, without those of hosts that do not count."""
    listed = "".join(
        system.read(name).decode(errors="replace")
        for name in ("/proc/net/tcp", "/proc/net/tcp6")
        if system.stat(name) is not None
    )
    local = _addresses(system, params.host)
    return count(
        listed,
        params.port or 0,
        None if local & {"0.0.0.0", "::"} else local,  # noqa: S104  (a name for any address, and no server)
        {address for host in params.exclude_hosts for address in _addresses(system, host)},
        {_STATES[name] for name in params.active_connection_states},
    )


def _addresses(system: System, host: str) -> set[str]:
    import ipaddress  # noqa: PLC0415  (10 ms, for `drained` alone)

    try:
        return {str(ipaddress.ip_address(host))}
    except ValueError:
        pass
    # getent(1): 2 says that there is no such name.
    answer = system.query(("getent", "ahosts", host), ok=(0, 2))
    found = {line.split()[0] for line in answer.stdout.splitlines() if line}
    if not found:
        raise ParameterError(f"the address of {host!r} cannot be found")
    return found


def count(
    listing: str, port: int, local: Iterable[str] | None, excluded: Iterable[str], states: Iterable[int]
) -> int:
    """Return how many lines of /proc/net/tcp are connections of a port of ours, in one of the states.

    `local` are the addresses of ours that count, None for all; `excluded` those of others that do not.
    """
    local, excluded, states = None if local is None else set(local), set(excluded), set(states)
    found = 0
    for line in listing.splitlines():
        words = line.split()
        if len(words) < 4 or not words[0].endswith(":"):
            continue
        ours, our_port = parse_address(words[1])
        theirs, _ = parse_address(words[2])
        matches = our_port == port and (local is None or ours in local) and theirs not in excluded
        found += matches and int(words[3], 16) in states
    return found


def parse_address(text: str) -> tuple[str, int]:
    """Return address and port of a field of /proc/net/tcp: words of 32 bits as this machine orders them."""
    import ipaddress  # noqa: PLC0415
    import sys  # noqa: PLC0415

    digits, _, port = text.partition(":")
    words = [int(digits[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(digits), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address), int(port, 16)
