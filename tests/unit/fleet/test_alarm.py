"""any_errors_fatal: a failure on one host starts nothing more on any."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from configurator.agent.protocol import TaskSpec
from configurator.compiler.order import OrderedGraph
from configurator.core.run_events import HostNotice, RunEvent
from configurator.fleet.alarm import Alarm
from configurator.fleet.delegates import Delegates
from configurator.fleet.host import HostRun, HostSettings
from configurator.fleet.shared import Shared
from configurator.transport.endpoint import Endpoint
from configurator.transport.sshauth import Secrets

SPEC = TaskSpec("r/1:a", "r", "a", "command", fatal=True)
ENDED = {"type": "task_finished", "task_id": "r/1:a", "at_s": 1.0, "started_s": 0.0, "duration_s": 1.0}


@dataclass
class Session:
    """A host whose task ends as it is told to: `failed` at once, `waits` when it is cancelled."""

    endpoint: Endpoint
    cancelled: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    why: list[str] = field(default_factory=list)
    ends: Mapping[str, Any] = field(default_factory=dict)
    first: threading.Event | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    runs: int = 0

    def run(
        self, _request: Any, _blobs: Any, report: Callable[[Mapping[str, Any]], None], _questions: Any
    ) -> None:
        self.runs += 1
        self.begun.set()
        if self.first is not None:
            assert self.first.wait(30)
        if not self.ends:
            assert self.cancelled.wait(30)
        report({**ENDED, "status": "cancelled", **self.ends})

    def cancel(self, *, abort: bool, why: str) -> None:
        assert not abort
        self.why.append(why)
        self.cancelled.set()

    def close(self) -> None:
        """Nothing to close."""


def start(
    sessions: dict[str, Session], monkeypatch: pytest.MonkeyPatch, *, mode: str = "apply", fatal: bool = True
) -> tuple[list[HostRun], list[RunEvent]]:
    """Run all hosts at once, and return them with what they said."""
    monkeypatch.setattr("configurator.fleet.host.HostSession", lambda endpoint, _: sessions[endpoint.name])
    secrets, events = Secrets(lambda _: None), list[RunEvent]()
    shared = Shared(Delegates(lambda name: Endpoint(name, name), secrets))
    graph = OrderedGraph(tasks=(replace(SPEC, fatal=fatal),))
    hosts = [
        HostRun(
            name,
            lambda session=session: session.endpoint,  # type: ignore[misc]
            lambda _facts: graph,
            HostSettings(),
            secrets,
            events.append,
            shared=shared,
        )
        for name, session in sessions.items()
    ]
    does = [
        threading.Thread(
            target=(lambda host: host.plan(lambda: 0.0))
            if mode == "plan"
            else (lambda host: host.apply(lambda: 0.0, confirmed=False)),
            args=(host,),
        )
        for host in hosts
    ]
    for thread in does:
        thread.start()
    for thread in does:
        thread.join(60)
    return hosts, events


def endpoint(name: str) -> Endpoint:
    return Endpoint(name, "192.0.2.1")


def test_a_fatal_failure_stops_all_hosts_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs elsewhere is not aborted; each host is told once which task of which host it was."""
    other = Session(endpoint("h2"))
    one = Session(endpoint("h1"), ends={"status": "failed"}, first=other.begun)
    hosts, events = start({"h1": one, "h2": other}, monkeypatch)
    assert other.why == one.why == ["any_errors_fatal"]
    message = "nothing more begins: 'r: a' has failed on h1 (any_errors_fatal)"
    assert sorted(event.host for event in events if isinstance(event, HostNotice)) == ["h1", "h2"]
    assert {event.message for event in events if isinstance(event, HostNotice)} == {message}
    assert [host.summary.failed for host in hosts] == [1, 0]
    assert all(host.halted is not None for host in hosts)


@pytest.mark.parametrize(
    ("ends", "mode", "fatal"),
    [
        ({"status": "failed", "ignored": True}, "apply", True),
        ({"status": "failed", "rescued": True}, "apply", True),
        ({"status": "ok"}, "apply", True),
        ({"status": "failed"}, "apply", False),
        ({"status": "failed"}, "plan", True),
    ],
)
def test_what_is_no_fatal_failure_stops_nobody(
    ends: Mapping[str, Any], mode: str, fatal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is ignored or rescued, one of another task, and one of a plan."""
    other = Session(endpoint("h2"), ends={"status": "ok"})
    one = Session(endpoint("h1"), ends=ends)
    hosts, events = start({"h1": one, "h2": other}, monkeypatch, mode=mode, fatal=fatal)
    assert other.why == one.why == []
    assert [event for event in events if isinstance(event, HostNotice)] == []
    assert [host.halted for host in hosts] == [None, None]


def test_a_host_that_comes_after_the_alarm_begins_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """With few forks its turn comes when others have failed; it is not even connected to."""
    one = Session(endpoint("h1"), ends={"status": "failed"})
    monkeypatch.setattr("configurator.fleet.host.HostSession", lambda _endpoint, _: one)
    secrets, events = Secrets(lambda _: None), list[RunEvent]()
    shared = Shared(Delegates(lambda name: Endpoint(name, name), secrets))
    shared.alarm.ring("apply/", "it was too much")
    host = HostRun(
        "h1",
        lambda: one.endpoint,
        lambda _facts: OrderedGraph(tasks=(SPEC,)),
        HostSettings(),
        secrets,
        events.append,
        shared=shared,
    )
    assert host.apply(lambda: 0.0, confirmed=False).failed == 0
    assert one.runs == 0
    assert [event.message for event in events if isinstance(event, HostNotice)] == [
        "nothing more begins: it was too much"
    ]


def test_the_alarm_rings_once_for_those_inside_and_those_who_come() -> None:
    """A host that has left, and those of another play, hear nothing."""
    alarm, heard = Alarm(), list[str]()
    for turn, host in (("apply/1", "a"), ("apply/1", "b"), ("apply/2", "c")):
        assert alarm.enter(turn, host, lambda why, host=host: heard.append(f"{host}: {why}")) is None  # type: ignore[misc]
    alarm.leave("apply/1", "b")
    alarm.ring("apply/1", "x")
    alarm.ring("apply/1", "y")
    assert heard == ["a: x"]
    assert alarm.enter("apply/1", "d", heard.append) == "x"
    assert alarm.enter("apply/2", "d", heard.append) is None
