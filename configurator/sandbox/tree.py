"""The cached root trees: built once per release and recipe, shared read-only by every host as an overlay's
lower layer.

CACHE/lock
CACHE/bookworm-DIGEST/root/        what debootstrap and the recipe made
CACHE/bookworm-DIGEST/lists-TIME/  what `apt-get update` wrote over it, renewed when it is a day old
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from configurator.core.errors import SandboxError
from configurator.sandbox import mounts, proxies, recipe
from configurator.sandbox.commands import run
from configurator.sandbox.locks import held
from configurator.sandbox.sources import Mirrors, choose_mirrors, read_sources, sources_list

# Package lists older than this are renewed: a mirror drops a version soon after it is superseded.
LISTS_MAX_AGE_S = 24 * 3600.0

# A tree that no sandbox was made from for this long is removed when another is built.
UNUSED_MAX_AGE_S = 30 * 24 * 3600.0

BUILD_TIMEOUT_S = 1800.0

# What is being made: nobody uses a directory of this name, and the next build removes it.
SCRATCH = ".build-"

Say = Callable[[str], None]


class TreeCache:
    """Gives the layers of a release's root tree, building what is missing; safe for many processes."""

    def __init__(self, directory: str, *, say: Say, cancel: threading.Event) -> None:
        self.directory = directory
        self._say = say
        self._cancel = cancel

    def layers(self, release: str) -> list[str]:
        """Return the lower layers of a host's overlay, topmost first: package lists, then the root tree."""
        if release not in recipe.RELEASES:
            raise SandboxError(f"unknown release {release!r}", hint=f"known: {', '.join(recipe.RELEASES)}")
        mirrors = choose_mirrors(read_sources())
        dump = run(["apt-config", "dump"], ok=False).stdout if shutil.which("apt-config") else ""
        environment = proxies.bootstrap_environment(proxies.find_proxies(os.environ, dump))
        home = os.path.join(
            self.directory, f"{release}-{recipe.digest(release, sources_list(release, mirrors, ''))}"
        )
        with held(os.path.join(self.directory, "lock"), timeout=BUILD_TIMEOUT_S, cancel=self._cancel):
            self._sweep()
            if not os.path.isdir(home):
                self._build(home, release, mirrors, environment)
            lists = self._lists(home, environment)
            os.utime(home)
        return [lists, os.path.join(home, "root")]

    def _build(self, home: str, release: str, mirrors: Mirrors, environment: Mapping[str, str]) -> None:
        """Make the tree in a scratch directory and rename it into place: a half tree is never seen."""
        self._say(f"building the {release} root tree, once; this takes about a minute")
        scratch = tempfile.mkdtemp(prefix=f"{SCRATCH}{release}-", dir=self.directory)
        root = os.path.join(scratch, "root")
        try:
            self._fill(root, release, mirrors, environment)
            os.rename(scratch, home)
        finally:
            mounts.unmount_below(scratch)  # debootstrap mounts /proc and /sys for its second stage
            remove_tree(scratch)

    def _fill(self, root: str, release: str, mirrors: Mirrors, environment: Mapping[str, str]) -> None:
        include = f"--include={','.join(recipe.PACKAGES)}"
        argv = ["debootstrap", "--variant=minbase", include, release, root]
        self._run([*argv, mirrors.main] if mirrors.main else argv, environment)
        path = os.path.join(root, "etc/apt/sources.list")
        with open(path, encoding="utf-8") as file:
            text = sources_list(release, mirrors, file.read())
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self._run(["chroot", root, "/bin/sh", "-eu", "-c", recipe.SCRIPT], environment)

    def _lists(self, home: str, environment: Mapping[str, str]) -> str:
        """Return the newest layer of package lists, made anew when old; an old one serves when offline."""
        have = sorted(name for name in os.listdir(home) if name.startswith("lists-"))
        now = int(time.time())
        if have and 0 <= now - int(have[-1].removeprefix("lists-")) < LISTS_MAX_AGE_S:
            return os.path.join(home, have[-1])
        self._say("refreshing the package lists")
        try:
            made = self._update(home, f"lists-{now}", environment)
        except SandboxError as error:
            if not have or self._cancel.is_set():
                raise
            self._say(f"using yesterday's package lists: {error.message}")
            return os.path.join(home, have[-1])
        for name in have[:-1]:  # the newest but this one may be about to be mounted by another lab
            if not mounts.in_use(os.path.join(home, name)):
                remove_tree(os.path.join(home, name))
        return made

    def _update(self, home: str, name: str, environment: Mapping[str, str]) -> str:
        scratch = tempfile.mkdtemp(prefix=SCRATCH, dir=self.directory)
        upper, root = os.path.join(scratch, "upper"), os.path.join(scratch, "root")
        try:
            mounts.mount_overlay([os.path.join(home, "root")], upper, os.path.join(scratch, "work"), root)
            give_resolver(root)
            # The exit status alone would let a failed download pass: apt-get(8), Error-Mode (apt 2.3).
            self._run(
                ["chroot", root, "apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update"], environment
            )
            mounts.unmount_below(scratch)
            shutil.rmtree(
                os.path.join(upper, "etc")
            )  # the name servers are the day's, each host gets its own
            os.rename(upper, os.path.join(home, name))
        finally:
            mounts.unmount_below(scratch)
            remove_tree(scratch)
        return os.path.join(home, name)

    def _run(self, argv: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        return run(argv, env=environment, timeout=BUILD_TIMEOUT_S, cancel=self._cancel)

    def _sweep(self) -> None:
        """Remove what a killed build left and trees long unused; our lock means that no build goes on."""
        for name in os.listdir(self.directory):
            path = os.path.join(self.directory, name)
            unused = os.path.isdir(path) and time.time() - os.stat(path).st_mtime > UNUSED_MAX_AGE_S
            if name.startswith(SCRATCH) or (unused and not mounts.in_use(path)):
                mounts.unmount_below(path)
                remove_tree(path)


def give_resolver(root: str) -> None:
    """Write this machine's name servers into a tree; a link there is replaced, since following it leads out
    of the tree.
    """
    path = os.path.join(root, "etc/resolv.conf")
    if os.path.lexists(path):
        os.unlink(path)
    with open(path, "x", encoding="utf-8") as file:
        file.write(proxies.resolver())


def remove_tree(path: str) -> None:
    """Remove a directory of ours if it exists; refuses while anything is mounted in it, since that is not
    ours.
    """
    if os.path.isdir(path):
        if mounts.below(path):
            raise SandboxError(
                f"{path} still has file systems mounted in it: {', '.join(mounts.below(path))}"
            )
        # systemd-nspawn(1) may just be taking its lock file away, and gone is what it is to be.
        shutil.rmtree(path, onerror=_unless_gone)


def _unless_gone(_function: Any, _path: str, error: Any) -> None:
    if not isinstance(error[1], FileNotFoundError):
        raise error[1]
