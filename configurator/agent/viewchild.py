"""The process that holds a view of the host, see hostview.py: it lives apart, and the view ends with it.

The first process leaves the host's namespaces and waits; its child is the first process of the new ones, so
that whatever runs there ends with it. Its input is the agent's: at the end of it, it ends.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from configurator.agent import namespaces, viewfiles
from configurator.agent.frames import Message, encode, messages
from configurator.agent.viewroom import Room

_APART = namespaces.FILES | namespaces.NAMES | namespaces.MESSAGES | namespaces.PROCESSES | namespaces.NETWORK
_ADDRESSES = 64


def hold() -> None:
    """Hold a view until the input ends."""
    addresses = _addresses()
    namespaces.unshare(_APART)
    child = os.fork()
    if child == 0:
        namespaces.die_with_parent()
        _have(addresses)
        _View().serve()
        os._exit(0)
    for descriptor in (0, 1):
        os.close(descriptor)
    os.waitpid(child, 0)


def _addresses() -> list[str]:
    """Return the host's own addresses: some programs try to listen there when they check."""
    with suppress(OSError):
        done = subprocess.run(
            ["ip", "-o", "addr", "show", "scope", "global"], capture_output=True, check=False
        )
        fields = [line.split() for line in done.stdout.decode(errors="replace").splitlines()]
        return [line[3].partition("/")[0] for line in fields if len(line) > 3][:_ADDRESSES]
    return []


def _have(addresses: list[str]) -> None:
    """Have these addresses, with no network behind them."""
    lines = ["link set lo up"]
    for address in addresses:
        bits, options = ("128", " nodad") if ":" in address else ("32", "")
        lines.append(f"addr add {address}/{bits} dev lo{options}")
    with suppress(OSError):
        text = "\n".join(lines).encode()
        subprocess.run(["ip", "-force", "-batch", "-"], input=text, capture_output=True, check=False)


class _View:
    def __init__(self) -> None:
        self._room = Room()
        self._nodes: dict[str, viewfiles.Node | None] = {}

    def serve(self) -> None:
        """Answer what is asked until the input ends; what fails is an answer, too."""
        for message in messages(_read):
            try:
                answer = self._packages(message) if message["type"] == "packages" else self._check(message)
            except (OSError, KeyError, subprocess.SubprocessError) as error:
                answer = {"type": "error", "message": f"{type(error).__name__}: {error}"}
            _write(encode(answer))

    # -- what is asked ------------------------------------------------------------------------------

    def _packages(self, message: Message) -> Message:
        """Have packages be unpacked in the view, and what their scripts are known to make."""

        def unpack() -> int:
            self._settle_accounts(message["accounts"])
            for package in message["packages"]:
                _unpack(package)
            for source, path in message["copies"]:
                if os.path.exists(source) and not os.path.lexists(path):
                    os.makedirs(os.path.dirname(path), exist_ok=True)
                    shutil.copy2(source, path)
            for target, path in message["links"]:
                if not os.path.lexists(path):
                    os.makedirs(os.path.dirname(path), exist_ok=True)
                    os.symlink(target, path)
            for argv in message["commands"]:  # what triggers and debhelper's snippets would run
                with suppress(OSError):
                    subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            return 0

        self._room.fill(unpack, message["bytes"], message["timeout_s"])
        return {"type": "done"}

    def _check(self, message: Message) -> Message:
        """Run a command where the plan's files are, with one more of them; nothing of it stays."""
        for path in message["forgotten"]:
            self._nodes.pop(path, None)
        self._nodes |= message["nodes"]

        def execute() -> int:
            uids, gids = self._settle_accounts(message["accounts"])
            viewfiles.write_nodes(self._nodes, uids, gids)
            staged: Mapping[str, Any] = message["staged"]
            os.mkdir(os.path.dirname(staged["path"]), 0o700)
            viewfiles.write_nodes({staged["path"]: staged}, uids, gids)
            argv: list[str] = message["argv"]
            os.execvpe(argv[0], argv, message["environment"])  # noqa: S606  (no shell is meant)

        status, output = self._room.run(execute, message["timeout_s"])
        return {"type": "ended", "status": status, "output": output}

    @staticmethod
    def _settle_accounts(accounts: list[Any]) -> tuple[dict[str, int], dict[str, int]]:
        texts = []
        for path in ("/etc/passwd", "/etc/group"):
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                texts.append(file.read())
        wanted = viewfiles.with_accounts(texts[0], texts[1], accounts)
        for path, text, new in zip(("/etc/passwd", "/etc/group"), texts, wanted, strict=True):
            if new != text:
                with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
                    file.write(new)
        return viewfiles.numbers(wanted[0]), viewfiles.numbers(wanted[1])


def _unpack(package: Mapping[str, Any]) -> None:
    """Put a package's files where dpkg would: through links to directories, and none over a conffile."""
    kept = [f"--exclude=.{path}" for path in package["conffiles"] if os.path.lexists(path)]
    extracting = ["tar", "--extract", "--directory=/", "--preserve-permissions", "--same-owner"]
    extracting += ["--keep-directory-symlink", "--no-overwrite-dir", "--warning=none"]
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", package["path"]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as reading:
        done = subprocess.run(
            [*extracting, *viewfiles.exclusions(), *kept],
            stdin=reading.stdout,
            capture_output=True,
            check=False,
        )
    if done.returncode != 0 or reading.returncode != 0:
        raise OSError(f"cannot unpack {package['path']}: {done.stderr.decode(errors='replace')[-300:]}")


def _read(count: int) -> bytes:
    parts: list[bytes] = []
    while count and (chunk := os.read(0, min(count, 65536))):
        parts.append(chunk)
        count -= len(chunk)
    return b"" if count else b"".join(parts)


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]
