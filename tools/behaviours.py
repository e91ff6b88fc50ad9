"""Prints what every module was held to on real hosts: cases, how sure plans were, what a second run did.

sudo .venv/bin/python -m tools.behaviours [MODULE...]; boots disposable hosts of both releases.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from configurator.modules import registry

_RELEASES = ("bookworm", "trixie")
_CERTAINTIES = ("exact", "assumed", "unknown")


def main() -> int:
    """Run the cases and print the table; the exit code is that of the tests."""
    with tempfile.TemporaryDirectory() as folder:
        code = _run(folder, sys.argv[1:])
        lines = list(_lines(Path(folder)))
    Console(width=120 if not sys.stdout.isatty() else None).print(table(lines))
    return code


def _run(folder: str, modules: list[str]) -> int:
    files = ["tests/hosts/test_cases.py", "tests/hosts/test_cli_cases.py"]
    command = [sys.executable, "-m", "pytest", *files, "-m", "host", "-q"]
    command += ["-n", os.environ.get("WORKERS", "2"), "--dist", "loadgroup"]
    if modules:
        command += ["-k", " or ".join(f"{name}-" for name in modules)]
    return subprocess.run(
        command, env={**os.environ, "CONFIGURATOR_CASES_LOG": folder}, check=False
    ).returncode


def _lines(folder: Path) -> Iterator[Mapping[str, Any]]:
    for path in sorted(folder.glob("*.jsonl")):
        yield from map(json.loads, path.read_text().splitlines())


def table(lines: list[Mapping[str, Any]]) -> Table:
    """Return the table: a row for each module that there is, also for those without a case."""
    out = Table(title="What every module was held to")
    out.add_column("module")
    for name in (*_RELEASES, "kept", *_CERTAINTIES, "2nd run changed"):
        out.add_column(name, justify="right")
    grouped: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for line in lines:
        grouped[line["module"]].append(line)
    for name in sorted({registry.canonical(name) or name for name in registry.names()} | set(grouped)):
        out.add_row(name, *_row(grouped.get(name, [])))
    out.add_section()
    out.add_row("all", *_row(lines))
    return out


def _row(lines: list[Mapping[str, Any]]) -> list[str]:
    ran = Counter(line["release"] for line in lines)
    kept = sum(line["kept"] for line in lines)
    labels = Counter(label for line in lines for label in Counter(line["certainty"]).elements())
    whole = labels.total()
    shares = [
        f"{labels[name]} ({labels[name] / whole:.0%})" if labels[name] else "-" for name in _CERTAINTIES
    ]
    counts = [str(ran[release]) if ran[release] else "-" for release in _RELEASES]
    share = f"{kept}/{len(lines)}" if lines else "none"
    return [*counts, share, *shares, str(sum(line["again"] for line in lines)) if lines else "-"]


if __name__ == "__main__":
    sys.exit(main())
