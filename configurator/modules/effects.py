"""Effect keys: what a task reads and writes, so that the order of tasks can be derived.

A key is `namespace:name`, such as `path:/etc/motd`, `package:nginx`, `unit:nginx.service`, `user:deploy`,
`group:www-data`, `sysctl:net.ipv4.ip_forward`, `nftables:configurator`, `hostname:`, `timezone:`. A name
that ends in `**` stands for every name with that beginning (`path:/etc/nginx/**`, `unit:**`); the key `*`
stands for everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

EVERYTHING = "*"

# Debian's own directories (base-files, hier(7)) are there before any task: nobody waits for one that would
# make them if they were missing.
_ALWAYS_THERE = frozenset(
    f"path:/{name}"
    for name in (
        "etc", "etc/default", "etc/systemd", "etc/systemd/system", "home", "mnt", "opt", "root", "run", "srv",
        "tmp", "usr", "usr/bin", "usr/lib", "usr/local", "usr/local/bin", "usr/local/lib", "usr/local/sbin",
        "usr/local/share", "usr/sbin", "usr/share", "var", "var/backups", "var/cache", "var/lib", "var/log",
        "var/opt", "var/spool", "var/tmp",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Effects:
    """The keys that a task may read and those that it may write; `writes` need not be repeated in `reads`.

    `makes` are directories that it makes on its way where they are missing, and leaves as they are otherwise.
    """

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    makes: frozenset[str] = frozenset()

    @property
    def touches(self) -> frozenset[str]:
        """Return what is written or made in passing: the keys that no other task may touch meanwhile."""
        return self.writes | self.makes if self.makes else self.writes

    @property
    def opaque(self) -> bool:
        """True if nothing is known of what the task does."""
        return EVERYTHING in self.writes


OPAQUE = Effects(frozenset({EVERYTHING}), frozenset({EVERYTHING}))


def effects(*, reads: Iterable[str] = (), writes: Iterable[str] = (), makes: Iterable[str] = ()) -> Effects:
    """Return the effects with these keys."""
    return Effects(frozenset(reads), frozenset(writes), frozenset(makes))


def covers(pattern: str, key: str) -> bool:
    """Return True if `pattern` and `key` can mean the same thing (either may be a pattern)."""
    if EVERYTHING in (pattern, key) or pattern == key:
        return True
    wide_a, wide_b = pattern.endswith("**"), key.endswith("**")
    a, b = pattern.removesuffix("**"), key.removesuffix("**")
    if wide_a and wide_b:
        return a.startswith(b) or b.startswith(a)
    if wide_a:
        return b.startswith(a) or b == a.rstrip("/")
    return wide_b and (a.startswith(b) or a == b.rstrip("/"))


def meet(left: Iterable[str], right: Iterable[str]) -> bool:
    """Return True if some key of `left` can mean the same thing as some key of `right`."""
    right = tuple(right)
    return any(covers(a, b) for a in left for b in right)


def path_keys(path: str) -> tuple[str, ...]:
    """Return the keys of all the directories above `path`, which a task that writes it relies on."""
    parts = [part for part in path.split("/") if part]
    return tuple("path:/" + "/".join(parts[:depth]) for depth in range(1, len(parts)))


def parent_keys(path: str) -> tuple[str, ...]:
    """Return the keys of the directories above `path` that could be missing, for `makes`."""
    return tuple(key for key in path_keys(path) if key not in _ALWAYS_THERE)
