"""The packages that a plan would install, downloaded and looked into before they are: `plan --deep`.

What stands in a package file is known as surely as what stands on the host. What its maintainer scripts do
is not, but they say what they speak of: debhelper's snippets name the units that they enable and start, and
a path that no script mentions is made by none.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence

from configurator.agent.accounts import gid_of, uid_of
from configurator.agent.debfile import DebFile, PackedFile, read_deb
from configurator.agent.index_ahead import IndexAhead, Run, settings
from configurator.core.errors import ParameterError, TaskError
from configurator.modules.shapes import assumed_unit
from configurator.modules.state import State
from configurator.modules.system import FileStat

_UNITS = "/usr/lib/systemd/system"  # systemd.unit(5): units of packages
_LASTING = ("simple", "exec", "notify", "notify-reload", "forking", "dbus", "idle")
_UCF = re.compile(r"^\s*ucf\s(?:--?\S+\s+)*(/\S+)\s+(/\S+)", re.MULTILINE)
_LINKS = re.compile(r"\bln\s+-\w*s\w*\s+(/[\w./+-]+)\s+(/[\w./+-]+)")
_SYSUSERS = "/usr/lib/sysusers.d/"
_MAKING = re.compile(r"\b(adduser|addgroup|useradd|groupadd)\b([^\n;|&]*)")
# Options of adduser(8), useradd(8) and groupadd(8) that have a value.
_VALUED = re.compile(
    r"(?:--(?:home|home-dir|shell|gecos|comment|uid|gid|ingroup|groups|base-dir|conf|firstuid|lastuid)(?:\s+|=)"
    r"|(?<=\s)-[dscugGbkK]\s+)(?:\"[^\"]*\"|'[^']*'|\S+)"
)
_ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]*")
_UCF_LINES = re.compile(r"^\s*ucf[rq]?\s.*$", re.MULTILINE)


class PackagesAhead:
    """Package files in the agent's cache, by the name of the package; not thread-safe, as plans are not."""

    def __init__(self, folder: str, run: Run, index: IndexAhead) -> None:
        self._folder = folder
        self._run = run
        self._index = index
        self._debs: dict[str, DebFile] = {}
        self._files: dict[str, DebFile] = {}  # the package that brings a path

    def fetch(self, argv: Sequence[str], env: Mapping[str, str]) -> bool:
        """Download what an apt-get command would install; False if that fails: the plan assumes, then."""
        if posixpath.basename(argv[0]) != "apt-get":
            return False
        try:
            os.makedirs(os.path.join(self._folder, "partial"), mode=0o700, exist_ok=True)
            # Nothing is installed, so no lock is needed; taking one would write to the host.
            options = settings(f"Dir::Cache::Archives={self._folder}", "Debug::NoLocking=1")
            self._run([argv[0], "--download-only", *options, *self._index.options(), *argv[1:]], env)
        except (OSError, TaskError):
            return False
        return True

    def add(self, name: str, version: str | None) -> bool:
        """Look into the package; False if its file is not there."""
        if name in self._debs:
            return True
        found = self._find(name.partition(":")[0], version)
        if found is None:
            return False
        try:
            deb = read_deb(found, name)
        except TaskError:
            return False
        self._debs[name] = deb
        self._copy_defaults(deb)
        for path, packed in deb.files.items():
            if packed.kind != "directory" or path not in self._files:
                self._files[path] = deb
        return True

    @staticmethod
    def _copy_defaults(deb: DebFile) -> None:
        """Have what ucf(1) copies be there, forgetting that the script speaks of it; and its links."""
        for target, link in _LINKS.findall(deb.scripts):
            deb.files.setdefault(link, PackedFile("link", 0o777, "root", "root", 0, 0.0, target))
            deb.links.setdefault(link, target)
        for source, copy in _UCF.findall(deb.scripts):
            if source in deb.files and copy not in deb.files:
                deb.files[copy] = deb.files[source]
                deb.copies[copy] = source
                deb.conffiles |= {copy}
        deb.scripts = _UCF_LINES.sub("", deb.scripts)

    def knows(self, name: str) -> bool:
        """Return True if the package was looked into."""
        return name in self._debs

    def packages(self) -> list[DebFile]:
        """Return all that was looked into, in the order in which it came."""
        return list(self._debs.values())

    def _find(self, name: str, version: str | None) -> str | None:
        """Return the newest file of the package: apt names them NAME_VERSION_ARCH.deb, `:` as `%3a`."""
        escaped = None if version is None else version.replace(":", "%3a")
        start = f"{name}_" if escaped is None else f"{name}_{escaped}_"
        names = [
            entry for entry in os.listdir(self._folder) if entry.startswith(start) and entry.endswith(".deb")
        ]
        paths = [os.path.join(self._folder, entry) for entry in names]
        return max(paths, key=os.path.getmtime, default=None)

    # -- files ----------------------------------------------------------------------------------------

    def stat(self, path: str) -> FileStat | None:
        """Return what a package brings at a path, or None."""
        deb = self._files.get(path)
        return None if deb is None else _stat(deb.files[path])

    def brings(self, path: str) -> bool:
        """Return True if a package brings the path."""
        return path in self._files

    def keeps(self, path: str) -> bool:
        """Return True if dpkg keeps what is already where a package brings something (deb-conffiles(5))."""
        return path in self._files[path].conffiles

    def read(self, path: str) -> bytes:
        """Return the content that a package brings at a path."""
        return self._files[path].read(path)

    def names(self, path: str) -> set[str]:
        """Return the names that packages bring in a directory."""
        prefix = path.rstrip("/") + "/"
        return {entry[len(prefix) :] for entry in self._files if _stands_in(entry, prefix)}

    def mentioned(self, path: str) -> str | None:
        """Return the package whose scripts may make a path, which they name in full or after a variable.

        What is no path, but a unit or an account, they speak of in any way.
        """
        parent, last = posixpath.split(path.rstrip("/"))
        end = rf"{re.escape(last)}(?![\w-])"
        as_path = rf"{re.escape(parent)}/{end}|\$\{{?\w+\}}?(?:/[\w.-]+)*/{end}"
        return self._speaking(as_path if parent else rf"(?<![\w.-]){end}")

    def altered(self, path: str) -> str | None:
        """Return the package whose scripts may change a file that a package brings: its owner, say.

        They name it in full, or after a variable; or all that is in a directory above it.
        """
        parent, last = posixpath.split(path)
        above = [re.escape(path[:end]) for end in range(1, len(path)) if path[end] == "/"]
        whole = rf"(?:{re.escape(path)}|\$\{{?\w+\}}?/{re.escape(last)})(?![\w./-])"
        tree = rf"(?:{'|'.join(above)})/?\s*(?:$|[;&|#])" if above else r"(?!)"
        return self._speaking(rf"{whole}|{re.escape(parent)}/?\*|\s-\w*R\w*\s[^\n]*?{tree}")

    def _speaking(self, expression: str) -> str | None:
        """Return the first package in whose scripts the expression is found."""
        pattern = re.compile(expression, re.MULTILINE)
        return next((name for name, deb in self._debs.items() if pattern.search(deb.scripts)), None)

    # -- units and accounts ---------------------------------------------------------------------------

    def unit(self, name: str) -> tuple[State, bool] | None:
        """Return the state of a unit after the installation, and whether that is sure; None: no such unit."""
        path = f"{_UNITS}/{name}"
        for _ in range(8):  # an alias is a link to another unit
            deb = self._files.get(path)
            if deb is None:
                return self._sysv(name)
            packed = deb.files[path]
            if packed.kind != "link" or packed.target is None:
                return _unit_state(
                    posixpath.basename(path), deb.read(path).decode(errors="replace"), deb.scripts
                )
            path = posixpath.normpath(posixpath.join(_UNITS, packed.target))
            if path == "/dev/null":
                masked = {"load": "masked", "enabled": "masked", "active": "inactive", "sub": "dead"}
                return assumed_unit() | masked, True
        return None

    def _sysv(self, name: str) -> tuple[State, bool] | None:
        stem = name.removesuffix(".service")
        if name.endswith(".service") and f"/etc/init.d/{stem}" in self._files:
            return assumed_unit() | {"enabled": "generated"}, False
        return (assumed_unit(), False) if self.mentioned(name) else None

    def account(self, name: str) -> bool:
        """Return True if a package makes this user or group: sysusers.d(5), or adduser in a script."""
        made = re.compile(
            rf"(?:adduser|addgroup|useradd|groupadd)\b[^\n;]*(?<![\w-]){re.escape(name)}(?![\w-])"
        )
        line = re.compile(rf"^[ug]\S*\s+{re.escape(name)}\s", re.MULTILINE)
        for deb in self._debs.values():
            if made.search(deb.scripts.replace("\\\n", " ")):
                return True
            for path in deb.files:
                if path.startswith(_SYSUSERS) and line.search(deb.read(path).decode(errors="replace")):
                    return True
        return False

    def accounts(self) -> list[tuple[str, str]]:
        """Return the accounts that packages make, as `user` or `group` and the name."""
        found: list[tuple[str, str]] = []
        for deb in self._debs.values():
            found += made_by_script(deb.scripts)
            for path in deb.files:
                if path.startswith(_SYSUSERS):
                    found += declared(deb.read(path).decode(errors="replace"))
        return list(dict.fromkeys(found))


