"""HostView: what the process that holds a view is told, when it is asked at all, what its answer means."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from configurator.agent import hostview
from configurator.agent.assumptions import Verdict
from configurator.agent.debfile import DebFile, PackedFile
from configurator.agent.frames import Message
from configurator.agent.hostview import HostView, Trial
from configurator.agent.overlay import Later
from configurator.agent.packages_ahead import PackagesAhead
from configurator.agent.processtable import ProcessTable
from configurator.agent.simulated import SimulatedSystem
from configurator.agent.system import HostContext
from configurator.agent.viewworld import accounts, complete
from configurator.agent.world import World
from configurator.core.cancel import Cancelled, CancelToken
from configurator.core.changes import Certainty
from configurator.core.errors import TaskError
from configurator.modules.system import FileStat

STAT = FileStat("file", 0o640, 0, 0, "root", "root", 1, 0.0, 0.0)
ENDED = {"type": "ended", "status": 0, "output": ""}


class FakeHolder:
    """Keeps what it is asked; answers what `answers` says, in order, an exception raised."""

    def __init__(self, answers: list[Message | Exception]) -> None:
        self.answers = answers
        self.asked: list[Message] = []
        self.alive = True
        self.closed = self.stopped = False

    def ask(self, question: Message, timeout_s: float) -> Message:
        assert timeout_s > 0
        self.asked.append(question)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        self.closed = True


class FakePackages:
    """Packages ahead that were looked into."""

    def __init__(self, *debs: DebFile) -> None:
        self.debs = list(debs)

    def packages(self) -> list[DebFile]:
        return self.debs

    def accounts(self) -> list[tuple[str, str]]:
        return [("user", "redis")]

    def brings(self, path: str) -> bool:
        return False

    def names(self, path: str) -> set[str]:
        return set()


@pytest.fixture
def world() -> World:
    return World(HostContext().for_task(CancelToken()))


def made(
    monkeypatch: pytest.MonkeyPatch, world: World, *answers: Message | Exception
) -> tuple[HostView, FakeHolder]:
    holder = FakeHolder(list(answers))
    monkeypatch.setattr(hostview, "Holder", lambda _table: holder)
    return HostView(world, ProcessTable()), holder


def trial(path: str = "/etc/site.conf", command: str = "check -c %s", **environment: str) -> Trial:
    return Trial(command, path, STAT, b"x", environment)


def system(world: World, attempt: Any = None, validate: Any = None, user: str = "root") -> SimulatedSystem:
    real = HostContext().for_task(CancelToken())
    return SimulatedSystem(world, real, "a task", user=user, validate=validate, attempt=attempt)


def test_a_validator_gets_the_new_content_where_an_apply_stages_it(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    """In a directory of its own beside the file, under the file's name; accepted is accepted."""
    view, holder = made(monkeypatch, world, ENDED)
    assert view.attempt(trial(LANG="C"), CancelToken()) == Verdict(accepted=True)
    asked = holder.asked[0]
    staged = asked["staged"]["path"]
    assert asked["argv"] == ["check", "-c", staged]
    assert (os.path.dirname(os.path.dirname(staged)), os.path.basename(staged)) == ("/etc", "site.conf")
    assert asked["staged"]["content"] == "eA=="
    assert asked["environment"] == {"LANG": "C"}
    view.close()
    assert holder.closed


