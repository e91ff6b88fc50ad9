"""What a view of the host is made of, as values and pure functions; hostview.py says what a view is."""

from __future__ import annotations

import base64
import itertools
import os
import posixpath
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

# File systems that hold what packages and people put there; the others are the kernel's, or far away.
_LASTING = frozenset("bcachefs btrfs ext2 ext3 ext4 f2fs jfs reiserfs xfs zfs".split())  # noqa: SIM905
_NOT_SEEN = ("/proc", "/sys", "/dev", "/run", "/boot")  # made anew in a view, or no concern of it
_UNSAFE = ":,\\"  # they separate the words of overlay's options
_RUN_LEFT_OUT = frozenset({"systemd", "udev", "user", "credentials", "log", "mount"})
_RUN_AT_MOST = 200
_FIRST_NUMBER = 64000  # of accounts that only packages will make: policy 9.2.2 gives it to nobody
_NOBODY = 65534
_DOCUMENTS = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/usr/share/info/")

Node = Mapping[str, Any]
Account = Mapping[str, Any]


def mount_points(mountinfo: str) -> list[str]:
    """Return where the host's lasting file systems are mounted, `/` first; proc(5), mountinfo.

    Raises OSError for one whose name overlay cannot take.
    """
    found = []
    for line in mountinfo.splitlines():
        words = line.split(" ")
        # proc(5): optional fields end at a lone hyphen, the kind of file system follows.
        point, kind = _unescaped(words[4]), words[words.index("-", 6) + 1]
        near = any(point == place or point.startswith(f"{place}/") for place in _NOT_SEEN)
        if kind in _LASTING and not near and os.path.isdir(point):  # a file may be mounted on a file
            found.append(point)
    if any(sign in point for point in found for sign in _UNSAFE):
        raise OSError("a mount point's name holds a colon or a comma")
    return sorted(dict.fromkeys(["/", *found]))


def _unescaped(text: str) -> str:
    for octal in ("040", "011", "012", "134"):
        text = text.replace(f"\\{octal}", chr(int(octal, 8)))
    return text


def run_directories(top: str = "/run") -> list[tuple[str, int, int, int]]:
    """Return the directories of daemons in /run, with mode and owners: some programs demand theirs."""
    found: list[tuple[str, int, int, int]] = []
    for folder, names, _ in os.walk(top):
        names[:] = [name for name in sorted(names) if folder != top or name not in _RUN_LEFT_OUT]
        for name in names:
            path = posixpath.join(folder, name)
            status = os.lstat(path)
            if not os.path.islink(path):
                found.append((path[len(top) :], status.st_mode & 0o7777, status.st_uid, status.st_gid))
        if len(found) > _RUN_AT_MOST:
            break
    return found


def documents(path: str) -> bool:
    """Return True for what no program reads: it would only take memory."""
    return path.startswith(_DOCUMENTS)


def exclusions() -> list[str]:
    """Return the options that keep documents out of what tar(1) extracts of a package."""
    return [f"--exclude=.{path}*" for path in _DOCUMENTS]


def with_accounts(passwd: str, group: str, accounts: Sequence[Account]) -> tuple[str, str]:
    """Return passwd(5) and group(5) with these accounts, and without those that are to be gone.

    An account that is there stays as it is. A number that is not known yet is one that nobody has.
    """
    groups = _Lines(group)
    users = _Lines(passwd)
    for account in accounts:
        if not account["exists"]:
            (users if account["kind"] == "user" else groups).remove(account["name"])
        elif account["kind"] == "group":
            groups.add(account["name"], f"x:{_number(account, groups)}:{','.join(account['members'])}")
    for account in accounts:
        if account["kind"] != "user" or not account["exists"] or account["name"] in users.numbers:
            continue
        if account["group"] == account["name"]:
            groups.add(account["group"], f"x:{_number({}, groups)}:")
        gid = groups.numbers.get(account["group"], _NOBODY)
        home, shell = account["home"] or "/nonexistent", account["shell"] or "/usr/sbin/nologin"
        users.add(account["name"], f"x:{_number(account, users)}:{gid}::{home}:{shell}")
    return users.text, groups.text


class _Lines:
    """The lines of passwd(5) or group(5); the third field of both is the number."""

    def __init__(self, text: str) -> None:
        self.text = text if not text or text.endswith("\n") else f"{text}\n"
        fields = [line.split(":") for line in text.splitlines()]
        self.numbers = {line[0]: int(line[2]) for line in fields if len(line) > 2 and line[2].isdigit()}

    def add(self, name: str, rest: str) -> None:
        if name not in self.numbers:
            self.text += f"{name}:{rest}\n"
            self.numbers[name] = int(rest.split(":")[1])

    def remove(self, name: str) -> None:
        self.numbers.pop(name, None)
        kept = [line for line in self.text.splitlines(keepends=True) if not line.startswith(f"{name}:")]
        self.text = "".join(kept)


def _number(account: Account, lines: _Lines) -> int:
    wanted, taken = account.get("number"), set(lines.numbers.values())
    return (
        wanted
        if isinstance(wanted, int)
        else next(n for n in itertools.count(_FIRST_NUMBER) if n not in taken)
    )


def numbers(text: str) -> dict[str, int]:
    """Return the numbers in passwd(5) or group(5), by name."""
    return _Lines(text).numbers


def write_nodes(nodes: Mapping[str, Node | None], uids: Mapping[str, int], gids: Mapping[str, int]) -> None:
    """Make the files be as the plan has left them; OSError or KeyError where the view lacks something."""
    for path in sorted(nodes):  # what is above comes before what is in it
        node = nodes[path]
        if node is None or node.get("fresh"):
            _remove(path)
        if node is not None:
            _make(path, node)
            owner, group = _owner(node["uid"], node["owner"], uids), _owner(node["gid"], node["group"], gids)
            os.chown(path, owner, group, follow_symlinks=False)
            if node["kind"] != "link":
                os.chmod(path, node["mode"])


def _make(path: str, node: Node) -> None:
    kind = node["kind"]
    if kind == "directory":
        if not os.path.isdir(path):
            os.mkdir(path)
    elif kind == "link":
        if not os.path.islink(path) or os.readlink(path) != node["target"]:
            _remove(path)
            os.symlink(node["target"], path)
    elif kind == "file" and node["content"] is not None:
        _remove(path)
        with open(path, "wb") as file:
            file.write(base64.b64decode(node["content"]))
    else:
        os.stat(path, follow_symlinks=False)  # only its owner or its mode is another one


def _owner(number: int, name: str, known: Mapping[str, int]) -> int:
    return number if number >= 0 else known[name]


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
