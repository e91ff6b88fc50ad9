"""What a host's tasks ask the controller while they run: what a task is, and how one has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from configurator.agent.protocol import TaskSpec
from configurator.compiler.order import OrderedGraph
from configurator.compiler.putoff import Answer

Reply = Callable[[Mapping[str, Any]], None]
Learn = Callable[[Answer], None]  # gets what must not be shown, before anything of it can be


class LateAnswers:
    """Answers for one host in one run; `joined` gets the tasks that take the place of one put off."""

    def __init__(
        self, graph: OrderedGraph, learn: Learn, joined: Callable[[tuple[TaskSpec, ...]], None]
    ) -> None:
        self._graph = graph
        self._learn = learn
        self._joined = joined
        self._specs = {spec.id: spec for spec in graph.tasks}
        self._words = dict(graph.words)
        self.blobs: dict[str, Any] = dict(graph.blobs)
        graph.late.begin()

    def expand(self, message: Mapping[str, Any], reply: Reply) -> None:
        """Say what a task that was put off has become."""
        spec = self._specs.get(str(message.get("task_id")))
        if spec is None:
            reply({"error": "nobody knows this task"})
            return
        answer = self._graph.late.expand(spec, self._words.get(spec.id, {}))
        self._learn(answer)
        self.blobs.update(answer.blobs)
        self._words.update(answer.words)
        self._specs |= {child.id: child for child in answer.tasks}
        self._joined(answer.tasks)
        reply(answer.to_json())

    def judge(self, message: Mapping[str, Any], reply: Reply) -> None:
        """Say how a task has ended."""
        result = message.get("result")
        task_id = str(message.get("task_id"))
        reply(self._graph.late.judge(task_id, result if isinstance(result, Mapping) else {}))

    def note(self, message: Mapping[str, Any]) -> None:
        """Keep what a task has found out; only of tasks that are to tell."""
        spec = self._specs.get(str(message.get("task_id")))
        result = message.get("result")
        if spec is not None and spec.tell and isinstance(result, Mapping):
            self._graph.late.note(spec.id, {**result, "task": spec.name})
