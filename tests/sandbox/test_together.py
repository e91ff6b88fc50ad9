"""Work on several hosts at once: whose error is told, and what a failure or a signal leaves running."""

from __future__ import annotations

import os
import signal
import threading
from functools import partial

import pytest

from configurator.core.errors import SandboxError
from configurator.sandbox.commands import CancelledError
from configurator.sandbox.together import HOSTS_AT_ONCE, together


def test_the_first_failure_comes_first_and_ends_the_others() -> None:
    """What was cancelled because of it must not be reported in its place, wherever it stands in the list."""
    cancel, waits = threading.Event(), threading.Event()
    begun: list[int] = []

    def waiting() -> None:
        waits.set()
        cancel.wait()
        raise CancelledError("cancelled")

    def failing() -> None:
        waits.wait()
        raise SandboxError("no space")

    def late() -> None:
        begun.append(1)
        cancel.wait()

    jobs = {"a": waiting, "b": failing}
    errors = together({**jobs, **{f"late{n}": late for n in range(2 * HOSTS_AT_ONCE)}}, cancel)
    assert list(errors) == ["b", "a"]
    assert errors["b"].args == ("no space",)
    assert len(begun) <= HOSTS_AT_ONCE, "nothing starts after a failure"


def test_without_an_event_all_are_tried() -> None:
    """A host that resists must not keep the others from being destroyed."""
    done: list[int] = []

    def failing() -> None:
        raise SandboxError("it resists")

    jobs = {f"host{n}": partial(done.append, n) for n in range(3 * HOSTS_AT_ONCE)}
    errors = together({"first": failing, **jobs, "last": failing})
    assert sorted(done) == list(range(3 * HOSTS_AT_ONCE))
    assert errors.keys() == {"first", "last"}


def test_a_signal_is_raised_when_what_runs_has_ended() -> None:
    """A second Ctrl-C while the jobs end must not start the clean-up under their feet."""
    cancel = threading.Event()
    ended: list[str] = []
    before = signal.getsignal(signal.SIGINT)

    def interrupted() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        if cancel.wait(30):  # at once: Ctrl-C must not wait until all hosts have booted
            os.kill(os.getpid(), signal.SIGINT)
            ended.append("interrupted")

    with pytest.raises(KeyboardInterrupt):
        together({"a": interrupted}, cancel)
    assert ended == ["interrupted"]
    assert signal.getsignal(signal.SIGINT) is before
