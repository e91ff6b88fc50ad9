"""A person at the command line: a project for several sandbox hosts, and the installed program run in it.

Every run is held to what must be true of all: no traceback on either stream, and with `--json` nothing but
JSON Lines on standard output, framed by `version` and `run_finished`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import yaml

from configurator.sandbox import Lab, LabHost
from configurator.sandbox.hosts import write_inventory

PROGRAM = Path(sys.executable).with_name("configurator")
Event = dict[str, Any]


@dataclass(frozen=True)
class Ended:
    """What one run of the program came to."""

    code: int
    stdout: str
    stderr: str
    log: str = ""

    @cached_property
    def events(self) -> list[Event]:
        """The lines of `--json`."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def text(self) -> str:
        """Everything that a person could see, log included."""
        return "\n".join((self.stdout, self.stderr, self.log))

    def of(self, kind: str, **fields: Any) -> list[Event]:
        """The events of one type whose fields have these values."""
        return [
            event
            for event in self.events
            if event["type"] == kind and all(event[name] == value for name, value in fields.items())
        ]

    def statuses(self, host: str | None = None) -> dict[str, str]:
        """How each task ended, by its name; of one host, or of the only one."""
        wanted = {} if host is None else {"host": host}
        return {event["task"]: event["status"] for event in self.of("task_finished", **wanted)}

    def task(self, name: str, host: str | None = None) -> Event:
        """The end of the only task of this name."""
        wanted = {} if host is None else {"host": host}
        found = self.of("task_finished", task=name, **wanted)
        assert len(found) == 1, (name, self.statuses(host), self.stderr)
        return found[0]

    @property
    def counts(self) -> dict[str, Event]:
        """The counts of each host, from the last line."""
        counts: dict[str, Event] = self.events[-1]["hosts"]
        return counts


class Running:
    """A run that is under way, in a process group of its own as a shell would start it."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._streams = [folder / "stdout", folder / "stderr"]
        with self._streams[0].open("wb") as stdout, self._streams[1].open("wb") as stderr:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process group, as a terminal does."""
        os.killpg(self._process.pid, number)

    def so_far(self) -> str:
        """Return what was written to both streams until now."""
        return "\n".join(stream.read_text() for stream in self._streams)

    @property
    def over(self) -> bool:
        """True once the process has ended."""
        return self._process.poll() is not None

    def end(self, timeout: float = 120.0) -> Ended:
        """Wait for the end and return what came of it."""
        try:
            code = self._process.wait(timeout)
        except BaseException:
            self.signal(signal.SIGKILL)
            self._process.wait()
            raise
        stdout, stderr = (stream.read_text() for stream in self._streams)
        return checked(Ended(code, stdout, stderr, logs(self._folder)))


class Folder:
    """A project folder with an inventory of sandbox hosts, and a home directory of its own."""

    def __init__(self, path: Path, hosts: Sequence[LabHost]) -> None:
        self.path = path
        self.home = path / "home"
        self.home.mkdir(parents=True)
        (path / "inventory").mkdir()
        self.inventory(hosts)

    def inventory(self, hosts: Sequence[LabHost], **variables: Mapping[str, Any]) -> None:
        """Write the inventory; the keywords are hosts' names with variables to add (None removes one)."""
        file = self.path / "inventory/hosts.yml"
        write_inventory(str(file), hosts)
        data = yaml.safe_load(file.read_text())
        for name, more in variables.items():
            merged = {**data["all"]["hosts"][name], **more}
            data["all"]["hosts"][name] = {key: value for key, value in merged.items() if value is not None}
        file.write_text(yaml.safe_dump(data, sort_keys=False))

    def write(self, path: str, text: str) -> None:
        """Write a file of the project."""
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def role(self, name: str, tasks: Sequence[Mapping[str, Any]] | str, **parts: Any) -> None:
        """Write a role's tasks and other main.yml files: `handlers`, `defaults`, `vars`, `meta`."""
        for part, content in {"tasks": tasks, **parts}.items():
            text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
            self.write(f"roles/{name}/{part}/main.yml", text)

    def site(self, *roles: Any, hosts: str = "all", **settings: Any) -> None:
        """Write a config.yaml that gives the hosts these roles."""
        data = {**settings, "site": [{"hosts": hosts, "roles": list(roles)}]}
        self.write("config.yaml", yaml.safe_dump(data, sort_keys=False))

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a run: nothing of ours but the way to programs."""
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", **more}

    def run(self, *words: str, code: int | None = 0, environment: Mapping[str, str] | None = None) -> Ended:
        """Run the program to its end; the exit code must be `code`, unless that is None."""
        ended = self.start(*words, environment=environment).end()
        assert code is None or ended.code == code, (ended.code, ended.stdout[-6000:], ended.stderr[-6000:])
        return ended

    def start(self, *words: str, environment: Mapping[str, str] | None = None) -> Running:
        """Start the program in this folder."""
        return Running([str(PROGRAM), *words], self.path, self.environment(**(environment or {})))


def logs(folder: Path) -> str:
    """Return the content of all logs that runs in this folder have left."""
    files = sorted((folder / "home").rglob("*.log"))
    return "\n".join(file.read_text(errors="replace") for file in files)


def checked(ended: Ended) -> Ended:
    """Hold a run to what must be true of all of them."""
    assert "Traceback (most recent call last)" not in ended.stdout + ended.stderr, ended.stderr
    assert "this is a bug" not in ended.stderr, ended.stderr
    assert "this is a defect in the module" not in ended.text, ended.text
    if ended.stdout.startswith('{"type":"version"'):
        first, last = ended.events[0], ended.events[-1]
        assert first == {"type": "version", "format": 1}
        assert last["type"] in ("run_finished", "finished")
        assert last["exit_code"] == ended.code
    return ended


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 30.0) -> None:
    """Poll until the condition holds; fail with what was waited for."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"{what}: not within {seconds:g} s", pytrace=True)
        time.sleep(0.1)


class Remote:
    """The host seen from beside the program under test: through OpenSSH."""

    def __init__(self, lab: Lab, host: LabHost) -> None:
        self._lab = lab
        self.host = host
        self.name = host.name

    def sh(self, script: str) -> str:
        """Run a shell script, which must succeed, and return what it wrote."""
        done = self._lab.shell(self.name, ["sh", "-c", script])
        assert done.returncode == 0, done
        return str(done.stdout)

    def test(self, script: str) -> bool:
        """Return True if the script succeeds."""
        return self._lab.shell(self.name, ["sh", "-c", script]).returncode == 0

    def exists(self, *paths: str) -> bool:
        """Return True if all paths exist."""
        return self.test(" && ".join(f"test -e {path}" for path in paths))

    def agents(self) -> str:
        """Return the agents that run, one a line."""
        return str(self._lab.shell(self.name, ["pgrep", "-af", "python3 -I -S"]).stdout)

    def locked(self) -> bool:
        """Return True while an apply holds the host."""
        lock = "/run/configurator/apply.lock"
        return not self.test(f"test ! -e {lock} || flock -n {lock} true")


def hosts_of(lab: Lab, names: Iterable[str], release: str = "bookworm") -> list[LabHost]:
    """Return pristine hosts under these names, which later files of the same worker use again."""
    wanted = list(names)
    have = {host.name for host in lab.hosts()}
    used = [name for name in wanted if name in have]
    if used:
        lab.reset(*used)
    return lab.up(wanted, release)
