"""Names and numbers of users and groups, as the files on the host have them now."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable

from configurator.core.errors import ParameterError


class _Names:
    """Remembers names by number until the account file changes: a tree of files asks for few of them often.

    A number without a name is asked for each time, since other sources than the file may learn of it.
    """

    def __init__(self, path: str, ask: Callable[[int], str]) -> None:
        self._path = path
        self._ask = ask
        self._state: tuple[object, dict[int, str]] = (None, {})

    def get(self, number: int) -> str:
        """Return the name, or the number as text."""
        found = os.stat(self._path)
        version = (found.st_ino, found.st_size, found.st_mtime_ns)
        known_version, names = self._state
        if known_version != version:
            names = {}
            self._state = (version, names)
        name = names.get(number)
        if name is None:
            try:
                name = names[number] = self._ask(number)
            except KeyError:
                return str(number)
        return name


_users = _Names("/etc/passwd", lambda number: pwd.getpwuid(number).pw_name)  # passwd(5)
_groups = _Names("/etc/group", lambda number: grp.getgrgid(number).gr_name)  # group(5)
user_name = _users.get
group_name = _groups.get


def account_of(user: str) -> tuple[int, int, str]:
    """Return a user's number, and number and name of its group; root's for a user that is not there yet."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return 0, 0, "root"
    return entry.pw_uid, entry.pw_gid, group_name(entry.pw_gid)


def uid_of(owner: str | None) -> int:
    """Return the number of a user given by name or number; -1, which chown(2) ignores, for None."""
    if owner is None:
        return -1
    if owner.isdigit():
        return int(owner)
    try:
        return pwd.getpwnam(owner).pw_uid
    except KeyError:
        raise ParameterError(f"user {owner!r} does not exist on the host") from None


def gid_of(group: str | None) -> int:
    """Return the number of a group given by name or number; -1 for None."""
    if group is None:
        return -1
    if group.isdigit():
        return int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise ParameterError(f"group {group!r} does not exist on the host") from None
