"""Running apt-get: its options, its predictions and its complaints."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from configurator.modules.apt_errors import explain, listed
from configurator.modules.apt_index import read_only_options
from configurator.modules.state import UNKNOWN, State
from configurator.modules.system import CommandResult, System

# debconf(7); apt-listchanges(1) would page the news of an upgrade.
ENVIRONMENT = {
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBIAN_PRIORITY": "critical",
    "APT_LISTCHANGES_FRONTEND": "none",
}
_POLICY_HELPER = "/usr/sbin/policy-rc.d"  # invoke-rc.d(8) asks it before it acts on a service
# Packages that a deep plan has downloaded, in the agent's cache.
ARCHIVES_AHEAD = "/var/cache/configurator/archives"
_FAILED = 100  # apt-get(8), DIAGNOSTICS: decimal 100 on error
# Commands that may remove what nobody has named; the others are asked to remove.
_BUILDING = frozenset({"install", "upgrade", "dist-upgrade", "build-dep", "satisfy"})


@dataclass(frozen=True, slots=True)
class Flags:
    """What a task says about how apt-get is to work; equal flags may share one call."""

    lock_timeout: int = 60
    dpkg_options: tuple[str, ...] = ("force-confdef", "force-confold")
    default_release: str | None = None
    install_recommends: bool | None = None
    allow_downgrade: bool = False
    allow_unauthenticated: bool = False
    allow_change_held: bool = False
    only_upgrade: bool = False
    no_remove: bool = False
    force: bool = False
    policy_rc_d: int | None = None

    def options(self) -> list[str]:
        """Return them as apt-get(8) takes them."""
        out = ["-o", f"DPkg::Lock::Timeout={self.lock_timeout}"]
        for option in self.dpkg_options:
            out += ["-o", f"Dpkg::Options::=--{option}"]
        if self.default_release:
            out += ["-t", self.default_release]
        if self.install_recommends is not None:
            out += ["-o", f"APT::Install-Recommends={'yes' if self.install_recommends else 'no'}"]
        out += ["--allow-downgrades"] if self.allow_downgrade or self.force else []
        out += ["--allow-unauthenticated"] if self.allow_unauthenticated or self.force else []
        out += ["--allow-change-held-packages"] if self.allow_change_held or self.force else []
        out += ["--allow-remove-essential"] if self.force else []
        return [*out, *(["--only-upgrade"] if self.only_upgrade else [])]

    def for_action(self, action: Sequence[str]) -> list[str]:
        """Return the options of one call: who asks for a removal is not kept from it."""
        careful = self.no_remove and bool(_BUILDING & set(action))
        return [*self.options(), *(["--no-remove"] if careful else [])]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing apt-get would do to a package: its version before and after, None where it is not there."""

    package: str
    before: str | None
    after: str | None


def parse_steps(text: str) -> list[Step]:
    """Return what `apt-get --simulate` announces: Inst, Remv and Purg lines, in order."""
    steps = []
    for line in text.splitlines():
        if match := re.match(r"Inst (\S+)(?: \[([^\]]+)\])? \((\S+) ", line):
            steps.append(Step(match[1], match[2], match[3]))
        elif match := re.match(r"(?:Remv|Purg) (\S+) \[([^\]]+)\]", line):
            steps.append(Step(match[1], match[2], None))
    return steps


def simulate(system: System, flags: Flags, action: Sequence[str]) -> list[Step]:
    """Return what apt-get would do for `action` (`install nginx`), writing nothing; TaskError if refused.

    What an upgrade leaves as it is, because it is held or needs a removal, becomes a warning of the task.
    """
    argv = ["apt-get", "--simulate", "-y", *read_only_options(system), *flags.for_action(action), *action]
    answer = system.query(argv, ok=(0, _FAILED), env=ENVIRONMENT, timeout_s=120.0)
    if answer.exit_status != 0:
        raise explain(answer)
    if kept := listed(answer.stdout, "The following packages have been kept back:"):
        system.notice(f"kept back: {', '.join(kept)}")
    return parse_steps(answer.stdout)


