"""Waiting for a host that restarts: until its boot is another one, and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from configurator.agent.protocol import TaskSpec
from configurator.core.errors import HostKeyError, HostSetupError, UnreachableError
from configurator.fleet import reboot
from configurator.fleet.reboot import Restart, announced, come_back
from configurator.transport.endpoint import Endpoint
from configurator.transport.sshauth import Secrets

SPEC = TaskSpec("r/1:x", "r", "x", "reboot", {"reboot_timeout": 10})
ENDPOINT = Endpoint("web1", "192.0.2.1")


class Host:
    """A host that answers a connection as it is told, one second each; then it says `new`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Any) -> None:
        self.now = 100.0
        self.answers = list(answers)
        self.sessions = 0
        monkeypatch.setattr(reboot, "_boot_id", self._boot_id)
        monkeypatch.setattr(reboot, "HostSession", self._session)

    def _boot_id(self, *_: Any) -> str:
        return str(self._next())

    def _next(self) -> Any:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _session(self, *_: Any) -> str:
        self.sessions += 1
        if self.answers[0] == "not ready":
            self.answers = ["new"]
            raise HostSetupError("web1", "sudo is not there yet")
        return "session"

    def wait(self, given_up: Callable[[], bool] = lambda: False) -> Any:
        def sleep(seconds: float) -> None:
            self.now += seconds

        restart = Restart(SPEC, "old", began=100.0)
        return come_back(restart, ENDPOINT, Secrets(), given_up, clock=lambda: self.now, sleep=sleep)


DOWN = UnreachableError("web1", "connection refused")


def test_the_old_boot_may_answer_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """sshd goes down late, and comes up before what the agent needs."""
    host = Host(monkeypatch, "old", "old", DOWN, DOWN, "not ready")
    assert host.wait() == "session"
    assert host.sessions == 2
    assert host.now < 110


def test_a_host_that_stays_away_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what the last try met."""
    host = Host(monkeypatch, DOWN)
    with pytest.raises(UnreachableError, match=r"did not come back within 10 s.*connection refused"):
        host.wait()
    assert host.now == 110


def test_a_host_that_never_went_gets_an_agent_to_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The task fails on the host, and tasks that do not need it go on."""
    host = Host(monkeypatch, "old")
    assert host.wait() == "session"
    assert host.now == 110


def test_another_host_key_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else answers at the address."""
    host = Host(monkeypatch, DOWN, HostKeyError("web1", "the key has changed"))
    with pytest.raises(HostKeyError):
        host.wait()


def test_the_wait_ends_when_nobody_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second Ctrl-C."""
    host = Host(monkeypatch, DOWN)
    with pytest.raises(UnreachableError, match="interrupted while the host was restarting"):
        host.wait(lambda: host.now >= 103)


@pytest.mark.parametrize("spec", [None, TaskSpec("r/1:x", "r", "x", "command", {"cmd": "true"})])
def test_only_a_reboot_of_ours_is_a_reboot(spec: TaskSpec | None) -> None:
    """Else a host could have us wait for it at will."""
    assert announced(spec, {"boot_id": "x"}) is None


def test_what_a_host_says_of_its_boot_is_only_compared() -> None:
    """Commands and times are those of our own graph."""
    found = announced(SPEC, {"boot_id": ["x"], "carried": "text", "reboot_timeout": 999})
    assert found is not None
    assert (found.boot_id, found.carried, found.params.reboot_timeout) == ("['x']", None, 10)
