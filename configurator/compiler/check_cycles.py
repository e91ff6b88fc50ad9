"""Requirements that lead back to where they began, found before any host is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from configurator.compiler.order_cycle import find_cycle
from configurator.compiler.roles import Role, include_path
from configurator.compiler.tasknodes import BlockNode, IncludeNode, Node, TaskNode
from configurator.compiler.templating import is_template
from configurator.config.diagnostics import Diagnostics, Span

_Graph = dict[str, dict[str, Span]]  # what requires what, and where that is written


def check_cycles(roles: Sequence[Role], problems: Diagnostics) -> None:
    """Note the first cycle among what roles and their tasks require, as far as names are written out.

    One that needs a host to be seen (names made by templates, requirements of the site) is found there.
    """
    whole: _Graph = {role.name: {need.name: need.span for need in role.needs} for role in roles}
    if not _note(whole, problems):
        _note(_with_tasks(roles, whole), problems)


def _note(graph: Mapping[str, Mapping[str, Span]], problems: Diagnostics) -> bool:
    path = find_cycle(graph)
    if path is None:
        return False
    spans = [span for here, there in pairwise(path) if (span := graph[here][there]).line]
    others = ", ".join(str(span) for span in spans[1:])
    hint = "each of these waits for the next one; take one requirement back"
    message = "cycle: " + " -> ".join(path)
    problems.add(spans[0], message, f"{hint} (also written at {others})" if others else hint, code="cycle")
    return True


def _with_tasks(roles: Sequence[Role], whole: _Graph) -> _Graph:
    """Return the graph of roles and of named tasks; a role waits for all its tasks, they for what it needs.

    Tasks of one name are one vertex: who requires the name waits for them all.
    """
    graph: _Graph = {}
    for role in roles:
        names = dict.fromkeys(str(node.name.value) for node in _tasks(role) if node.name is not None)
        graph[role.name] = {**whole[role.name], **{f"{role.name}: {name}": role.span for name in names}}
        for node in _tasks(role):
            if node.name is None or is_template(str(node.name.value)):
                continue
            edges = graph.setdefault(f"{role.name}: {node.name.value}", dict(whole[role.name]))
            for item in node.requires:
                own = item.role is None and item.task in names
                edges.setdefault(f"{role.name}: {item.task}" if own else str(item), item.span)
    return graph


def _tasks(role: Role) -> Iterator[TaskNode]:
    """Yield the tasks that a role surely has, those of blocks and of files it names included."""
    pending: list[Node] = list(reversed(role.tasks))
    seen: set[str] = set()
    while pending:
        node = pending.pop()
        if isinstance(node, TaskNode):
            yield node
        elif isinstance(node, BlockNode):
            pending += reversed(node.children)
        elif isinstance(node, IncludeNode) and not is_template(str(node.file.value)):
            path = include_path(node, str(node.file.value), role)
            if path not in seen:
                seen.add(path)
                pending += reversed(role.files.get(path, ()))
