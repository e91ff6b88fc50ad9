"""alternatives: a program is registered for a generic name such as `editor`, and is the one it means.

Parameters are those of community.general.alternatives; everything is done by update-alternatives(1), and read
back with its `--query`. `present` registers, `selected` also chooses, `auto` registers and leaves the choice
to the priorities. A priority that is not given is 50 for a new program and stays for a known one. A file in
the place of the link is an error, not a warning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import ParameterError, TaskError
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import System

_PRIORITY = 50  # of a new program, as in Ansible
_PARTS = {"name", "path", "link"}  # of a subcommand


@dataclass(frozen=True, slots=True)
class AlternativesParams:
    """The parameters of community.general.alternatives."""

    name: str = param("str", required=True)
    path: str = param("str", required=True)
    link: str | None = param("str")
    priority: int | None = param("int")
    state: str = param("str", "selected", choices=("present", "absent", "selected", "auto"))
    subcommands: Any = param("raw", aliases=("slaves",))

    @property
    def key(self) -> str:
        """The generic name's effect key."""
        return f"alternatives:{self.name}"


class Alternatives(Module[AlternativesParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "alternatives"
    params: ClassVar[type] = AlternativesParams
    omitted: ClassVar[Mapping[str, str]] = {"family": "update-alternatives of Debian knows no families"}

    def check(self, params: AlternativesParams) -> Sequence[ParamProblem]:
        problems = []
        if not params.name or "/" in params.name or params.name.startswith("-") or " " in params.name:
            problems.append(ParamProblem("name", f"{params.name!r} is not a generic name such as `editor`"))
        for field in ("path", "link"):
            value = getattr(params, field)
            if value is not None and not value.startswith("/"):
                problems.append(ParamProblem(field, f"{field!r} must be an absolute path, not {value!r}"))
        given = params.subcommands
        if given is not None and not isinstance(given, list | tuple):
            problems.append(ParamProblem("subcommands", "'subcommands' must be a list"))
        elif any(not isinstance(one, dict) or set(one) != _PARTS for one in given or ()):
            problems.append(
                ParamProblem("subcommands", "each subcommand has a 'name', a 'path' and a 'link'")
            )
        return problems

    def subject(self, params: AlternativesParams) -> str:
        return params.key

    def effects(self, params: AlternativesParams) -> Effects:
        links = {f"path:/etc/alternatives/{params.name}"} | (
            {f"path:{params.link}"} if params.link else set()
        )
        return effects(reads={f"path:{params.path}"}, writes={params.key, *links})

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: AlternativesParams) -> State:
        group = system.lookup(params.key, lambda: _probe(system, params.name))
        known = group["programs"].get(params.path) if group["exists"] else None
        state: State = {"group": group, "registered": known is not None}
        if group["exists"]:
            state |= {"link": group["link"], "status": group["status"], "selected": group["value"]}
        if known is not None:
            state |= {"priority": known["priority"], "subcommands": _shown(group["links"], known["slaves"])}
        if params.state == "absent":
            return state
        if system.stat(params.path, follow=True) is None:
            raise ParameterError(
                f"{params.path} does not exist on the host", hint="install the package that brings it first"
            )
        if not group["exists"] and params.link is None:
            raise ParameterError(
                f"nothing is registered as {params.name!r} yet, so 'link' is required",
                hint=f"`link` is the path by which all know it, such as /usr/bin/{params.name}",
            )
        link = params.link or group["link"]
        found = system.stat(link)
        if found is not None and found.kind != "link":
            # update-alternatives would warn, leave it there, and say that all is well.
            raise ParameterError(f"{link} is in the way: it is a {found.kind}, and no link")
        return state

    def desired(self, params: AlternativesParams, actual: State) -> State:
        if params.state == "absent":
            return {"registered": False}
        wanted: State = {"registered": True}
        if params.priority is not None or not actual["registered"]:
            wanted["priority"] = _PRIORITY if params.priority is None else params.priority
        if params.link is not None:
            wanted["link"] = params.link
        if params.subcommands is not None:
            links = {one["name"]: one["link"] for one in params.subcommands}
            wanted["subcommands"] = _shown(links, {one["name"]: one["path"] for one in params.subcommands})
        if params.state == "selected":
            wanted["selected"] = params.path
        if params.state == "auto":
            wanted["status"] = "auto"
        return wanted

    def converge(self, system: System, params: AlternativesParams, change: Change) -> None:
        group = change.before["group"]
        if params.state == "absent":
            _run(system, params, ["--remove", params.name, params.path], _without(group, params.path))
            return
        if set(change.fields) - {"selected", "status"}:
            group = _install(system, params, group)
        if params.state == "selected" and group["value"] != params.path:
            group = group | {"status": "manual", "value": params.path}
            _run(system, params, ["--set", params.name, params.path], group)
        if params.state == "auto" and group["status"] != "auto":
            group = group | {"status": "auto", "value": _best(group["programs"])}
            _run(system, params, ["--auto", params.name], group)


def _probe(system: System, name: str) -> State:
    answer = system.query(["update-alternatives", "--query", name], ok=(0, 2))
    if answer.exit_status == 0:
        return parse(answer.stdout)
    if "no alternatives for" not in answer.stderr:
        raise TaskError(
            f"update-alternatives cannot tell of {name!r}: {answer.stderr.strip().rpartition('error: ')[2]}",
            command=answer.argv,
            exit_status=answer.exit_status,
            output=answer.stderr,
        )
    return {"exists": False}


def parse(text: str) -> State:
    """Return a group from what `--query` prints; see update-alternatives(1), QUERY FORMAT."""
    group: State = {"exists": True, "link": None, "status": None, "value": None, "links": {}, "programs": {}}
    slaves: dict[str, str] = group["links"]
    program: dict[str, Any] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(": ")
        if line.startswith(" "):
            name, _, path = line.strip().partition(" ")
            slaves[name] = path
        elif line.startswith("Slaves:"):
            pass
        elif key == "Alternative":
            slaves = {}
            program = {"priority": 0, "slaves": slaves}
            group["programs"][value] = program
        elif key == "Priority":
            program["priority"] = int(value)
        elif colon and key in ("Link", "Status", "Value"):
            group[key.lower()] = None if value == "none" else value
    return group


def _shown(links: Mapping[str, str], slaves: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(f"{name}: {links.get(name, '?')} -> {path}" for name, path in slaves.items()))


def _best(programs: Mapping[str, Mapping[str, Any]]) -> Any:
    """Return what the priorities choose; of two that are equal only update-alternatives knows."""
    top = max(program["priority"] for program in programs.values())
    first = [path for path, program in programs.items() if program["priority"] == top]
    return first[0] if len(first) == 1 else UNKNOWN


def _install(system: System, params: AlternativesParams, group: State) -> State:
    """Register the program; what is not given stays as it is."""
    new: State = {"exists": True, "link": None, "status": "auto", "value": None, "links": {}, "programs": {}}
    new |= group if group["exists"] else {}
    known = new["programs"].get(params.path, {"priority": _PRIORITY, "slaves": {}})
    priority = known["priority"] if params.priority is None else params.priority
    links, slaves = dict(new["links"]), dict(known["slaves"])
    if params.subcommands is not None:
        slaves = {one["name"]: one["path"] for one in params.subcommands}
        links |= {one["name"]: one["link"] for one in params.subcommands}
    new["link"] = params.link or new["link"]
    new["links"] = links
    new["programs"] = new["programs"] | {params.path: {"priority": priority, "slaves": slaves}}
    if new["status"] == "auto":
        new["value"] = _best(new["programs"])
    argv = ["--install", str(new["link"]), params.name, params.path, str(priority)]
    for name, path in sorted(slaves.items()):
        argv += ["--slave", links[name], name, path]
    _run(system, params, argv, new)
    return new


def _without(group: State, path: str) -> State:
    programs = {known: program for known, program in group["programs"].items() if known != path}
    if not programs:
        return {"exists": False}
    gone = group["value"] == path or group["status"] == "auto"
    return group | {"programs": programs} | ({"status": "auto", "value": _best(programs)} if gone else {})


def _run(system: System, params: AlternativesParams, argv: Sequence[str], group: State) -> None:
    done = system.run(["update-alternatives", *argv], establishes={params.key: group}, ok=(0, 1, 2))
    if done.exit_status != 0:
        raise TaskError(
            done.stderr.strip().rpartition("error: ")[2] or "update-alternatives gave no reason",
            command=done.argv,
            exit_status=done.exit_status,
            output=done.stderr,
        )
