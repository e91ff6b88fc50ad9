"""What the controller can ask of the agent: a plan or an apply of a list of tasks, and more facts."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from configurator.agent import facts as facts_module
from configurator.agent import guard as guards
from configurator.agent import scripts
from configurator.agent.agent import Agent
from configurator.agent.apply_taker import ApplyTaker
from configurator.agent.child import Children, serve
from configurator.agent.contents import FetchPiece
from configurator.agent.durations import ChangeDurations
from configurator.agent.extensions import Extensions
from configurator.agent.frames import Message
from configurator.agent.host_run import HostRun, Taker
from configurator.agent.hostlock import HostLock
from configurator.agent.index_ahead import forget_old as forget_old_index
from configurator.agent.notifications import Notifications
from configurator.agent.plan_taker import PlanTaker
from configurator.agent.protocol import TaskSpec
from configurator.agent.remembered import Remembered
from configurator.agent.system import HostContext
from configurator.agent.verdicts import Verdicts
from configurator.core.cancel import CancelToken

_PUT_BACK = "an earlier run ended before it could prove that we can still log in: its change was put back"


def run(agent: Agent, message: Mapping[str, Any]) -> None:
    """Run a plan or an apply; `finished` is the last message about it, or `refused` the only one.

    A request for facts is answered with one message. After an apply with `more` the host stays locked, until
    one without, a `release` or a cancel.
    """
    if message["type"] == "release":
        _release(agent)
    elif message["type"] == "facts":
        from configurator.agent.fact_requests import gather  # noqa: PLC0415  (few runs need it)

        gather(agent, message)
    else:
        _run(agent, message)


def _run(agent: Agent, message: Mapping[str, Any]) -> None:
    applying = message["mode"] == "apply"
    lock = agent.lock or HostLock()
    if applying and agent.lock is None and not _admitted(agent, message, lock):
        return
    rebooted = message.get("rebooted") or {}
    if rebooted.get("carried") is not None:  # by the controller, from the agent before the restart
        agent.remember(Remembered.from_json(rebooted["carried"]))
    known: Remembered | None = agent.predicted
    play = str(message.get("play") or "")
    planned = known.of(play) if known is not None and applying and message.get("confirmed") else None
    before = known.taker if known is not None and not applying and message.get("continues") else None
    context = HostContext(
        facts=agent.facts,
        fetch_piece=agent.piece,
        ask=_asking(agent, known if planned is not None else None),
        rebooted=rebooted,
        ssh_connection=agent.ssh_connection,
        lock_descriptor=lock.descriptor,
    )
    context = context if before is None else before.context
    extensions = Extensions(message.get("modules") or {}, agent.cache, context.blob)
    children = Children(context, child_command(agent.cache), extensions.paths)
    notifications = Notifications(persistent=applying) if before is None else before.notifications
    real = ApplyTaker(
        context,
        notifications,
        children,
        _confirmation(agent),
        workers=int(message.get("jobs", 4)),
        planned=planned,
        verdicts=Verdicts(context.ask, agent.send),
    )
    taker: Taker = real
    if not applying:
        verdicts, deep = Verdicts(context.ask, agent.send, planning=True), bool(message.get("deep"))
        taker = PlanTaker(
            context, notifications, real, agent.cache, deep=deep, verdicts=verdicts, before=before
        )
    host_run = HostRun(
        [TaskSpec.from_json(item) for item in message["tasks"]],
        taker,
        notifications,
        agent.send,
        bool(message.get("fail_fast")),
        ChangeDurations() if applying else None,
        message.get("ended") or {},
        check=extensions.check,
        ask=context.ask,
    )
    agent.begin(host_run, context)
    try:
        host_run.execute()
    finally:
        agent.end()
        if isinstance(taker, PlanTaker):
            taker.close()
        children.close()
        if applying and not message.get("delegated"):
            shutil.rmtree(os.path.join(agent.cache, "archives"), ignore_errors=True)  # of a deep plan
        context.processes.wait_uninterruptible()
        if applying:
            agent.lock = lock
            if not message.get("more") or agent.stopped:
                _release(agent)
    if isinstance(taker, PlanTaker):
        shown = dict(known.predicted) if known is not None and before is not None else {}
        agent.remember(Remembered({**shown, play: taker.predicted}, taker))
    agent.send({"type": "finished"})


def _admitted(agent: Agent, message: Mapping[str, Any], lock: HostLock) -> bool:
    """Return True if an apply may begin: nobody else has locked the host; say who it is otherwise.

    A task that another host hands to this one may also be done while their own run has locked it. Else what
    earlier runs have left is removed, and what one could not prove to be harmless is put back.
    """
    holder = lock.acquire({**message.get("holder", {}), "pid": os.getpid(), "since": int(time.time())})
    if holder is not None:
        if message.get("delegated") and holder.get("run") == _run_of(message):
            return True
        agent.send({"type": "refused", "reason": "locked", "holder": dict(holder)})
        return False
    scripts.forget_old()
    forget_old_index(os.path.join(agent.cache, "index"), time.time())
    if guards.settle_left_over(lock.descriptor):
        agent.send({"type": "notice", "level": "warning", "message": _PUT_BACK})
    return True


def _release(agent: Agent) -> None:
    """Let others work on the host."""
    if agent.lock is not None:
        agent.lock.release()
        agent.lock = None


def _run_of(message: Mapping[str, Any]) -> str:
    holder = message.get("holder")
    return str(holder.get("run", "?")) if isinstance(holder, Mapping) else "?"


def _asking(agent: Agent, planned: Remembered | None) -> Callable[..., Message | None]:
    """Return what puts a question to the controller; before a restart it hands over the confirmed plan."""

    def ask(question: Mapping[str, Any], timeout_s: float | None, token: CancelToken) -> Message | None:
        if question["type"] == "reboot" and planned is not None:
            question = {**question, "carried": planned.to_json()}
        return agent.ask(question, timeout_s, token)

    return ask


def _confirmation(agent: Agent) -> Callable[[guards.Armed, tuple[int, ...]], str | None]:
    """Return what asks the controller to log in anew over a new connection and to disarm."""

    def confirm(armed: guards.Armed, ports: tuple[int, ...]) -> str | None:
        question = {
            "type": "guard",
            "token": armed.token,
            "command": list(armed.disarm_command),
            "ports": list(ports),
            "timeout_s": guards.CONFIRM_S,
        }
        answer = agent.ask(question, timeout_s=guards.CONFIRM_S + 5)
        if answer is None:
            return "no answer from the controller"
        return None if answer.get("ok") else str(answer.get("error") or "refused")

    return confirm


def child_command(cache: str) -> list[str]:
    """Return the argument list that starts a child agent from the same cache."""
    source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    code = (
        f"import sys;sys.path.insert(0,{source!r});"
        f"from configurator.agent.main import main;main('',{cache!r})"
    )
    return [sys.executable, "-I", "-S", "-c", code, "--child"]


def serve_child(cache: str) -> None:
    """Be the child agent of one user until the parent ends."""
    del cache  # a child plans nothing, and so validates nothing there

    def make_context(piece: FetchPiece) -> HostContext:
        return HostContext(facts=facts_module.collect(), fetch_piece=piece, ssh_connection="")

    serve(sys.stdin.buffer, sys.stdout.buffer, make_context)
