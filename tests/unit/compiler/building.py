"""Compiled roles for the tests of the order, written in a line or two each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from configurator.agent.protocol import HostGraph, TaskSpec
from configurator.compiler.compiled import CompiledRole, CompiledTask, Notification, Requirement
from configurator.config.diagnostics import Span
from configurator.modules.effects import Effects, effects


def span(role: str, line: int = 1, file: str = "tasks") -> Span:
    return Span(f"roles/{role}/{file}/main.yml", line, 3)


def requirement(text: str, where: Span | None = None) -> Requirement:
    """`x` is one word, `x:` a role, `x: y` a task of a role."""
    role, colon, task = text.partition(":")
    place = where or Span("roles/any/tasks/main.yml", 1, 1)
    if not colon:
        return Requirement(None, text, place)
    return Requirement(role, task.strip() or None, place)


def task(
    name: str,
    *,
    reads: Iterable[str] = (),
    writes: Iterable[str] = (),
    requires: Sequence[str] = (),
    notify: Sequence[str] = (),
    listen: Sequence[str] = (),
    module: str = "file",
    params: Mapping[str, Any] | None = None,
    opaque: bool = False,
) -> dict[str, Any]:
    keys = Effects(frozenset("*"), frozenset("*")) if opaque else effects(reads=reads, writes=writes)
    return {
        "name": name,
        "effects": keys,
        "requires": tuple(requires),
        "notify": tuple(notify),
        "listen": tuple(listen),
        "module": module,
        "params": params or {},
    }


def role(
    name: str,
    tasks: Sequence[Mapping[str, Any]] = (),
    handlers: Sequence[Mapping[str, Any]] = (),
    requires: Sequence[str] = (),
) -> CompiledRole:
    """A role whose tasks have the ids `ROLE/NAME` (with a number from the second of a name on)."""
    seen: dict[str, int] = {}
    return CompiledRole(
        name,
        [_compiled(name, line, item, seen, "tasks") for line, item in enumerate(tasks, 1)],
        [_compiled(name, line, item, seen, "handlers") for line, item in enumerate(handlers, 1)],
        span(name, file="meta"),
        tuple(requirement(f"{text}:", span(name, line, "meta")) for line, text in enumerate(requires, 1)),
    )


def _compiled(
    owner: str, line: int, item: Mapping[str, Any], seen: dict[str, int], file: str
) -> CompiledTask:
    place = span(owner, line, file)
    number = seen[item["name"]] = seen.get(item["name"], 0) + 1
    identifier = f"{owner}/{item['name']}" + (f"-{number}" if number > 1 else "")
    return CompiledTask(
        TaskSpec(identifier, owner, item["name"], item["module"], item["params"], position=str(place)),
        owner,
        item["name"],
        item["effects"],
        place,
        requires=tuple(requirement(text, place) for text in item["requires"]),
        notify=tuple(Notification(name, place) for name in item["notify"]),
        listen=item["listen"],
    )


def by_id(graph: HostGraph) -> dict[str, TaskSpec]:
    return {spec.id: spec for spec in graph.tasks}


def waits_for(graph: HostGraph, later: str, earlier: str) -> bool:
    """True if a chain of edges of any kind leads from `later` back to `earlier`."""
    specs = by_id(graph)
    stack, seen = [later], set()
    while stack:
        name = stack.pop()
        if name == earlier:
            return True
        if name not in seen:
            seen.add(name)
            stack += [*specs[name].requires, *specs[name].after]
    return False


def guarantees(graph: HostGraph) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """What each task can rely on when it runs: what has succeeded by then, and what has ended.

    Follows the engine: a task that is skipped ends at once, whatever else it was waiting for.
    """
    specs = by_id(graph)
    succeeded: dict[str, set[str]] = {}
    ended: dict[str, set[str]] = {}
    pending = list(specs)
    while pending:
        known = [n for n in pending if {*specs[n].requires, *specs[n].after} <= succeeded.keys()]
        assert known, f"a cycle among {pending}"
        for name in known:
            spec = specs[name]
            succeeded[name] = set(spec.requires).union(*(succeeded[other] for other in spec.requires))
            ended[name] = {*spec.requires, *spec.after}.union(*(ended[other] for other in spec.requires))
        pending = [name for name in pending if name not in succeeded]
    return succeeded, ended
