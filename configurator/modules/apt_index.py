"""The package index: how old it is, refreshing it, and which versions it offers."""

from __future__ import annotations

import fnmatch
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from configurator.core.errors import TaskError
from configurator.modules.apt_errors import first_error, hint_for_output, is_locked
from configurator.modules.apt_names import hint_for
from configurator.modules.shapes import PACKAGE_INDEX
from configurator.modules.state import State
from configurator.modules.system import System

INDEX = PACKAGE_INDEX
LISTS = "/var/lib/apt/lists"  # apt-get(8), FILES: Dir::State::Lists
_STAMPS = "/var/lib/apt/periodic"  # /usr/lib/apt/apt.systemd.daily keeps its time stamps there
_SUCCESS = "update-success-stamp"
_SOURCE_CACHE = "/var/cache/apt/srcpkgcache.bin"  # apt.conf(5): Dir::Cache::srcpkgcache
# Waiting does not help where the mirror's answer was clear.
_PERMANENT = (
    "does not have a Release file",
    "NO_PUBKEY",
    "is not signed",
    "Malformed",
    "EXPKEYSIG",
    "not valid",
)


@dataclass(frozen=True, slots=True)
class Offer:
    """What the index offers under one name: the version apt would install (None: none) and all versions."""

    candidate: str | None
    versions: tuple[str, ...] = field(default=())

    def best(self, fits: Callable[[str], bool]) -> str | None:
        """Return the version that a request gets: apt's candidate if it fits, else the highest that does."""
        ordered = ([self.candidate] if self.candidate else []) + list(self.versions)
        return next((version for version in ordered if fits(version)), None)


def read_only_options(system: System) -> list[str]:
    """Return options that keep apt from writing caches and logs, at the price of building caches in memory.

    Even a simulation leaves its plan in /var/log/apt/eipp.log.xz, unless that log has no name (apt.conf(5),
    Dir::Log); `Solver` is the same for the resolver. apt rebuilds pkgcache.bin whenever dpkg's database is
    newer, and srcpkgcache.bin whenever an index or a source is. Using the second while it is current saves
    350 ms a call.
    """
    options = ["-o", "Dir::Log::Planner=", "-o", "Dir::Log::Solver=", "-o", "Dir::Cache::pkgcache="]
    cache = system.stat(_SOURCE_CACHE) if "srcpkgcache.bin" in system.listdir("/var/cache/apt") else None
    inputs = [_mtime(system, f"{LISTS}/{name}") for name in system.listdir(LISTS)]
    if cache is None or cache.mtime <= max([*inputs, sources_changed_at(system)], default=0.0):
        options += ["-o", "Dir::Cache::srcpkgcache="]
    return options


def sources_changed_at(system: System) -> float:
    """Return when the list of sources or of architectures last changed, in seconds since the epoch."""
    paths = []
    if "sources.list" in (names := system.listdir("/etc/apt")):
        paths.append("/etc/apt/sources.list")
    if "sources.list.d" in names:
        directory = "/etc/apt/sources.list.d"
        paths += [directory, *(f"{directory}/{name}" for name in system.listdir(directory))]
    if "arch" in system.listdir("/var/lib/dpkg"):
        paths.append("/var/lib/dpkg/arch")  # written by `dpkg --add-architecture`
    now = time.time()  # a time in the future would make every index too old for good
    return max((changed for path in paths if (changed := _mtime(system, path)) <= now), default=0.0)


def index_state(system: System) -> State:
    """Return the state of the index, as an earlier task of a plan would have left it."""

    def probe() -> State:
        times = []
        if any(name.endswith(("Packages", "Packages.lz4", "InRelease")) for name in system.listdir(LISTS)):
            times.append(_mtime(system, LISTS))
            if _SUCCESS in system.listdir(_STAMPS):
                times.append(_mtime(system, f"{_STAMPS}/{_SUCCESS}"))
        return {"exists": bool(times), "refreshed_at": max(times, default=0.0), "pending": False}

    return system.lookup(INDEX, probe)


def is_due(system: System, state: State, valid_s: int) -> bool:
    """Return True if the index is older than `valid_s` seconds, or than the sources it was made from."""
    refreshed = float(state["refreshed_at"])
    return time.time() - refreshed >= valid_s or refreshed < sources_changed_at(system)


def is_known(system: System, state: State, *, refresh: bool) -> bool:
    """Return True if what apt says now is what it will say after the refreshes that are due."""
    return (not refresh and not state.get("pending")) or system.fresh_index()


def describe_age(state: State) -> str:
    """Return when the index was last refreshed, for people."""
    if not state["exists"]:
        return "never"
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(float(state["refreshed_at"])))


