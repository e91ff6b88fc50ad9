"""One host of a run: connect, compile with its facts, plan or apply, and tell what happened as events."""

from __future__ import annotations

import contextlib
import functools
import getpass
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from configurator.agent.protocol import TaskSpec
from configurator.compiler.hostfacts import HostFacts
from configurator.compiler.order import OrderedGraph
from configurator.core.errors import ConfiguratorError, InputError, UnreachableError
from configurator.core.run_events import (
    HostConnected,
    HostFailed,
    HostFinished,
    HostNotice,
    HostStarted,
    HostSummary,
    RunEvent,
    TaskFinished,
    TasksAdded,
    TaskStarted,
)
from configurator.core.status import Outcome
from configurator.fleet.delegates import Delegates
from configurator.fleet.late import LateAnswers, Learn
from configurator.fleet.lost import Loss, all_let_go, let_go, lost, unreachable_result, waited_for
from configurator.fleet.prompts import Prompts
from configurator.fleet.reboot import Restart, announced
from configurator.fleet.received import Received
from configurator.fleet.shared import Shared
from configurator.fleet.tally import Tally
from configurator.fleet.told import finished
from configurator.fleet.without_python import plan_without_python
from configurator.transport.bootstrap import PythonMissingError, install_python
from configurator.transport.endpoint import Endpoint
from configurator.transport.session import HostSession, Question
from configurator.transport.ssh import connect
from configurator.transport.sshauth import Secrets

Emit = Callable[[RunEvent], None]
Compile = Callable[[Mapping[str, Any]], OrderedGraph]


_RUN = os.urandom(8).hex()  # by which hosts know what this process has locked itself
_INTERRUPTED = "interrupted"
Clock = Callable[[], float]  # seconds since the start of the run


def start_clock() -> Clock:
    """Return a clock that starts now."""
    origin = time.monotonic()
    return lambda: time.monotonic() - origin


@dataclass(frozen=True, slots=True)
class HostSettings:
    """How a host's tasks are run: `jobs` at once, and whether a failure starts nothing more.

    `deep` has a plan look into the packages that would be installed. `play` tells the plays of a playbook
    apart; with `continues` the plan begins where that of the play before has ended, and with `more` the host
    stays locked after an apply, for the play behind.
    """

    jobs: int = 4
    fail_fast: bool = False
    deep: bool = False
    play: str = ""
    continues: bool = False
    more: bool = False


