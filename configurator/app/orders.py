"""Orders in which a host's tasks may run, and which two tasks matter where one order leads elsewhere."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from configurator.compiler.order import OrderedGraph

Order = tuple[str, ...]  # ids of tasks


def declared_order(graph: OrderedGraph) -> Order:
    """Return the tasks as they are written, as far as their edges allow."""
    return _sorted(graph, min)


def orders(graph: OrderedGraph, count: int, seed: int) -> list[Order]:
    """Return `count` orders that obey every edge: the most reversed one first, then random ones.

    The same seed gives the same orders for the same graph. Orders may repeat where there are few.
    """
    found = [_sorted(graph, max)] if count else []
    for number in range(1, count):
        dice = random.Random(f"{seed} {number}")  # noqa: S311  (to be repeatable, not to be secret)
        found.append(_sorted(graph, lambda ready, dice=dice: dice.choice(ready)))  # type: ignore[misc]
    return found


def in_order(graph: OrderedGraph, order: Order) -> OrderedGraph:
    """Return the graph with every task waiting for the end of the one before it; that one may have failed."""
    earlier = dict(zip(order[1:], order, strict=False))
    return replace(
        graph,
        tasks=tuple(
            replace(spec, after=tuple(dict.fromkeys((*spec.after, earlier[spec.id]))))
            if spec.id in earlier
            else spec
            for spec in graph.tasks
        ),
    )


def deciding_pair(
    good: Order, bad: Order, is_bad: Callable[[Order], bool], *, tries: int = 16
) -> tuple[tuple[str, str] | None, Order]:
    """Return the two neighbours whose order makes the difference, the one that must come first as first.

    Between the two orders lies a way of exchanges of neighbours that no edge orders; it is halved again and
    again by asking `is_bad`. None if `tries` questions do not settle it. With the pair comes a bad order.
    """
    swaps = _exchanges(bad, good)
    low, high = 0, len(swaps)  # after `low` exchanges it is bad, after `high` good
    while high - low > 1 and tries:
        middle = (low + high) // 2
        if is_bad(_after(bad, swaps[:middle])):
            low = middle
        else:
            high = middle
        tries -= 1
    order = _after(bad, swaps[:low])
    if high - low != 1:
        return None, order
    place = swaps[low]
    return (order[place + 1], order[place]), order


def _exchanges(start: Order, end: Order) -> list[int]:
    """Return where neighbours change places, one pair after the other, to turn one order into another."""
    rank = {name: number for number, name in enumerate(end)}
    current = [rank[name] for name in start]
    places: list[int] = []
    for last in range(len(current) - 1, 0, -1):
        for place in range(last):
            if current[place] > current[place + 1]:
                current[place], current[place + 1] = current[place + 1], current[place]
                places.append(place)
    return places


def _after(order: Order, places: Sequence[int]) -> Order:
    names = list(order)
    for place in places:
        names[place], names[place + 1] = names[place + 1], names[place]
    return tuple(names)


def _sorted(graph: OrderedGraph, choose: Callable[[list[int]], int]) -> Order:
    """Return the tasks in an order that obeys every edge; `choose` takes one of those that can come next."""
    place = {spec.id: number for number, spec in enumerate(graph.tasks)}
    waits = [{place[name] for name in (*spec.requires, *spec.after)} for spec in graph.tasks]
    behind: list[list[int]] = [[] for _ in waits]
    for number, earlier in enumerate(waits):
        for other in earlier:
            behind[other].append(number)
    missing = [len(earlier) for earlier in waits]
    ready = [number for number, count in enumerate(missing) if not count]
    order: list[str] = []
    while ready:
        number = choose(ready)
        ready.remove(number)
        order.append(graph.tasks[number].id)
        for later in behind[number]:
            missing[later] -= 1
            if not missing[later]:
                ready.append(later)
    return tuple(order)
