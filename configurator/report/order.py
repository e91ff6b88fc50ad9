"""Why tasks wait for each other, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from configurator.report.sanitize import one_line
from configurator.report.words import count, subject


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the task `after` waits for `before`; `key` is the effect key behind it, or empty."""

    before: str
    after: str
    kind: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Why:
    """How two tasks are ordered: `second` waits for `first` by the chain; an empty one says that they do not.

    With `hard` the second runs only if the first has succeeded. `locks` are those that keep two tasks without
    an order from running at once.
    """

    first: str
    second: str
    chain: tuple[Reason, ...] = ()
    hard: bool = False
    locks: tuple[str, ...] = ()


_BARE = {
    "declared": "it says so in `requires`",
    "role": "its role requires that",
    "written_order": "as written",
    "handler": "handlers come last",
    "data": "it uses what that finds out",
    "block": "a block with a rescue is done from top to bottom",
    "end": "a `meta` may end the tasks there",
}


def reason_lines(reasons: Iterable[Reason]) -> Iterator[str]:
    """Return a line for each reason: which task waits for which, and why; sanitised."""
    for reason in reasons:
        yield f"{one_line(reason.after)} waits for {one_line(reason.before)} ({_why(reason)})"


def why_lines(why: Why) -> Iterator[str]:
    """Return why one task waits for another one, step by step; or that they have no order."""
    first, second = one_line(why.first), one_line(why.second)
    if not why.chain:
        at_once = "they may run at once"
        if why.locks:
            at_once = f"they never run at once: both hold the lock {', '.join(map(one_line, why.locks))}"
        yield f"{first} and {second} have no order; {at_once}."
        return
    needs = "and runs only if that succeeds" if why.hard else "but not for its success"
    yield f"{second} waits for {first}, {needs}:"
    yield f"  {one_line(why.chain[0].before)}"
    for depth, reason in enumerate(why.chain):
        yield f"  {'   ' * depth}└─ {one_line(reason.after)} ({_why(reason)})"


def _why(reason: Reason) -> str:
    thing = _thing(reason.key)
    match reason.kind:
        case "needs":
            return f"it needs {thing}"
        case "same_wish":
            return f"both want the same of {thing}"
        case "written_order" if thing:
            return f"as written: both touch {thing}"
        case kind:
            return _BARE.get(kind, kind)


def _thing(key: str) -> str:
    """Return the thing as people name it; a pattern for all of a kind is `any file`, `any unit`."""
    if key == "*":
        return "anything"
    namespace, _, name = key.partition(":")
    if name == "**":
        return "any " + ("file" if namespace == "path" else one_line(namespace.replace("_", " ")))
    return subject(key) if key else ""


def order_lines(drawing: str, reasons: Sequence[Reason], left_out: int, every: bool) -> Iterator[str]:
    """Return a host's tree of tasks with the reasons below it, and how many tasks are not shown.

    Without `every` the reasons are those that nobody wrote down: they were found across roles.
    """
    yield from drawing.split("\n")
    if reasons:
        yield ""
        yield "Why:" if every else "Found in what tasks of different roles read and write:"
        yield from (f"  {line}" for line in reason_lines(reasons))
    if left_out:
        yield ""
        skips = "a condition skips it" if left_out == 1 else "conditions skip them"
        yield f"{count(left_out, 'task')} not shown: {skips} (-v shows all)."


def plan_lines(plan: str) -> Iterator[str]:
    """Return the levels, path and bound of a host's graph, and what they rest on."""
    yield from plan.split("\n")
    yield "Times are what each module typically takes when it changes something. Locks, which cost time, and"
    yield "packages that are installed together, which saves some, are left aside."
