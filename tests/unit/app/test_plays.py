"""The plays of a run: one after the other, in batches, without hosts that have failed, told as one run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from passlib.hash import sha512_crypt
from rich.console import Console

from configurator.app.graph import HostOrder, graph
from configurator.app.options import RunOptions
from configurator.app.plays import PlayHost, run_plays
from configurator.app.questions import ask_all
from configurator.app.run import Confirm, apply, plan
from configurator.compiler.project import Project
from configurator.core.errors import InputError, RefusedError
from configurator.core.run_events import (
    HostConnected,
    HostFinished,
    HostNotice,
    HostStarted,
    HostSummary,
    PlayStarted,
    RunEvent,
    RunFinished,
)
from configurator.core.run_events import Sink as RunSink
from configurator.report.plain import PlainSink
from configurator.report.plan import PlanSink
from configurator.report.redact import Redactor
from configurator.report.summary import SummarySink
from tests.unit.app.sessions import FakeHosts, FakeSession, fake_hosts
from tests.unit.compiler.projects import load, write
from tests.unit.report import golden

__all__ = ["fake_hosts"]  # a fixture

HOSTS = [f"h{number}" for number in range(6)]
INVENTORY = "all: {hosts: {" + ", ".join(f"{name}: {{ansible_user: root}}" for name in HOSTS) + "}}"


@pytest.fixture(autouse=True)
def _in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))


# -- the loop over plays, with hosts that are only pretended ------------------------------------------------


@dataclass
class FakeRun:
    """A host's run of one play; fails if it is told to, and notes who ran when."""

    name: str
    number: int
    emit: Callable[[RunEvent], None]
    broken: bool
    log: list[tuple[int, str]]
    failure: None = None
    halted: str | None = None

    released: list[str] = field(default_factory=list)

    def take_over(self, _other: FakeRun) -> None:
        """Nothing to take over."""

    def release(self) -> None:
        self.released.append(self.name)

    def do(self) -> HostSummary:
        self.log.append((self.number, self.name))
        self.emit(HostStarted(self.name, 0.0, 2, 1))
        summary = HostSummary(ok=1, changed=0 if self.broken else 1, failed=int(self.broken), duration_s=1.0)
        self.emit(HostFinished(self.name, 0.0, summary))
        return summary


@dataclass
class Sink:
    events: list[RunEvent] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def handle(self, event: RunEvent) -> None:
        with self.lock:
            self.events.append(event)

    def close(self) -> None:
        """Nothing to give back."""

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def run(
    playbook: str, broken: Mapping[int, Sequence[str]] | None = None, halted: Sequence[str] = ()
) -> tuple[Sink, list[list[str]]]:
    """Run a playbook on all hosts; return what was told, and the hosts of each batch that had its turn."""
    project = load({"inventory/hosts.yml": INVENTORY, "site.yml": playbook}, playbook="site.yml")
    sink, log = Sink(), list[tuple[int, str]]()

    def make(name: str) -> Callable[..., Any]:
        return lambda number, _later, _compiled, emit: FakeRun(
            name,
            number,
            emit,
            name in (broken or {}).get(number, ()),
            log,
            halted="h9 failed" if name in halted else None,
        )

    assert project.playbook is not None
    hosts = [
        PlayHost(host.name, project.playbook.numbers(host), make(host.name), Any, sink.handle)  # type: ignore[arg-type]
        for host in project.hosts()
    ]
    run_plays(project.plays, hosts, lambda one: one.do(), 4, sink, lambda: 0.0)  # type: ignore[attr-defined]
    return sink, [list(event.hosts) for event in sink.of(PlayStarted)]


TWO = "- {hosts: all, name: one, tasks: []}\n- {hosts: 'h1,h2', name: two, tasks: []}\n"


def test_a_play_begins_when_the_one_before_has_ended_everywhere() -> None:
    """Announced once each, with its number and its hosts."""
    sink, turns = run(TWO)
    assert turns == [HOSTS, ["h1", "h2"]]
    assert [(event.play, event.number, event.plays) for event in sink.of(PlayStarted)] == [
        ("one", 1, 2),
        ("two", 2, 2),
    ]
    places = {(type(event), getattr(event, "host", None)): n for n, event in enumerate(sink.events)}
    second = sink.events.index(sink.of(PlayStarted)[1])
    assert all(
        place < second for (kind, host), place in places.items() if kind is HostFinished and host == "h3"
    )


