"""A person's project (config.yaml, inventory) for a sandbox host, and the command line run in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from configurator.sandbox import LabHost
from configurator.sandbox.hosts import write_inventory

CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Outcome:
    """What one run of the command line came to."""

    exit_code: int
    events: list[dict[str, Any]]
    stderr: str

    def tasks(self, *statuses: str) -> set[str]:
        """The tasks that ended so, as `role: task`; all of them without a status."""
        return {
            f"{event['role']}: {event['task']}"
            for event in self.events
            if event["type"] == "task_finished" and (not statuses or event["status"] in statuses)
        }

    def summary(self, host: str) -> dict[str, Any]:
        """The counts of one host, from the last line."""
        counts: dict[str, Any] = self.events[-1]["hosts"][host]
        return counts

    def failures(self) -> list[str]:
        """What went wrong, in a few words each, for the message of an assertion."""
        found = [
            f"{e['role']}: {e['task']}: {e['message']} {e['output']}"
            for e in self.events
            if e["type"] == "task_finished" and e["status"] in ("failed", "timeout")
        ]
        return [*found, *(str(e) for e in self.events if e["type"] == "host_failed"), self.stderr]

    def task(self, name: str) -> dict[str, Any]:
        """The end of the first task whose name begins so: in a loop the item stands behind it."""
        found: dict[str, Any] = next(
            e for e in self.events if e["type"] == "task_finished" and e["task"].startswith(name)
        )
        return found


class Project:
    """A folder as `configurator init` leaves it, with one site entry for one host."""

    def __init__(self, folder: Path, host: LabHost, roles: Sequence[str]) -> None:
        self.host = host
        self.folder = folder
        self.inventory = folder / "hosts.yml"
        write_inventory(str(self.inventory), [host])
        self.configure({"site": [{"hosts": "all", "roles": list(roles)}]})

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Write config.yaml."""
        (self.folder / "config.yaml").write_text(yaml.safe_dump(dict(settings)))

    def write(self, path: str, text: str) -> None:
        """Write a file of the project, such as `roles/app/tasks/main.yml`."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def run(self, command: str, variables: Mapping[str, Any] | None = None, *options: str) -> Outcome:
        """Run `configurator COMMAND --json` for the host with extra variables."""
        done = subprocess.run(
            [
                sys.executable, "-m", "configurator", command, "--json",
                "--host", self.host.name, "-i", str(self.inventory),
                "-e", json.dumps(dict(variables or {})), *options,
            ],
            cwd=self.folder,
            env={"PYTHONPATH": str(CHECKOUT), "PATH": os.environ["PATH"], "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )  # fmt: skip
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return Outcome(done.returncode, lines, done.stderr)

    def plan(self, variables: Mapping[str, Any] | None = None, *options: str) -> Outcome:
        """Plan; the exit code must be 0."""
        outcome = self.run("plan", variables, *options)
        assert outcome.exit_code == 0, outcome.failures()
        return outcome

    def apply(self, variables: Mapping[str, Any] | None = None, *options: str) -> Outcome:
        """Apply without asking; the exit code must be 0."""
        outcome = self.run("apply", variables, "--yes", *options)
        assert outcome.exit_code == 0, outcome.failures()
        return outcome
