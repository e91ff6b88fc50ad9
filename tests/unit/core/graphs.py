"""Random runs for the property tests of the scheduler: what is declared, how it goes, what was seen of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random
from typing import Any

from hypothesis import strategies as st

from configurator.core.breaker import CircuitBreaker
from configurator.core.events import (
    EngineEvent,
    TaskEnded,
    TaskRetrying,
    TasksJoined,
    TaskStarted,
)
from configurator.core.graph import TaskGraph
from configurator.core.retry import RetryPolicy
from configurator.core.simulation import simulate
from configurator.core.status import SkipReason, Status
from configurator.core.strategy import CriticalPath, DeclaredOrder, ResourceAware, Strategy
from configurator.core.task import Skip, Subgraph, Task, TaskContext, TaskReport, TaskResult

# What a random graph may use; a test names those that its property holds for.
ALL = frozenset(
    {
        "after",
        "failures",
        "locks",
        "resources",
        "weights",
        "exclusive",
        "batches",
        "breakers",
        "retries",
        "timeouts",
        "policies",
        "subgraphs",
        "strategies",
    }
)
SLOTS = "worker slots"
# Times are eighths of a second, so that their sums are exact and two ways to the same moment agree.
EIGHTH = 0.125


def never_called(_context: TaskContext) -> None:
    """Stand for a task's function: a simulation must not call it."""
    raise AssertionError("a simulation calls no function")


def task(name: str, **options: Any) -> Task:
    return Task(name, never_called, **options)


@dataclass(frozen=True, slots=True, repr=False)
class Case:
    """One run to be simulated: its tasks, and everything else that decides how it goes.

    `outcomes` says what each attempt of a task comes to, the last one repeated; None if not named.
    `breakers` are (failure threshold, recovery in seconds) by name.
    """

    tasks: tuple[Task, ...]
    workers: int = 2
    seconds: Mapping[str, float] = field(default_factory=dict)
    outcomes: Mapping[str, Sequence[object]] = field(default_factory=dict)
    capacities: Mapping[str, float] = field(default_factory=dict)
    breakers: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    retry: RetryPolicy | None = None
    fail_fast: bool = False
    strategy: Strategy | None = None
    random: float = 0.5

    def __repr__(self) -> str:
        """Show what differs from the defaults only: a failing case is for people to read."""
        lines = []
        for item in self.everybody().values():
            told = {
                key: value
                for key, value in item._asdict().items()
                if key not in {"name", "func", "batch_func"} and value != Task._field_defaults[key]
            }
            told |= {"s": self.seconds.get(item.name), "outcomes": self.outcomes.get(item.name)}
            joined = item not in self.tasks
            lines.append(f"{'  + ' if joined else '  '}{item.name}: {told}")
        rest = (self.workers, self.capacities, self.breakers, self.retry, self.fail_fast, self.strategy)
        return "\n".join(["Case(", *lines, f"  {rest})"])

    def duration(self, task: Task) -> float:
        return self.seconds.get(task.name, 1.0)

    def outcome(self, task: Task, attempt: int) -> object:
        outcomes = self.outcomes.get(task.name, (None,))
        return outcomes[min(attempt, len(outcomes)) - 1]

    def everybody(self) -> dict[str, Task]:
        """Return all tasks by name, those too that others may bring."""
        known = {item.name: item for item in self.tasks}
        for outcomes in self.outcomes.values():
            for outcome in outcomes:
                if isinstance(outcome, Subgraph):
                    known.update({item.name: item for item in outcome.tasks})
        return known

    def graph(self) -> TaskGraph:
        return TaskGraph(self.tasks, self.capacities)

    def run(self) -> History:
        events: list[EngineEvent] = []
        results = simulate(
            self.graph(),
            self.duration,
            self.workers,
            outcome=self.outcome,
            fail_fast=self.fail_fast,
            strategy=self.strategy,
            resources=self.capacities,
            breakers=[CircuitBreaker(name, *limits) for name, limits in self.breakers.items()],
            retry=self.retry,
            observer=events.append,
            random=lambda: self.random,
        )
        return History(self, events, results)


