"""Variables whose values a host tells only while it is being worked on.

While a host is compiled, looking at one raises LateValueError: the task that does so is put off until the
tasks that tell the value have ended, and compiled then (putoff.py). A variable may be set several times; each
reader sees what was set above it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from configurator.compiler.results import LateUnknownError, Results, Rounds
from configurator.compiler.values import Ready

if TYPE_CHECKING:
    from configurator.config.located import Located


class LateValueError(Exception):
    """A value is needed that is not known yet; `tasks` are the ids of those that tell it."""

    def __init__(self, tasks: tuple[str, ...]) -> None:
        super().__init__(", ".join(tasks))
        self.tasks = tasks


@dataclass(frozen=True, slots=True)
class Version:
    """What one task sets: its registered result, or the fact of this name.

    `task` is its id; `rounds` are None for a task that was put off: they are known once it has begun. `inner`
    is the variable that something inside of a put-off include may set. A task of a rescue runs only `after` a
    failure of one of these.
    """

    task: str
    rounds: Rounds | None = None
    fact: str | None = None
    inner: str | None = None
    after: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the tasks to wait for."""
        return (self.task,) if self.rounds is None else self.rounds.ids

    def entry(self, results: Results) -> Ready | Located | None:
        """Return what the task has set; None if it has set nothing.

        LateUnknownError if a plan does not know whether the task runs.
        """
        found = self._entry(results)
        if found is None and self.after:
            results.raise_for_failures(self.after)
        return found

    def _entry(self, results: Results) -> Ready | Located | None:
        if self.inner is not None:
            return set_inside(self.task, self.inner, results)
        rounds = self.rounds or results.rounds_of(self.task)
        if rounds is None:
            return None
        if self.fact is not None:
            found = results.fact(rounds, self.fact)
            return Ready(found[0]) if found else None
        value = results.registered(rounds)
        return None if value is None else Ready(value)


@dataclass(frozen=True, slots=True)
class Late:
    """A variable that tasks set later, the latest last; `base` is the entry that counts if none of them does.

    `generation` tells in which compilation it came up: an earlier one's tasks have ended by now.
    """

    versions: tuple[Version, ...]
    generation: int
    base: Any = None

    @property
    def tasks(self) -> tuple[str, ...]:
        """Return the ids of the tasks to wait for."""
        return tuple(dict.fromkeys(name for version in self.versions for name in version.ids))

    def settled(self, results: Results) -> Ready | Located | None:
        """Return what is set: a value, or a text of a file that is yet to be rendered; None if nothing is."""
        found = (version.entry(results) for version in reversed(self.versions))
        return next((entry for entry in found if entry is not None), None)


@dataclass(frozen=True, slots=True)
class Opening:
    """A task that is put off and may set any variable: `version` tells what was set above it.

    With `files` it reads variables of a file, which do not win over what tasks have set.
    """

    task: str
    version: int
    generation: int
    files: bool = False


def set_inside(task_id: str, name: str, results: Results) -> Ready | Located | None:
    """Return what a task that was put off, or something inside of it, has set a variable to.

    LateUnknownError if a plan does not know what the task is.
    """
    known = results.inner.get(task_id)
    if known is None:
        unknown = (results.raw(task_id) or {}).get("unknown")
        if unknown:
            raise LateUnknownError(str(unknown))
        return None
    store, since = known
    for opening in store.openings(name):
        if opening.version <= since:
            break
        found = set_inside(opening.task, name, results)
        if found is not None:
            return found
    if store.changed.get(name, 0) <= since:
        return None
    entry: Any = store.values[name]
    while isinstance(entry, Late):
        settled = entry.settled(results)
        entry = entry.base if settled is None else settled
    return None if isinstance(entry, LateFacts) else entry


@dataclass(frozen=True, slots=True)
class LateFacts:
    """`ansible_facts` once a task has gathered more: what was known, and what is only known later.

    With `more` also facts of other names may have come.
    """

    known: Mapping[str, Any]
    late: Mapping[str, Late] = field(default_factory=dict)
    more: Late | None = None


class Facts(dict[str, Any]):
    """`ansible_facts` as a dictionary."""

    def _absent(self, name: str) -> tuple[str, Iterable[object]]:
        return no_such_fact(name), tuple(dict.keys(self))


def no_such_fact(name: str) -> str:
    """Return what is said of a fact that there is not."""
    return f"there is no fact {name!r}"


class HeldFacts(Facts):
    """`ansible_facts` as a dictionary that takes each fact out of a mapping when it is wanted.

    The mapping may have to ask the host for it (HostFacts): what is at hand there is here from the start.
    """

    def __init__(self, source: Mapping[str, Any]) -> None:
        if isinstance(source, HeldFacts):
            super().__init__(dict.items(source))
        else:
            super().__init__(getattr(source, "known", source))
        self._source = source

    def _absent(self, name: str) -> tuple[str, Iterable[object]]:
        return no_such_fact(name), (*dict.keys(self), *getattr(self._source, "later", ()))

    def __missing__(self, key: str) -> Any:
        return self._source[key]

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the value, or `default`."""
        try:
            return self[key]
        except KeyError:
            return default

    def __contains__(self, key: object) -> bool:
        if dict.__contains__(self, key):
            return True
        try:
            self[str(key)]
        except KeyError:
            return False
        return True

    def _filled(self) -> dict[str, Any]:
        return {**self._source, **{name: dict.__getitem__(self, name) for name in dict.__iter__(self)}}

    def keys(self) -> Any:
        """Return all names, for which the host is asked for all."""
        return self._filled().keys()

    def values(self) -> Any:
        """Return all facts."""
        return self._filled().values()

    def items(self) -> Any:
        """Return all names and facts."""
        return self._filled().items()

    def __iter__(self) -> Any:
        return iter(self._filled())

    def __len__(self) -> int:
        return len(self._filled())

    def __bool__(self) -> bool:
        return True  # a host without any fact is none


class FactsView(HeldFacts):
    """`ansible_facts` in front of facts that are not known yet: looking at one of them raises."""

    def __init__(self, facts: LateFacts) -> None:
        super().__init__(facts.known)
        self._facts = facts
        for name in facts.late:
            self.pop(name, None)

    def __missing__(self, key: str) -> Any:
        late = self._facts.late.get(key)
        if late is None:
            try:
                return self._source[key]
            except KeyError:
                late = self._facts.more
        if late is None:
            raise KeyError(key)
        raise LateValueError(late.tasks)

    def items(self) -> Any:
        """Raise: nobody knows all of it yet."""
        late = [*self._facts.late.values(), *((self._facts.more,) if self._facts.more else ())]
        raise LateValueError(tuple(name for each in late for name in each.tasks))

    keys = values = __iter__ = items
