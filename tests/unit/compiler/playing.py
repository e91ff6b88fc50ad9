"""A host that is made up: compiled tasks are run by the agent's own loop, with made-up ends of commands.

What needs a host is left out, all else is real: HostRun, the verdicts, the answers of the controller.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from configurator.agent.host_run import HostRun
from configurator.agent.notifications import Notifications
from configurator.agent.protocol import TaskSpec
from configurator.agent.verdicts import Verdicts, unforeseen
from configurator.agent.work import Done
from configurator.compiler.order import OrderedGraph
from configurator.compiler.project import Project
from configurator.core.cancel import CancelToken
from configurator.core.changes import Certainty, FieldChange
from configurator.core.errors import TaskError
from configurator.core.task import SettleEarly, TaskContext
from configurator.fleet.delegates import Delegates
from configurator.fleet.late import LateAnswers
from configurator.fleet.shared import Shared
from configurator.transport.sshauth import Secrets
from tests.unit.compiler.projects import FACTS, load

End = Callable[[TaskSpec, int], Done]
ASSUMED = "somebody may be wrong"


def output(text: str, *, rc: int = 0, changed: bool = True, **more: Any) -> Done:
    """Return the end of a command."""
    outputs = {"stdout": text, "stdout_lines": text.splitlines(), "rc": rc, **more}
    return Done((FieldChange("command:x", "run", None, True),) if changed else (), outputs)


def ordinary(spec: TaskSpec, attempt: int) -> Done:
    """End as the task says: `echo X` prints X, `false` fails, `try N` prints its attempt."""
    words = str(spec.params.get("cmd", "")).split(" ", 1)
    if spec.module != "command":
        return Done(says=str(spec.params.get("msg", "")))
    match words:
        case ["false"]:
            raise TaskError("the command ended with status 1", outputs={"rc": 1, "stdout": ""})
        case ["echo", text]:
            return output(text)
        case ["attempt"]:
            return output(str(attempt))
        case _:
            return output("")


class Actor:
    """Takes tasks by saying how they have ended; in a plan it foretells that commands will run."""

    workers = 1

    def __init__(self, play: Play) -> None:
        self._play = play
        self._verdicts = Verdicts(play.ask, play.tell, planning=play.planning)

    def declare(self, spec: TaskSpec) -> Mapping[str, Any]:
        return {}

    def take(self, spec: TaskSpec, context: TaskContext) -> Done:
        self._play.taken.append(spec.name)
        done = self._verdicts.about(spec, context, lambda: self._end(spec, context.attempt))
        if done.changed and spec.notify:
            self._play.notifications.add(spec.notify)
        return done

    def _end(self, spec: TaskSpec, attempt: int) -> Done:
        if self._play.planning and spec.module == "command" and spec.check_mode is not False:
            because = self._play.doubtful.get(spec.name)
            certainty = Certainty.EXACT if because is None else Certainty.ASSUMED
            return Done((FieldChange("command:x", "run", None, True, certainty, because),))
        return self._play.ends.get(spec.name, ordinary)(spec, attempt)

    def take_together(
        self, specs: Sequence[TaskSpec], contexts: Sequence[TaskContext], settle: SettleEarly
    ) -> Sequence[Done | None]:
        raise NotImplementedError

    def unknown(self, spec: TaskSpec, because: str) -> Done:
        if not self._play.planning:
            raise TaskError(because)
        return unforeseen(spec, because)


class Play:
    """One run of a graph; what was done and said is there afterwards.

    `ends` are the ends of tasks by name, `doubtful` why a plan is not sure of some.
    """

    def __init__(
        self,
        graph: OrderedGraph,
        *,
        planning: bool = False,
        ends: Mapping[str, End] | None = None,
        doubtful: Mapping[str, str] | None = None,
        shared: Shared | None = None,
        host: str = "h",
    ) -> None:
        self.graph, self.planning = graph, planning
        self.ends, self.doubtful = dict(ends or {}), dict(doubtful or {})
        self.specs = {spec.id: spec for spec in graph.tasks}
        self.taken: list[str] = []
        self.messages: list[dict[str, Any]] = []
        self.results: dict[str, Mapping[str, Any]] = {}
        shared = shared or Shared(Delegates(_no_endpoint, Secrets()))
        turn = "plan/" if planning else "apply/"
        self._answers = LateAnswers(graph, lambda _answer: None, self._joined, shared, host, turn)
        self.notifications = Notifications(persistent=False, directory=str(Path.cwd()))
        specs = [TaskSpec.from_json(_sent(spec.to_json())) for spec in graph.tasks]
        run = HostRun(specs, Actor(self), self.notifications, self._told, False, ask=self.ask)
        run.execute()

    def ask(
        self, question: Mapping[str, Any], _timeout_s: float | None, _token: CancelToken
    ) -> Mapping[str, Any]:
        """Answer as the controller does."""
        replies: list[Mapping[str, Any]] = []
        {"late": self._answers.expand, "judge": self._answers.judge}[question["type"]](
            _sent(question), replies.append
        )
        [reply] = replies
        return _sent(reply)

    def tell(self, message: Mapping[str, Any]) -> None:
        """Hear a result."""
        self.results[self.specs[message["task_id"]].name] = message["result"]
        self._answers.note(_sent(message))

    def _joined(self, specs: tuple[TaskSpec, ...]) -> None:
        self.specs |= {spec.id: spec for spec in specs}

    def _told(self, message: Mapping[str, Any]) -> None:
        self.messages.append(_sent(message))

    def _ended(self) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == "task_finished"]

    @property
    def statuses(self) -> dict[str, str]:
        """Return how each task has ended."""
        return {self.specs[found["task_id"]].name: found["status"] for found in self._ended()}

    @property
    def said(self) -> dict[str, str]:
        """Return the message of each debug that was done."""
        found = {self.specs[each["task_id"]].name: each.get("says") for each in self._ended()}
        return {name: text for name, text in found.items() if text is not None}

    def of(self, name: str) -> dict[str, Any]:
        """Return what was said of the end of a task."""
        [found] = [each for each in self._ended() if self.specs[each["task_id"]].name == name]
        return found

    def because(self, name: str) -> str | None:
        """Return why a plan does not know what a task does; None if it knows."""
        if (untold := self.of(name).get("unknown")) is not None:
            return str(untold)
        changes = self.of(name).get("changes", ())
        unknown = [change for change in changes if change.get("certainty") == "unknown"]
        return unknown[0]["because"] if unknown else None


def project_of(tasks: str, more: Mapping[str, str] | None = None) -> Project:
    return load({"roles/r/tasks/main.yml": tasks, **(more or {})})


def played(tasks: str, more: Mapping[str, str] | None = None, **options: Any) -> Play:
    """Return an apply of role `r` with this main file, or with `planning` a plan."""
    project = project_of(tasks, more)
    choice = {key: options.pop(key) for key in ("tags", "skip_tags", "only") if key in options}
    graph = project.compile(project.hosts(["h"])[0], options.pop("facts", FACTS), **choice)
    return Play(graph, **options)


def _no_endpoint(name: str) -> Any:
    raise AssertionError(f"nobody is to ask for {name}")


def _sent(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message as it comes out of a connection."""
    found: dict[str, Any] = json.loads(json.dumps(message))
    return found
