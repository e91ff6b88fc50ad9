"""Output of a command, of which only so much is kept."""

from __future__ import annotations

_KEEP = 512 * 1024  # bytes of each end; what lies between is left out, and the text says so


class Kept:
    """Takes any amount of output and keeps its first and last part."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0

    def add(self, chunk: bytes) -> None:
        """Take the next bytes."""
        room = _KEEP - len(self._head)
        if room > 0:
            self._head += chunk[:room]
            chunk = chunk[room:]
        self._tail += chunk
        if len(self._tail) > 2 * _KEEP:  # cutting only now and then keeps this linear
            self._cut()

    def text(self) -> str:
        """Return what was kept, decoded as UTF-8 with replacement."""
        self._cut()
        if not self._left_out:
            return (self._head + self._tail).decode(errors="replace")
        gap = f"\n[... {self._left_out} bytes left out ...]\n"
        return self._head.decode(errors="replace") + gap + self._tail.decode(errors="replace")

    def _cut(self) -> None:
        extra = len(self._tail) - _KEEP
        if extra > 0:
            self._left_out += extra
            del self._tail[:extra]
