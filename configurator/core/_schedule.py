"""The state of one run: what waits for what, what has ended, and what follows from it.

It knows neither threads nor clocks: every method is called with the run's lock held and is told the time,
so that the same code runs on real threads (_workers.py) and under a virtual clock (simulation.py).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from configurator.core._ready import ReadyQueue, State
from configurator.core.breaker import BreakerState, CircuitBreaker
from configurator.core.cancel import Cancelled
from configurator.core.errors import InputError, TaskError
from configurator.core.events import BreakerChanged, EngineEvent, TaskEnded, TaskRetrying, TasksJoined
from configurator.core.graph import GraphProblem, TaskGraph, request_problems
from configurator.core.resources import ResourcePool
from configurator.core.retry import RetryPolicy
from configurator.core.status import SkipReason, Status
from configurator.core.strategy import Strategy
from configurator.core.task import Task, TaskResult

_ENDED, _SUCCESS = int(State.ENDED), Status.SUCCESS  # looked up for every task: see State's own constants
_ended = TaskEnded._make
_BREAKER = "breaker "  # with the name: the lock that tasks wait for while a half-open breaker has its trial


def _half() -> float:
    return 0.5


@dataclass(frozen=True, slots=True)
class Rules:
    """What a run keeps to, whatever its graph. `random` spreads retries; `breaker_now` is a breaker's time.

    `replay` holds results of an earlier run by task name: what succeeded there is not run again.
    """

    max_workers: int = 4
    fail_fast: bool = False
    strategy: Strategy | None = None
    capacities: Mapping[str, float] = field(default_factory=dict)
    breakers: Mapping[str, CircuitBreaker] = field(default_factory=dict)
    retry: RetryPolicy | None = None
    replay: Mapping[str, TaskResult] = field(default_factory=dict)
    random: Callable[[], float] = _half
    breaker_now: Callable[[float], float | None] = lambda _now: None


class Schedule:
    """Decides which task may start next, and what becomes of the others when one ends."""

    def __init__(self, graph: TaskGraph, rules: Rules, emit: Callable[[EngineEvent], None]) -> None:
        self.tasks: list[Task] = list(graph.tasks)
        self.index: dict[str, int] = graph.index
        self.results: list[TaskResult | None] = [None] * len(graph)
        self.left = len(graph)
        self.leaks = 0
        self.attempts: dict[int, int] = {}  # of tasks that were started more than once
        self.abort_reason: str | None = None  # set when a critical task has failed: stop what runs
        self.watchers: list[Callable[[int, TaskResult], None]] = []  # told of failures: policies of groups
        self.ended: list[int] = []  # the tasks that have a result, in the order of ending
        self.capacities = dict(rules.capacities)
        self._rules = rules
        self._emit = emit
        self._now = 0.0
        self._successors: list[list[int]] = graph.successors
        self._soft: dict[int, set[int]] = graph.soft
        self._missing = list(graph.predecessors)
        self._declared = len(graph)
        self._shared = True  # the lists above are still the graph's own
        self.children: dict[int, list[int]] = {}  # what tasks have brought into the run
        self._joined: set[int] = set()
        self.delayed: list[tuple[float, int]] = []  # until when, who
        self._final: set[int] = set()  # running tasks that are not to be tried again
        self._last: dict[int, TaskResult] = {}  # of tasks to be tried again: what their last attempt came to
        self._breakers = dict(rules.breakers)
        self._told: dict[str, BreakerState] = {}
        self._terms: dict[int, int] = {}
        self._trials: dict[int, str] = {}
        self._closed = False
        self._rooms = 0
        self._pool = ResourcePool(rules.capacities)
        self._keys = [-rank for rank in graph.ranks]
        key = self._keys.__getitem__ if rules.strategy is None else self._weighed
        self.queue = ReadyQueue(self.tasks, self._pool, rules.max_workers, key, self._admits)
        self._begin(graph)

    # -- what the run asks ------------------------------------------------------------------------------

    def pick(self, now: float) -> list[int]:
        """Take the most urgent ready task that fits, with those that can share its batch; [] if none fits."""
        self._now = now
        return self.queue.pick()

    def wake(self, now: float) -> None:
        """Make the delayed tasks ready whose time has come."""
        while self.delayed and self.delayed[0][0] <= now:
            number = heapq.heappop(self.delayed)[1]
            if self.queue.states[number] == State.DELAYED:
                self._make_ready(number)

    def next_wake(self) -> float | None:
        """Return when the next delayed task can be picked, if one is delayed."""
        return self.delayed[0][0] if self.delayed else None

    def ordered_results(self, *, declared: bool = False) -> list[TaskResult]:
        """Return the results there are in declared order, what joined right behind who brought it.

        With `declared` those of the graph and of what its tasks brought, not of what joined from outside.
        """
        count = self._declared if declared else len(self.tasks)
        if not self.children:
            return [result for result in self.results[:count] if result is not None]
        ordered = []
        stack = [number for number in range(count - 1, -1, -1) if number not in self._joined]
        while stack:
            number = stack.pop()
            result = self.results[number]
            if result is not None:
                ordered.append(result)
            stack.extend(reversed(self.children.get(number, ())))
        return ordered

    def status(self, number: int) -> Status:
        """Return how a task stands."""
        result = self.results[number]
        if result is not None:
            return result.status
        state = self.queue.states[number]
        words = {State.READY: Status.READY, State.RUNNING: Status.RUNNING}
        return words.get(State(state), Status.PENDING)

    # -- what the run tells -----------------------------------------------------------------------------

    def settle(self, number: int, result: TaskResult, now: float, *, leaked: bool = False) -> None:
        """Take note of how a picked task ended: release or skip what waits for it, or try it again."""
        self._now = now
        if leaked or result.status is not _SUCCESS or self._terms or self.attempts:
            self._settle_with_care(number, result, leaked)
            return
        queue, missing, results = self.queue, self._missing, self.results
        queue.release(number)
        results[number] = result  # what follows is `_store`, without the call
        queue.states[number] = _ENDED
        self.ended.append(number)
        self.left -= 1
        self._emit(_ended((now, result)))
        for successor in self._successors[number]:
            missing[successor] -= 1
            if not missing[successor] and results[successor] is None:
                if self.leaks:
                    self._make_ready(successor)
                else:
                    queue.push(successor)

    def _settle_with_care(self, number: int, result: TaskResult, leaked: bool) -> None:
        if self._terms:
            self._inform_breaker(number, result)
        if leaked:
            self.leaks += 1
            self.queue.leak(number)
        else:
            self.queue.release(number)
            if result.status in _RETRIED and self._retries(number, result, self._now):
                return
        if number in self.attempts:
            self._last.pop(number, None)
            result = result._replace(attempts=self.attempts[number])
        self._store(number, result)
        self._release_successors(number, result)
        if leaked:
            self._skip_hopeless()
        if result.failed:
            self._apply_policy(number, result)

    def give_up(
        self,
        status: Status,
        reason: SkipReason | None,
        cause: str | None,
        now: float,
        only: Iterable[int] | None = None,
    ) -> None:
        """End every task that does not run, or those of `only`, and start none of them any more."""
        self._now = now
        if only is None:
            self._closed = True
        ended: dict[int, TaskResult] = {}
        for number in range(len(self.tasks)) if only is None else only:
            if self.results[number] is not None:
                continue
            if self.queue.states[number] == State.RUNNING:
                self._final.add(number)
                continue
            ended[number] = self._store_unstarted(number, status, reason, cause)
        self.queue.forget(ended)
        if only is not None:
            for number, result in ended.items():
                self._release_successors(number, result)

    def join(self, tasks: Iterable[Task], now: float, parent: int | None = None) -> list[int]:
        """Add tasks to the run and return their numbers; InputError if they cannot be part of it.

        They may require tasks of the run. What waits for `parent` waits for them, too.
        """
        self._now = now
        graph = TaskGraph(tasks, self.capacities, outside=self.index)
        _refuse(_weight_problems(graph.tasks, self._rules.max_workers))
        waiting = self._successors[parent] if parent is not None else []
        self._refuse_backward(graph, parent, waiting)
        self._own_lists()
        first = len(self.tasks)
        numbers = list(range(first, first + len(graph)))
        urgency = min((self._keys[number] for number in waiting), default=0.0)
        self.tasks += graph.tasks
        self.results += [None] * len(graph)
        self.left += len(graph)
        self._successors += [[first + s for s in successors] for successors in graph.successors]
        self._soft |= {first + n: {first + s for s in soft} for n, soft in graph.soft.items()}
        self._keys += [urgency - rank for rank in graph.ranks]
        self._missing += graph.predecessors
        self.index.update((task.name, first + number) for number, task in enumerate(graph.tasks))
        self.queue.grow(self.tasks)
        if parent is not None:
            self.children.setdefault(parent, []).extend(numbers)
            self._joined.update(numbers)
            self._hold_back(parent, numbers)
        self._emit(TasksJoined(now, None if parent is None else self.tasks[parent].name, tuple(graph.index)))
        doomed = [self._enter(first + node, name, hard) for node, name, hard in graph.entries]
        for number, because in [pair for pair in doomed if pair is not None]:
            if self.results[number] is None:
                self._skip_below(number, because)
        if self._rules.replay and parent is not None:
            self._replay(graph, first)
        if self._closed:
            self.give_up(Status.CANCELLED, None, "the run was stopped", now)
        for number in numbers:
            if not self._missing[number] and self.results[number] is None:
                self._make_ready(number)
        return numbers

    def add_room(self, name: str, places: int) -> str:
        """Return the name of a new lock that so many tasks can have at once."""
        self._rooms += 1
        room = f"room {self._rooms} for {name}"
        self.queue.add_room(room, places)
        return room

    # -- the start --------------------------------------------------------------------------------------

    def _begin(self, graph: TaskGraph) -> None:
        if self._rules.replay:
            self._replay(graph)
        self.queue.start(
            number
            for number, missing in enumerate(self._missing)
            if not missing and self.results[number] is None
        )

    def _replay(self, graph: TaskGraph, first: int = 0) -> None:
        """Take over what succeeded earlier, unless something that it requires has to run again."""
        now = self._now
        stale = {node for node, name, hard in graph.entries if hard and not self._is_taken_over(name)}
        for node in graph.topological():
            number = first + node
            earlier = self._rules.replay.get(self.tasks[number].name)
            if earlier is None or earlier.status is not Status.SUCCESS or node in stale:
                stale |= graph.hard[node]
                continue
            self._store(number, earlier._replace(from_cache=True, worker=None, started_s=now, ended_s=now))
            for successor in self._successors[number]:
                self._missing[successor] -= 1

    def _is_taken_over(self, name: str) -> bool:
        result = self.results[self.index[name]]
        return result is not None and result.from_cache

    # -- the consequences -------------------------------------------------------------------------------

    def _release_successors(self, number: int, result: TaskResult) -> None:
        """Walk down from what has ended, without recursion: release what can start, skip the rest."""
        missing, results = self._missing, self.results
        stack = [(number, result)]
        while stack:
            number, result = stack.pop()
            blocking = result.status is not Status.SUCCESS and _blocks(result)
            for successor in self._successors[number]:
                missing[successor] -= 1
                if results[successor] is not None:
                    continue
                if blocking and successor not in self._soft.get(number, ()):
                    stack.append((successor, self._skip(successor, result)))
                elif not missing[successor] and (hopeless := self._push(successor)) is not None:
                    stack.append((successor, hopeless))

    def _skip_below(self, number: int, because: TaskResult) -> None:
        self._release_successors(number, self._skip(number, because))

    def _skip(self, number: int, because: TaskResult) -> TaskResult:
        root = because.cause if because.status is Status.SKIPPED else because.task_name
        return self._skipped(number, SkipReason.REQUIREMENT_FAILED, root)

    def _skipped(self, number: int, reason: SkipReason, cause: str | None) -> TaskResult:
        return self._store_unstarted(number, Status.SKIPPED, reason, cause)

    def _store_unstarted(
        self, number: int, status: Status, reason: SkipReason | None, cause: str | None
    ) -> TaskResult:
        """End a task that does not run; if it waits for another attempt, as the failure that it was."""
        result = self._last.pop(number, None)
        if result is None:
            task, now = self.tasks[number], self._now
            result = TaskResult(
                task.name,
                status,
                reason=reason,
                cause=cause,
                started_s=now,
                ended_s=now,
                attempts=0,
                group=task.group,
            )
        self._store(number, result)
        return result

    def _follow_up(self, number: int, result: TaskResult) -> None:
        """Draw the consequences of a task that ended without another attempt."""
        self._release_successors(number, result)
        if result.failed:
            self._apply_policy(number, result)

    def _store(self, number: int, result: TaskResult) -> None:
        self.results[number] = result
        self.ended.append(number)
        self.queue.states[number] = _ENDED
        self.left -= 1
        self._emit(TaskEnded(self._now, result))

    def _push(self, number: int) -> TaskResult | None:
        """Make a task ready, or skip it and return that if what it needs will never be free again."""
        leaker = self.queue.leaker(number) if self.leaks else None
        if leaker is not None:
            return self._skipped(number, SkipReason.LOCK_LEAKED, self.tasks[leaker].name)
        self.queue.push(number)
        return None

    def _make_ready(self, number: int) -> None:
        hopeless = self._push(number)
        if hopeless is not None:
            self._follow_up(number, hopeless)

    def skip_ready(self, reason: SkipReason, cause: str, now: float) -> bool:
        """Skip every ready task: nothing that they wait for will come. False if there is none."""
        self._now = now
        numbers = self.queue.ready()
        for number in numbers:
            if self.results[number] is None:
                self._skip_waiting(number, reason, cause)
        return bool(numbers)

    def _skip_hopeless(self) -> None:
        """Skip the ready tasks that wait for what has just been leaked."""
        for number in self.queue.ready():
            leaker = self.queue.leaker(number)
            if leaker is not None and self.results[number] is None:
                self._skip_waiting(number, SkipReason.LOCK_LEAKED, self.tasks[leaker].name)

    def _skip_waiting(self, number: int, reason: SkipReason, cause: str) -> None:
        result = self._skipped(number, reason, cause)
        self.queue.forget([number])
        self._follow_up(number, result)

    def _apply_policy(self, number: int, result: TaskResult) -> None:
        if self.tasks[number].critical:
            self.abort_reason = f"{result.task_name} failed"
            self.give_up(Status.CANCELLED, None, self.abort_reason, self._now)
        elif self._rules.fail_fast:
            self.give_up(Status.SKIPPED, SkipReason.FAIL_FAST, result.task_name, self._now)
        for watcher in tuple(self.watchers):
            watcher(number, result)

    def _weighed(self, number: int) -> float:
        assert self._rules.strategy is not None
        return -self._rules.strategy.priority(self.tasks[number], -self._keys[number], self.capacities)

    # -- retries and breakers ---------------------------------------------------------------------------

    def _retries(self, number: int, result: TaskResult, now: float) -> bool:
        """Have the task tried again later if its policy says so; it holds nothing meanwhile."""
        policy = self.tasks[number].retry or self._rules.retry
        if policy is None or self._closed or number in self._final:
            return False
        made = self.attempts.get(number, 1)
        error = _error_of(result)
        if not policy.wants(error, made):
            return False
        delay = policy.delay(made, self._rules.random())
        self.attempts[number] = made + 1
        self._last[number] = result._replace(attempts=made)
        self.queue.states[number] = State.DELAYED
        heapq.heappush(self.delayed, (now + delay, number))
        self._emit(TaskRetrying(now, result.task_name, made, delay, error))
        return True

    def _admits(self, number: int) -> str | None:
        """Ask the task's breaker: "" to start, a lock to wait for, None if the task is skipped."""
        name = self.tasks[number].breaker
        if name is None:
            return ""
        breaker = self._breakers.setdefault(name, CircuitBreaker(name))
        at = self._rules.breaker_now(self._now)
        term = breaker.admit(at)
        if term is not None:
            self._terms[number] = term
            if self._state_of(breaker) is BreakerState.HALF_OPEN:
                self._announce(name, BreakerState.HALF_OPEN)
                self._trials[number] = _BREAKER + name
                self.queue.close(_BREAKER + name)
            return ""
        if _BREAKER + name in self._trials.values():
            return _BREAKER + name
        result = self._skipped(number, SkipReason.BREAKER_OPEN, name)
        self._follow_up(number, result)
        return None

    def _inform_breaker(self, number: int, result: TaskResult) -> None:
        term = self._terms.pop(number, None)
        if term is None:
            return
        name = self.tasks[number].breaker or ""
        breaker = self._breakers[name]
        before, at = self._state_of(breaker), self._rules.breaker_now(self._now)
        if result.status is Status.SUCCESS:
            breaker.record_success(at, term=term)
        elif result.status in _RETRIED:
            breaker.record_failure(at, term=term)
        else:
            breaker.release(at, term=term)
        after = self._state_of(breaker)
        if after is not before:
            self._announce(name, after)
        trial = self._trials.pop(number, None)
        if trial is not None:
            self.queue.open(trial)

    def _announce(self, name: str, state: BreakerState) -> None:
        """Tell a change once: after a trial that came to nothing, the next one changes nothing."""
        if self._told.get(name) is not state:
            self._told[name] = state
            self._emit(BreakerChanged(self._now, name, state))

    def _state_of(self, breaker: CircuitBreaker) -> BreakerState:
        at = self._rules.breaker_now(self._now)
        return breaker.state if at is None else breaker.state_at(at)

    # -- tasks that join --------------------------------------------------------------------------------

    def _own_lists(self) -> None:
        """Copy what is still the graph's own before the first change: a graph is immutable."""
        if self._shared:
            self._shared = False
            self.index = dict(self.index)
            self._successors = [list(successors) for successors in self._successors]
            self._soft = {number: set(soft) for number, soft in self._soft.items()}

    def _refuse_backward(self, graph: TaskGraph, parent: int | None, waiting: list[int]) -> None:
        """Refuse what would wait for tasks that wait for it: they would wait for ever."""
        wanted = {self.index[name]: name for _, name, _ in graph.entries}
        if parent is None or all(self.results[number] is not None for number in wanted):
            return  # what has ended waits for nobody, and looking for it each time would be quadratic
        seen, stack = set(waiting), list(waiting)
        while stack:
            number = stack.pop()
            if number in wanted:
                path = f"{self.tasks[parent].name} -> {wanted[number]}"
                raise InputError(f"cycle: tasks that join require {wanted[number]!r}, which waits ({path})")
            for successor in self._successors[number]:
                if successor not in seen:
                    seen.add(successor)
                    stack.append(successor)

    def _hold_back(self, parent: int, numbers: list[int]) -> None:
        """Have everything that waits for `parent` wait for the tasks that it brought, too."""
        waiting = self._successors[parent]
        soft = self._soft.get(parent)
        for number in numbers:
            self._successors[number] += waiting
            if soft:
                self._soft.setdefault(number, set()).update(soft)
        for successor in waiting:
            self._missing[successor] += len(numbers)

    def _enter(self, number: int, name: str, hard: bool) -> tuple[int, TaskResult] | None:
        """Draw an edge from a task of the run to one that joined; return it if it must be skipped."""
        source = self.index[name]
        result = self.results[source]
        if result is not None:
            return (number, result) if hard and _blocks(result) else None
        self._successors[source].append(number)
        self._missing[number] += 1
        if not hard:
            self._soft.setdefault(source, set()).add(number)
        return None


