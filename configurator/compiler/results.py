"""What the tasks of a host have found out, as variables: `register`, `set_fact`, later facts.

A plan finds out less than an apply: what it cannot know raises LateUnknownError when it is looked at. All of
it comes from a host, so it is a value and never a template.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from configurator.compiler.scope import FactStore

FAILURES = ("ansible_failed_task", "ansible_failed_result")  # Ansible's variables in a rescue
LOOP_MESSAGE = "All items completed"  # Ansible's words, in the result of a loop
NO_ITEMS = "the loop has no items"  # why such a task is skipped
NOTHING_MESSAGE = "All items skipped"  # the same, of one in which nothing was done
_EMPTY = {"skipped": True, "skipped_reason": "No items in the list"}


class LateUnknownError(Exception):
    """A plan cannot know this value; `because` names what it depends on."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because


class PartlyKnown(dict[str, Any]):
    """A result of which a plan knows some keys; every other question about it raises LateUnknownError."""

    def __init__(self, known: Mapping[str, Any], because: str) -> None:
        super().__init__(known)
        self.because = because

    def __missing__(self, key: str) -> NoReturn:
        raise LateUnknownError(self.because)

    def get(self, key: Any, default: Any = None) -> Any:  # noqa: ARG002
        """Return the value; what is not known is not missing either."""
        return self[key]

    def __contains__(self, key: object) -> bool:
        if dict.__contains__(self, key):
            return True
        raise LateUnknownError(self.because)

    def __iter__(self) -> Iterator[str]:
        raise LateUnknownError(self.because)

    def items(self, *_args: Any, **_options: Any) -> Any:
        """Raise: nobody knows all of it."""
        raise LateUnknownError(self.because)

    keys = values = copy = pop = popitem = items
    __len__ = __reversed__ = __repr__ = __or__ = __ror__ = __eq__ = __ne__ = items
    __copy__ = __deepcopy__ = __reduce_ex__ = items
    __hash__ = None

    def beside(self, more: Mapping[str, Any]) -> PartlyKnown:
        """Return the result with more that is known."""
        return PartlyKnown({**plainly(self), **more}, self.because)

    def __bool__(self) -> bool:
        return True  # Ansible's result is never empty


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a task: the ids of what it became on the host, its loop variables, why it was skipped.

    A `copy` of a folder becomes several tasks in one round.
    """

    ids: tuple[str, ...]
    names: Mapping[str, Any] = field(default_factory=dict)
    skipped: str | None = None


@dataclass(frozen=True, slots=True)
class Rounds:
    """All rounds of a task; one that is no loop has one. `var` is the loop's variable."""

    rounds: tuple[Round, ...]
    looped: bool = False
    var: str = "item"

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the ids of all that the task became."""
        return tuple(name for each in self.rounds for name in each.ids)


class Results:
    """The results of one host in one run, by task id.

    `rounds` are those of tasks that were put off. `inner` has by their ids what was set inside of them: all
    that was set in the end, and the version of the facts at their beginning. `generation` counts the
    compilations. `jobs` are tasks that nobody waits for unless they ask, and `again` what a task became that
    had to be put off once more. `joined` are the tasks that have taken the place of one that was put off.
    """

    def __init__(self) -> None:
        self._raw: dict[str, Mapping[str, Any]] = {}
        self.jobs: set[str] = set()
        self.rounds: dict[str, Rounds] = {}
        self.again: dict[str, str] = {}
        self.joined: dict[str, tuple[str, ...]] = {}
        self.inner: dict[str, tuple[FactStore, int]] = {}
        self.generation = 0

    def copy(self) -> Results:
        """Return results that later ones of these do not reach."""
        made = Results()
        made._raw, made.rounds, made.inner = dict(self._raw), dict(self.rounds), dict(self.inner)
        made.again, made.joined, made.generation = dict(self.again), dict(self.joined), self.generation
        return made

    def note(self, task_id: str, raw: Mapping[str, Any]) -> None:
        """Keep what the agent says of a task, or what the controller worked out in its place."""
        self._raw[task_id] = raw

    def raw(self, task_id: str) -> Mapping[str, Any] | None:
        """Return what is known of a task, None if it has not ended or was not to be remembered."""
        return self._raw.get(task_id)

    def doubt(self, task_ids: Iterable[str]) -> str | None:
        """Return what the results of these tasks rest on, if it is an assumption of a plan."""
        for task_id in task_ids:
            found = self._raw.get(task_id, {}).get("doubt")
            if found:
                return str(found)
        return None

    def raise_for_failures(self, task_ids: Iterable[str]) -> None:
        """Raise LateUnknownError if a plan does not know whether one of these tasks fails."""
        for task_id in task_ids:
            raw = self._raw.get(task_id, {})
            if raw.get("unknown") and raw.get("failed") is None:
                raise LateUnknownError(str(raw["unknown"]))

    def rounds_of(self, task_id: str) -> Rounds | None:
        """Return the rounds of a task that was put off, perhaps more than once."""
        while task_id in self.again:
            task_id = self.again[task_id]
        return self.rounds.get(task_id)

    def registered(self, rounds: Rounds) -> Any:
        """Return Ansible's value of a registered variable; None if no part of the task has ended."""
        made = [self._round(each) for each in rounds.rounds]
        if not rounds.looped:
            return made[0] if made else skipped("no items")
        if rounds.rounds and all(value is None for value in made):
            return None
        results = [
            _with(value, {"ansible_loop_var": rounds.var, **each.names})
            for value, each in zip(made, rounds.rounds, strict=True)
            if value is not None
        ]
        return of_loop(results)

    def _round(self, each: Round) -> dict[str, Any] | None:
        if each.skipped is not None:
            return skipped(each.skipped)
        found = [
            _with(as_registered(raw), job_words(name) if name in self.jobs else {})
            for name in each.ids
            if (raw := self._raw.get(name)) is not None
        ]
        if len(found) < 2:
            return found[0] if found else None
        flags = {key: known for key in ("changed", "failed") if (known := _any(found, key)) is not None}
        unknown = next((part for part in found if isinstance(part, PartlyKnown)), None)
        return {**found[0], **flags} if unknown is None else PartlyKnown(flags, unknown.because)

    def fact(self, rounds: Rounds, name: str) -> tuple[Any, ...]:
        """Return the fact that a task has found or set, as one value; nothing if it has none of this name."""
        found: tuple[Any, ...] = ()
        for task_id in rounds.ids:
            if name in FAILURES:
                found = found or self._failure(task_id, name)
                continue
            raw = self._raw.get(task_id)
            if raw is None:
                continue
            facts = _facts(raw)
            if name in facts:
                found = (facts[name],)
            elif raw.get("unknown"):
                raise LateUnknownError(str(raw["unknown"]))
        return found

    def gathered(self, task_ids: Iterable[str]) -> dict[str, Any]:
        """Return all facts that tasks have found."""
        found: dict[str, Any] = {}
        for task_id in task_ids:
            rounds = self.rounds_of(task_id)
            for name in (task_id,) if rounds is None else rounds.ids:
                found |= _facts(self._raw.get(name, {}))
        return found

    def _failure(self, task_id: str, name: str) -> tuple[Any, ...]:
        """Return what a rescue is told of a task, or of what has taken its place; nothing if none failed."""
        raw = self._raw.get(task_id, {})
        if not raw.get("failed"):
            found = (self._failure(child, name) for child in reversed(self.joined.get(task_id, ())))
            return next((each for each in found if each), ())
        if name == FAILURES[1]:
            return (as_registered(raw),)
        return ({"name": str(raw.get("task", "")), "action": str(raw.get("action", ""))},)


