"""What RealSystem has the controller do: a part of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from configurator.agent import files
from configurator.agent.fetching import open_regular
from configurator.core.cancel import CancelToken
from configurator.core.errors import TaskError

if TYPE_CHECKING:
    from configurator.agent.system import HostContext

_PIECE_BYTES = 512 * 1024  # of a file, in one message; the next one goes when this one was written
_ANSWER_S = 60.0


class Asking:
    """The doors `ask`, `send_file` and `reboot` of modules/system.py."""

    _context: HostContext
    _token: CancelToken
    _task_id: str

    def ask(self, *, timeout_s: float | None = None) -> str | None:
        """See modules/system.py."""
        answer = self._asked({"type": "prompt", "task_id": self._task_id, "timeout_s": timeout_s})
        text = None if answer is None else answer.get("text")
        return text if isinstance(text, str) else None

    def send_file(self, path: str) -> tuple[int, str]:
        """See modules/system.py."""
        from hashlib import sha256  # noqa: PLC0415

        with files.explained(f"read {path}"), open_regular(path) as file:
            found = os.fstat(file.fileno())
            # A file of /proc has no size until it was read. One that grows is sent as far as it goes now.
            whole = files.read(path) if not found.st_size else None
            total = found.st_size if whole is None else len(whole)
            summer, sent = sha256(), 0
            while True:
                size = min(_PIECE_BYTES, total - sent)
                piece = file.read(size) if whole is None else whole[sent : sent + size]
                if len(piece) < size:
                    raise TaskError(f"{path} became shorter while it was read")
                summer.update(piece)
                self._send_piece(piece, sent, total, summer.hexdigest(), not found.st_mode & stat.S_IROTH)
                sent += size
                if sent == total:
                    return total, summer.hexdigest()

    def _send_piece(self, piece: bytes, offset: int, total: int, digest: str, private: bool) -> None:
        """Send a part of a file, and return when the controller has it; `digest` is of all so far."""
        message = {
            "type": "fetch",
            "task_id": self._task_id,
            "offset": offset,
            "total": total,
            "data": piece,
            "sha256": digest,
            "private": private,
        }
        answer = self._asked(message, _ANSWER_S)
        if answer is None or answer.get("error"):
            problem = "it does not answer" if answer is None else str(answer["error"])
            raise TaskError(f"the controller does not take the file: {problem}")

    def reboot(
        self, command: Sequence[str], *, boot_time_command: str, delay_s: float, timeout_s: float
    ) -> float:
        """See modules/system.py."""
        own: Any = self  # RealSystem
        now: str = own.query(("/bin/sh", "-c", boot_time_command)).stdout.strip()
        rebooted = self._context.rebooted
        if rebooted.get("task_id") == self._task_id:
            if rebooted.get("boot_id") == now:
                raise TaskError(
                    f"the host is there, but has not restarted within {timeout_s:g} s",
                    hint="look at what holds it up: systemctl list-jobs",
                )
            return float(rebooted.get("elapsed_s", 0.0))
        own.pause(delay_s)
        answer = self._asked({"type": "reboot", "task_id": self._task_id, "boot_id": now}, _ANSWER_S)
        if answer is None or answer.get("error"):
            problem = "it does not answer" if answer is None else str(answer["error"])
            raise TaskError(f"the controller would not come back: {problem}")
        # Ended by a signal it was by the restart itself.
        own.run(command, establishes={}, ok=tuple(range(-64, 1)))
        # Our end comes before an answer.
        self._asked({"type": "rebooting", "task_id": self._task_id}, timeout_s)
        raise TaskError(f"the host is still up {timeout_s:g} s after it was told to restart", command=command)

    def _asked(self, question: Mapping[str, Any], timeout_s: float | None = None) -> Mapping[str, Any] | None:
        """Ask the controller; cancelling the task ends the wait, too."""
        answer = self._context.ask(question, timeout_s, self._token)
        self._token.raise_if_cancelled()
        return answer
