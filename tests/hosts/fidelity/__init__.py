"""How true plans of ordinary roles are on fresh hosts: `measure` compares plain and deep with the apply."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from configurator.sandbox import LabHost
from tests.hosts.project import Outcome, Project

ROLES = Path(__file__).parent / "roles"
NAMES = tuple(sorted(path.stem for path in ROLES.glob("*.yml")))


@dataclass
class Fidelity:
    """What the plans of one role were worth. `wrong` tells what was labelled otherwise than it came to be."""

    role: str
    labels: dict[str, Counter[str]] = field(default_factory=dict)  # by `plain` or `deep`
    reasons: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: dict[str, list[str]] = field(default_factory=dict)

    def share(self, kind: str) -> float:
        """Return which part of the changes was not exact."""
        labels = self.labels[kind]
        return 1 - labels["exact"] / labels.total()


def measure(folder: Path, host: LabHost, role: str, variables: Mapping[str, Any] | None = None) -> Fidelity:
    """Plan the role in both ways, apply it, and compare; the host is a fresh one."""
    project = Project(folder, host, [role])
    if role in NAMES:
        project.write(f"roles/{role}/tasks/main.yml", (ROLES / f"{role}.yml").read_text())
    plans = {"plain": project.plan(variables), "deep": project.plan(variables, "--deep")}
    done = _finished(project.apply(variables))
    found = Fidelity(role)
    for kind, plan in plans.items():
        found.labels[kind], found.reasons[kind], found.wrong[kind] = Counter(), Counter(), []
        for name, told in _finished(plan).items():
            _compare(found, kind, told, done[name])
    return found


def _finished(outcome: Outcome) -> dict[str, Mapping[str, Any]]:
    return {event["task_id"]: event for event in outcome.events if event["type"] == "task_finished"}


def _compare(found: Fidelity, kind: str, told: Mapping[str, Any], done: Mapping[str, Any]) -> None:
    values = [_value(change) for change in done["changes"]]
    certainties = {change["certainty"] for change in told["changes"]}
    if told["status"] != done["status"] and "unknown" not in certainties:
        found.wrong[kind].append(f"{told['task']}: planned {told['status']}, was {done['status']}")
    for change in told["changes"]:
        label = change["certainty"]
        found.labels[kind][label] += 1
        if label != "exact":
            found.reasons[kind][f"{label}: {change['because']}"] += 1
        if label != "unknown" and _value(change) not in values:
            found.wrong[kind].append(f"{told['task']}: {label} {change['subject']} {change['field']}")


def _value(change: Mapping[str, Any]) -> str:
    kept = {key: change.get(key) for key in ("subject", "field", "before", "after", "diff")}
    return json.dumps(kept, sort_keys=True)
