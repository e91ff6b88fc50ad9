"""How events are kept in order while progress coalesces: what waits for delivery, and what is past.

A plain queue would grow with every TaskProgress, and replacing one in its old place would move it before
events that came first. So progress between two other events is kept in one bundle, by task; a newer one is
taken out of the bundle where it stands and put into the last. Bundles are never neighbours: there is at most
one TaskProgress for each task, and at most one bundle more than there are other items.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence

from configurator.core.engine_events import EngineEvent, TaskProgress


class _Bundle(OrderedDict[str, TaskProgress]):
    """The progress of several tasks in one place; a plain dict is slow to empty from its front."""


class EventLine:
    """Items in the order in which they came, with at most one TaskProgress of each task: its newest.

    Everything needs a lock of the caller's but `append` and `size`, which are safe beside all else.
    """

    __slots__ = ("_bundles", "_items", "append", "extend", "size")

    def __init__(self) -> None:
        self._items: deque[object] = deque()
        self._bundles: dict[str, _Bundle] = {}  # task: where its progress stands
        # Bound once, as publishing is hot: how much there is, bundles as one; and for all but TaskProgress:
        self.size = self._items.__len__
        self.append = self._items.append
        self.extend = self._items.extend

    def __iter__(self) -> Iterator[object]:
        for number in range(len(self._items)):  # an iterator of the deque would not bear an append meanwhile
            item = self._items[number]
            if isinstance(item, _Bundle):
                yield from item.values()
            else:
                yield item

    def put_progress(self, event: TaskProgress) -> bool:
        """Append, in place of an earlier one of that task; return False if there was one."""
        name = event.task_name
        older = self._bundles.get(name)
        new = older is None or older.pop(name, None) is None
        last = self._items[-1] if self._items else None
        if not isinstance(last, _Bundle):
            last = _Bundle()
            self._items.append(last)
        last[name] = event
        self._bundles[name] = last
        return new

    def take_events(self, most: int) -> list[EngineEvent]:
        """Take out the state events at the front, up to the first item that is something else."""
        items = self._items
        taken: list[EngineEvent] = []
        while items and len(taken) < most and isinstance(first := items[0], EngineEvent):
            items.popleft()
            taken.append(first)
        return taken

    def take(self) -> object | None:
        """Take out the first item; None when there is none."""
        items = self._items
        while items:
            first = items.popleft()
            if not isinstance(first, _Bundle):
                return first
            if first:
                name, event = first.popitem(last=False)
                self._bundles.pop(name, None)
                items.appendleft(first)
                return event
        return None


class EventHistory:
    """The newest `limit` events, with at most one TaskProgress of each task; not thread-safe."""

    __slots__ = ("_count", "_limit", "_line")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0
        self._line = EventLine()

    def add(self, event: EngineEvent) -> None:
        """Append an event; one of TaskProgress takes the place of the task's earlier one."""
        if isinstance(event, TaskProgress):
            self._count += self._line.put_progress(event)
            self._trim()
        else:
            self.add_states((event,))

    def add_states(self, events: Sequence[EngineEvent]) -> None:
        """Append events that are no TaskProgress; does for many what `add` does for one, in less time."""
        self._line.extend(events)
        self._count += len(events)
        self._trim()

    def _trim(self) -> None:
        while self._count > self._limit:
            self._line.take()
            self._count -= 1

    def __iter__(self) -> Iterator[EngineEvent]:
        for event in self._line:
            assert isinstance(event, EngineEvent)
            yield event

    def copy(self) -> EventHistory:
        """Return one that goes on from here without changing this one."""
        other = EventHistory(self._limit)
        for event in self:
            other.add(event)
        return other
