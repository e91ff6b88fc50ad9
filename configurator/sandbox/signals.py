"""Signals while something is half made: SIGTERM unwinds like Ctrl-C, and the unwinding itself is not
interrupted.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


def _in_main_thread() -> bool:
    """Tell whether this thread may set handlers: signal(3) ones are the main thread's in Python."""
    return threading.current_thread() is threading.main_thread()


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM raise KeyboardInterrupt inside the block, unless the program has its own way with it."""
    if not _in_main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def interrupted_once() -> Iterator[None]:
    """Ignore SIGINT and SIGTERM inside the block once one of them has raised: what unwinds then goes to its
    end.
    """
    if not _in_main_thread():
        yield
        return
    before: dict[int, Callable[[int, FrameType | None], object]] = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)
        if callable(handler):  # what ignores it, or lets it end us, stays as it is
            before[number] = handler

    def raise_first(number: int, frame: FrameType | None) -> None:
        try:
            before[number](number, frame)
        except BaseException:
            for other in before:
                signal.signal(other, signal.SIG_IGN)
            raise

    for one in before:
        signal.signal(one, raise_first)
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore SIGINT and SIGTERM inside the block, which must be short: a second Ctrl-C must not stop a clean-
    up.
    """
    if not _in_main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
