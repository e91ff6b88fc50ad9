"""How long changes took on this host: what the next run's critical path is measured with.

Only changes count. A task that finds nothing to do takes milliseconds, which says nothing about the day on
which it has to install something; and on a day without changes the order does not matter.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable

from configurator.agent.places import make_private, state_directory
from configurator.agent.work import Done
from configurator.core.durations import LearnedDurations
from configurator.core.task import TaskResult


class ChangeDurations(LearnedDurations):
    """The seconds that each task of this host takes when it changes something, kept in one private file.

    A file that is missing or damaged means that nothing is known: it costs a better order, nothing else.
    """

    def __init__(self, directory: str | None = None) -> None:
        self._path = os.path.join(directory or state_directory(), "durations.json")
        super().__init__(self._load())

    def learn(self, results: Iterable[TaskResult]) -> None:
        """Take note of the tasks that changed something and save that."""
        changed = [r for r in results if isinstance(r.result, Done) and r.result.changed]
        if changed:
            super().learn(changed)
            with contextlib.suppress(OSError):  # a full disk is the tasks' trouble, not this file's
                self._save()

    def _load(self) -> dict[str, float]:
        try:
            with open(self._path, encoding="utf-8") as file:
                known = json.load(file)
            return {str(name): max(0.0, float(seconds)) for name, seconds in known.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _save(self) -> None:
        make_private(os.path.dirname(self._path))
        temporary = self._path + ".new"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({name: round(seconds, 3) for name, seconds in self.to_json().items()}, file)
        os.rename(temporary, self._path)
