"""TaskGraph: tasks with their prerequisites, checked once and immutable afterwards."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from configurator.core.errors import InputError
from configurator.core.task import Task


@dataclass(frozen=True, slots=True)
class GraphProblem:
    """One reason why a graph cannot be built; `tasks` are the tasks concerned, in order."""

    message: str
    tasks: tuple[str, ...]
    hint: str | None = None


class TaskGraph:
    """A directed acyclic graph of tasks in declared order.

    Building it collects every problem (duplicate name, unknown requirement, cycle) in one InputError whose
    `diagnostics` are GraphProblems. Nodes are numbered in declared order; `successors[i]` are the nodes
    that wait for node i, `hard[i]` those of them that require its success.
    """

    __slots__ = ("hard", "index", "predecessors", "ranks", "successors", "tasks")

    def __init__(self, tasks: Iterable[Task]) -> None:
        self.tasks: tuple[Task, ...] = tuple(tasks)
        self.index: dict[str, int] = {}
        problems: list[GraphProblem] = []
        for number, task in enumerate(self.tasks):
            if self.index.setdefault(task.name, number) != number:
                problems.append(GraphProblem(f"two tasks are named {task.name!r}", (task.name,)))
        self.successors: list[list[int]] = [[] for _ in self.tasks]
        self.hard: list[frozenset[int]] = []
        self.predecessors: list[int] = [0] * len(self.tasks)
        self._connect(problems)
        if not problems:
            order = self._topological(problems)
        if problems:
            raise InputError("; ".join(problem.message for problem in problems), problems)
        self.ranks = self._rank(order)

    def __len__(self) -> int:
        return len(self.tasks)

    def _connect(self, problems: list[GraphProblem]) -> None:
        hard: list[set[int]] = [set() for _ in self.tasks]
        for number, task in enumerate(self.tasks):
            sources: set[int] = set()
            for names, required in ((task.requires, True), (task.after, False)):
                for name in names:
                    source = self.index.get(name)
                    if source is None:
                        problems.append(self._unknown(task.name, name))
                        continue
                    sources.add(source)
                    if required:
                        hard[source].add(number)
            for source in sources:
                self.successors[source].append(number)
            self.predecessors[number] = len(sources)
        self.hard = [frozenset(numbers) for numbers in hard]

    def _unknown(self, task: str, name: str) -> GraphProblem:
        near = difflib.get_close_matches(name, self.index, n=1)
        hint = f"did you mean {near[0]!r}?" if near else None
        return GraphProblem(f"task {task!r} requires unknown task {name!r}", (task, name), hint)

    def _topological(self, problems: list[GraphProblem]) -> list[int]:
        """Return the nodes in an order that respects every edge, or report a cycle as a path."""
        missing = list(self.predecessors)
        order = [number for number, count in enumerate(missing) if not count]
        for number in order:
            for successor in self.successors[number]:
                missing[successor] -= 1
                if not missing[successor]:
                    order.append(successor)  # growing it while reading it is the algorithm
        if len(order) < len(self.tasks):
            path = self._cycle({number for number, count in enumerate(missing) if count})
            names = tuple(self.tasks[number].name for number in path)
            problems.append(GraphProblem("cycle: " + " -> ".join(names), names))
        return order

    def _cycle(self, rest: set[int]) -> Sequence[int]:
        """Return one cycle among `rest` as a closed path of what requires what: a, b, a."""
        waits_for: dict[int, list[int]] = {number: [] for number in rest}
        for number in sorted(rest):
            for successor in self.successors[number]:
                if successor in rest:
                    waits_for[successor].append(number)
        path, seen = [min(rest)], {min(rest): 0}
        while True:
            following = waits_for[path[-1]][0]  # every node left waits for another one left
            if following in seen:
                return [*path[seen[following] :], following]
            seen[following] = len(path)
            path.append(following)

    def _rank(self, order: Sequence[int]) -> list[float]:
        """Return for each node the longest remaining path in estimated seconds, itself included."""
        ranks = [task.estimate_s for task in self.tasks]
        for number in reversed(order):
            longest = max((ranks[successor] for successor in self.successors[number]), default=0.0)
            ranks[number] += longest
        return ranks
