"""Which packages are installed, from dpkg's own database, and what a task's package names mean."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from configurator.modules import debian_versions
from configurator.modules.state import State
from configurator.modules.system import System

# dpkg-query(1): the want (install, hold, deinstall...) and the status (installed, config-files...) of deb(7).
_FORMAT = (
    "${Package}\\t${Architecture}\\t${db:Status-Want}\\t${db:Status-Status}\\t${Version}\\t${Provides}"
    "\\t${Section}\\n"
)
# Debian policy 5.6.1 (names), 5.6.12 (versions), with an architecture, a version or a release behind it as
# apt-get(8) takes them, and the wildcards that Ansible's module takes.
_SPEC = re.compile(
    r"(?P<name>[a-z0-9*?\[][a-z0-9+.*?\[\]!-]*(?::[a-z0-9-]+)?)"
    r"(?:(?P<least>>)?=(?P<version>[A-Za-z0-9.+:~*?\[\]!-]+)|/(?P<release>[A-Za-z0-9.+~_-]+))?"
)
_DATABASE = "/var/lib/dpkg"
# Machine names of uname(2) to dpkg's, from /usr/share/dpkg/cputable.
_NATIVE = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "i686": "i386",
    "i386": "i386",
    "ppc64le": "ppc64el",
    "s390x": "s390x",
    "riscv64": "riscv64",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """One entry of `name`: the package, and the version (maybe with wildcards) or release it should be of.

    With `at_least` any version from that one on will do.
    """

    name: str
    version: str | None = None
    release: str | None = None
    at_least: bool = False

    @property
    def is_pattern(self) -> bool:
        """True if the name stands for every package that matches it."""
        return any(sign in self.name for sign in "*?[")

    @property
    def asked(self) -> str:
        """The version as the task has it."""
        return f"{'>=' if self.at_least else ''}{self.version or ''}"

    def accepts(self, version: str) -> bool:
        """Return True if a version is what was asked for."""
        if self.at_least and self.version is not None:
            return debian_versions.compare_versions(version, self.version) >= 0
        return self.version is None or version == self.version or fnmatch.fnmatchcase(version, self.version)


def parse_wish(text: str) -> Wish | None:
    """Return what `nginx`, `nginx=1.2*`, `nginx>=1.2` or `nginx/bookworm-backports` asks for, or None."""
    match = _SPEC.fullmatch(text)
    if match is None:
        return None
    return Wish(match["name"], match["version"], match["release"], match["least"] is not None)


@dataclass(frozen=True, slots=True)
class Row:
    """One package as dpkg knows it. `provides` are the names of the virtual packages it stands for."""

    name: str
    architecture: str
    want: str
    status: str
    version: str
    provides: tuple[str, ...] = ()
    section: str = ""

    @property
    def state(self) -> State:
        """Return the shared shape of a package's state."""
        if self.status != "installed":
            return {"exists": False, "config": self.status == "config-files"}
        return {"exists": True, "version": self.version, "held": self.want == "hold", "config": False}


def parse_rows(text: str) -> list[Row]:
    """Return the packages in the output of dpkg-query, those that merely have been heard of left out."""
    rows = []
    for line in text.splitlines():
        name, architecture, want, status, version, provides, section = (line.split("\t", 6) + [""] * 7)[:7]
        if status in ("", "not-installed"):
            continue
        virtual = tuple(part.split(" ")[0] for part in provides.split(", ") if part)
        rows.append(Row(name, architecture, want, status, version, virtual, section))
    return rows


def installed_rows(system: System) -> tuple[Row, ...]:
    """Return dpkg's rows for all packages; the database is asked once for as long as it stays the same.

    dpkg-query(1) reads the whole database for a single name too, so that one call serves all the tasks of
    a run that find nothing to do. dpkg replaces the file `status` with every change, and what it has not
    written there yet stands in the directory `updates` (dpkg(1), FILES).
    """
    global _seen  # noqa: PLW0603  (a memo, replaced whole: no thread sees half of one)
    stamp = _database_stamp(system)
    seen = _seen
    if stamp is not None and seen is not None and seen[0] == stamp:
        return seen[1]
    # Exit status 1: nothing is installed at all.
    found = system.query(["dpkg-query", "-W", "-f", _FORMAT], ok=(0, 1))
    rows = tuple(parse_rows(found.stdout))
    if stamp is not None and _database_stamp(system) == stamp:
        _seen = (stamp, rows)
    return rows


_seen: tuple[tuple[object, ...], tuple[Row, ...]] | None = None


def _database_stamp(system: System) -> tuple[object, ...] | None:
    """Return what changes with dpkg's database; None if that cannot be told."""
    status = system.stat(f"{_DATABASE}/status", follow=True)
    if status is None or not status.inode:
        return None
    pending = system.listdir(f"{_DATABASE}/updates")
    return status.device, status.inode, status.mtime, status.size, *pending


def native_architecture(system: System) -> str | None:
    """Return dpkg's word for the host's architecture, or None if it is not a usual one."""
    return _NATIVE.get(str(system.fact("architecture")))


def find_row(rows: Iterable[Row], name: str, native: str | None) -> Row | None:
    """Return the row that a package name means: of the native architecture unless another one is named."""
    bare, _, architecture = name.partition(":")
    wanted = {architecture, "all"} if architecture else {native, "all"}
    for row in rows:
        anywhere = not architecture and native is None
        if row.name == bare and (anywhere or architecture == "any" or row.architecture in wanted):
            return row
    return None


def package_state(system: System, name: str, rows: Sequence[Row], native: str | None) -> State:
    """Return the state of one package, as an earlier task of a plan would have left it."""

    def probe() -> State:
        row = find_row(rows, name, native)
        return {"exists": False, "config": False} if row is None else row.state

    return system.lookup(f"package:{name}", probe)


def provider_of(name: str, rows: Iterable[Row]) -> str | None:
    """Return the installed package that provides a virtual one, or None."""
    for row in rows:
        if row.status == "installed" and name in row.provides:
            return row.name
    return None


def compare_versions(system: System, left: str, relation: str, right: str) -> bool:
    """Return what `dpkg --compare-versions` says; `relation` is one of lt, le, eq, ne, ge, gt."""
    answer = system.query(["dpkg", "--compare-versions", left, relation, right], ok=(0, 1))
    return answer.exit_status == 0
