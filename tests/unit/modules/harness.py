"""One task at a time against this machine, in directories of the test's own, as the agent takes it.

`take` plans the task on a SimulatedSystem, applies it to the RealSystem and applies it once more, and holds
every task to what the design promises: a plan writes nothing, predicts what the apply then changes, and a
second apply changes nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from configurator.agent.contents import PIECE_BYTES
from configurator.agent.protocol import TaskSpec
from configurator.agent.simulated import SimulatedSystem
from configurator.agent.system import HostContext
from configurator.agent.work import Done, LocalWork
from configurator.agent.world import World
from configurator.core.cancel import CancelToken
from configurator.core.errors import TaskError
from configurator.modules import registry
from configurator.modules.params import parse


@dataclass
class Host:
    """This machine below `root`; `blobs` is what the controller would hand out, `asked` what was fetched."""

    root: Path
    blobs: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.context = HostContext(fetch_piece=self._fetch)

    def _fetch(self, digest: str, offset: int, _token: CancelToken | None) -> tuple[bytes, int]:
        if not offset:
            self.asked.append(digest)
        whole = self.blobs[digest]
        return whole[offset : offset + PIECE_BYTES], len(whole)

    def path(self, name: str) -> str:
        return str(self.root / name)

    def work(self, module: str, params: Mapping[str, Any]) -> LocalWork:
        """Return the task on the real system, as an apply takes it."""
        system = self.context.for_task(CancelToken(), environment=self.environment)
        return LocalWork(TaskSpec("t", "r", "t", module, params), system)

    def plan(self, module: str, **params: Any) -> Done:
        """Predict a task; nothing below `root` may be touched by that."""
        before = snapshot(self.root)
        real = self.context.for_task(CancelToken(), environment=self.environment)
        system = SimulatedSystem(World(real), real, "t")
        work = LocalWork(TaskSpec("t", "r", "t", module, params), system, system.doubt)
        try:
            work.observe()
            return work.converge()
        finally:
            assert snapshot(self.root) == before

    def apply(self, module: str, **params: Any) -> Done:
        """Do a task for real."""
        work = self.work(module, params)
        work.observe()
        return work.converge()

    def take(self, module: str, *, repeats: bool = False, **params: Any) -> Done:
        """Plan, apply, apply again. `repeats`: an event, which happens anew each time."""
        predicted = self.plan(module, **params)
        done = self.apply(module, **params)
        assert comparable(predicted) == comparable(done), "the plan predicted something else"
        again = self.apply(module, **params)
        assert again.changed == repeats, again.changes
        return done

    def fails(self, module: str, *, untouched: bool = True, **params: Any) -> TaskError:
        """Return the error that both the plan and the apply of a task end with; nothing has changed then."""
        before = snapshot(self.root)
        messages = []
        for attempt in (self.plan, self.apply):
            try:
                attempt(module, **params)
            except TaskError as error:
                messages.append(error)
        assert len(messages) == 2, f"only {len(messages)} of plan and apply failed: {messages}"
        assert messages[0].message == messages[1].message
        if untouched:
            assert snapshot(self.root) == before
        return messages[1]


def comparable(done: Done) -> list[tuple[str, str, Any, str | None]]:
    """Return what a plan promises: the fields, their values and the diff."""
    return [(change.subject, change.field, change.after, change.diff) for change in done.changes]


def snapshot(root: Path) -> dict[str, tuple[Any, ...]]:
    """Return everything below a directory: kind, mode, owner, modification time and content."""
    found: dict[str, tuple[Any, ...]] = {}
    for directory, folders, names in os.walk(root):
        for name in [".", *folders, *names]:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            content: object = None
            if stat.S_ISREG(status.st_mode):
                content = Path(path).read_bytes()
            elif stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            found[path] = (status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, content)
    return found


def mode_of(path: str | Path) -> str:
    return f"{stat.S_IMODE(os.lstat(path).st_mode):04o}"


def problems(module: str, **params: Any) -> list[str]:
    """Return what is wrong with parameters, as the compiler would say it without any host."""
    found = registry.get(module)
    parsed, wrong = parse(found.params, params)
    return [problem.message for problem in (wrong or found.check(parsed))]