def test_a_host_is_told_as_one_run() -> None:
    """One end with the sums of its plays, and totals that grow with each play."""
    sink, _ = run(TWO)
    (end,) = [event for event in sink.of(HostFinished) if event.host == "h1"]
    assert end.summary == HostSummary(ok=2, changed=2, duration_s=2.0)
    totals = [(event.tasks, event.handlers) for event in sink.of(HostStarted) if event.host == "h1"]
    assert totals == [(2, 1), (4, 2)]
    assert len(sink.of(HostFinished)) == len(HOSTS)


def test_a_play_that_was_stopped_for_all_is_the_last_one() -> None:
    """Also where the host that failed is not of the batch, and those that know say nothing twice."""
    sink, turns = run(TWO, halted=["h3"])
    assert turns == [HOSTS]
    assert {event.host for event in sink.of(HostNotice)} == set(HOSTS) - {"h3"}
    assert {event.message for event in sink.of(HostNotice)} == {"nothing more begins: h9 failed"}


def test_a_host_that_failed_is_out_of_the_later_plays() -> None:
    """The others go on."""
    sink, turns = run(TWO, {0: ["h1", "h5"]})
    assert turns == [HOSTS, ["h2"]]
    assert sink.of(HostNotice) == []


def test_a_play_without_hosts_is_announced_and_passed_over() -> None:
    """As in Ansible: the plays that follow are for others."""
    _, turns = run(TWO, {0: ["h1", "h2"]})
    assert turns == [HOSTS, []]
    _, turns = run("- {hosts: h1}\n- {hosts: 'all:!all'}\n- {hosts: h2}\n")
    assert turns == [["h1"], [], ["h2"]]


@pytest.mark.parametrize(
    ("more", "broken", "turns"),
    [
        ("", ["h0"], [["h0", "h1"], ["h2", "h3"], ["h4", "h5"], ["h1", "h2", "h3", "h4", "h5"]]),
        ("", ["h0", "h1"], [["h0", "h1"]]),
        (", any_errors_fatal: true", ["h2"], [["h0", "h1"], ["h2", "h3"]]),
        (", max_fail_percentage: 49", ["h0"], [["h0", "h1"]]),
        (", max_fail_percentage: 50", ["h0"], None),
        (", max_fail_percentage: 0", ["h5"], [["h0", "h1"], ["h2", "h3"], ["h4", "h5"]]),
    ],
)
def test_failures_in_batches_stop_everything_as_in_ansible(
    more: str, broken: list[str], turns: list[list[str]] | None
) -> None:
    """A whole batch, more of one than is allowed, or any host at all: nothing more begins."""
    playbook = f"- {{hosts: all, serial: 2, name: one{more}}}\n- {{hosts: all, name: two}}\n"
    sink, found = run(playbook, {0: broken})
    if turns is None:
        turns = [["h0", "h1"], ["h2", "h3"], ["h4", "h5"], [name for name in HOSTS if name not in broken]]
    assert found == turns
    stopped = {event.host for event in sink.of(HostNotice)}
    reached_the_end = len(found) == 4
    assert stopped == (set() if reached_the_end else set(HOSTS) - set(broken))
    assert len(sink.of(HostFinished)) == len(HOSTS), "also of those that had no turn"


def test_the_order_of_hosts_is_that_of_the_play() -> None:
    """Batches are cut from it."""
    _, turns = run("- {hosts: all, serial: 4, order: reverse_inventory}\n")
    assert turns == [["h5", "h4", "h3", "h2"], ["h1", "h0"]]


def test_an_interrupted_host_is_let_go_before_its_end_is_told() -> None:
    """A second Ctrl-C waits for nobody: what the host still says must not come after its end."""
    project = load({"inventory/hosts.yml": INVENTORY, "site.yml": TWO}, playbook="site.yml")
    sink, log = Sink(), list[tuple[int, str]]()
    let_go: list[int] = []

    class Stuck(FakeRun):
        def abandon(self, _patience_s: float) -> None:
            let_go.append(len(sink.of(HostFinished)))
            self.emit(HostFinished(self.name, 0.0, HostSummary(ok=7)))

        def do(self) -> HostSummary:
            raise KeyboardInterrupt

    host = PlayHost(
        "h0",
        [0],
        lambda number, _later, _compiled, emit: Stuck("h0", number, emit, False, log),  # type: ignore[arg-type,return-value]
        Any,  # type: ignore[arg-type]
        sink.handle,
    )
    with pytest.raises(KeyboardInterrupt):
        run_plays(project.plays, [host], lambda one: one.do(), 1, sink, lambda: 0.0)  # type: ignore[attr-defined]
    assert let_go == [0]
    assert [event.summary.ok for event in sink.of(HostFinished)] == [7]
    assert len(sink.of(PlayStarted)) == 1


