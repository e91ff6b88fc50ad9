"""A cycle of requirements, as the error that people read: the path, and the place of every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from configurator.compiler.order_edges import EdgeKind, Edges
from configurator.compiler.order_nodes import Nodes
from configurator.config.diagnostics import Diagnostic, Span
from configurator.core.errors import InputError

Places = Mapping[tuple[int, int], Span]  # (earlier node, later node): where that requirement is written


def role_cycle(requires: Mapping[str, Mapping[str, Span]]) -> InputError | None:
    """Return the error for the first cycle among the requirements of whole roles, or None."""
    path = find_cycle(requires)
    if path is None:
        return None
    steps = [
        requires[role][needed].diagnostic(f"role {role!r} requires role {needed!r}", code="cycle")
        for role, needed in pairwise(path)
    ]
    return _error(path, steps)


def node_cycle(path: Sequence[int], nodes: Nodes, edges: Edges, places: Places) -> InputError:
    """Return the error for a cycle of nodes; each one waits for the next."""
    steps = []
    for later, earlier in pairwise(path):
        link = edges.before[later][earlier]
        here, there = nodes.label(later), nodes.label(earlier)
        if link.kind is EdgeKind.WRITTEN_ORDER:
            message = f"{here!r} comes after {there!r} as written: both touch {link.key}"
            steps.append(nodes.task(later).span.diagnostic(message, code="cycle"))
        elif (earlier, later) in places:
            steps.append(places[earlier, later].diagnostic(f"{here!r} requires {there!r}", code="cycle"))
    return _error([nodes.label(node) for node in path], steps)


def _error(path: Sequence[str], steps: Sequence[Diagnostic]) -> InputError:
    message = "cycle: " + " -> ".join(path)
    hint = "each of these waits for the next one; take one requirement back"
    return InputError(message, steps, hint=hint)


def find_cycle(requires: Mapping[str, Mapping[str, object]]) -> list[str] | None:
    """Return a closed path of names that require each other; without recursion, in declared order."""
    done: set[str] = set()
    for start in requires:
        trail = [(start, iter(requires[start]))] if start not in done else []
        while trail:
            name, rest = trail[-1]
            needed = next(rest, None)
            on_trail = [entry[0] for entry in trail]
            if needed is None:
                done.add(name)
                trail.pop()
            elif needed in on_trail:
                return [*on_trail[on_trail.index(needed) :], needed]
            elif needed not in done and needed in requires:
                trail.append((needed, iter(requires[needed])))
    return None
