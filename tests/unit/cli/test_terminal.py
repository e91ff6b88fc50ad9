"""On a real pseudo terminal: the board is drawn, and the terminal is given back however the run ends."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"

PROGRAM = """
import sys, threading, types
import configurator.app
from configurator.cli.main import run
from tests.unit.report import stream

def apply(options, sink, confirm, *, prompt=None, ask=None):
    for event in stream.one_host_run()[:14]:
        sink.handle(event)
    sink.flush()
    sys.stderr.write("WAITING")
    sys.stderr.flush()
    for _ in range(300):  # a signal that comes just before a wait is only seen when the wait ends
        threading.Event().wait(0.2)
    return 0

module = types.ModuleType("configurator.app.run")
module.apply = apply
sys.modules["configurator.app.run"] = configurator.app.run = module
sys.argv = ["configurator", "apply", "--yes"]
run()
"""


def start(tmp_path: Path) -> tuple[subprocess.Popen[bytes], int]:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "HOME": str(tmp_path), "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        cwd=Path(__file__).parents[3],
        start_new_session=True,
    )
    os.close(theirs)
    return child, ours


def read(ours: int, until: bytes | None = None) -> bytes:
    """Read until a word, or to the end, which Linux tells as EIO."""
    seen = b""
    while until is None or until not in seen:
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
    return seen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_gives_the_terminal_back(tmp_path: Path, number: signal.Signals) -> None:
    child, ours = start(tmp_path)
    watchdog = threading.Timer(60, child.kill)
    watchdog.start()
    try:
        seen = read(ours, until=b"WAITING")
        assert HIDE in seen
        assert b"Applying web1" in seen
        os.kill(child.pid, number)
        seen += read(ours)
        assert child.wait() == 130, seen.decode()
    finally:
        watchdog.cancel()
        child.kill()
        child.wait()
        os.close(ours)
    assert seen.rindex(SHOW) > seen.rindex(HIDE)
    assert b"Interrupted: what was under way may be half done." in seen
    assert b"Traceback" not in seen


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    """`configurator hosts | head -1` prints one line and nothing about the pipe."""
    program = PROGRAM.replace("range(300)", "range(0)").replace(
        'sys.stderr.write("WAITING")', "sink.handle(stream.one_host_run()[-1]); sink.flush()"
    )
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-c", program],
        stdout=write_end,
        stderr=subprocess.PIPE,
        env={**os.environ, "HOME": str(tmp_path)},
        cwd=Path(__file__).parents[3],
        check=False,
        text=True,
    )
    os.close(write_end)
    assert done.returncode == 0
    assert "Broken" not in done.stderr
    assert "warning" not in done.stderr
    assert "Exception" not in done.stderr