# -- whole runs, with sessions that answer what the agent would ---------------------------------------------

SITE = {
    "inventory/hosts.yml": "all: {hosts: {web1: {ansible_user: root}, web2: {ansible_user: root}}}",
    "site.yml": """
        - name: The machines
          hosts: all
          pre_tasks: [{name: Note, copy: {dest: /opt/a, content: x}, notify: Tell}]
          roles: [r]
          handlers: [{name: Tell, command: echo}]
        - name: The first one
          hosts: web1
          tasks: [{name: Last, copy: {dest: /opt/b, content: x}}]
    """,
    "roles/r/tasks/main.yml": "- {name: Page, copy: {dest: /opt/c, content: x}}",
}


class Answering(FakeSession):
    """A session whose agent finds a change in every task, and every notified handler due."""

    requests: list[tuple[str, Mapping[str, Any]]] = []  # noqa: RUF012  (one list for all)

    def run(
        self,
        request: Mapping[str, Any],
        _blobs: Mapping[str, bytes],
        report: Callable[[Mapping[str, Any]], None],
        _questions: Mapping[str, Any],
    ) -> None:
        self.requests.append((self.endpoint.name, request))
        notified = {name for task in request["tasks"] for name in task.get("notify", ())}
        for number, task in enumerate(request["tasks"]):
            if task.get("barrier") or (task.get("handler") and task["id"] not in notified):
                continue
            times = {"at_s": number / 10, "started_s": number / 10, "duration_s": 0.1}
            change = {"subject": f"path:/{task['name']}", "field": "content", "before": None, "after": "x"}
            report({"type": "task_started", "task_id": task["id"], **times})
            ended = {"type": "task_finished", "task_id": task["id"], "status": "changed", "changes": [change]}
            report({**ended, **times})


@pytest.fixture
def agents(fake_hosts: FakeHosts, monkeypatch: pytest.MonkeyPatch) -> FakeHosts:
    """Every host answers, and has an agent that would change everything."""
    Answering.requests.clear()

    def session(endpoint: Any, _secrets: Any) -> FakeSession:
        fake_hosts.open.append(endpoint.name)
        return Answering(fake_hosts, endpoint)

    monkeypatch.setattr("configurator.fleet.host.HostSession", session)
    monkeypatch.setattr("configurator.app.run.start_clock", lambda: lambda: 0.0)
    return fake_hosts


class Shown(Sink):
    """What a person sees of a run of one worker, on both streams."""

    def __init__(self) -> None:
        super().__init__()
        console, self.stream = golden.plain_console()
        self._sinks: list[RunSink] = [PlainSink(console), PlanSink(console), SummarySink(console)]
        assert isinstance(console, Console)

    def handle(self, event: RunEvent) -> None:
        with self.lock:
            self.events.append(event)
            for sink in self._sinks:
                sink.handle(event)


OPTIONS = RunOptions(playbook="site.yml", forks=1)


def test_a_run_of_two_plays_reads_well(agents: FakeHosts) -> None:
    """Looked at by people: each play under its name, the counts of all plays together, one end."""
    write(SITE)
    sink = Shown()
    assert plan(OPTIONS, sink) == 0
    golden.check("plan-playbook.txt", sink.stream.getvalue())
    sink = Shown()
    assert apply(OPTIONS, sink, None) == 0
    golden.check("apply-playbook.txt", sink.stream.getvalue())
    (end,) = sink.of(RunFinished)
    assert end.hosts["web1"].changed == 4
    assert agents.open == []


def test_all_plays_of_a_host_are_requests_on_one_connection(agents: FakeHosts) -> None:
    """A plan goes on in the world that the play before has made up; an apply is held to what was shown."""
    write(SITE)
    shown: list[Mapping[str, HostSummary]] = []

    def yes(summaries: Mapping[str, HostSummary]) -> bool:
        shown.append(summaries)
        return True

    confirm: Confirm = yes
    sink = Shown()
    assert apply(OPTIONS, sink, confirm) == 0
    told = [
        (name, request["mode"], request["play"], request["continues"], request["confirmed"])
        for name, request in Answering.requests
    ]
    assert sorted(told) == [
        ("web1", "apply", "1", False, True),
        ("web1", "apply", "2", True, True),
        ("web1", "plan", "1", False, False),
        ("web1", "plan", "2", True, False),
        ("web2", "apply", "1", False, True),
        ("web2", "plan", "1", False, False),
    ]
    assert shown[0]["web1"].changed == 4
    assert len(sink.of(HostConnected)) == 2
    assert agents.open == []


