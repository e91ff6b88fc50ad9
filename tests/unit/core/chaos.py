"""Random runs on real threads, and a ledger of what really happened in them, kept by the tasks themselves."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from configurator.core.breaker import CircuitBreaker
from configurator.core.events import EngineEvent, RunPaused, TaskStarted
from configurator.core.graph import TaskGraph
from configurator.core.groups import Group
from configurator.core.parallel import ParallelExecutor
from configurator.core.retry import RetryPolicy
from configurator.core.status import SkipReason
from configurator.core.task import SettleEarly, Skip, Subgraph, Task, TaskContext, TaskReport

CAPACITIES = {"cpu": 2.0, "memory": 1.0}


@dataclass(eq=False)
class _Entry:
    """Work that is under way, alone or as a batch."""

    contexts: Sequence[TaskContext]
    task: Task
    counts: bool = True  # against the number of workers: not while it waits for others

    @property
    def disturbed(self) -> bool:
        """It was asked to stop: it may have been given up, and its worker replaced."""
        return any(context.token.cancelled for context in self.contexts)


@dataclass
class Ledger:
    """Who is at work, and every rule that was broken. Entered and left by the tasks, from within."""

    workers: int
    wrong: list[str] = field(default_factory=list)
    calls: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    _entries: list[_Entry] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _batches: dict[int, Sequence[TaskContext]] = field(default_factory=dict)  # by thread, the last one

    @contextmanager
    def work(self, kind: str, task: Task, *contexts: TaskContext) -> Iterator[_Entry]:
        with self._lock:
            for context in contexts:
                self.calls[context.name, context.attempt, kind] += 1
            batches, thread = self._batches, threading.get_ident()
            under: Sequence[TaskContext] = contexts
            if len(contexts) > 1:
                batches[thread] = contexts
            elif any(context.token is contexts[0].token for context in batches.get(thread, ())):
                under = batches[thread]  # done one by one, in a thread that is replaced if one is given up
            entry = _Entry(under, task)
            self._entries.append(entry)
            self._check(entry)
        try:
            yield entry
        finally:
            with self._lock:
                self._entries.remove(entry)

    @contextmanager
    def lent(self, entry: _Entry) -> Iterator[None]:
        """The task waits for others."""
        counted, entry.counts = entry.counts, False
        try:
            yield
        finally:
            entry.counts = counted

    def _check(self, new: _Entry) -> None:
        name = new.task.name
        others = [entry for entry in self._entries if entry is not new]
        for entry in others:
            shared = entry.task.locks & new.task.locks
            if shared:
                self.wrong.append(f"{name} and {entry.task.name} hold {sorted(shared)}")
            exclusive = new.task.exclusive or entry.task.exclusive
            if exclusive and entry.counts and not entry.disturbed and not new.disturbed:
                self.wrong.append(f"{name} and {entry.task.name} run, one of which is exclusive")
        for resource, capacity in CAPACITIES.items():
            used = sum(entry.task.resources.get(resource, 0.0) for entry in self._entries)
            if used > capacity + 1e-9:
                self.wrong.append(f"{name} makes it {used} of {capacity} {resource}")
        at_work = sum(entry.counts and not entry.disturbed for entry in self._entries)
        if at_work > self.workers:
            self.wrong.append(f"{name} makes it {at_work} tasks on {self.workers} workers")


class Chaos:
    """One random run: its tasks, what they do, and what somebody does to it meanwhile."""

    def __init__(self, seed: int) -> None:
        self._dice = dice = random.Random(seed)
        self.workers = dice.randint(1, 5)
        self.ledger = Ledger(self.workers)
        self.events: list[EngineEvent] = []
        self._release = threading.Event()  # for deaf work, at the end
        self.executor = ParallelExecutor(
            self.workers,
            fail_fast=dice.random() < 0.1,
            timeout_s=0.03 if dice.random() < 0.1 else None,
            grace_s=dice.choice([0.0, 0.002, 0.02]),
            resources=CAPACITIES,
            breakers=[CircuitBreaker("mirror", failure_threshold=2, recovery_s=0.001)],
            observer=self._observe,
        )
        self._actions = self._plan_actions()
        self._started = 0
        self._batches: dict[str, Task] = {}
        self.tasks = [self._task(f"t{number}", number) for number in range(dice.randint(1, 30))]
        self.graph = TaskGraph(self.tasks, CAPACITIES)

    def close(self) -> None:
        """Let everything go that is still at work, so that no thread is left behind."""
        self._release.set()

    # -- what somebody does to it -----------------------------------------------------------------------

    def _plan_actions(self) -> dict[int, Callable[[], object]]:
        dice, executor = self._dice, self.executor
        actions: dict[int, Callable[[], object]] = {}
        looks: list[Callable[[], object]] = [executor.snapshot, executor.statistics, executor.results]
        stops: list[Callable[[], object]] = [executor.cancel, executor.drain]
        for _ in range(dice.randint(0, 4)):
            actions[dice.randint(1, 40)] = dice.choice([executor.pause, *looks])
        if dice.random() < 0.3:
            actions[dice.randint(1, 30)] = dice.choice(stops)
        return actions

    def _observe(self, event: EngineEvent) -> None:
        self.events.append(event)
        if isinstance(event, TaskStarted):
            self._started += 1
            action = self._actions.get(self._started)
            if action is not None:
                action()
        elif isinstance(event, RunPaused):
            self.executor.resume("an answer")  # one for each question

    # -- its tasks --------------------------------------------------------------------------------------

    def _task(self, name: str, number: int) -> Task:
        dice = self._dice
        earlier = [f"t{n}" for n in range(number)]

        def some(most: int) -> tuple[str, ...]:
            return tuple(dice.sample(earlier, min(len(earlier), dice.randint(0, most))))

        options: dict[str, Any] = {
            "requires": some(2) if dice.random() < 0.5 else (),
            "after": some(2) if dice.random() < 0.4 else (),
            "critical": dice.random() < 0.02,
            "ignore_errors": dice.random() < 0.1,
            "exclusive": dice.random() < 0.05,
            "estimate_s": dice.choice([None, 1.0, 5.0]),
        }
        if dice.random() < 0.25:
            options["retry"] = RetryPolicy(dice.randint(2, 3), dice.choice([0.0, 0.001]))
        if dice.random() < 0.15:
            options["timeout_s"] = dice.choice([0.0, 0.001, 0.003])
        if dice.random() < 0.1:
            options["breaker"] = "mirror"
        if dice.random() < 0.1:
            options["weight"] = dice.choice([0.5, min(2.0, self.workers)])
        if dice.random() < 0.15:
            return self._batched(name, options)
        if dice.random() < 0.4:
            options["locks"] = frozenset(dice.sample(["L", "M", "N"], dice.randint(1, 2)))
        if dice.random() < 0.3:
            options["resources"] = {dice.choice(["cpu", "memory"]): dice.choice([0.3, 0.5, 1.0])}
        return self._made(name, options)

    def _made(self, name: str, options: dict[str, Any]) -> Task:
        """Return a task whose work knows the task, for the ledger."""
        acts = self._acts(name, options)

        def work(context: TaskContext) -> object:
            with self.ledger.work("single", task, context) as entry:
                for required in task.requires:
                    self._must_be_there(context, required)
                return acts[min(context.attempt, len(acts)) - 1](context, entry)

        task = Task(name, work, **options)
        return task

    def _must_be_there(self, context: TaskContext, required: str) -> None:
        try:
            context.result_of(required)
        except KeyError:
            self.ledger.wrong.append(f"{context.name} runs before {required} has a result")

    def _batched(self, name: str, options: dict[str, Any]) -> Task:
        """Return a task that can be done together with others; what they hold is the same for all."""
        options |= {"exclusive": False, "breaker": None, "weight": 1.0}
        shared: dict[str, Any] = {"locks": frozenset({"L"}), "resources": {"cpu": 1.0}}
        task = self._made(name, options | shared | {"batch_key": "apt", "batch_func": self._together})
        self._batches[name] = task
        return task

    def _together(self, contexts: Sequence[TaskContext], settle: SettleEarly) -> list[object]:
        with self.ledger.work("batch", self._batches[contexts[0].name], *contexts):
            dice = random.Random(contexts[0].name)
            for context in contexts[:-1]:  # with all of them settled there would be nothing left to do
                if dice.random() < 0.3:
                    settle(context, dice.choice(["early", TaskReport(failed=True)]))
            self._idle(contexts[-1], 0.001)
            if dice.random() < 0.3:
                raise ValueError("the batch failed")
            return ["batched" for _ in contexts]

    Act = Callable[[TaskContext, _Entry], object]

    def _acts(self, name: str, options: dict[str, Any]) -> list[Act]:
        """Return what the task does in its first attempt, its second..."""
        dice = self._dice
        usual: list[Chaos.Act] = [lambda _context, _entry: name]
        rare: list[Chaos.Act] = [
            lambda context, _entry: self._idle(context, 0.002),
            lambda context, _entry: context.progress(1, 2),
            lambda context, _entry: context.pause_for_input("?"),
            lambda _context, _entry: Skip(SkipReason.CONDITION_FALSE),
            lambda _context, _entry: TaskReport(failed=True),
            self._fail,
            self._fail,
            self._group(name),
            self._bring(name),
        ]
        if options.get("timeout_s") is not None:
            rare += [self._deaf, self._obey, self._obey]
        if dice.random() < 0.01:
            rare = [self._interrupt]
        return [dice.choice(usual if dice.random() < 0.5 else rare) for _ in range(3)]

    def _idle(self, context: TaskContext, seconds: float) -> str:
        asked = threading.Event()
        context.token.on_cancel(asked.set)
        if asked.wait(seconds):
            context.token.raise_if_cancelled()
        return context.name

    def _obey(self, context: TaskContext, _entry: _Entry) -> str:
        return self._idle(context, 5.0)

    def _deaf(self, context: TaskContext, _entry: _Entry) -> str:
        self._release.wait(5.0)
        return context.name

    @staticmethod
    def _fail(context: TaskContext, _entry: _Entry) -> object:
        raise ValueError(context.name)

    @staticmethod
    def _interrupt(_context: TaskContext, _entry: _Entry) -> object:
        raise KeyboardInterrupt

    def _group(self, name: str) -> Act:
        dice = self._dice
        count, limit = dice.randint(0, 3), dice.choice([None, 1, 2])
        strategy, timeout_s = (
            dice.choice(["continue", "fail_fast", "cancel"]),
            dice.choice([None, None, 0.002]),
        )
        inner = [self._inner(f"{name}.{number}") for number in range(count)]
        how = dice.choice(["gather", "stream", "leave", "cancel"])
        vain = [dice.choice([self._wait_for, self._wait_within]) for _ in range(dice.choice([0, 0, 0, 1, 2]))]

        def act(_context: TaskContext, entry: _Entry) -> object:
            with (
                self.ledger.lent(entry),
                self.executor.group(name, limit, strategy, timeout_s) as group,
            ):
                for task in inner:
                    group.add(task)
                for number, waits in enumerate(vain):
                    group.add(self._told(f"{name}.vain{number}", waits, group))
                if how == "gather":
                    return [result.status for result in group.gather()]
                if how == "stream":
                    return [result.status for result in group.stream()]
                if how == "cancel":
                    group.cancel("chaos")
            return how

        return act

    def _told(self, name: str, waits: Callable[[str, Group], object], group: Group) -> Task:
        """Return a task that waits for what waits for it, and has to be told so."""

        def work(context: TaskContext) -> object:
            with self.ledger.work("single", task, context) as entry, self.ledger.lent(entry):
                return waits(name, group)

        task = Task(name, work)
        return task

    @staticmethod
    def _wait_for(_name: str, group: Group) -> object:
        return [result.status for result in group.gather()]

    def _wait_within(self, name: str, group: Group) -> object:
        with group.group(f"in {name}") as inner:
            inner.add(self._told(f"{name}.inner", self._wait_for, group))
            return [result.status for result in inner.gather()]

    def _bring(self, name: str) -> Act:
        tasks = tuple(self._inner(f"{name}+{number}") for number in range(self._dice.randint(1, 2)))
        return lambda _context, _entry: Subgraph(tasks, name)

    def _inner(self, name: str) -> Task:
        """Return a task that joins the run; of a plain kind, else they would go on for ever."""
        dice = self._dice
        act = dice.choice([self._fail, self._obey_shortly, self._obey_shortly])
        options: dict[str, Any] = {}
        if dice.random() < 0.3:
            options["locks"] = frozenset(dice.sample(["L", "M"], 1))
        if dice.random() < 0.2:
            options["resources"] = {"cpu": 1.0}
        if dice.random() < 0.2:
            options["retry"] = RetryPolicy(2, 0.0)
        if dice.random() < 0.1:
            options["weight"] = 0.5

        def work(context: TaskContext) -> object:
            with self.ledger.work("single", task, context) as entry:
                return act(context, entry)

        task = Task(name, work, **options)
        return task

    def _obey_shortly(self, context: TaskContext, _entry: _Entry) -> str:
        return self._idle(context, 0.0005)
