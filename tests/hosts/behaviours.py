"""What the table of `make behaviours` is made from: a line for each case that ran on a real host."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

LOG = os.environ.get("CONFIGURATOR_CASES_LOG")  # a folder: each worker adds lines to a file of its own


def note(
    module: str,
    name: str,
    release: str,
    planned: Iterable[Mapping[str, Any]],
    again: Iterable[Mapping[str, Any]],
    *,
    kept: bool,
) -> None:
    """Note that a case ran, and later with `kept` that all it promises was kept.

    `planned` are the ends of its tasks in the plan, `again` those in the second apply.
    """
    if LOG is None:
        return
    path = Path(LOG) / f"{os.getpid()}.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    line = {
        "module": module,
        "case": name,
        "release": release,
        "certainty": Counter(
            change["certainty"] for message in planned for change in message.get("changes", ())
        ),
        "again": sum(message["status"] == "changed" for message in again),
        "kept": kept,
    }
    path.write_text("\n".join([*(lines[:-1] if kept else lines), json.dumps(line)]) + "\n")
