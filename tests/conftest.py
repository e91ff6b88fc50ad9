"""What holds for all tests."""

from __future__ import annotations

import signal

from hypothesis import settings

# A loaded machine is slow, not wrong: time is measured in benchmarks/, never in a test.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_configure() -> None:
    """Undo what a shell does to jobs in the background: they ignore Ctrl-C, and so would our children."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
