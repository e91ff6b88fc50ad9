"""A package index as fresh as a plan needs it, in the agent's cache: the host's own stays as it is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence

from configurator.core.errors import TaskError

_LISTS = "/var/lib/apt/lists"  # apt-get(8), FILES
_PARTS = "/etc/apt/apt.conf.d"  # apt.conf(5)
# What hooks do after an update (time stamps, other caches) is for the host's own index.
_CLEARED = ("APT::Update::Pre-Invoke", "APT::Update::Post-Invoke", "APT::Update::Post-Invoke-Success")
_PROGRAMS = ("apt-get", "apt-cache")
_KEPT_S = 7 * 86400.0  # as it is; what has changed since would be fetched almost as a whole
_OF_USE_S = 3600.0  # to a plan under way, when the host has a newer one already
Run = Callable[[Sequence[str], Mapping[str, str]], None]


class IndexAhead:
    """Fetches the index once a plan, when a task first asks for it; `options` lead apt to it afterwards."""

    def __init__(self, folder: str, run: Run) -> None:
        self._folder = folder
        self._run = run
        self._tried = False
        self.ready = False
        self._prepared = False

    def refresh(self) -> bool:
        """Fetch the index; False if that fails, and then the plan says that it does not know."""
        if not self._tried:
            self._tried = True
            try:
                argv = ["apt-get", "-q", *self.options(), "-o", "APT::Update::Error-Mode=any", "update"]
                self._run(argv, {"APT_CONFIG": os.path.join(self._folder, "apt.conf")})
                self.ready = True
            except (OSError, TaskError):
                pass
        return self.ready

    def led(self, argv: Sequence[str]) -> Sequence[str]:
        """Return a command of apt that works on this index, once there is one; others as they are."""
        if not self.ready or argv[0] not in _PROGRAMS:
            return argv
        return [argv[0], *self.options(), *argv[1:]]

    def options(self) -> list[str]:
        """Return the options that lead apt to the lists in the cache, never older than the host's."""
        if not self._prepared:
            self._prepare()
            self._prepared = True
        lists = os.path.join(self._folder, "lists")
        caches = ("Dir::Cache::srcpkgcache=", "Dir::Cache::pkgcache=")
        return settings(f"Dir::State::Lists={lists}", *caches, "APT::Sandbox::User=root")

    def _prepare(self) -> None:
        """Begin with the lists of the last plan, or with a copy of the host's, so that little is fetched."""
        lists = os.path.join(self._folder, "lists")
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        if _modified(lists) < _modified(_LISTS) or not os.path.isdir(lists):
            shutil.rmtree(lists, ignore_errors=True)
            ignored = shutil.ignore_patterns("lock", "partial", "auxfiles")
            if os.path.isdir(_LISTS):
                shutil.copytree(_LISTS, f"{lists}.new", ignore=ignored, dirs_exist_ok=True)
            os.makedirs(f"{lists}.new/partial", exist_ok=True)
            os.rename(f"{lists}.new", lists)
            os.utime(lists)
        parts = os.path.join(self._folder, "apt.conf.d")
        shutil.rmtree(parts, ignore_errors=True)
        os.makedirs(parts)
        for name in os.listdir(_PARTS) if os.path.isdir(_PARTS) else ():
            os.symlink(os.path.join(_PARTS, name), os.path.join(parts, name))
        self._write("apt.conf.d/zzz-configurator", "".join(f"#clear {name};\n" for name in _CLEARED))
        self._write("apt.conf", f'Dir::Etc::Parts "{parts}";\n')

    def _write(self, name: str, text: str) -> None:
        with open(os.path.join(self._folder, name), "w", encoding="utf-8") as file:
            file.write(text)


def forget_old(folder: str, now: float) -> None:
    """Remove an index that no plan would begin with, or that nobody has planned with for a week.

    One that was in use within the last hour stays: plans take no lock, and one may be under way.
    """
    made = _modified(os.path.join(folder, "lists"))
    kept_s = _OF_USE_S if made < _modified(_LISTS) else _KEPT_S
    if made and now - made > kept_s:
        shutil.rmtree(folder, ignore_errors=True)


def settings(*values: str) -> list[str]:
    """Return apt settings as the options of a command line (apt-get(8), -o)."""
    return [word for value in values for word in ("-o", value)]


def _modified(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0