def with_autoremove(flags: Flags, action: Sequence[str], wanted: bool) -> tuple[Flags, Sequence[str]]:
    """Return how an install or an upgrade also removes what is no longer needed, if that is wanted.

    Nothing else may go: the caller has asked `simulate` without this before.
    """
    if not wanted or not _BUILDING & set(action):
        return flags, action
    return replace(flags, no_remove=False), [action[0], "--auto-remove", *action[1:]]


def run(
    system: System, flags: Flags, action: Sequence[str], establishes: Mapping[str, State | None]
) -> CommandResult:
    """Run apt-get; a dpkg that was interrupted earlier (a crash, a power cut) is set right first."""
    argv = ["apt-get", "-y", "-q", *flags.for_action(action), *action]
    with_policy = flags.policy_rc_d is not None
    before = _install_policy(system, flags.policy_rc_d) if with_policy else None
    try:
        result = _call(system, argv, establishes)
        if result.exit_status != 0 and "dpkg --configure -a" in result.stderr:
            system.notice("dpkg had been interrupted; ran `dpkg --configure -a` first")
            configure_pending(system, flags)
            result = _call(system, argv, establishes)
    finally:
        if with_policy:
            _restore_policy(system, before)
    if result.exit_status != 0:
        raise explain(result)
    return result


def configure_pending(system: System, flags: Flags) -> None:
    """Have dpkg finish what an earlier run has left unpacked or half-configured."""
    options = [f"--{option}" for option in flags.dpkg_options]
    system.run(["dpkg", *options, "--configure", "-a"], establishes={}, env=ENVIRONMENT, uninterruptible=True)


def _call(system: System, argv: Sequence[str], establishes: Mapping[str, State | None]) -> CommandResult:
    if system.stat(ARCHIVES_AHEAD) is not None:
        argv = [argv[0], "-o", f"Dir::Cache::Archives={ARCHIVES_AHEAD}", *argv[1:]]
    return system.run(argv, establishes=establishes, ok=(0, _FAILED), env=ENVIRONMENT, uninterruptible=True)


def _install_policy(system: System, exit_status: int | None) -> tuple[bytes, str] | None:
    """Have services answer with `exit_status` instead of starting; return what was there before."""
    found = system.stat(_POLICY_HELPER)
    before = None if found is None else (system.read(_POLICY_HELPER), f"{found.mode:04o}")
    system.write(_POLICY_HELPER, f"#!/bin/sh\nexit {exit_status}\n".encode(), mode="0755")
    return before


def _restore_policy(system: System, before: tuple[bytes, str] | None) -> None:
    if before is None:
        system.remove(_POLICY_HELPER)
    else:
        system.write(_POLICY_HELPER, before[0], mode=before[1])


class Predicted(Mapping[str, "State | None"]):
    """The states that apt-get will establish, found out by a simulation when somebody asks.

    An apply never asks, and is spared the half second; a plan does, and so meets dependencies and refusals
    that only apt's own solver knows.
    """

    def __init__(self, find: Callable[[], Mapping[str, State | None]]) -> None:
        self._find = find
        self._found: Mapping[str, State | None] | None = None

    def _get(self) -> Mapping[str, State | None]:
        if self._found is None:
            self._found = self._find()
        return self._found

    def __getitem__(self, key: str) -> State | None:
        return self._get()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._get())

    def __len__(self) -> int:
        return len(self._get())


def states_after(steps: Sequence[Step], *, versions_known: bool = True) -> dict[str, State | None]:
    """Return the package states that these steps leave."""
    found: dict[str, State | None] = {}
    for step in steps:
        if step.after is None:
            found[f"package:{step.package}"] = {"exists": False, "config": True}
        else:
            version = step.after if versions_known else UNKNOWN
            state = {"exists": True, "version": version, "held": False, "config": False}
            found[f"package:{step.package}"] = state | {"new": step.before is None}
    return found
