"""Scripts that the controller has sent: run from a private file that is gone afterwards.

The interpreter of the first line is called by us as execve(2) would, so that the file may stand on a file
system that lets no programs start. What has neither such a line nor the mark of a program is given to sh, as
shells do.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence

from configurator.agent.places import STATE, make_private

_FOLDER = os.path.join(STATE, "scripts")
_PROGRAM = b"\x7fELF"
_OLD_S = 86400.0


@contextlib.contextmanager
def written(name: str, content: bytes) -> Iterator[str]:
    """Have the script stand in a directory that only we can enter, for the time of the block."""
    directory = tempfile.mkdtemp(prefix="", dir=make_private(_FOLDER) if os.geteuid() == 0 else None)
    try:
        path = os.path.join(directory, os.path.basename(name) or "script")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o700)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        yield path
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def interpreter(content: bytes) -> list[str]:
    """Return what runs a script with this content: the words of its `#!` line (execve(2)), or sh."""
    if content.startswith(b"#!"):
        line = content[2:].partition(b"\n")[0].decode(errors="surrogateescape")
        words = line.split(maxsplit=1)
        if words:
            return [words[0], *(word.strip() for word in words[1:])]
    return [] if content.startswith(_PROGRAM) else ["/bin/sh"]


def forget_old(now: float | None = None, folder: str = _FOLDER) -> None:
    """Remove what agents have left behind that were killed; nothing that may still run."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.stat(follow_symlinks=False).st_mtime < (now or time.time()) - _OLD_S:
                shutil.rmtree(entry.path, ignore_errors=True)


def command(path: str, content: bytes, arguments: Sequence[str], executable: str | None) -> list[str]:
    """Return the argument list that runs the script at `path`; `executable` replaces its own interpreter."""
    if executable is None:
        return [*interpreter(content), path, *arguments]
    import shlex  # noqa: PLC0415

    return [*shlex.split(executable), path, *arguments]