class HostRun:
    """A host in a run; `plan` and `apply` never raise for what is wrong with this host: they say it."""

    def __init__(
        self,
        name: str,
        endpoint: Callable[[], Endpoint],
        compile_graph: Compile,
        settings: HostSettings,
        secrets: Secrets,
        emit: Emit,
        prompts: Prompts | None = None,
        learn: Learn = lambda _answer: None,
        shared: Shared | None = None,
    ) -> None:
        self.name = name
        self._shared = shared or Shared(Delegates(_no_other_host, secrets))
        self._learn = learn
        self._endpoint = endpoint
        self._compile = compile_graph
        self._settings = settings
        self._secrets = secrets
        self._emit = emit
        self._prompts = prompts or Prompts(None, lambda _text: None)
        self._session: HostSession | None = None
        self._graph: OrderedGraph | None = None
        self._obstacle: ConfiguratorError | None = None
        self._specs: dict[str, TaskSpec] = {}
        self._under_way: dict[str, str] = {}
        self._ended: dict[str, str] = {}  # how tasks have ended, by id
        self._began: dict[str, float] = {}  # when restarts have: their end is told by another agent
        self._restart: Restart | None = None  # which the host has announced
        self._lock = threading.Lock()
        self._stop: bool | None = None
        self._why = _INTERRUPTED
        self.halted: str | None = None  # why nothing more has begun, if other hosts are to blame
        self._idle = threading.Event()
        self._idle.set()
        self._clock: Clock = lambda: 0.0
        self.summary = HostSummary()
        self.failure: ConfiguratorError | None = None
        self._tally = Tally()
        self._late: LateAnswers | None = None
        self._turn = ""  # the mode and the play of the run under way

    @property
    def jobs(self) -> int:
        """Return how many of the host's tasks run at once."""
        return self._settings.jobs

    @property
    def compiled(self) -> bool:
        """True once it is known what is to be done on this host."""
        return self._graph is not None

    def prepare(self, clock: Clock) -> HostSummary:
        """Connect and compile, and no more; what stands in the way is said by the run that follows."""
        self._clock = clock
        self._idle.clear()
        try:
            self._compiled(self._session or self._open(self._endpoint(), clock))
        except PythonMissingError:
            pass  # a plan knows what to make of that, and an apply installs it
        except ConfiguratorError as error:
            self._obstacle = error
        finally:
            self._idle.set()
        return self.summary

    def graph(self, clock: Clock) -> OrderedGraph:
        """Connect, compile, and return what is to be done on this host; raises what stands in the way.

        Of a host without python3 that is known as far as no facts are needed.
        """
        self._clock = clock
        try:
            return self._compiled(self._session or self._open(self._endpoint(), clock))
        except PythonMissingError as missing:
            try:
                return self._compile({})
            except InputError:
                raise missing from None

    def plan(self, clock: Clock) -> HostSummary:
        """Predict what an apply would do; the session stays open for it."""
        return self._guarded("plan", clock, lambda: self._run("plan", clock, confirmed=False))

    def apply(self, clock: Clock, *, confirmed: bool) -> HostSummary:
        """Make it so; with `confirmed`, only what the plan on this session has shown."""
        return self._guarded("apply", clock, lambda: self._run("apply", clock, confirmed=confirmed))

    def facts(self) -> dict[str, Any]:
        """Return the host's facts; raises what stands in the way."""
        session = self._connect(applying=False, clock=start_clock())
        assert session is not None
        return session.facts

    def cancel(self, *, abort: bool) -> None:
        """Start nothing more on this host; with `abort` stop what runs, too."""
        with self._lock:
            self._stop = abort
            session = self._session
        self._prompts.give_up()
        if not abort:
            message = "interrupted: what runs is finished, nothing more begins; a second Ctrl-C stops it now"
            self._emit(HostNotice(self.name, self._clock(), "warning", message))
        if session is not None:
            try:
                session.cancel(abort=abort)
            except UnreachableError:
                return  # the run's own thread finds out and says so

    def halt(self, why: str) -> None:
        """Start nothing more on this host, since a failure is fatal for all; what runs is finished."""
        with self._lock:
            if self.halted is not None:
                return
            self.halted = why
            session, stopped = self._session, self._stop is not None
            if not stopped:
                self._stop, self._why = False, "any_errors_fatal"
        self._emit(HostNotice(self.name, self._clock(), "warning", f"nothing more begins: {why}"))
        if session is not None and not stopped:
            with contextlib.suppress(UnreachableError):  # the run's own thread finds out and says so
                session.cancel(abort=False, why=self._why)

    def abandon(self, patience_s: float) -> None:
        """End a run that somebody does not want to wait for, and return when it has said how it ended.

        The agent kills what may be killed as soon as its input ends. After `patience_s` the run is given up.
        """
        self._prompts.give_up()
        self.close()
        self._idle.wait(patience_s)

    def release(self) -> None:
        """Let others work on the host if it is kept for a play behind: none will come."""
        if self._session is not None and self._settings.more:
            with contextlib.suppress(UnreachableError):  # then it is free anyway
                self._session.release()

    def take_over(self, other: HostRun) -> None:
        """Go on with the connection and the agent of another run of this host, which has ended."""
        session, other._session = other._session, None
        with self._lock:
            self._session = session

    def close(self) -> None:
        """End the agent and the connection."""
        if self._session is not None:
            self._session.close()
            self._session = None

    # -- one run ------------------------------------------------------------------------------------------

    def _guarded(self, mode: str, clock: Clock, work: Callable[[], None]) -> HostSummary:
        started = clock()
        self._idle.clear()
        self._clock = clock
        self._under_way.clear()
        self._ended, self._began = {}, {}
        self._restart = None
        self._tally = Tally()
        self.failure = None
        turn = f"{mode}/{self._settings.play}"
        self._turn = turn
        try:
            try:
                why = self._shared.alarm.enter(turn, self.name, self.halt)
                if why is None:
                    work()
                else:
                    self.halt(why)
            except ConfiguratorError as error:
                self._fail(clock, error)
            self.summary = self._tally.summary(clock() - started)
            self._emit(HostFinished(self.name, clock(), self.summary))
        finally:
            self._shared.once.over(f"{turn}/{self.name}")
            self._shared.throttles.gone(self.name)
            self._shared.alarm.leave(turn, self.name)
            self._idle.set()
        return self.summary

    def _fail(self, clock: Clock, error: ConfiguratorError) -> None:
        self.failure = error
        status = Outcome.UNREACHABLE if isinstance(error, UnreachableError) else Outcome.FAILED
        self._tally.host(status)
        output, diagnostics = getattr(error, "output", ""), getattr(error, "diagnostics", ())
        message = error.message
        if self._under_way:  # nobody can tell what came of them
            message += f"; under way: {', '.join(self._under_way.values())}"
            for task_id in self._under_way:
                self._fatal(self._specs[task_id], "is lost")
        self._emit(HostFailed(self.name, clock(), status, message, output, error.hint, tuple(diagnostics)))

    def _run(self, mode: str, clock: Clock, *, confirmed: bool) -> None:
        try:
            session = self._reached(mode, clock)
        except UnreachableError as error:
            self._untaken(all_let_go(self.name, self._compile, error, clock()))
            return
        if session is None:
            return
        graph = self._compiled(session)
        tasks = [spec for spec in graph.tasks if not spec.barrier]
        handlers = sum(1 for spec in tasks if spec.handler)
        self._emit(HostStarted(self.name, clock(), len(tasks) - handlers, handlers))
        request: dict[str, Any] = {
            "mode": mode,
            "jobs": self._settings.jobs,
            "fail_fast": self._settings.fail_fast,
            "confirmed": confirmed,
            "deep": self._settings.deep,
            "play": self._settings.play,
            "continues": self._settings.continues,
            "more": self._settings.more,
            "holder": {"controller": socket.gethostname(), "user": getpass.getuser(), "run": _RUN},
            "modules": dict(graph.modules),
            "tasks": [spec.to_json() for spec in graph.tasks],
        }
        if mode == "apply":
            self._shared.keep()
        port = session.endpoint.port
        late = self._late = LateAnswers(graph, self._learn, self._add, self._shared, self.name, self._turn)
        late.prepare(request)
        while (gone := self._shipped(session, request, late, clock)) is not None:
            session = self._come_back(session, gone, clock)
            request |= {"ended": self._ended, "rebooted": gone.told(time.monotonic())}
        session = self._session or session
        if session.endpoint.port != port:
            message = f"sshd answers at port {session.endpoint.port} now: set ansible_port in the inventory"
            self._emit(HostNotice(self.name, clock(), "warning", message))

    def _reached(self, mode: str, clock: Clock) -> HostSession | None:
        """Return the session, for which an apply waits if its first task does; None without python3."""
        try:
            if self._obstacle is not None:
                obstacle, self._obstacle = self._obstacle, None
                raise obstacle
            return self._connect(applying=mode == "apply", clock=clock)
        except UnreachableError as error:
            loss = waited_for(self._compile, error) if mode == "apply" else None
            if loss is None:
                raise
            endpoint = self._endpoint()
            self._emit(HostNotice(self.name, clock(), "info", f"{loss}; waiting until it is there"))
            return self._took_up(loss.come_back(endpoint, self._secrets, lambda: self._stop is True), clock)

    def _shipped(
        self, session: HostSession, request: Mapping[str, Any], late: LateAnswers, clock: Clock
    ) -> Restart | Loss | None:
        """Have the agent do it; return None at the end, or the restart or the loss of the host in between."""
        with self._lock:
            self._session = session
            stop = self._stop
        if stop is not None:
            session.cancel(abort=stop, why=self._why)
        origin = clock()
        received = Received()
        receive = functools.partial(self._receive, received, request["mode"])
        restarts = functools.partial(self._restarts, request["mode"])
        questions: dict[str, Question] = {
            "prompt": self._prompt,
            "fetch": receive,
            "reboot": restarts,
            "rebooting": lambda _message, _reply: None,  # it has gone before there is an answer
            "late": late.expand,
            "judge": late.judge,
            "delegate": late.delegate,
            "throttle": late.throttle,
        }
        try:
            session.run(request, late.blobs, lambda message: self._report(message, origin), questions)
        except UnreachableError as error:
            restart, self._restart = self._restart, None
            return restart or self._let_go(error, late)
        finally:
            received.close()
        return None

    def _let_go(self, error: UnreachableError, late: LateAnswers) -> Loss:
        """Return the loss if all that was under way may lose the connection; raise the error otherwise."""
        under_way = [self._specs[task_id] for task_id in self._under_way]
        loss = lost(error, under_way, [spec for spec in self._specs.values() if spec.id not in self._ended])
        if loss is None or self._stop is not None:
            raise error
        for spec in under_way:
            if spec.ignore_unreachable:
                event = let_go(self.name, spec, error, self._clock(), self._began.get(spec.id))
                self._tally.task(event)
                self._emit(event)
                self._ended[spec.id] = str(Outcome.OK)
                late.note({"task_id": spec.id, "result": unreachable_result(error)})
        self._under_way.clear()
        return loss

    def _come_back(self, session: HostSession, gone: Restart | Loss, clock: Clock) -> HostSession:
        """Return a session with the host after its restart, or after it was lost."""
        self._emit(HostNotice(self.name, clock(), "info", f"{gone}; waiting until it is back"))
        session.close()
        fresh = gone.come_back(session.endpoint, self._secrets, lambda: self._stop is True)
        seconds = time.monotonic() - gone.began
        self._emit(HostNotice(self.name, clock(), "info", f"the host is back after {seconds:.0f} s"))
        return fresh

    def _compiled(self, session: HostSession) -> OrderedGraph:
        if self._graph is None:
            self._graph = self._compile(HostFacts(session.facts, functools.partial(self._ask, session)))
            self._specs = {spec.id: spec for spec in self._graph.tasks}
        return self._graph

    def _ask(self, session: HostSession, part: str) -> Mapping[str, Any]:
        """Return facts that are not read in every run; what could not be read is told."""
        answer = session.gather([part])
        problems = answer.get("problems") or {}
        for text in (*answer.get("notices", ()), *(f"{name}: {why}" for name, why in problems.items())):
            self._emit(HostNotice(self.name, self._clock(), "warning", f"facts: {text}"))
        found = answer.get("facts")
        return found if isinstance(found, dict) else {}

    def _connect(self, *, applying: bool, clock: Clock) -> HostSession | None:
        """Return the session; None in a plan of a host that lacks python3, after saying so."""
        if self._session is not None:
            return self._session
        endpoint = self._endpoint()
        try:
            return self._open(endpoint, clock)
        except PythonMissingError:
            if not applying:
                ends, notice = plan_without_python(self.name, self._compile, clock())
                if notice is not None:
                    self._emit(notice)
                self._untaken(ends)
                return None
            self._emit(HostNotice(self.name, clock(), "info", "installing python3, which the agent needs"))
            with connect(endpoint, self._secrets) as connection:
                install_python(endpoint, connection, self._secrets)
            return self._open(endpoint, clock)

    def _open(self, endpoint: Endpoint, clock: Clock) -> HostSession:
        return self._took_up(HostSession(endpoint, self._secrets), clock)

    def _took_up(self, session: HostSession, clock: Clock) -> HostSession:
        with self._lock:
            self._session = session
        endpoint = session.endpoint
        address = f"{endpoint.user}@{endpoint.address}:{endpoint.port}"
        self._emit(HostConnected(self.name, clock(), address, session.facts))
        return session

    def _untaken(self, finished: Sequence[TaskFinished]) -> None:
        """Tell of tasks that nobody begins, since the host cannot be looked at."""
        self._emit(HostStarted(self.name, self._clock(), len(finished), 0))
        for event in finished:
            self._tally.task(event)
            self._emit(event)

    def _restarts(
        self, mode: str, message: Mapping[str, Any], reply: Callable[[Mapping[str, Any]], None]
    ) -> None:
        """Note that the host is about to restart: the end of the connection is expected from now on."""
        spec = self._specs.get(str(message.get("task_id")))
        self._restart = announced(spec, message) if mode == "apply" else None
        reply({} if self._restart is not None else {"error": "nobody asked for a restart"})

    def _add(self, specs: tuple[TaskSpec, ...]) -> None:
        """Take in tasks that are known only now, in the place of one that was counted."""
        self._specs |= {spec.id: spec for spec in specs}
        more = sum(1 for spec in specs if not spec.barrier and not spec.handler) - 1
        if more > 0:
            self._emit(TasksAdded(self.name, self._clock(), more))

    # -- questions of tasks ---------------------------------------------------------------------------------

    def _prompt(self, message: Mapping[str, Any], reply: Callable[[Mapping[str, Any]], None]) -> None:
        """Ask a person, while the host's other tasks go on."""
        spec = self._specs.get(str(message.get("task_id")))

        def ask() -> None:
            answer = None if spec is None else self._prompts.answer(spec)
            with contextlib.suppress(UnreachableError):  # the run's own thread finds out and says so
                reply({"text": answer})

        threading.Thread(target=ask, name=f"ask-{self.name}", daemon=True).start()

    def _receive(
        self,
        received: Received,
        mode: str,
        message: Mapping[str, Any],
        reply: Callable[[Mapping[str, Any]], None],
    ) -> None:
        """Take a piece of a file; a plan brings none, but for a task that it really does."""
        spec = self._specs.get(str(message.get("task_id")))
        wanted = spec is not None and (mode == "apply" or spec.check_mode is False)
        reply(received.take(spec if wanted else None, message))

    # -- reports of the agent -------------------------------------------------------------------------------

    def _report(self, message: Mapping[str, Any], origin: float) -> None:
        """Turn an agent's message into an event; names come from our own graph, never from the host."""
        if message["type"] == "notice":
            level = "warning" if message.get("level") == "warning" else "info"
            self._emit(HostNotice(self.name, self._clock(), level, str(message.get("message"))))
            return
        spec = self._specs.get(str(message.get("task_id")))
        if spec is None:
            return
        if message["type"] == "result" and self._late is not None:
            self._late.note(message)
        elif message["type"] == "released" and self._late is not None:
            self._late.release(message)
        elif message["type"] == "task_started":
            at = origin + float(message["at_s"])
            if spec.id in self._under_way:
                return  # the task that has restarted the host goes on
            if spec.module == "reboot":
                self._began[spec.id] = at
            self._under_way[spec.id] = f"{spec.role}: {spec.name}"
            self._emit(TaskStarted(self.name, at, spec.id, spec.role, spec.name, spec.module, spec.handler))
        elif message["type"] == "task_finished":
            event = finished(self.name, spec, self._specs, message, origin, self._began.get(spec.id))
            self._under_way.pop(spec.id, None)
            self._ended[spec.id] = str(event.status)
            if self._restart is not None and self._restart.spec.id == spec.id:
                self._restart = None  # it has failed: the host is still there
            self._tally.task(event)
            self._emit(event)
            if event.status in (Outcome.FAILED, Outcome.TIMEOUT) and not event.ignored:
                self._fatal(spec, "has failed")

    def _fatal(self, spec: TaskSpec, what: str) -> None:
        """Stop all hosts if the task is fatal for all; a plan stops none, since an apply may go better."""
        if spec.fatal and self._turn.startswith("apply"):
            why = f"'{spec.role}: {spec.name}' {what} on {self.name} (any_errors_fatal)"
            self._shared.alarm.ring(self._turn, why)


def _no_other_host(name: str) -> Endpoint:
    raise InputError(f"there is no host {name!r} to hand a task to")
