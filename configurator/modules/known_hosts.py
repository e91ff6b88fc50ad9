"""known_hosts: the ssh client knows a host by these keys, or does not know it.

Parameters are those of ansible.builtin.known_hosts. `key` may be several lines, as ssh-keyscan(1) prints
them, with the host before each or without. A key takes the place of another of its kind for this host; keys
of other kinds, other hosts on the same line, patterns and all other lines stay. Hashed names are known and
made as ssh-keygen(1) does with `-F` and `-H`. A missing directory is made, with mode 0700.

Differences, on purpose: without `key`, `absent` leaves a line to the other hosts that it names; with it, it
removes that key alone. `hash_host: true` also hashes the name where it stands in plain text.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import ParameterError
from configurator.modules import known_hosts_lines as lines
from configurator.modules.account_files import home_of
from configurator.modules.attributes import clean, make_parents
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.known_hosts_lines import HostLine
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import System

_SALT_BYTES = 20  # as long as the digest (ssh-keygen(1), -H)


@dataclass(frozen=True, slots=True)
class KnownHostsParams:
    """The parameters of ansible.builtin.known_hosts."""

    name: str = param("str", required=True, aliases=("host",))
    key: str | None = param("str")
    path: str = param("str", "~/.ssh/known_hosts")
    hash_host: bool = param("bool", False)
    state: str = param("str", "present", choices=("present", "absent"))

    @property
    def host(self) -> str:
        """The name as ssh(1) looks it up."""
        return self.name.lower()

    @property
    def keys(self) -> list[HostLine]:
        """The keys that are given; lines that are none are left out."""
        given = (line.strip() for line in (self.key or "").splitlines())
        found = (lines.parse_key(line, self.host) for line in given if line and not line.startswith("#"))
        return [line for line in found if line is not None]


class KnownHosts(Module[KnownHostsParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "known_hosts"
    params: ClassVar[type] = KnownHostsParams

    def check(self, params: KnownHostsParams) -> Sequence[ParamProblem]:
        problems = []
        if not params.name or set(params.name) & set(" \t\r\n\0,*?!|#@"):
            problems.append(
                ParamProblem("name", f"{params.name!r} is not one host", "another port: `[example.org]:2222`")
            )
        if not params.path.startswith(("/", "~/")):
            problems.append(ParamProblem("path", f"'path' must be an absolute path, not {params.path!r}"))
        if params.key is None:
            if params.state == "present":
                problems.append(ParamProblem("key", "'key' is required with 'state: present'"))
            return problems
        if "PRIVATE KEY" in params.key:
            return [*problems, ParamProblem("key", "this is a private key: give the public one")]
        return problems + _key_problems(params)

    def subject(self, params: KnownHostsParams) -> str:
        return f"known_hosts:{params.path}/{params.host}"

    def effects(self, params: KnownHostsParams) -> Effects:
        path = _likely_path(params)
        directory = f"path:{posixpath.dirname(path)}"
        return effects(
            reads=path_keys(path), writes={self.subject(params), f"path:{path}"}, makes={directory}
        )

    def locks(self, params: KnownHostsParams) -> frozenset[str]:
        return frozenset({f"path:{_likely_path(params)}"})

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: KnownHostsParams) -> State:
        path = _path(system, params)
        text = ""
        if system.stat(path, follow=True) is not None:
            text = system.read(path).decode(errors="surrogateescape")
        known = lines.lines_of(text, params.host)
        state: State = {"path": path, "text": text, "keys": tuple(sorted({line.key for line in known}))}
        state["hashed"] = None if not known else not any(line.names(params.host) for line in known)
        return state

    def desired(self, params: KnownHostsParams, actual: State) -> State:
        known = lines.lines_of(str(actual["text"]), params.host)
        given = params.keys
        if params.state == "absent":
            gone = {line.key for line in given}
            left = {line.key for line in known if gone and line.key not in gone}
            return {"keys": tuple(sorted(left))}
        slots = {line.slot for line in given}
        kept = {line.key for line in known if line.slot not in slots}
        wanted: State = {"keys": tuple(sorted(kept | {line.key for line in given}))}
        return wanted | ({"hashed": True} if params.hash_host else {})

    def converge(self, system: System, params: KnownHostsParams, change: Change) -> None:
        path, text = str(change.before["path"]), str(change.before["text"])
        if params.state == "absent":
            new = lines.without_keys(text, params.host, params.keys)
        else:
            new = lines.with_keys(text, params.host, params.keys, _hidden if params.hash_host else None)
        directory = posixpath.dirname(path)
        make_parents(system, directory, mode="0700")
        found = system.stat(path, follow=True)
        # A file in somebody's home is of no use to them if it is root's.
        folder = system.stat(directory, follow=True) if found is None else None
        system.write(
            path,
            new.encode(errors="surrogateescape"),
            mode=None if found is not None else "0644" if path.startswith("/etc/") else "0600",
            owner=None if folder is None else folder.owner,
            group=None if folder is None else folder.group,
        )

    def outputs(self, params: KnownHostsParams, actual: State) -> dict[str, Any]:
        """Return the host and its keys, and where they stand."""
        if not actual:
            return {}
        return {"name": params.name, "path": actual["path"], "keys": list(actual["keys"])}


def _key_problems(params: KnownHostsParams) -> list[ParamProblem]:
    problems = []
    for number, line in enumerate((params.key or "").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key = lines.parse_key(line.strip(), params.host)
        if key is None:
            problems.append(
                ParamProblem("key", f"line {number} of 'key' is no public key: [host] type base64 [comment]")
            )
        elif not key.is_of(params.host):
            problems.append(
                ParamProblem(
                    "key", f"line {number} of 'key' is about {','.join(key.hosts)}, not {params.name}"
                )
            )
    if not problems and not params.keys:
        problems.append(ParamProblem("key", "there is no key in 'key'"))
    return problems


def _hidden(host: str) -> str:
    import secrets  # noqa: PLC0415  (only files with hashed names need it)

    return lines.hashed(host, secrets.token_bytes(_SALT_BYTES))


def _likely_path(params: KnownHostsParams) -> str:
    """Guess whose home is meant: tasks mostly run as root."""
    return clean(f"/root{params.path[1:]}" if params.path.startswith("~/") else params.path)


def _path(system: System, params: KnownHostsParams) -> str:
    if not params.path.startswith("~/"):
        return clean(params.path)
    user = str(system.fact("user_id") or "root")
    home = home_of(system, user)
    if home is None or home is UNKNOWN:
        raise ParameterError(f"the home of {user!r} is not known", hint="give `path` as an absolute path")
    return clean(str(home) + params.path[1:])
