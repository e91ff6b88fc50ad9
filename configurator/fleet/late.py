"""What a host's tasks ask the controller while they run: what a task is, and how one has ended."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Mapping
from typing import Any

from configurator.agent.protocol import TaskSpec
from configurator.compiler.order import OrderedGraph
from configurator.compiler.putoff import Answer
from configurator.compiler.results import Rounds, plainly
from configurator.core.errors import UnreachableError
from configurator.fleet.shared import Shared

_OWN = (
    "tasks",
    "ended",
    "confirmed",
    "continues",
    "more",
    "rebooted",
)  # of a request, what is this host's alone
Reply = Callable[[Mapping[str, Any]], None]
Learn = Callable[[Answer], None]  # gets what must not be shown, before anything of it can be


class LateAnswers:
    """Answers for one host in one run; `joined` gets the tasks that take the place of one put off."""

    def __init__(
        self,
        graph: OrderedGraph,
        learn: Learn,
        joined: Callable[[tuple[TaskSpec, ...]], None],
        shared: Shared,
        host: str = "",
        turn: str = "apply/",
    ) -> None:
        self._graph = graph
        self._learn = learn
        self._joined = joined
        self._specs = {spec.id: spec for spec in graph.tasks}
        self._words = dict(graph.words)
        self.blobs: dict[str, Any] = dict(graph.blobs)
        self._shared, self._host, self._turn = shared, host, turn
        self._request: Mapping[str, Any] = {}
        graph.late.begin()
        for key, rounds in graph.late.leads.items():
            shared.once.offer(f"{turn}/{key}", functools.partial(self._led, rounds))

    def prepare(self, request: Mapping[str, Any]) -> None:
        """Keep how the run is asked for, for tasks that are handed to other hosts."""
        self._request = {name: value for name, value in request.items() if name not in _OWN}

    def _led(self, rounds: Rounds) -> tuple[Any, ...]:
        """Return the result of a task that this host does for all, in a tuple; empty before it is there."""
        results = self._graph.late.results
        if any(results.raw(name) is None for name in rounds.ids):
            return ()
        return (results.registered(rounds),)

    def expand(self, message: Mapping[str, Any], reply: Reply) -> None:
        """Say what a task that was put off has become."""
        spec = self._specs.get(str(message.get("task_id")))
        if spec is None:
            reply({"error": "nobody knows this task"})
            return
        if spec.id in self._graph.late.once:
            _beside(lambda: self._wait_for_leader(spec, reply))
            return
        answer = self._graph.late.expand(spec, self._words.get(spec.id, {}))
        self._learn(answer)
        self.blobs.update(answer.blobs)
        self._words.update(answer.words)
        self._specs |= {child.id: child for child in answer.tasks}
        self._joined(answer.tasks)
        if self._turn.startswith("apply"):
            self._shared.keep()
        reply(answer.to_json())

    def _wait_for_leader(self, spec: TaskSpec, reply: Reply) -> None:
        key, leader = self._graph.late.once[spec.id]
        value, problem = self._shared.once.wait(f"{self._turn}/{key}", f"{self._turn}/{leader}")
        if problem is not None or (isinstance(value, dict) and plainly(value).get("failed") is True):
            failed = f"it has failed on {leader}, which does it for all hosts"
            reply({"error": failed if problem is None else f"{leader}: {problem}"})
            return
        self._graph.late.note(spec.id, {"registered": value})
        reply({"skip": f"done once, on {leader}"})

    def delegate(self, message: Mapping[str, Any], reply: Reply) -> None:
        """Have another host do a task."""
        spec = self._specs.get(str(message.get("task_id")))
        if spec is None or spec.delegate_to is None:
            reply({"error": "nobody knows this task"})
            return
        _beside(lambda: reply(self._shared.delegates.do(spec, self._request, self.blobs)))

    def throttle(self, message: Mapping[str, Any], reply: Reply) -> None:
        """Let a task begin when fewer hosts than its limit do it."""
        spec = self._specs.get(str(message.get("task_id")))
        if spec is None or not spec.throttle:
            reply({})
            return

        def enter() -> None:
            self._shared.throttles.enter(self._place(spec), spec.throttle, self._host)
            reply({})

        _beside(enter)

    def release(self, message: Mapping[str, Any]) -> None:
        """Let another host do the task that this one has ended."""
        spec = self._specs.get(str(message.get("task_id")))
        if spec is not None:
            self._shared.throttles.leave(self._place(spec), self._host)

    def _place(self, spec: TaskSpec) -> str:
        """Return by what all hosts know a throttled task."""
        return f"{self._turn}/{spec.role}/{spec.position}"

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
            self._graph.late.note(spec.id, {**result, "task": spec.name, "action": spec.module})
            self._shared.once.news()


def _beside(work: Callable[[], None]) -> None:
    """Do what may take long on a thread of its own: the host's other tasks go on."""

    def quietly() -> None:
        with contextlib.suppress(UnreachableError):  # the run's own thread finds out and says so
            work()

    threading.Thread(target=quietly, name="late-answer", daemon=True).start()