def _facts(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a result; `setup` returns them with their prefix."""
    facts = plainly(raw.get("outputs") or raw.get("registered") or {}).get("ansible_facts")
    if not isinstance(facts, Mapping):
        return {}
    return {**{name.removeprefix("ansible_"): value for name, value in facts.items()}, **facts}


def job_words(task_id: str) -> dict[str, Any]:
    """Return what the result of a task that was started with `poll: 0` has besides, when it has ended."""
    return {"ansible_job_id": task_id, "started": 1, "finished": 1}


def of_loop(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what a loop registers, of the results of its rounds."""
    if not results:
        return {"results": [], "changed": False, "failed": False, **_EMPTY}
    none = all("skipped" in plainly(item) for item in results)
    known = {
        "results": results,
        "changed": _any(results, "changed"),
        "failed": _any(results, "failed"),
        "skipped": none,
        "msg": NOTHING_MESSAGE if none else LOOP_MESSAGE,
    }
    unknown = next((item for item in results if isinstance(item, PartlyKnown)), None)
    if unknown is None or None not in known.values():
        return known
    return PartlyKnown({key: value for key, value in known.items() if value is not None}, unknown.because)


def skipped(why: str) -> dict[str, Any]:
    """Return the result of a task whose condition did not hold."""
    return {
        "changed": False,
        "failed": False,
        "skipped": True,
        "skip_reason": "Conditional result was False",
        "false_condition": why,
    }


def as_registered(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the agent says of a task as Ansible would register it."""
    if "registered" in raw:
        return dict(raw["registered"])  # worked out by the controller
    if raw.get("skipped"):
        return skipped(str(raw.get("message") or ""))
    outputs = raw.get("outputs")
    value: dict[str, Any] = dict(outputs) if isinstance(outputs, Mapping) else {}
    value |= {"changed": bool(raw.get("changed")), "failed": bool(raw.get("failed"))}
    if raw.get("message"):
        value.setdefault("msg", str(raw["message"]))  # what the module itself says goes first
    if raw.get("attempts"):
        value["attempts"] = raw["attempts"]
    if raw.get("unreachable"):
        value["unreachable"] = True
    if raw.get("unknown"):
        if raw.get("changed") is None:
            del value["changed"]
        if raw.get("failed") is None:
            del value["failed"]
        return PartlyKnown(value, str(raw["unknown"]))
    return value


def plainly(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of a result without raising for the rest."""
    return {key: dict.__getitem__(value, key) for key in dict.keys(value)} if isinstance(value, dict) else {}


def _with(value: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    return value.beside(more) if isinstance(value, PartlyKnown) else {**value, **more}


def _any(results: list[dict[str, Any]], key: str) -> bool | None:
    """Return whether one result has a flag, which a plan may know although others are unknown, or None."""
    if any(plainly(item).get(key) is True for item in results):
        return True
    unknown = any(isinstance(item, PartlyKnown) and key not in plainly(item) for item in results)
    return None if unknown else False
