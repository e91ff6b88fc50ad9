"""What each module does to a real host, as data: one file a module, each a list of cases in `CASES`.

A file is named as its module. `tests/hosts/test_cases.py` holds every case to the same promises; `make
behaviours` prints the table of what was kept.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Tasks = tuple[tuple[str, str, Mapping[str, Any]], ...]

RELEASES = ("bookworm", "trixie")


@dataclass(frozen=True)
class Case:
    """One or more tasks, done one after the other, and what they lead to.

    `tasks` are (name, module, parameters). `prepare` and `check` are shell scripts that run as root on the
    host in the case's own empty directory, /srv/t; `said` is what `check` prints afterwards. All tasks are
    expected to be `changed`, but for those that are named otherwise:

    idle        tasks that are ok at once
    fails       tasks that fail, in the plan as in the apply, with a part of the message or hint they show
    plan_blind  tasks that fail in the apply, or end as it says, though the plan could not know it: why not
    assumed     tasks whose plan is not exact: a part of the reason that it gives. It has to be right all the
                same, unless the reason is of an `unknown` change
    again       tasks that change something each time they run (an action, such as a restart)
    outputs     parts of what tasks return in the apply; of a mapping in it, the keys that are named
    warns       parts of the warnings that tasks show
    blobs       contents that the host may ask for, by sha256
    """

    tasks: Tasks
    check: str = ":"
    said: str = ""
    prepare: str = ""
    idle: frozenset[str] = frozenset()
    fails: Mapping[str, str] = field(default_factory=dict)
    plan_blind: Mapping[str, str] = field(default_factory=dict)
    assumed: Mapping[str, str] = field(default_factory=dict)
    again: frozenset[str] = frozenset()
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    warns: Mapping[str, str] = field(default_factory=dict)
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)  # of every task: become_user, environment...
    releases: tuple[str, ...] = RELEASES


def all_cases() -> dict[tuple[str, str], Case]:
    """Return the cases of all modules by module and name."""
    found: dict[tuple[str, str], Case] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        for name, case in getattr(module, "CASES", {}).items():
            found[info.name, name] = case
    return found