@dataclass(slots=True)
class Moment:
    """How a run stands after one of its events; at `until` the next event comes."""

    at: float
    until: float
    event: EngineEvent
    picks: dict[int, list[Task]] = field(default_factory=dict)  # by worker: what it does, at once if several
    ended: dict[str, TaskResult] = field(default_factory=dict)
    wakes: dict[str, float] = field(default_factory=dict)  # of tasks that wait for their next attempt
    started: set[str] = field(default_factory=set)
    waits: Waits = field(default_factory=lambda: Waits(()))

    @property
    def running(self) -> set[str]:
        return {item.name for pick in self.picks.values() for item in pick}

    @property
    def time_passes(self) -> bool:
        """True if nothing more happens at this moment: whatever could start has been started."""
        return self.until > self.at

    def ready(self) -> list[str]:
        """Return the tasks that wait for nothing but a worker, locks, resources or a breaker's trial."""
        running = self.running
        return [
            name
            for name, before in self.waits.before.items()
            if name not in self.ended
            and name not in running
            and before <= self.ended.keys()
            and self.wakes.get(name, self.at) < max(self.until, self.at + EIGHTH)
        ]


class Waits:
    """Who waits for whom, by name, as tasks join: `before` in any case, `hard` for its success."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self.before: dict[str, set[str]] = {}
        self.hard: dict[str, set[str]] = {}
        self.add(tasks)

    def add(self, tasks: Iterable[Task]) -> None:
        for item in tasks:
            self.hard[item.name] = set(item.requires)
            self.before[item.name] = {*item.requires, *item.after}

    def join(self, parent: str, tasks: Sequence[Task]) -> None:
        """What waits for the parent waits for what it brings as well."""
        names = {item.name for item in tasks}
        for edges in (self.before, self.hard):
            for sources in edges.values():
                if parent in sources:
                    sources.update(names)
        self.add(tasks)

    def ancestors(self, name: str) -> set[str]:
        """Return what the task requires, and what that requires, and so on."""
        found: set[str] = set()
        stack = [name]
        while stack:
            for source in self.hard[stack.pop()] - found:
                found.add(source)
                stack.append(source)
        return found


class History:
    """What was seen of a run: its events in order, and its results."""

    def __init__(self, case: Case, events: Sequence[EngineEvent], results: Sequence[TaskResult]) -> None:
        self.case = case
        self.events = events
        self.results = results
        self.tasks = case.everybody()

    def result(self, name: str) -> TaskResult:
        return next(result for result in self.results if result.task_name == name)

    def starts(self, name: str | None = None) -> list[TaskStarted]:
        return [e for e in self.events if isinstance(e, TaskStarted) and name in (None, e.task_name)]

    def retries(self, name: str) -> list[TaskRetrying]:
        return [e for e in self.events if isinstance(e, TaskRetrying) and e.task_name == name]

    def endings(self) -> list[str]:
        return [e.result.task_name for e in self.events if isinstance(e, TaskEnded)]

    def joined(self) -> dict[str, tuple[str, ...]]:
        return {e.parent or "": e.names for e in self.events if isinstance(e, TasksJoined)}

    def moments(self) -> Iterator[Moment]:
        """Yield how the run stands after each event; one and the same Moment, kept up to date."""
        moment: Moment | None = None
        times = [event.at_s for event in self.events]
        for event, until in zip(self.events, [*times[1:], *times[-1:]], strict=True):
            if moment is None:
                moment = Moment(event.at_s, until, event, waits=Waits(self.case.tasks))
            moment.at, moment.until, moment.event = event.at_s, until, event
            self._apply(event, moment)
            yield moment

    def _apply(self, event: EngineEvent, moment: Moment) -> None:
        match event:
            case TaskStarted(task_name=name, worker=worker):
                moment.picks.setdefault(worker, []).append(self.tasks[name])
                moment.started.add(name)
                moment.wakes.pop(name, None)
            case TaskEnded(result=result):
                _leave(moment, result.task_name)
                moment.wakes.pop(result.task_name, None)
                moment.ended[result.task_name] = result
            case TaskRetrying(at_s=at, task_name=name, delay_s=delay):
                _leave(moment, name)
                moment.wakes[name] = at + delay
            case TasksJoined(parent=str(parent), names=names):
                moment.waits.join(parent, [self.tasks[name] for name in names])


def _leave(moment: Moment, name: str) -> None:
    for worker, pick in list(moment.picks.items()):
        left = [item for item in pick if item.name != name]
        if left:
            moment.picks[worker] = left
        else:
            del moment.picks[worker]


def times(results: Sequence[TaskResult]) -> dict[str, tuple[float, float]]:
    """Return when each task started and ended, by name."""
    return {result.task_name: (result.started_s, result.ended_s) for result in results}


def said(results: Sequence[TaskResult]) -> dict[str, tuple[Status, SkipReason | None, str | None]]:
    """Return how each task ended, and why it was skipped, by name."""
    return {result.task_name: (result.status, result.reason, result.cause) for result in results}


def exact(amount: float) -> Fraction:
    """Return the decimal number that people wrote, not the nearest binary one."""
    return Fraction(str(amount))


def needs(item: Task, *, slots: bool = False) -> dict[str, Fraction]:
    """Return what the task asks for, without what it asks nothing of."""
    asked = {name: exact(amount) for name, amount in item.resources.items()}
    if slots:
        asked[SLOTS] = exact(item.weight)
    return {name: amount for name, amount in asked.items() if amount}


# -- strategies ------------------------------------------------------------------------------------------

CAPACITIES = {"cpu": 1.0, "memory": 0.7}
POLICIES = (
    RetryPolicy(2, delay_s=EIGHTH, jitter=0.0),
    RetryPolicy(3, delay_s=0.5, factor=2.0, jitter=0.5, retry_on=(ValueError,)),
    RetryPolicy(3, delay_s=0.0),
)
STRATEGIES: tuple[Strategy, ...] = (CriticalPath(), DeclaredOrder(), ResourceAware())
_PASSING, _LASTING = ValueError("passes"), KeyError("stays")
_HARMLESS = (None, Skip(SkipReason.CONDITION_FALSE, "when"), TaskReport(value=1))
_OUTCOMES = (*_HARMLESS, *_HARMLESS, _PASSING, _LASTING, TaskReport(failed=True))
_LOCKS = (frozenset[str](), frozenset("a"), frozenset("b"), frozenset("ab"))
_AMOUNTS = (0.0, 0.1, 0.3, 0.4, 0.7)


@dataclass(slots=True)
class _Dice:
    """Chooses with one drawn number for each task: drawing every choice would take most of the time.

    The number is a seed, so that all choices are equally likely; shrunk to 0 it means the plainest of each.
    """

    draw: st.DrawFn
    used: Collection[str]
    workers: int
    salt: int
    random: Random | None = None

    def roll(self) -> None:
        seed = self.draw(st.integers(0, 0xFFFF))
        self.random = Random(self.salt << 16 | seed) if seed else None

    def choose(self, *choices: Sequence[Any]) -> list[Any]:
        """Choose one of each."""
        random = self.random
        return [options[0] if random is None else random.choice(options) for options in choices]

    def given(self, use: str, *options: Any) -> Sequence[Any]:
        """Return the options, or the first alone if the run does not use this."""
        return options if use in self.used else options[:1]

    def some(self, names: Sequence[str]) -> tuple[str, ...]:
        """Choose up to three names, mostly fewer: what waits for much leaves little to run side by side."""
        if not names:
            return ()
        count, *chosen = self.choose((0, 0, 1, 1, 2, 3), names, names, names)
        return tuple(dict.fromkeys(chosen[:count]))

    def shuffled(self, items: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(items if self.random is None else self.random.sample(items, len(items)))

    def task(self, name: str, earlier: Sequence[str]) -> tuple[Task, float, list[object]]:
        """Return a task that waits for some of the earlier ones, its seconds, and what it comes to."""
        self.roll()
        given = self.given
        batch, cpu, memory, weight, breaker, exclusive, locks, critical = self.choose(
            given("batches", None, None, "install"),
            given("resources", *_AMOUNTS),
            given("resources", *_AMOUNTS),
            given("weights", 1.0, 0.0, 0.5, min(2.0, self.workers), float(self.workers)),
            given("breakers", None, "mirror"),
            given("exclusive", *[False] * 4, True),
            given("locks", *_LOCKS),
            given("policies", *[False] * 15, True),
        )
        seconds, estimate, timeout, retry, ignored, first, second = self.choose(
            (8, 0, 1, 4, 24),
            (1.0, None, 0.0),
            given("timeouts", None, 1.0, 0.5),
            given("retries", None, *POLICIES),
            given("failures", *[False] * 3, True),
            given("failures", *_OUTCOMES) if "failures" in self.used else _HARMLESS,
            given("failures", *_OUTCOMES) if "failures" in self.used else _HARMLESS,
        )
        options: dict[str, Any] = {
            "requires": self.some(earlier),
            "after": self.some(earlier) if "after" in self.used else (),
            "resources": {"cpu": cpu, "memory": memory} if cpu or memory else {},
            "estimate_s": estimate and estimate * seconds * EIGHTH,
        }
        options |= {"weight": weight, "breaker": breaker, "exclusive": exclusive, "locks": locks}
        options |= {"critical": critical, "ignore_errors": ignored, "timeout_s": timeout, "retry": retry}
        if batch is not None:  # alike but for their urgency, or they would never meet
            options |= {"batch_key": batch, "batch_func": never_called, "locks": frozenset("a")}
            options |= {"resources": {}, "breaker": None, "exclusive": False, "weight": 1.0}
        return task(name, **options), seconds * EIGHTH, [first, second]


@st.composite
def cases(draw: st.DrawFn, uses: Iterable[str] = ALL, *, always: Iterable[str] = (), size: int = 9) -> Case:
    """Draw a run of up to `size` tasks (more may join it) that uses what is named in `uses`, or some of it.

    Half of the runs use all of it: what goes wrong mostly does where several things meet.
    """
    count, workers = draw(st.sampled_from([*range(size + 1), *[size] * size])), draw(st.integers(1, 4))
    dice = _Dice(draw, {*always}, workers, draw(st.integers(0, 0xFFFF)))
    dice.roll()
    everything = draw(st.booleans())
    used = {*always, *(use for use in sorted(uses) if everything or dice.choose((False, True))[0])}
    dice.used = used
    known = [f"t{number}" for number in range(count)]
    drawn = [dice.task(name, known[:number]) for number, name in enumerate(known)]
    seconds = {item.name: taken for item, taken, _ in drawn}
    outcomes: dict[str, Sequence[object]] = {item.name: outcome for item, _, outcome in drawn}
    dice.roll()
    if "subgraphs" in used:
        for parent in dice.some(known):
            _bring(dice, parent, known, seconds, outcomes)
    breaker, retry, fail_fast, strategy, random = dice.choose(
        dice.given("breakers", (1, 0.5), (2, EIGHTH), (1, 2.0)),
        dice.given("retries", None, *POLICIES),
        dice.given("policies", *[False] * 3, True),
        dice.given("strategies", None, *STRATEGIES),
        (0.0, 0.25, 0.75),
    )
    return Case(
        dice.shuffled([item for item, _, _ in drawn]),
        workers,
        seconds,
        outcomes,
        CAPACITIES,
        {"mirror": breaker} if "breakers" in used else {},
        retry,
        fail_fast,
        strategy,
        random,
    )


def _bring(
    dice: _Dice,
    parent: str,
    known: Sequence[str],
    seconds: dict[str, float],
    outcomes: dict[str, Sequence[object]],
    depth: int = 2,
) -> None:
    """Have `parent` bring one to three tasks, one of which may bring others.

    They may require any task of the run; where that waits for the parent, the run has to refuse them.
    """
    children: list[Task] = []
    count, outside, late, deeper = dice.choose((1, 2, 3), [None, None, None, *known], (0, 1), (False, True))
    for number in range(count):
        earlier = [item.name for item in children] + ([] if outside is None else [outside])
        child, taken, outcome = dice.task(f"{parent}.{number}", earlier)
        children.append(child)
        seconds[child.name], outcomes[child.name] = taken, outcome
    outcomes[parent] = [*outcomes[parent][:late], Subgraph(tuple(children), "brought")]
    if depth > 1 and deeper:
        _bring(dice, children[0].name, known, seconds, outcomes, depth - 1)


def attempts_of(case: Case, item: Task) -> tuple[Status, int]:
    """Return how a task ends that is not kept from its attempts, and after how many of them."""
    policy = item.retry or case.retry
    made = 0
    while True:
        made += 1
        outcome = case.outcome(item, made)
        error: BaseException | None = None
        if item.timeout_s is not None and case.duration(item) > item.timeout_s:
            status = Status.TIMEOUT
            error = outcome if isinstance(outcome, BaseException) else TimeoutError()
        elif isinstance(outcome, BaseException):
            status, error = Status.FAILED, outcome
        elif isinstance(outcome, TaskReport) and outcome.failed:
            status, error = Status.FAILED, TimeoutError()
        elif isinstance(outcome, Skip):
            status = Status.SKIPPED
        else:
            status = Status.SUCCESS
        if error is None or policy is None or not policy.wants(error, made):
            return status, made
