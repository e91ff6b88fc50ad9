"""A private view of the host as a deep plan leaves it, in which a validator runs before its program is there.

A process in namespaces of its own (viewchild.py) lays three layers over each other: the host, only to be
read; the files of the packages that the plan would install; and what the plan has changed itself, with the
new content where the apply would have it. There the validator is executed as root, without network, without
the host's processes and sockets, and without the powers that reach the kernel. What it writes is forgotten.

Maintainer scripts do not run. So "accepted" is an answer, and "refused" is none: what the validator misses
may be what a script makes. Where the plan knows too little of what will be there, nothing is tried.
"""

from __future__ import annotations

import base64
import posixpath
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from configurator.agent import viewfiles
from configurator.agent.assumptions import Verdict
from configurator.agent.files import temporary_name
from configurator.agent.frames import FrameError, Message
from configurator.agent.overlay import Node
from configurator.agent.processtable import ProcessTable
from configurator.agent.viewholder import Holder
from configurator.agent.viewworld import accounts, complete
from configurator.agent.world import World
from configurator.core.cancel import CancelToken
from configurator.core.errors import TaskError
from configurator.modules.system import FileStat

_TRIED_S = 30.0  # a validator that takes longer waits for something that only the host has
_BUILT_S = 300.0
_LATE_S = 30.0  # to take a view down, on a host with much to do
_SAID_LETTERS = 200
_LIBRARIES, _TEMPORARY = "/etc/ld.so.conf.d/", "/usr/lib/tmpfiles.d/"


@dataclass(frozen=True, slots=True)
class Trial:
    """A new content and the command that is to accept it; `path` has its directories resolved."""

    command: str
    path: str
    stat: FileStat
    content: bytes
    environment: Mapping[str, str]


class HostView:
    """The view of one plan; made when it is first needed. Not thread-safe, as plans are not."""

    def __init__(self, world: World, table: ProcessTable) -> None:
        self._world = world
        self._table = table
        self._holder: Holder | None = None
        self._broken = False
        self._unpacked: set[str] = set()
        self._whole = True
        self._sent: dict[str, Node | None] = {}

    def attempt(self, trial: Trial, token: CancelToken) -> Verdict:
        """Run a validator where everything is as the plan would have it."""
        if self._broken or "%s" not in trial.command or not complete(self._world):
            return Verdict()
        try:
            return self._attempt(trial, token)
        except (OSError, FrameError, TaskError, ValueError):
            # No overlayfs, no permission, too little memory: the plan assumes, as one that is not deep.
            token.raise_if_cancelled()
            self._broken = self._holder is None or not self._holder.alive or not self._whole
            return Verdict()

    def _attempt(self, trial: Trial, token: CancelToken) -> Verdict:
        if self._holder is None:
            self._holder = Holder(self._table)
        forget = token.on_cancel(self._holder.stop)
        try:
            self._unpack()
            now = self._world.files.nodes()
            directory, name = posixpath.split(trial.path)
            staged = f"{directory}/{temporary_name()}/{name}"  # as an apply does it, see replace.py
            question = self._changes(now) | self._command(trial, staged)
            try:
                ended = self._holder.ask(question, _TRIED_S + _LATE_S)
            finally:
                self._sent = now  # it has them, also where something else is missing there
        finally:
            forget()
        if ended["status"] == 0:
            return Verdict(accepted=True)
        said = str(ended["output"]).replace(staged, trial.path).strip()
        return Verdict(because=_refusal(ended["status"], said))

    def _changes(self, now: Mapping[str, Node | None]) -> Message:
        """Return what of the files has changed since the view was told last."""
        sent = self._sent
        changed = {path: node for path, node in now.items() if path not in sent or sent[path] is not node}
        return {
            "nodes": {path: None if node is None else _described(node) for path, node in changed.items()},
            "forgotten": [path for path in sent if path not in now],
        }

    def _command(self, trial: Trial, staged: str) -> Message:
        return {
            "type": "check",
            "accounts": accounts(self._world),
            "staged": _described(Node(trial.stat, trial.content)) | {"path": staged},
            "argv": [word.replace("%s", staged) for word in shlex.split(trial.command)],
            "environment": dict(trial.environment),
            "timeout_s": _TRIED_S,
        }

    def _unpack(self) -> None:
        """Have the packages in the view that the plan has come to know since the last time."""
        ahead = self._world.ahead
        assert self._holder is not None
        new = [] if ahead is None else [deb for deb in ahead.packages() if deb.name not in self._unpacked]
        if not new:
            return
        self._whole = False
        brought = [path for deb in new for path in deb.files]
        commands = [["ldconfig"]] if any(path.startswith(_LIBRARIES) for path in brought) else []
        if snippets := [posixpath.basename(path) for path in brought if path.startswith(_TEMPORARY)]:
            commands.append(
                ["systemd-tmpfiles", "--create", *(name for name in snippets if name.endswith(".conf"))]
            )
        self._holder.ask(
            {
                "type": "packages",
                "packages": [
                    {"path": deb.path, "conffiles": sorted(deb.conffiles - set(deb.copies))} for deb in new
                ],
                "copies": [(source, copy) for deb in new for copy, source in deb.copies.items()],
                "links": [(target, path) for deb in new for path, target in deb.links.items()],
                "commands": commands,
                "accounts": accounts(self._world),
                "timeout_s": _BUILT_S,
                "bytes": sum(_room(path, packed.size) for deb in new for path, packed in deb.files.items()),
            },
            _BUILT_S + _LATE_S,
        )
        self._unpacked |= {deb.name for deb in new}
        self._whole = True

    def close(self) -> None:
        """Let the view go, with all that is in it."""
        if self._holder is not None:
            self._holder.close()


def _room(path: str, size: int) -> int:
    return 0 if viewfiles.documents(path) else size + 4096


def _refusal(status: int, said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = (
        "; ".join(lines[-2:])[:_SAID_LETTERS] or f"exit status {status}"
    )  # nginx says what it was before the last
    return f"no package's script has run yet, and its validator says: {last}"


def _described(node: Node) -> dict[str, Any]:
    stat = node.stat
    described = {
        name: getattr(stat, name) for name in ("kind", "mode", "uid", "gid", "owner", "group", "target")
    }
    content = None if node.content is None else base64.b64encode(node.content).decode()
    return described | {"fresh": node.fresh, "content": content}
