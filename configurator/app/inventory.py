"""The use cases that tell of the inventory: its groups as a tree, and where a host's variables come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from configurator.app.fleet import load_project, masking
from configurator.app.options import RunOptions
from configurator.compiler.origins import Origin
from configurator.inventory.model import Inventory
from configurator.report.redact import Redactor
from configurator.transport.sshauth import Prompt


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group with its direct children and hosts; `priority` is Ansible's tie-break."""

    name: str
    children: tuple[str, ...]
    hosts: tuple[str, ...]
    priority: int = 1


@dataclass(frozen=True, slots=True)
class VariableRow:
    """A variable of a host as it may be shown: secrets are masked. Places are `file:line:column`."""

    host: str
    name: str
    value: Any
    origin: str
    shadowed: tuple[tuple[Any, str], ...]
    problem: str | None = None


def groups(options: RunOptions, prompt: Prompt | None = None) -> list[GroupRow]:
    """Return the groups that have any of the selected hosts, `all` first, each once."""
    redactor = Redactor()
    project = load_project(options, prompt, redactor)
    with masking(redactor):
        chosen = {host.name for host in project.hosts(options.hosts, options.limit)}
    return list(_groups(project.inventory, chosen))


def _groups(inventory: Inventory, chosen: set[str]) -> Iterator[GroupRow]:
    whole = {name for name in inventory.groups if chosen.intersection(inventory.members(name))}
    pending, seen = ["all"], set()
    while pending:
        name = pending.pop(0)
        if name in seen:
            continue
        seen.add(name)
        group = inventory.groups[name]
        children = tuple(child for child in group.children if child in whole)
        hosts = tuple(host for host in group.hosts if host in chosen)
        if name == "all":  # its hosts stand below `ungrouped` or another group
            hosts = ()
        yield GroupRow(name, children, hosts, group.priority)
        pending += children


def tree(rows: list[GroupRow]) -> Iterator[str]:
    """Return the groups as a tree: `@group` above its groups and hosts.

    A group with two parents stands below both.
    """
    by_name = {row.name: row for row in rows}
    pending: list[tuple[str, str, str]] = [("@all", "", "")]
    while pending:
        name, head, below = pending.pop()
        yield f"{head}{name}"
        row = by_name.get(name[1:]) if name.startswith("@") else None
        inner = [*(f"@{child}" for child in row.children), *row.hosts] if row else []
        lines = [(one, f"{below}├── ", f"{below}│   ") for one in inner[:-1]]
        lines += [(one, f"{below}└── ", f"{below}    ") for one in inner[-1:]]
        pending += reversed(lines)


def variables(options: RunOptions, prompt: Prompt | None = None) -> list[VariableRow]:
    """Return the variables of the selected hosts, with what set them and what they shadow."""
    redactor = Redactor()
    project = load_project(options, prompt, redactor)
    rows: list[tuple[str, Origin]] = []
    secrets: set[str] = set()
    with masking(redactor):
        for host in project.hosts(options.hosts, options.limit):
            rows += [(host.name, origin) for origin in project.origins(host, secrets)]
    redactor.add(secrets)
    return [_row(host, origin, redactor) for host, origin in rows]


def _row(host: str, origin: Origin, redactor: Redactor) -> VariableRow:
    shadowed = tuple((redactor.redact(item.value), str(item.span)) for item in origin.shadowed)
    problem = None if origin.problem is None else redactor.text(origin.problem)
    value = redactor.whole(redactor.redact(origin.value))
    return VariableRow(host, origin.name, value, str(origin.span), shadowed, problem)
