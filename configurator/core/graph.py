"""TaskGraph: tasks with their prerequisites, checked once and immutable afterwards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from configurator.core.errors import InputError
from configurator.core.resources import impossible
from configurator.core.task import Task

if TYPE_CHECKING:
    from configurator.core.analysis import ExecutionPlan
    from configurator.core.task import TaskResult


@dataclass(frozen=True, slots=True)
class GraphProblem:
    """One reason why a graph cannot be built; `tasks` are the tasks concerned, in order."""

    message: str
    tasks: tuple[str, ...]
    hint: str | None = None

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message} ({self.hint})"


class TaskGraph:
    """A directed acyclic graph of tasks in declared order.

    Building it collects every problem (duplicate name, unknown requirement, cycle, and with `capacities` a
    request that can never be met) in one InputError whose `diagnostics` are GraphProblems. Nodes are
    numbered in declared order; `successors[i]` are the nodes that wait for node i, `hard[i]` those of them
    that require its success, `soft.get(i)` the others; `ranks[i]` is the longest remaining path in seconds,
    node i included.
    `outside` are names that exist elsewhere: edges from them are kept in `entries` as (node, name, hard).

    >>> graph = TaskGraph([Task("build", print), Task("test", print, requires=("build",))])
    >>> graph.get_ready_tasks(completed=[], running=[])
    ['build']
    >>> graph.get_ready_tasks(completed=["build"], running=[])
    ['test']
    """

    __slots__ = (
        "_hard",
        "entries",
        "estimates",
        "index",
        "predecessors",
        "ranks",
        "soft",
        "successors",
        "tasks",
    )

    def __init__(
        self,
        tasks: Iterable[Task],
        capacities: Mapping[str, float] | None = None,
        *,
        outside: Collection[str] = (),
    ) -> None:
        self.tasks: tuple[Task, ...] = tuple(tasks)
        self.index: dict[str, int] = {task.name: number for number, task in enumerate(self.tasks)}
        problems: list[GraphProblem] = []
        if len(self.index) < len(self.tasks) or outside:
            self._refuse_same_names(problems, outside)
        self.successors: list[list[int]] = [[] for _ in self.tasks]
        self.soft: dict[int, set[int]] = {}
        self._hard: list[frozenset[int]] | None = None
        self.predecessors: list[int] = [0] * len(self.tasks)
        self.entries: list[tuple[int, str, bool]] = []
        self._connect(problems, outside)
        if capacities is not None:
            problems += request_problems(self.tasks, capacities)
        order = self._checked_order(problems)
        if problems:
            raise InputError("; ".join(map(str, problems)), problems)
        self.estimates = _estimates(self.tasks, None)
        self.ranks = self._rank(order)

    def __len__(self) -> int:
        return len(self.tasks)

    @property
    def hard(self) -> list[frozenset[int]]:
        """The nodes that require the success of each node; few ask, so it is made when somebody does."""
        if self._hard is None:
            soft = self.soft
            self._hard = [
                frozenset(successors).difference(soft.get(number, ()))
                for number, successors in enumerate(self.successors)
            ]
        return self._hard

    def get_ready_tasks(self, completed: Iterable[str], running: Iterable[str]) -> list[str]:
        """Return the names of the tasks whose prerequisites are all completed, in declared order.

        Completed and running ones are not among them; an unknown name is a KeyError.
        """
        done = {self.index[name] for name in completed}
        busy = {self.index[name] for name in running}
        missing = list(self.predecessors)
        for number in done:
            for successor in self.successors[number]:
                missing[successor] -= 1
        return [
            task.name
            for number, task in enumerate(self.tasks)
            if not missing[number] and number not in done and number not in busy
        ]

    def with_estimates(self, estimate: Callable[[str], float | None]) -> TaskGraph:
        """Return the same graph ranked by other durations: `estimate` gives seconds by name, or None.

        What a task declares itself is only used where nothing was learned.
        """
        copy: TaskGraph = object.__new__(TaskGraph)
        for name in ("tasks", "index", "successors", "soft", "_hard", "predecessors", "entries"):
            setattr(copy, name, getattr(self, name))
        copy.estimates = _estimates(self.tasks, estimate)
        copy.ranks = copy._rank(self.topological())
        return copy

    def plan(self, max_workers: int = 4) -> ExecutionPlan:
        """Return the order for people: levels, critical path, bounds; the scheduler does not run by levels.

        >>> TaskGraph([Task("a", print), Task("b", print, requires=("a",))]).plan().levels
        (('a',), ('b',))
        """
        from configurator.core.analysis import execution_plan

        return execution_plan(self, max_workers)

    def visualize(self, form: str = "text", results: Sequence[TaskResult] | None = None) -> str:
        """Return a drawing of the graph, with the statuses of `results`: "text", "mermaid" or "dot".

        >>> print(TaskGraph([Task("a", print), Task("b", print, requires=("a",))]).visualize())
        a
        └── b
        """
        from configurator.core.visualize import visualize

        return visualize(self, form, results)

    def topological(self) -> list[int]:
        """Return the nodes in an order that respects every edge; shorter than the graph if it has a cycle."""
        missing = list(self.predecessors)
        order = [number for number, count in enumerate(missing) if not count]
        for number in order:
            for successor in self.successors[number]:
                missing[successor] -= 1
                if not missing[successor]:
                    order.append(successor)  # growing it while reading it is the algorithm
        return order

    def _refuse_same_names(self, problems: list[GraphProblem], outside: Collection[str]) -> None:
        seen: set[str] = set()
        for task in self.tasks:
            if task.name in seen or task.name in outside:
                problems.append(GraphProblem(f"two tasks are named {task.name!r}", (task.name,)))
            seen.add(task.name)

    def _connect(self, problems: list[GraphProblem], outside: Collection[str]) -> None:
        find, successors = self.index.get, self.successors
        for number, task in enumerate(self.tasks):
            names, after = task.requires, task.after
            if not names and not after:
                continue
            hard = len(names)
            if after or hard > 1:  # each once, and what is required is not only waited for
                names = tuple(dict.fromkeys(names))
                hard = len(names)
                names = tuple(dict.fromkeys(names + after))
            count = 0
            for place, name in enumerate(names):
                source = find(name)
                if source is None:
                    self._enter(task.name, number, name, place < hard, problems, outside)
                    continue
                count += 1
                successors[source].append(number)
                if place >= hard:
                    self.soft.setdefault(source, set()).add(number)
            self.predecessors[number] = count

    def _enter(
        self,
        task: str,
        number: int,
        name: str,
        hard: bool,
        problems: list[GraphProblem],
        outside: Collection[str],
    ) -> None:
        if name in outside:
            self.entries.append((number, name, hard))
        else:
            problems.append(self._unknown(task, name, outside))

    def _unknown(self, task: str, name: str, outside: Collection[str]) -> GraphProblem:
        import difflib  # 3 ms on the host, and only a mistake needs it

        near = difflib.get_close_matches(name, [*self.index, *outside], n=1)
        hint = f"did you mean {near[0]!r}?" if near else None
        return GraphProblem(f"task {task!r} requires unknown task {name!r}", (task, name), hint)

    def _checked_order(self, problems: list[GraphProblem]) -> list[int]:
        order = self.topological()
        if len(order) < len(self.tasks):
            path = self._cycle(set(range(len(self.tasks))).difference(order))
            names = tuple(self.tasks[number].name for number in path)
            problems.append(GraphProblem("cycle: " + " -> ".join(names), names))
        return order

    def _cycle(self, rest: set[int]) -> Sequence[int]:
        """Return one cycle among `rest` as a closed path of what requires what: a, b, a."""
        waits_for: dict[int, list[int]] = {number: [] for number in rest}
        for number in sorted(rest):
            for successor in self.successors[number]:  # it is left, too: this one never came before it
                waits_for[successor].append(number)
        path, seen = [min(rest)], {min(rest): 0}
        while True:
            following = waits_for[path[-1]][0]  # every node left waits for another one left
            if following in seen:
                return [*path[seen[following] :], following]
            seen[following] = len(path)
            path.append(following)

    def _rank(self, order: Sequence[int]) -> list[float]:
        """Return the longest remaining paths; tasks that share a lock are a path, too."""
        ranks = self._longest(order, {})
        queues = self._lock_queues(ranks)
        return self._longest(order, queues) if queues else ranks

    def _longest(self, order: Sequence[int], least: Mapping[int, float]) -> list[float]:
        ranks = list(self.estimates)
        for number in reversed(order):
            longest = 0.0
            for successor in self.successors[number]:
                if ranks[successor] > longest:  # noqa: PLR1730  (max() would take three times as long)
                    longest = ranks[successor]
            ranks[number] += longest
            if least and number in least:
                ranks[number] = max(ranks[number], least[number])
        return ranks

    def _lock_queues(self, ranks: Sequence[float]) -> dict[int, float]:
        """Return for each task with a lock how long is left at least when its turn comes.

        The one after which least remains goes last; the others go before it, each for as long as it holds
        the lock. Without this a task that half of the work queues behind is no more urgent than its own path,
        and the schedules of 1,000 graphs with one lock were 3 % longer. Tasks of one batch hold it together:
        counted one by one, the last of them would seem too little urgent to join the first.
        """
        holders: dict[str, list[int]] = {}
        for number, task in enumerate(self.tasks):
            if task.locks:
                for lock in task.locks:
                    holders.setdefault(lock, []).append(number)
        least: dict[int, float] = {}
        estimates = self.estimates
        for numbers in holders.values():
            end = 0.0
            batches: set[str] = set()
            # From the last one to the first, of equal ones the last declared: they go in declared order.
            for number in sorted(numbers, key=lambda one: (ranks[one] - estimates[one], -one)):
                after, batch = ranks[number] - estimates[number], self.tasks[number].batch_key
                if batch in batches:
                    end = max(end, after + estimates[number])
                else:
                    end = max(end, after) + estimates[number]
                if batch is not None:
                    batches.add(batch)
                least[number] = max(least.get(number, 0.0), end)
        return least


def request_problems(tasks: Iterable[Task], capacities: Mapping[str, float]) -> list[GraphProblem]:
    """Return a problem for every task whose resources can never be had."""
    problems = []
    for task in tasks:
        if task.resources:
            problems += [
                GraphProblem(f"task {task.name!r} {why}", (task.name,))
                for why in impossible(task.resources, capacities)
            ]
    return problems


def _estimates(tasks: Sequence[Task], learned: Callable[[str], float | None] | None) -> list[float]:
    """Return the seconds that each task is expected to take: learned, else declared, else one for all.

    That one is the mean of what was learned, or 1 if nothing was, so that a rank is a number of hops.
    """
    if learned is None:
        return [1.0 if task.estimate_s is None else task.estimate_s for task in tasks]
    known = [learned(task.name) for task in tasks]
    given = [seconds for seconds in known if seconds is not None]
    mean = sum(given) / len(given) if given else 1.0
    declared = [mean if task.estimate_s is None else task.estimate_s for task in tasks]
    return [other if seconds is None else seconds for seconds, other in zip(known, declared, strict=True)]
