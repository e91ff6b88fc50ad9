"""Which earlier tasks a task has to wait for, found through an index of effect keys instead of all pairs."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence

from configurator.modules.effects import EVERYTHING, Effects

_WIDE = "**"

# What a task requires and what it merely follows: earlier task to the key that both touch.
Waits = tuple[dict[int, str], dict[int, str]]


class _Touched:
    """Who wrote a key last (several only if they were added together), and who has read it since."""

    __slots__ = ("readers", "writers")

    def __init__(self) -> None:
        self.writers: list[int] = []
        self.readers: list[int] = []


class EffectIndex:
    """The keys that the tasks seen so far touch; `add` returns the nearest tasks that the next one meets.

    Nearest is enough: once a task writes a key, or a pattern that contains it, everything that touched the
    key before is ordered before that task, so later tasks need an edge to it alone. That keeps the index as
    small as the set of keys, and adding a task costs a few lookups for each of its keys. The order that
    results is the one of `modules.effects.covers` applied to every pair (a property test compares them).
    """

    __slots__ = ("_exact", "_lengths", "_sorted_exact", "_sorted_wide", "_wide")

    def __init__(self) -> None:
        self._exact: dict[str, _Touched] = {}
        self._wide: dict[str, _Touched] = {}  # by the pattern's beginning, without the asterisks
        self._sorted_exact: list[str] = []
        self._sorted_wide: list[str] = []
        self._lengths: dict[int, int] = {}  # length of a beginning: how many patterns have it

    def add(self, task: int, effects: Effects) -> Waits:
        """Enter a task; return the earlier ones that it requires and those it follows, each with a key.

        Something written before and read or written now is a requirement; something read before and
        written now is order only. The key is the later task's, as declared.
        """
        return self.add_together([(task, effects)])[0]

    def add_together(self, group: Sequence[tuple[int, Effects]]) -> list[Waits]:
        """Enter tasks that may run in any order among themselves, or at once."""
        found = [self._waits(effects) for _, effects in group]
        for _, effects in group:
            for key in effects.touches:
                self._forget_within(key)
        for task, effects in group:
            for key in sorted(effects.touches):
                self._entry(key).writers.append(task)
            for key in sorted(effects.reads - effects.touches):
                self._entry(key).readers.append(task)
        return found

    def _waits(self, effects: Effects) -> Waits:
        hard: dict[int, str] = {}
        after: dict[int, str] = {}
        for key in sorted(effects.touches):
            for touched in self._meeting(key):
                hard.update((writer, key) for writer in touched.writers if writer not in hard)
                after.update((reader, key) for reader in touched.readers if reader not in after)
        for key in sorted(effects.reads - effects.touches):
            for touched in self._meeting(key):
                hard.update((writer, key) for writer in touched.writers if writer not in hard)
        return hard, {earlier: key for earlier, key in after.items() if earlier not in hard}

    def _meeting(self, key: str) -> Iterator[_Touched]:
        """Yield every entry whose key can mean the same thing as `key`."""
        beginning = beginning_of(key)
        if beginning is None:
            if key in self._exact:
                yield self._exact[key]
            yield from self._patterns_over(key)
            if key + "/" in self._wide:  # `path:/a/**` speaks of `path:/a` as well
                yield self._wide[key + "/"]
            return
        yield from (self._exact[name] for name in _starting(self._sorted_exact, beginning))
        folder = _folder(beginning)
        if folder in self._exact:
            yield self._exact[folder]
        yield from self._patterns_over(beginning, shorter=True)
        yield from (self._wide[name] for name in _starting(self._sorted_wide, beginning))

    def _patterns_over(self, text: str, *, shorter: bool = False) -> Iterator[_Touched]:
        longest = len(text) - 1 if shorter else len(text)
        for length in self._lengths:
            if length <= longest and text[:length] in self._wide:
                yield self._wide[text[:length]]

    def _forget_within(self, key: str) -> None:
        """Drop the entries that are contained in `key`: whoever meets them meets its new writer too."""
        beginning = beginning_of(key)
        if beginning is None:
            if key in self._exact:
                self._exact[key] = _Touched()
            return
        for name in _cut(self._sorted_exact, beginning):
            del self._exact[name]
        folder = _folder(beginning)
        if folder in self._exact:
            del self._exact[folder]
            del self._sorted_exact[bisect_left(self._sorted_exact, folder)]
        for name in _cut(self._sorted_wide, beginning):
            del self._wide[name]
            self._lengths[len(name)] -= 1
            if not self._lengths[len(name)]:
                del self._lengths[len(name)]

    def _entry(self, key: str) -> _Touched:
        beginning = beginning_of(key)
        if beginning is None:
            if key not in self._exact:
                self._exact[key] = _Touched()
                insort(self._sorted_exact, key)
            return self._exact[key]
        if beginning not in self._wide:
            self._wide[beginning] = _Touched()
            insort(self._sorted_wide, beginning)
            self._lengths[len(beginning)] = self._lengths.get(len(beginning), 0) + 1
        return self._wide[beginning]


def beginning_of(key: str) -> str | None:
    """Return what every key that a pattern stands for begins with; None if `key` is no pattern."""
    if key == EVERYTHING:
        return ""
    return key.removesuffix(_WIDE) if key.endswith(_WIDE) else None


def exact(keys: Iterable[str]) -> list[str]:
    """Return the keys that are no patterns, sorted."""
    return sorted(key for key in keys if beginning_of(key) is None)


def _folder(beginning: str) -> str:
    return beginning.rstrip("/") if beginning.endswith("/") else ""


def _bounds(names: list[str], beginning: str) -> tuple[int, int]:
    first = last = bisect_left(names, beginning)
    while last < len(names) and names[last].startswith(beginning):
        last += 1
    return first, last


def _starting(names: list[str], beginning: str) -> list[str]:
    first, last = _bounds(names, beginning)
    return names[first:last]


def _cut(names: list[str], beginning: str) -> list[str]:
    first, last = _bounds(names, beginning)
    cut = names[first:last]
    del names[first:last]
    return cut
