"""Why one task of a host waits for another one: the chain of edges between them, or that there is none."""

from __future__ import annotations

import difflib
import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from configurator.agent.protocol import TaskSpec
from configurator.compiler.order import Edge
from configurator.config.expect import did_you_mean
from configurator.core.errors import InputError
from configurator.report.order import Reason, Why


def find_task(word: str, names: Mapping[str, str]) -> str:
    """Return the id of the task that a person means; `names` has what each id is called.

    That is the whole name as drawings show it (`nginx: Install`), or the task's own if only one is called so.
    InputError names the nearest, or those that it could be.
    """
    exact = [task for task, name in names.items() if name == word]
    numbered = re.compile(re.escape(_plain(word)) + r"(?: \([0-9]+\))?")
    found = exact or [task for task, name in names.items() if numbered.fullmatch(_own(name))]
    found = found or [task for task, name in names.items() if _plain(name) == _plain(word)]
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(repr(names[task]) for task in found[:5])
        raise InputError(f"several tasks are called {word!r}", hint=f"say which: {shown}")
    raise InputError(f"there is no task {word!r}", hint=_near(word, names.values()))


def _near(word: str, names: Collection[str]) -> str:
    own = {_own(name): name for name in names}
    near = difflib.get_close_matches(_plain(word), own, n=1)
    hint = did_you_mean(word, names) or (f"did you mean {own[near[0]]!r}?" if near else None)
    return hint or "`configurator graph` shows their names"


def _own(name: str) -> str:
    return _plain(name.partition(": ")[2])


def _plain(name: str) -> str:
    """Return a name as it is compared when it is not found as written."""
    return name.removesuffix(" [handler]").removesuffix(" [skipped]").strip().casefold()


def why(
    first: str,
    second: str,
    specs: Sequence[TaskSpec],
    edges: Iterable[Edge],
    names: Mapping[str, str],
    mask: Callable[[str], str] = str,
) -> Why:
    """Return how two tasks (ids) are ordered: by the shortest chain, if there is one of hard edges alone."""
    known = list(edges)
    for start, end in ((first, second), (second, first)):
        for hard in (True, False):
            chain = _chain(start, end, [edge for edge in known if edge.hard or not hard])
            if chain:
                reasons = tuple(
                    Reason(names[edge.before], names[edge.after], edge.kind, mask(edge.key)) for edge in chain
                )
                return Why(names[start], names[end], reasons, hard)
    locks = {spec.id: set(spec.locks) for spec in specs if spec.id in (first, second)}
    shared = sorted(locks.get(first, set()) & locks.get(second, set()))
    return Why(names[first], names[second], locks=tuple(mask(name) for name in shared))


def _chain(start: str, end: str, edges: Iterable[Edge]) -> list[Edge]:
    """Return the shortest way along the edges, the first of equals; none if there is none."""
    behind: dict[str, list[Edge]] = {}
    for edge in edges:
        behind.setdefault(edge.before, []).append(edge)
    came: dict[str, Edge] = {}
    waiting = deque([start])
    while waiting and end not in came:
        for edge in behind.get(waiting.popleft(), ()):
            if edge.after not in came and edge.after != start:
                came[edge.after] = edge
                waiting.append(edge.after)
    chain: list[Edge] = []
    while end in came:
        chain.append(came[end])
        end = came[end].before
    return chain[::-1]
