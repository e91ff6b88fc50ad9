"""Prints how sure the plans of ordinary roles are on fresh hosts, plain and with --deep, and why not surer.

sudo .venv/bin/python -m tools.fidelity [ROLE...]; boots disposable hosts of both releases.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from configurator.sandbox import Lab
from tests.hosts.fidelity import NAMES, Fidelity, measure
from tests.hosts.test_roles import VARIABLES

_KINDS = ("plain", "deep")


def main() -> int:
    """Measure each role on a fresh host of each release; exit code 1 if anything exact was wrong."""
    console = Console(width=None if sys.stdout.isatty() else 130)
    variables: Mapping[str, Mapping[str, Any]] = VARIABLES
    table = Table(title="Changes that a plan was not sure of")
    for name in ("role", "release", "changes", *(f"{kind}: not exact" for kind in _KINDS), "wrong"):
        table.add_column(name, justify="left" if name in ("role", "release") else "right")
    all_found: list[Fidelity] = []
    with Lab.create() as lab, tempfile.TemporaryDirectory() as folder:
        for release in ("bookworm", "trixie"):
            for role in sys.argv[1:] or sorted({*NAMES, *variables}):
                host = lab.up([f"{release}-{role}"], release)[0]
                place = Path(folder) / host.name
                place.mkdir()
                found = measure(place, host, role, variables.get(role))
                lab.down([host.name])
                all_found.append(found)
                table.add_row(role, release, *_row([found]))
    table.add_section()
    table.add_row("all", "", *_row(all_found))
    console.print(table)
    for kind in _KINDS:
        reasons = sum((found.reasons[kind] for found in all_found), Counter[str]())
        console.print(f"{kind}:", *(f"\n  {count:3} {reason}" for reason, count in reasons.most_common()))
    wrong = [
        f"{found.role} {kind}: {line}" for found in all_found for kind in _KINDS for line in found.wrong[kind]
    ]
    console.print(*(f"wrong: {line}" for line in wrong), sep="\n")
    return int(any(": exact " in line for line in wrong))


def _row(all_found: list[Fidelity]) -> list[str]:
    labels = {kind: sum((found.labels[kind] for found in all_found), Counter[str]()) for kind in _KINDS}
    shares = [_share(labels[kind]) for kind in _KINDS]
    wrong = sum(len(found.wrong[kind]) for found in all_found for kind in _KINDS)
    return [str(labels["deep"].total()), *shares, str(wrong)]


def _share(labels: Counter[str]) -> str:
    others = labels.total() - labels["exact"]
    return f"{others} ({others / labels.total():.0%})"


if __name__ == "__main__":
    sys.exit(main())
