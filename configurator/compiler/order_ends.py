"""A `meta` that ends a role or a host: all that is written above it comes first, all that is below waits.

That holds for tasks without effects, too: what they say or check must not depend on which of them was faster.
"""

from __future__ import annotations

from collections.abc import Iterable

from configurator.compiler.compiled import Ends
from configurator.compiler.order_edges import EdgeKind, Edges, Link
from configurator.compiler.order_nodes import Nodes


def separate_at_ends(nodes: Nodes, edges: Edges) -> None:
    """Let each end follow what stands above it, and what stands below follow the end.

    One that ends the host stands between whole roles as well, where nobody declared another order.
    """
    roles = list(nodes.roles.values())
    for place, role in enumerate(roles):
        for node in role.tasks:
            ends = nodes.task(node).ends
            if ends is Ends.NOTHING:
                continue
            above, below = range(role.tasks.start, node), range(node + 1, role.tasks.stop)
            _separate(edges, above, node, below)
            if ends is Ends.HOST:
                earlier = (task for other in roles[:place] for task in other.tasks)
                later = (task for other in roles[place + 1 :] for task in other.tasks)
                _separate(edges, earlier, node, later)


def _separate(edges: Edges, above: Iterable[int], node: int, below: Iterable[int]) -> None:
    # Not for success: an end may be skipped, and what has failed above decides nothing here.
    for earlier in above:
        edges.insert(earlier, node, Link(EdgeKind.END, False))
    for later in below:
        edges.insert(node, later, Link(EdgeKind.END, False))