_RETRIED = frozenset({Status.FAILED, Status.TIMEOUT})
_BLOCKING_SKIPS = frozenset(
    {
        SkipReason.REQUIREMENT_FAILED,
        SkipReason.FAIL_FAST,
        SkipReason.LOCK_LEAKED,
        SkipReason.BREAKER_OPEN,
        SkipReason.DEADLOCK,
    }
)


def _blocks(result: TaskResult) -> bool:
    """Return True if what requires this task must not run; a task that skipped itself blocks nothing."""
    if result.ignored or result.status is Status.SUCCESS:
        return False
    if result.status is Status.SKIPPED:
        return result.reason in _BLOCKING_SKIPS
    return True


def check_requests(graph: TaskGraph, rules: Rules) -> None:
    """Refuse, with every problem in one InputError, a graph with tasks that could never start."""
    _refuse(
        request_problems(graph.tasks, rules.capacities) + _weight_problems(graph.tasks, rules.max_workers)
    )


def _weight_problems(tasks: Iterable[Task], workers: int) -> list[GraphProblem]:
    return [
        GraphProblem(f"task {task.name!r} weighs {task.weight:g}, with {workers} workers", (task.name,))
        for task in tasks
        if not 0 <= task.weight <= workers  # also not-a-number
    ]


def _refuse(problems: list[GraphProblem]) -> None:
    if problems:
        raise InputError("; ".join(problem.message for problem in problems), problems)


def _error_of(result: TaskResult) -> BaseException:
    """Return the exception that policies judge by: also of a failure that raised none, or just obeyed."""
    error = result.error
    if error is not None and not (result.status is Status.TIMEOUT and isinstance(error, Cancelled)):
        return error
    if result.status is Status.TIMEOUT:
        return TimeoutError(f"{result.task_name} ran out of time")
    return TaskError(f"{result.task_name} reported a failure", output=result.output)
