"""Tasks done once for all hosts, and by few at a time: who waits for whom, and until when."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

import pytest

from configurator.fleet.once import OnceBoard, Throttles

PATIENCE_S = 30.0  # a limit for what has hung: nothing here takes any time


class Beside:
    """A call on a thread of its own; `value` waits for its end."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._found: list[Any] = []
        self.ended = threading.Event()
        threading.Thread(target=self._run, args=(work,), daemon=True).start()

    def _run(self, work: Callable[[], Any]) -> None:
        self._found.append(work())
        self.ended.set()

    @property
    def value(self) -> Any:
        assert self.ended.wait(PATIENCE_S)
        return self._found[0]


def test_a_result_that_is_there_is_had_at_once() -> None:
    """Nothing waits for news that have come already."""
    board = OnceBoard()
    board.offer("k", lambda: ({"rc": 0},))
    assert board.wait("k", "leader") == ({"rc": 0}, None)


@pytest.mark.parametrize("offered_first", [True, False])
def test_who_asks_early_waits_for_the_offer_and_for_the_result(offered_first: bool) -> None:
    """The leader may be compiled after its followers, and ends long after them."""
    board, found = OnceBoard(), list[int]()
    asked = threading.Event()

    def source() -> tuple[Any, ...]:
        asked.set()
        return tuple(found)

    if offered_first:
        board.offer("k", source)
    follower = Beside(lambda: board.wait("k", "leader"))
    if not offered_first:
        board.offer("k", source)
    assert asked.wait(PATIENCE_S)
    board.news()  # of something else
    assert not follower.ended.is_set()
    found.append(7)
    board.news()
    assert follower.value == (7, None)


def test_a_leader_that_ends_without_the_result_lets_its_followers_go() -> None:
    """Unreachable, say: they fail with a reason instead of waiting for ever."""
    board = OnceBoard()
    followers = [Beside(lambda: board.wait("k", "leader")) for _ in range(3)]
    board.over("another")
    board.over("leader")
    for follower in followers:
        value, problem = follower.value
        assert value is None
        assert "ended without" in problem


def test_a_result_counts_although_its_leader_has_ended() -> None:
    """It was there before."""
    board = OnceBoard()
    board.offer("k", lambda: (None,))
    board.over("leader")
    assert board.wait("k", "leader") == (None, None)


def test_no_more_hosts_than_the_limit_do_a_task_and_each_gets_its_turn() -> None:
    """Counted while it lasts: two of five, whoever comes first."""
    throttles, running, most = Throttles(), list[str](), list[int]()
    lock, gates = threading.Lock(), {f"h{number}": threading.Event() for number in range(5)}
    inside = threading.Semaphore(0)

    def work(host: str) -> str:
        throttles.enter("k", 2, host)
        with lock:
            running.append(host)
            most.append(len(running))
        inside.release()
        assert gates[host].wait(PATIENCE_S)
        with lock:
            running.remove(host)
        throttles.leave("k", host)
        return host

    hosts = {host: Beside(functools.partial(work, host)) for host in gates}
    for _ in gates:
        assert inside.acquire(timeout=PATIENCE_S)
        with lock:
            done = running[0] if len(running) == 2 or len(most) == len(gates) else None
        if done is not None:
            gates[done].set()
    for gate in gates.values():
        gate.set()
    assert {host.value for host in hosts.values()} == gates.keys()
    assert max(most) == 2


def test_tasks_do_not_limit_each_other() -> None:
    """The limit is of one task."""
    throttles = Throttles()
    throttles.enter("one", 1, "a")
    throttles.enter("two", 1, "b")
    throttles.enter("two", 2, "c")


@pytest.mark.parametrize("end", ["leave", "gone"])
def test_who_ends_or_is_lost_makes_room(end: str) -> None:
    """A host that is lost holds nobody up."""
    throttles = Throttles()
    throttles.enter("k", 1, "a")
    waiting = Beside(lambda: throttles.enter("k", 1, "b"))
    throttles.leave("other", "a")
    throttles.leave("k", "c")
    assert not waiting.ended.is_set()
    if end == "leave":
        throttles.leave("k", "a")
    else:
        throttles.gone("a")
    assert waiting.value is None
