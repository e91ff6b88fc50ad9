"""`apply` on a terminal: it shows the plan and asks, and does nothing but what it has shown."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from configurator.sandbox import Lab, LabHost
from tests.hosts.cli import PROGRAM, Folder, Remote, hosts_of
from tests.hosts.on_host import files

pytestmark = pytest.mark.host

QUESTION = re.compile(r"Apply .* to .*\? \[y/N\] ")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal:
    """The program on a pseudo terminal of 120 columns; `text` is what it wrote, without control sequences."""

    def __init__(self, folder: Folder, *words: str) -> None:
        self._ours, theirs = pty.openpty()
        environment = folder.environment(TERM="xterm", COLUMNS="120", LINES="40")
        self._process = subprocess.Popen(
            ["setsid", "--ctty", str(PROGRAM), *words],  # its own terminal: ^C is a signal
            cwd=folder.path,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self._seen = b""

    @property
    def text(self) -> str:
        return CONTROL.sub("", self._seen.decode(errors="replace"))

    def wait_for(self, pattern: re.Pattern[str], seconds: float = 60.0) -> str:
        """Read until the pattern is there; return everything so far."""
        end = time.monotonic() + seconds
        while not pattern.search(self.text):
            assert self._read(end), f"{pattern.pattern!r} did not come: {self.text[-3000:]}"
        return self.text

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def end(self, seconds: float = 60.0) -> int:
        """Read to the end and return the exit code."""
        end = time.monotonic() + seconds
        while self._read(end):
            pass
        code = self._process.wait(10)
        assert "Traceback" not in self.text
        return code

    def _read(self, end: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], max(0.0, end - time.monotonic()))
        try:
            chunk = os.read(self._ours, 65536) if ready else b""
        except OSError:  # EIO: nobody has the other end any more
            chunk = b""
        self._seen += chunk
        return bool(chunk)

    def close(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        os.close(self._ours)


@pytest.fixture(scope="module")
def pair(lab: Lab) -> list[LabHost]:
    """Two hosts."""
    return hosts_of(lab, ["alpha", "beta"])


@pytest.fixture
def folder(tmp_path: Path, pair: list[LabHost]) -> Folder:
    """A project that writes two files on each host."""
    folder = Folder(tmp_path, pair)
    one = {"name": "one", "copy": {"dest": "/opt/one", "content": f"{tmp_path.name}\n"}}
    two = {"name": "two", "lineinfile": {"path": "/etc/motd", "line": tmp_path.name}}
    folder.role("app", [one, two])
    folder.site("app")
    return folder


@pytest.fixture
def terminal(folder: Folder) -> Iterator[Terminal]:
    """`configurator apply` on a terminal, at its question."""
    terminal = Terminal(folder, "apply")
    try:
        yield terminal
    finally:
        terminal.close()


def test_yes_applies_what_was_shown(terminal: Terminal, pair: list[LabHost], lab: Lab) -> None:
    """The plan with its diff before the question; afterwards the summary, and exit 0."""
    shown = terminal.wait_for(QUESTION)
    assert "Apply 4 changes to 2 hosts?" in shown
    assert "/opt/one: content +1 line" in shown and "/etc/motd: content +1 line" in shown
    assert not Remote(lab, pair[0]).exists("/opt/one")
    terminal.type("y\n")
    assert terminal.end() == 0, terminal.text
    assert all(Remote(lab, host).exists("/opt/one") for host in pair)


@pytest.mark.parametrize(
    "answer", ["n\n", "\n", "q\n", "\x04"], ids=["no", "return", "other", "end of input"]
)
def test_anything_else_changes_nothing(terminal: Terminal, pair: list[LabHost], answer: str) -> None:
    """Exit 1, and the hosts are what they were."""
    before = [files(host) for host in pair]
    terminal.wait_for(QUESTION)
    terminal.type(answer)
    assert terminal.end() == 1, terminal.text
    assert "Nothing was changed." in terminal.text
    assert [files(host) for host in pair] == before


def test_interrupted_at_the_question(terminal: Terminal, pair: list[LabHost], lab: Lab) -> None:
    """Ctrl-C as a keystroke: exit 130, nothing was changed, and no agent stays."""
    before = [files(host) for host in pair]
    terminal.wait_for(QUESTION)
    terminal.type("\x03")
    assert terminal.end() == 130, terminal.text
    assert "nothing was changed" in terminal.text
    assert [files(host) for host in pair] == before


def test_a_host_that_changed_meanwhile_is_not_surprised(
    terminal: Terminal, pair: list[LabHost], lab: Lab
) -> None:
    """The task whose change would be another one fails as plan_stale; the others are done."""
    terminal.wait_for(QUESTION)
    changed = Remote(lab, pair[0])
    changed.sh("echo by hand >/opt/one")
    terminal.type("y\n")
    assert terminal.end() == 3, terminal.text
    assert "plan_stale" in terminal.text
    assert changed.sh("cat /opt/one") == "by hand\n"
    assert Remote(lab, pair[1]).sh("cat /opt/one") != "by hand\n"
    assert changed.sh("tail -n 1 /etc/motd") == Remote(lab, pair[1]).sh("tail -n 1 /etc/motd")


def test_what_was_fine_in_the_plan_is_not_changed_unasked(
    folder: Folder, pair: list[LabHost], lab: Lab
) -> None:
    """A file that drifted after the plan had found it in order: not shown, so not touched."""
    folder.run("apply", "--yes")
    changed = Remote(lab, pair[0])
    changed.sh("sed -i '$d' /etc/motd")
    terminal = Terminal(folder, "apply")
    try:
        assert "Apply 1 change to 1 host?" in terminal.wait_for(QUESTION)
        changed.sh("echo by hand >/opt/one")
        terminal.type("y\n")
        assert terminal.end() == 3
    finally:
        terminal.close()
    assert "plan_stale" in terminal.text
    assert changed.sh("cat /opt/one; tail -n 1 /etc/motd") == f"by hand\n{folder.path.name}\n"


def test_nothing_to_do_asks_nothing(folder: Folder) -> None:
    """A host that is as wanted: no question, exit 0."""
    folder.run("apply", "--yes")
    terminal = Terminal(folder, "apply")
    try:
        assert terminal.end() == 0
        assert not QUESTION.search(terminal.text)
    finally:
        terminal.close()


def test_a_host_with_trouble_is_left_out(folder: Folder, pair: list[LabHost], lab: Lab) -> None:
    """The question says so; the others are applied, and the exit code remembers."""
    folder.inventory(pair, beta={"ansible_port": 2})
    terminal = Terminal(folder, "apply")
    try:
        shown = terminal.wait_for(QUESTION)
        assert "1 host had trouble" in shown
        terminal.type("yes\n")
        assert terminal.end() == 4
    finally:
        terminal.close()
    assert Remote(lab, pair[0]).sh("cat /opt/one") == f"{folder.path.name}\n"