def refresh(
    system: System, argv: Sequence[str], *, env: dict[str, str], retries: int, max_delay_s: int, lock_s: int
) -> None:
    """Fetch the index anew, trying again where that may help; TaskError if any source could not be fetched.

    `DPkg::Lock::Timeout` does not cover the lock of the lists, so waiting for it is done here. The
    directory's time is set, because apt leaves it alone when nothing is new and the age would never end.
    """
    tried, waited = 0, 0
    while True:
        done = system.run(
            argv, establishes={INDEX: _refreshed()}, ok=(0, 100), env=env, uninterruptible=False
        )
        if done.exit_status == 0:
            break
        locked = is_locked(done.stderr)
        final = any(sign in done.stderr for sign in _PERMANENT)
        if final or (waited >= lock_s if locked else tried >= retries):
            raise TaskError(
                "the package index could not be refreshed: " + first_error(done.stderr),
                command=argv,
                exit_status=done.exit_status,
                output=done.stdout + done.stderr,
                hint=hint_for_refresh(done.stderr),
            )
        delay = 1 if locked else min(2**tried, max_delay_s)
        waited, tried = (waited + delay, tried) if locked else (waited, tried + 1)
        system.query(["sleep", str(delay)], timeout_s=delay + 60.0)
    if system.stat(LISTS) is not None:
        system.set_times(LISTS, mtime=time.time())


def hint_for_refresh(text: str) -> str:
    """Return what helps where a source could not be fetched."""
    if "NO_PUBKEY" in text or "is not signed" in text:
        return "the key that signs this source is missing: `signed_by` of `deb822_repository` gives it"
    hint = hint_for_output(text)
    return hint if hint is not None and "update_cache" not in hint else "see /etc/apt/sources.list*"


def _refreshed() -> State:
    return {"exists": True, "refreshed_at": time.time(), "pending": True}


def offers(system: System, names: Sequence[str], release: str | None) -> dict[str, Offer]:
    """Return what the index offers for each name; names that it has never heard of are missing."""
    known: dict[str, Offer | None] = system.recall(f"apt offers {release}", dict)
    missing = [name for name in names if name not in known]
    if missing:
        parsed = _ask_offers(system, missing, release)
        known.update({name: parsed.get(name) for name in missing})
    return {name: offer for name in names if (offer := known[name]) is not None}


def _ask_offers(system: System, names: Sequence[str], release: str | None) -> dict[str, Offer]:
    argv = ["apt-cache", *read_only_options(system)]
    argv += ["-o", f"APT::Default-Release={release}"] if release else []
    answer = system.query([*argv, "policy", *names], ok=(0, 100))
    if answer.exit_status != 0:
        raise TaskError(
            first_error(answer.stderr),
            command=answer.argv,
            exit_status=answer.exit_status,
            output=answer.stderr,
        )
    return parse_policy(answer.stdout)


def parse_policy(text: str) -> dict[str, Offer]:
    """Return the offers in the output of `apt-cache policy NAME...`."""
    found: dict[str, Offer] = {}
    name = None
    for line in text.splitlines():
        if line and not line.startswith(" ") and line.endswith(":"):
            name = line[:-1]
            found[name] = Offer(None)
        elif name is not None and line.startswith("  Candidate: "):
            value = line.removeprefix("  Candidate: ")
            found[name] = Offer(None if value == "(none)" else value)
        elif name is not None and (match := re.fullmatch(r" (?:\*\*\*|   ) (\S+)(?: -?\d+)?", line)):
            found[name] = Offer(found[name].candidate, (*found[name].versions, match[1]))
    return found


def available_providers(system: System, name: str) -> list[str]:
    """Return the packages of the index that provide a virtual package, sorted."""
    answer = system.query(["apt-cache", *read_only_options(system), "showpkg", name], ok=(0, 100))
    _, _, below = answer.stdout.partition("Reverse Provides:")
    return sorted({line.split()[0] for line in below.splitlines() if line.strip()})


def names_like(system: System, name: str) -> list[str]:
    """Return the names in the index that begin as `name` does."""
    bare = name.partition(":")[0]
    beginning = bare[: 5 if bare.startswith(("lib", "python")) else 2]  # tens of thousands begin with "lib"
    beginning = "python3" if bare.startswith("python3") else beginning
    found = system.query(["apt-cache", *read_only_options(system), "pkgnames", beginning], ok=(0, 100))
    return found.stdout.split()


def names_matching(system: System, pattern: str) -> list[str]:
    """Return the names in the index that match a wildcard pattern, sorted."""
    literal = re.split(r"[*?\[]", pattern)[0]
    argv = ["apt-cache", *read_only_options(system), "pkgnames", *([literal] if literal else [])]
    found = system.query(argv, ok=(0, 100))
    return sorted(fnmatch.filter(found.stdout.split(), pattern))


def no_such_package(system: System, names: Iterable[str]) -> TaskError:
    """Return the error that names the packages which the index does not know, with the nearest name."""
    names = list(names)
    state = index_state(system)
    quoted = ", ".join(repr(name) for name in names)
    message = f"package {quoted} does not exist" if len(names) == 1 else f"packages {quoted} do not exist"
    if not state["exists"]:
        hint: str | None = "the package index is empty: add `update_cache: true`"
        message = f"package {quoted} cannot be found"
    else:
        hint = hint_for(names[0], lambda name: names_like(system, name))
        hint = hint or f"the package index is of {describe_age(state)}; `update_cache: true` refreshes it"
    return TaskError(f"{message} (E: Unable to locate package {names[0]})", hint=hint)


def _mtime(system: System, path: str) -> float:
    found = system.stat(path, follow=True)
    return 0.0 if found is None else found.mtime