def test_what_it_refuses_is_quoted_and_no_more(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """The output speaks of the path that was meant; a script of a package may still make what it misses."""
    view, holder = made(monkeypatch, world, {"type": "ended", "status": 3, "output": ""})
    assert "exit status 3" in (view.attempt(trial(), CancelToken()).because or "")

    def refuse(question: Message, timeout_s: float) -> Message:
        return {"type": "ended", "status": 1, "output": f"one\n\ntwo\n {question['staged']['path']}: bad\n\n"}

    monkeypatch.setattr(holder, "ask", refuse)
    verdict = view.attempt(trial(), CancelToken())
    assert not verdict.accepted
    assert (verdict.because or "").endswith("says: two; /etc/site.conf: bad")


def test_only_what_has_changed_is_told_again(
    monkeypatch: pytest.MonkeyPatch, world: World, tmp_path: Path
) -> None:
    """Files are told once, again when they change, and what no longer differs from the host is forgotten."""
    view, holder = made(monkeypatch, world, ENDED, OSError("lacks something"), ENDED, ENDED)
    changing = system(world)
    changing.mkdir(f"{tmp_path}/a")
    changing.write(f"{tmp_path}/a/b", b"1")
    view.attempt(trial(), CancelToken())
    changing.write(f"{tmp_path}/a/b", b"2")
    changing.write(f"{tmp_path}/c", b"3")
    assert view.attempt(trial(), CancelToken()) == Verdict()  # told all the same: the view goes on
    changing.remove(f"{tmp_path}/a")
    view.attempt(trial(), CancelToken())
    view.attempt(trial(), CancelToken())
    told = [set(asked["nodes"]) for asked in holder.asked]
    assert told == [
        {f"{tmp_path}/a", f"{tmp_path}/a/b"},
        {f"{tmp_path}/a/b", f"{tmp_path}/c"},
        {f"{tmp_path}/a"},
        set(),
    ]
    assert [asked["forgotten"] for asked in holder.asked] == [[], [], [f"{tmp_path}/a/b"], []]
    assert holder.asked[2]["nodes"] == {f"{tmp_path}/a": None}


def deb(name: str = "redis") -> DebFile:
    def packed(size: int) -> PackedFile:
        return PackedFile("file", 0o644, "root", "root", size, 0.0)

    found = DebFile(f"/cache/{name}.deb", name)
    found.files = {"/usr/bin/x": packed(1000), "/usr/share/doc/x/changelog": packed(9000)}
    found.files |= {"/etc/ld.so.conf.d/x.conf": packed(0), "/usr/lib/tmpfiles.d/x.conf": packed(0)}
    found.conffiles, found.copies = frozenset({"/etc/a", "/etc/copied"}), {"/etc/copied": "/usr/share/x"}
    found.links = {"/etc/link": "/etc/a"}
    return found


def test_packages_are_unpacked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what their scripts copy, link and run; later ones come on top."""
    ahead = FakePackages(deb())
    world = World(HostContext().for_task(CancelToken()), cast(PackagesAhead, ahead))
    done = {"type": "done"}
    view, holder = made(monkeypatch, world, done, ENDED, ENDED, done, ENDED)
    for _ in range(2):
        assert view.attempt(trial(), CancelToken()).accepted
    ahead.debs.append(deb("second"))
    assert view.attempt(trial(), CancelToken()).accepted
    assert [asked["type"] for asked in holder.asked] == ["packages", "check", "check", "packages", "check"]
    first = holder.asked[0]
    assert first["packages"] == [{"path": "/cache/redis.deb", "conffiles": ["/etc/a"]}]
    assert (first["copies"], first["links"]) == ([("/usr/share/x", "/etc/copied")], [("/etc/a", "/etc/link")])
    assert first["commands"] == [["ldconfig"], ["systemd-tmpfiles", "--create", "x.conf"]]
    assert first["bytes"] == 1000 + 3 * 4096
    assert [account["name"] for account in first["accounts"]] == ["redis"]
    assert [package["path"] for package in holder.asked[3]["packages"]] == ["/cache/second.deb"]


def test_a_view_that_cannot_be_made_is_not_tried_again(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """No overlayfs, no permission: the plan then assumes, and does not pay for it at every file."""
    view, holder = made(monkeypatch, world, OSError("no view can be made here"))
    holder.alive = False
    assert [view.attempt(trial(), CancelToken()) for _ in range(2)] == [Verdict(), Verdict()]
    assert len(holder.asked) == 1


def test_half_unpacked_packages_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a validator says of half of them is worth nothing."""
    world = World(HostContext().for_task(CancelToken()), cast(PackagesAhead, FakePackages(deb())))
    view, holder = made(monkeypatch, world, OSError("too little memory"))
    assert [view.attempt(trial(), CancelToken()) for _ in range(2)] == [Verdict(), Verdict()]
    assert len(holder.asked) == 1


def test_a_cancelled_trial_ends_its_task(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """The process is stopped, and the plan does not go on with an assumption."""
    view, holder = made(monkeypatch, world, OSError("no view can be made here"))
    token = CancelToken()
    token.cancel("interrupted")
    with pytest.raises(Cancelled):
        view.attempt(trial(), token)
    assert holder.stopped


@pytest.mark.parametrize("command", ["check", "check '%s"])
def test_a_command_that_is_none_is_not_tried(
    monkeypatch: pytest.MonkeyPatch, world: World, command: str
) -> None:
    """Without %s, or with a quote left open, it is for the apply to say so."""
    view, holder = made(monkeypatch, world)
    assert view.attempt(trial(command=command), CancelToken()) == Verdict()
    assert holder.asked == []


@pytest.mark.parametrize(
    ("states", "known"),
    [
        ({}, True),
        ({"package:nginx": {"exists": True}, "user:app": {"exists": True}}, True),
        ({"unit:nginx.service": {"exists": True}, "sysctl:vm.swappiness": {"value": "1"}}, True),
        ({"path:/srv": {"exists": True, "kind": "directory"}, "path:/old": {"exists": False}}, True),
        ({"package:nginx": {"exists": True, "new": False}}, False),
        ({"package:nginx": {"exists": False}}, False),
        ({"package:nginx": None}, False),
        ({"path:/srv/x": {"exists": True, "kind": "file"}}, False),
        ({"alternatives:editor": {"exists": True}}, False),
    ],
)
def test_nothing_is_tried_where_a_command_makes_what_nobody_has(
    world: World, states: Mapping[str, Any], known: bool
) -> None:
    """A removed or upgraded package, an alternative, a module of apache2: the view would not have them."""
    world.states.update(states)
    assert complete(world) is known


def test_nothing_is_tried_while_something_is_unknown(world: World, tmp_path: Path) -> None:
    """A command that nobody can look into, a download, a directory that a command fills."""
    assert complete(world)
    world.pending.add_opaque("run it")
    assert not complete(world)
    for way in ("later", "unsettled", "package"):
        other = World(HostContext().for_task(CancelToken()))
        if way == "later":
            system(other).write(f"{tmp_path}/x", Later.because("downloaded"))
        elif way == "unsettled":
            system(other).run(["git", "clone"], establishes={f"path:{tmp_path}/**": None})
        else:
            other.pending.add_package("nginx", "install it")
        assert not complete(other), way


def test_accounts_of_tasks_come_with_what_is_known_of_them(world: World) -> None:
    """A number that only the apply gives is left open."""
    world.states["user:app"] = {
        "exists": True,
        "uid": 2000,
        "group": "www",
        "home": "/srv",
        "shell": "/bin/sh",
    }
    world.states["group:old"] = {"exists": False}
    world.states["group:new"] = {"exists": True, "gid": object(), "members": ("a", "b")}
    world.states["user:odd"] = None
    app, old, new = accounts(world)
    assert (app["number"], app["group"], app["home"], app["shell"]) == (2000, "www", "/srv", "/bin/sh")
    assert (old["exists"], old["group"]) == (False, "old")
    assert (new["number"], new["members"]) == (None, ["a", "b"])


# -- what a plan makes of it -------------------------------------------------------------------------------


def refused(*_what: Any) -> None:
    raise TaskError("the new content was refused", exit_status=1)


@pytest.mark.parametrize(
    ("verdict", "certainty", "because"),
    [
        (Verdict(accepted=True), Certainty.EXACT, None),
        (Verdict(because="it says: no"), Certainty.ASSUMED, "it says: no"),
        (Verdict(), Certainty.ASSUMED, "its validator runs only in an apply"),
    ],
)
def test_a_plan_is_as_sure_as_its_validator(
    world: World, tmp_path: Path, verdict: Verdict, certainty: Certainty, because: str | None
) -> None:
    """Accepted is exact; refused is no failure, since the apply may find what a plan has not."""
    changing = system(world, attempt=lambda *_: verdict)
    changing.write(f"{tmp_path}/x", b"new", mode="0600", validate="nginx -t -c %s")
    assert (changing.doubt.certainty, changing.doubt.because) == (certainty, because)
    assert changing.read(f"{tmp_path}/x") == b"new"


def test_a_validator_sees_what_the_file_will_be(world: World, tmp_path: Path) -> None:
    """Its resolved path and its mode, as an apply dresses the new file before it asks."""
    seen: list[tuple[str, str, int, bytes]] = []

    def attempt(command: str, path: str, stat: FileStat, content: bytes) -> Verdict:
        seen.append((command, path, stat.mode, content))
        return Verdict(accepted=True)

    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    system(world, attempt=attempt).write(f"{tmp_path}/link/x", b"new", mode="0600", validate="check %s")
    assert seen == [("check %s", f"{tmp_path}/real/x", 0o600, b"new")]


def test_a_refusal_on_the_host_holds_unless_the_plan_makes_it_good(world: World, tmp_path: Path) -> None:
    """A validator that needs a file of an earlier task accepts where that file is; else the plan fails."""
    path = f"{tmp_path}/x"
    accepting = system(world, attempt=lambda *_: Verdict(accepted=True), validate=refused)
    accepting.write(path, b"new", validate="haproxy -c -f %s")
    assert accepting.doubt.certainty is Certainty.EXACT
    for attempt in (lambda *_: Verdict(because="no"), None):
        with pytest.raises(TaskError, match="was refused"):
            system(world, attempt=attempt, validate=refused).write(path, b"new", validate="haproxy -c -f %s")


def test_nothing_is_tried_for_another_user(world: World, tmp_path: Path) -> None:
    """A view's validators run as root: that would answer another question."""
    changing = system(world, attempt=lambda *_: Verdict(accepted=True), user="nobody")
    changing.write(f"{tmp_path}/x", b"new", validate="check %s")
    assert changing.doubt.certainty is Certainty.ASSUMED