def declared(text: str) -> list[tuple[str, str]]:
    """Return the accounts in a file of sysusers.d(5)."""
    words = [line.split(maxsplit=2) for line in text.splitlines()]
    kinds = {"u": "user", "g": "group"}
    return [(kinds[line[0][0]], line[1]) for line in words if len(line) > 1 and line[0][0] in kinds]


def made_by_script(scripts: str) -> list[tuple[str, str]]:
    """Return the accounts that calls of adduser(8) and its like name, in the order of the text."""
    found = []
    for program, rest in _MAKING.findall(scripts.replace("\\\n", " ")):
        words = [word.strip("'\"") for word in _VALUED.sub(" ", rest).split()]
        names = [word for word in words if _ACCOUNT.fullmatch(word)]
        # `adduser NAME GROUP` adds a user that is there to a group that is there.
        if len(names) == 1:
            group = program in ("addgroup", "groupadd") or ("--group" in words and "--system" not in words)
            found.append(("group" if group else "user", names[0]))
    return found


def _unit_state(name: str, text: str, scripts: str) -> tuple[State, bool]:
    """Return what a package's unit is after its scripts have run, and whether that is sure."""
    lines = (line.partition("=") for line in text.splitlines())
    options = {key.strip(): value.strip() for key, _, value in lines}
    word = re.escape(name)
    helped = re.search(rf"deb-systemd-helper enable '?{word}'?", scripts)
    started = re.search(rf"deb-systemd-invoke \S+ (?:'\S+' )*'?{word}'?", scripts) is not None
    kind = options.get("Type", "simple" if name.endswith(".service") else "")
    remains = options.get("RemainAfterExit") in ("yes", "true", "on", "1")
    active = started and (kind in _LASTING or remains)
    state = assumed_unit() | {
        "enabled": "static" if "[Install]" not in text else "enabled" if helped else "disabled",
        "active": "active" if active else "inactive",
        "sub": "running" if active else "dead",
        "type": kind,
        "remain": remains,
        "reloadable": "ExecReload" in options,
    }
    # A daemon may need what only comes later; one that nobody starts is surely not active.
    sure = kind in _LASTING and not re.search(r"^(Condition|Assert)\w+=", text, re.MULTILINE)
    return state, sure if active else not started


def _stands_in(path: str, prefix: str) -> bool:
    return path.startswith(prefix) and path != prefix and "/" not in path[len(prefix) :]


def _stat(packed: PackedFile) -> FileStat:
    return FileStat(
        packed.kind,
        packed.mode,
        _number(uid_of, packed.owner),
        _number(gid_of, packed.group),
        packed.owner,
        packed.group,
        packed.size,
        packed.mtime,
        packed.mtime,
        target=packed.target,
    )


def _number(look_up: Callable[[str], int], name: str) -> int:
    try:
        return look_up(name)
    except ParameterError:
        return -1  # an account that the package makes: nothing but its name can be compared
