"""What tasks of different roles have to do with each other: needs, conflicts, and turns to be taken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import chain, combinations

from configurator.compiler.compiled import CompiledTask
from configurator.compiler.order_edges import EdgeKind, Edges, Link
from configurator.compiler.order_effects import exact
from configurator.compiler.order_modules import agree, subject_of
from configurator.compiler.order_nodes import Nodes
from configurator.config.diagnostics import Diagnostics
from configurator.modules.apt_index import INDEX

# Modules that change a part of a thing and leave the rest to others: two roles may both edit one file.
_EDITS = frozenset(
    {
        "acl",
        "authorized_key",
        "blockinfile",
        "cron",
        "htpasswd",
        "ini_file",
        "known_hosts",
        "lineinfile",
        "mount",
        "pam_limits",
        "replace",
    }
)
_PACKAGE = "package:"

Writers = Mapping[str, Mapping[str, list[int]]]  # exact key: role: its tasks that touch it, in order


def writers_by_key(nodes: Nodes) -> Writers:
    """Return which tasks of which roles write each exact key, or make it where it is missing."""
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for node in nodes.all_tasks():
        for key in exact(nodes.task(node).effects.touches):
            found[key][nodes.owner[node]].append(node)
    return found


def connect_needs(nodes: Nodes, edges: Edges, writers: Writers) -> None:
    """Let tasks wait for the other role that visibly makes what they read.

    Where one other role writes the key, its last such task is required; where several do (they want the same,
    or `check_conflicts` objects), any of them may be the one that makes it, so the task merely follows. It
    merely follows a refresh of the package index, too: without one there still is an index, if an older one.
    An edge that would close a cycle yields to what was declared. Only after `edges.sort()`.
    """
    for node in nodes.all_tasks():
        item, owner = nodes.task(node), nodes.owner[node]
        for key in sorted(key for key in item.effects.reads - item.effects.writes if key in writers):
            by_role = writers[key]
            if any(own < node for own in by_role.get(owner, ())):
                continue  # its own role makes it, and written order holds them together
            others = [made for role, made in by_role.items() if role != owner]
            # A directory that is only made in passing may be there without that task.
            sure = all(key in nodes.task(made).effects.writes for made in chain(*others))
            if not sure and key in item.effects.makes:
                continue  # whoever comes first makes it
            link = Link(EdgeKind.NEEDS, len(others) == 1 and sure and key != INDEX, key)
            for made in others:
                edges.insert(max(made, key=edges.position), node, link)


def check_conflicts(nodes: Nodes, edges: Edges, writers: Writers, problems: Diagnostics) -> None:
    """Report tasks of unordered roles that want different things of the same; let equal ones take turns.

    A key that is the subject of neither task is touched in passing (a directory's list of files, say): for
    these `turns` is enough.
    """
    subjects: dict[int, str | None] = {}
    for key, touched in writers.items():
        by_role = _that_write(nodes, key, touched)
        everyone = [node for made in by_role.values() for node in made]
        if len(by_role) < 2 or key == INDEX or _only_edits(nodes, everyone):
            continue  # nobody minds a second refresh of the package index
        if key.startswith(_PACKAGE):
            about = [node for node in everyone if _removes(nodes.task(node))]
        else:
            subjects |= {node: subject_of(nodes.task(node)) for node in everyone if node not in subjects}
            about = [node for node in everyone if subjects[node] == key]
        for one, other in _pairs(nodes, about, everyone):
            if agree(nodes.task(one), nodes.task(other)):
                first, second = sorted((one, other), key=edges.position)
                edges.insert(first, second, Link(EdgeKind.SAME_WISH, False, key))
            elif _differ(key, nodes.task(one), nodes.task(other)) and not edges.ordered(one, other):
                _report(key, nodes.task(min(one, other)), nodes.task(max(one, other)), problems)


def turns(nodes: Nodes, edges: Edges, writers: Writers) -> dict[int, set[str]]:
    """Return the locks that keep unordered roles, handlers included, from writing one thing at once."""
    parties = {key: dict(by_role) for key, by_role in writers.items()}
    for handler in nodes.all_handlers():
        owner = nodes.owner[handler]
        for key in exact(nodes.task(handler).effects.touches):
            by_role = parties.setdefault(key, {})
            by_role[owner] = [*by_role.get(owner, ()), handler]
    locks: dict[int, set[str]] = defaultdict(set)
    for key, by_role in parties.items():
        if key.startswith(_PACKAGE) or not _unordered(edges, by_role):
            continue  # packages have the lock of the module
        for made in by_role.values():
            for node in made:
                locks[node].add(key)
    return locks


def unordered_edits(nodes: Nodes, edges: Edges, writers: Writers) -> list[tuple[str, tuple[int, ...]]]:
    """Return the keys that several roles edit in no declared order, with the tasks that do."""
    found = []
    for key, touched in writers.items():
        by_role = _that_write(nodes, key, touched)
        everyone = sorted(node for made in by_role.values() for node in made)
        if _only_edits(nodes, everyone) and _unordered(edges, by_role):
            found.append((key, tuple(everyone)))
    return found


def _that_write(nodes: Nodes, key: str, by_role: Mapping[str, list[int]]) -> dict[str, list[int]]:
    """Return the roles and tasks of `by_role` without those that only make the key where it is missing."""
    found = {r: [n for n in made if key in nodes.task(n).effects.writes] for r, made in by_role.items()}
    return {role: made for role, made in found.items() if made}


def _unordered(edges: Edges, by_role: Mapping[str, list[int]]) -> bool:
    """Return True if two of the roles have tasks that could run at once.

    Tasks of one role that write the same key follow each other, so only the first and the last matter.
    """
    spans = [(min(made, key=edges.position), max(made, key=edges.position)) for made in by_role.values()]
    return not all(
        _precedes(edges, last, start) or _precedes(edges, end, first)
        for (first, last), (start, end) in combinations(spans, 2)
    )


def _precedes(edges: Edges, one: int, other: int) -> bool:
    return edges.position(one) < edges.position(other) and edges.ordered(one, other)


def _pairs(nodes: Nodes, about: Iterable[int], everyone: Iterable[int]) -> Iterable[tuple[int, int]]:
    """Yield each pair of tasks of two roles once, the first of which is one of `about`."""
    seen: set[int] = set()
    for one in about:
        seen.add(one)
        for other in everyone:
            if other not in seen and nodes.owner[one] != nodes.owner[other]:
                yield one, other


def _only_edits(nodes: Nodes, group: Iterable[int]) -> bool:
    return all(nodes.task(node).spec.module in _EDITS for node in group)


def _differ(key: str, one: CompiledTask, other: CompiledTask) -> bool:
    """Return True if only one of the two can have its way; of packages, whether there is one at all."""
    return not key.startswith(_PACKAGE) or _removes(one) is not _removes(other)


def _removes(task: CompiledTask) -> bool:
    return task.spec.params.get("state") in ("absent", "removed")


def _report(key: str, one: CompiledTask, other: CompiledTask, problems: Diagnostics) -> None:
    hint = f"let one of the roles require the other: `requires: [{one.role}]` in role {other.role!r}"
    for this, that in ((one, other), (other, one)):
        message = (
            f"{this.role + ': ' + this.name!r} and {that.role + ': ' + that.name!r} ({that.span}) "
            f"want different things of {key}, and nothing says which comes first"
        )
        problems.add(this.span, message, hint, code="conflict")