def test_only_what_no_play_has_is_refused_before_anything_begins(agents: FakeHosts) -> None:
    """All plays are looked through, on all hosts."""
    write(SITE)
    assert plan(RunOptions(playbook="site.yml", only=("copy:Last",)), Sink()) == 0
    ran = {(name, request["play"], len(request["tasks"])) for name, request in Answering.requests}
    assert {name for name, _, count in ran if count > 4} <= {"web1", "web2"}
    Answering.requests.clear()
    with pytest.raises(InputError, match="no task of these hosts is 'copy:Lst'"):
        plan(RunOptions(playbook="site.yml", only=("copy:Lst",)), Sink())
    assert Answering.requests == []


def test_the_order_of_all_plays_is_one_graph(fake_hosts: FakeHosts) -> None:
    """`graph` shows the plays of a host behind each other."""
    write(SITE)
    report = graph(RunOptions(playbook="site.yml", hosts=("web1",)))
    found = report.hosts["web1"]
    assert isinstance(found, HostOrder)
    golden.check("graph-playbook.txt", found.draw("text") + "\n")
    assert fake_hosts.open == []


# -- questions ----------------------------------------------------------------------------------------------

ASKING = """
- hosts: all
  vars_prompt:
    - {name: word, prompt: Which word?, private: false, default: abc}
    - {name: secret, confirm: true}
- {hosts: all, vars_prompt: [{name: secret}]}
"""


def asking(extra: Sequence[str] = ()) -> Project:
    files = {"inventory/hosts.yml": INVENTORY, "site.yml": ASKING}
    return load(files, playbook="site.yml", extra_vars=extra)


def plain(answers: Mapping[int, Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
    return {
        number: {name: value.plain() for name, value in found.items()} for number, found in answers.items()
    }


def test_questions_are_put_once_before_anything_begins() -> None:
    """An empty answer is the default; what is typed unseen is typed twice if asked so, and masked."""
    asked: list[str] = []

    def hidden(text: str) -> str:
        asked.append(text)
        return "hunter22"

    def seen(text: str, echo: bool, _timeout: float | None, _given_up: threading.Event) -> str:
        asked.append(f"{text}{echo}")
        return ""

    redactor = Redactor()
    found = ask_all(enumerate(asking().plays), hidden, seen, redactor)
    assert plain(found) == {0: {"word": "abc", "secret": "hunter22"}, 1: {"secret": "hunter22"}}
    assert asked == ["Which word? [abc]: True", "secret: ", "confirm secret: "]
    assert "hunter22" not in redactor.text("it is hunter22")


def test_who_gives_the_answer_on_the_command_line_is_not_asked() -> None:
    """And where nobody can be asked, a default does; without one the run does not begin."""
    plays = asking(["secret=x"]).plays
    assert plain(ask_all(enumerate(plays), None, None, Redactor())) == {0: {"word": "abc"}}
    with pytest.raises(RefusedError, match="'secret' is asked for, and there is no terminal"):
        ask_all(enumerate(asking().plays), None, None, Redactor())


def test_an_answer_may_be_kept_as_a_hash_alone() -> None:
    """With the salt that is given, or of the size; neither the answer nor the hash is shown."""
    question = "{name: p, encrypt: sha512_crypt, SALT}"
    hashes = []
    for salt in ("salt: abcdefgh", "salt_size: 9"):
        playbook = f"- hosts: all\n  vars_prompt: [{question.replace('SALT', salt)}]\n"
        plays = load({"inventory/hosts.yml": INVENTORY, "site.yml": playbook}, playbook="site.yml").plays
        redactor = Redactor()
        found = plain(ask_all(enumerate(plays), lambda _text: "hunter22", None, redactor))[0]["p"]
        assert sha512_crypt.verify("hunter22", found)
        assert found not in redactor.text(f"it is {found}")
        hashes.append(found)
    assert "$abcdefgh$" in hashes[0]
    assert len(hashes[1].split("$")[-2]) == 9


def test_answers_that_differ_are_asked_for_again_and_then_refused() -> None:
    """A password with a typing error locks people out."""
    given = iter(["a", "b", "c", "c"])
    plays = asking(["word=x"]).plays
    found = ask_all(enumerate(plays), lambda _text: next(given), None, Redactor())
    assert plain(found)[0] == {"secret": "c"}
    given = iter("abcdef")
    with pytest.raises(RefusedError, match="differ"):
        ask_all(enumerate(plays), lambda _text: next(given), None, Redactor())
