"""apt: versions, removals, upgrades, the index and what stands in the way, with packages of our own."""

from __future__ import annotations

from typing import Any

from tests.hosts.cases import Case
from tests.hosts.own_packages import SERVE, SHOW, URL, ending, own

QUIET = ">/dev/null 2>&1"
HOLD = """
setsid python3 -c '
import fcntl, time
file = open("/var/lib/dpkg/lock-frontend", "w")
fcntl.lockf(file, fcntl.LOCK_EX)
open("/srv/t/held", "w").close()
time.sleep(300)' >/dev/null 2>&1 & echo $! > /run/own.pid
while ! test -e /srv/t/held; do sleep 0.05; done
"""


def _apt(title: str, name: Any = None, /, **params: Any) -> tuple[str, str, dict[str, Any]]:
    return title, "apt", ({} if name is None else {"name": name}) | params


def _install(names: str) -> str:
    return f"apt-get install -y -qq {names} {QUIET}\n"


CASES = {
    "versions": Case(
        (
            _apt("wildcard", "own-a=1.*"),
            _apt("there", "own-a"),
            _apt("exact", "own-a=1.5"),
            _apt("none such", "own-a=3*"),
            _apt("older", "own-a=1.0"),
            _apt("back", "own-b=1.0", allow_downgrade=True),
            _apt("newest", "own-c", state="latest"),
            _apt("newest of a pin", "own-e=1.*", state="latest"),
            _apt("absent stays absent", "own-d", state="latest", only_upgrade=True),
            _apt("older is upgraded", "own-f", state="latest", only_upgrade=True),
            _apt("from another suite", "own-g/older"),
            _apt("by default release", "own-h", default_release="older"),
            _apt("without recommends", "own-i", install_recommends=False),
            _apt("with recommends", "own-k", install_recommends=True),
        ),
        ending(SHOW),
        "own-a 1.5 installed\nown-b 1.0 installed\nown-c 2.0 installed\nown-e 1.5 installed\n"
        "own-f 2.0 installed\nown-g 1.0 installed\nown-h 1.0 installed\nown-i 1.0 installed\n"
        "own-k 1.0 installed\nown-l 1.0 installed\n",
        own(
            *(f"own-{letter} {version}" for letter in "abcdefgh" for version in ("1.0", "1.5", "2.0")),
            *(f"older/own-{letter} 1.0" for letter in "gh"),
            ("own-i 1.0", "Recommends: own-j"),
            "own-j 1.0",
            ("own-k 1.0", "Recommends: own-l"),
            "own-l 1.0",
            then=_install("own-b own-c=1.0 own-e=1.0 own-f=1.0"),
        ),
        frozenset({"there", "exact", "absent stays absent"}),
        {"none such": "available: 2.0, 1.5, 1.0", "older": "is installed as 1.5, which is newer than 1.0"},
    ),
    "versions from one on": Case(
        (
            _apt("new", "own-a>=1.5"),
            _apt("new enough", "own-b>=1.0~rc1"),
            _apt("too old", "own-c>=1.0-2"),
            _apt("none such", "own-d>=2.0.1"),
            _apt("of our architecture", "own-n:amd64"),
            _apt("there by then", "own-n"),
        ),
        ending(SHOW),
        "own-a 2.0 installed\nown-b 1.0 installed\nown-c 2.0 installed\nown-n 1.0 installed\n",
        own(
            *(f"own-{letter} {version}" for letter in "abcd" for version in ("1.0", "2.0")),
            "own-n 1.0",
            then=_install("own-b=1.0 own-c=1.0"),
        ),
        frozenset({"new enough", "there by then"}),
        {"none such": "version '>=2.0.1' of package 'own-d' is not in the package index"},
    ),
    "what is returned": Case(
        (
            _apt("installed", "own-a"),
            _apt("there", "own-a"),
            _apt("nothing named", []),
            _apt("nothing at all"),
        ),
        ending(SHOW),
        "own-a 1.0 installed\n",
        own("own-a 1.0"),
        frozenset({"there", "nothing named", "nothing at all"}),
        outputs={
            "installed": {"cache_updated": False},
            "there": {"cache_updated": False, "stdout": "", "stdout_lines": []},
        },
    ),
    "holds": Case(
        (
            _apt("there", "own-a"),
            _apt("held", "own-a", state="latest"),
            _apt("allowed", "own-b", state="latest", allow_change_held_packages=True),
            _apt("upgrade", upgrade="safe"),
        ),
        ending(f"{SHOW}; apt-mark showhold"),
        "own-a 1.0 installed\nown-b 2.0 installed\nown-c 2.0 installed\nown-a\n",
        own(
            *(f"own-{letter} {version}" for letter in "abc" for version in ("1.0", "2.0")),
            then=_install("own-a=1.0 own-b=1.0 own-c=1.0") + f"apt-mark hold own-a own-b {QUIET}",
            alone=True,
        ),
        frozenset({"there"}),
        {"held": "package 'own-a' is held at 1.0, and 2.0 is wanted"},
        warns={"upgrade": "kept back: own-a"},
    ),
    "removals": Case(
        (
            _apt("dependents go along", "own-lib", state="absent"),
            _apt("settings stay", "own-kept", state="absent"),
            _apt("left settings", "own-left", state="absent"),
            _apt("purged later", "own-rest", state="absent", purge=True),
            _apt("purged", "own-purged", state="absent", purge=True),
            _apt("with what it needed", "own-top", state="absent", autoremove=True),
            _apt("by wildcard", "own-many-*", state="absent", purge=True),
            _apt("not there", ["own-nothing", "nosuchpackage"], state="absent"),
        ),
        ending(f"{SHOW}; cd /etc; ls own*"),
        "own-kept 1.0 config-files\nown-left 1.0 config-files\nown-stays 1.0 installed\n"
        "own-kept.conf\nown-left.conf\n",
        own(
            "own-lib 1.0",
            ("own-app 1.0", "Depends: own-lib"),
            *((f"own-{name} 1.0", f"/etc/own-{name}.conf") for name in ("kept", "left", "rest", "purged")),
            "own-needed 1.0",
            ("own-top 1.0", "Depends: own-needed"),
            ("own-many-a 1.0", "/etc/own-many.conf"),
            "own-many-b 1.0",
            "own-stays 1.0",
            then=_install(
                "own-app own-kept own-left own-rest own-purged own-top own-many-a own-many-b own-stays"
            )
            + f"apt-get remove -y -qq own-left own-rest {QUIET}",
        ),
        frozenset({"left settings", "not there"}),
    ),
    "what goes along with an install": Case(
        (
            _apt("refused", "own-new"),
            _apt("refused from a file", deb="/srv/own/own/own-new_1.0_all.deb"),
            _apt("allowed", "own-next", allow_removals=True),
            _apt("allowed from a file", deb="/srv/own/own/own-third_1.0_all.deb", allow_removals=True),
            _apt("nothing goes", "own-other", allow_removals=True),
            _apt("no longer needed", "own-slim", state="latest", autoremove=True),
        ),
        ending(SHOW),
        "own-next 1.0 installed\nown-old 1.0 installed\nown-other 1.0 installed\nown-slim 2.0 installed\n"
        "own-third 1.0 installed\n",
        own(
            *(f"own-{name} 1.0" for name in ("old", "prev", "second", "other", "base")),
            ("own-new 1.0", "Conflicts: own-old"),
            ("own-next 1.0", "Conflicts: own-prev"),
            ("own-third 1.0", "Conflicts: own-second"),
            ("own-slim 1.0", "Depends: own-base"),
            "own-slim 2.0",
            then=_install("own-old own-prev own-second own-slim=1.0"),
        ),
        fails={
            "refused": "this would remove own-old, which was not asked for",
            "refused from a file": "`allow_removals: true` permits it",
        },
    ),
    "upgrades": Case(
        (
            _apt("safe", upgrade="safe"),
            _apt("again", upgrade="yes"),
            _apt("all that is there", "*", state="latest"),
            _apt("refused", upgrade="full"),
        ),
        ending(SHOW),
        "own-a 2.0 installed\nown-b 2.0 installed\nown-c 1.0 installed\nown-d 1.0 installed\n"
        "own-extra 1.0 installed\n",
        own(
            *(f"own-{letter} 1.0" for letter in "abcd"),
            "own-extra 1.0",
            "own-a 2.0",
            ("own-b 2.0", "Depends: own-extra"),
            ("own-c 2.0", "Conflicts: own-d"),
            then=_install("own-a=1.0 own-b=1.0 own-c=1.0 own-d=1.0"),
            alone=True,
        ),
        frozenset({"again", "all that is there"}),
        {"refused": "this would remove own-d, which was not asked for"},
        warns={"safe": "kept back: own-c"},
    ),
    "upgrades of everything": Case(
        (
            _apt("dist", upgrade="dist", allow_removals=True, autoremove=True),
            _apt("full", upgrade="full", allow_removals=True),
            _apt("alone", autoremove=True, purge=True),
        ),
        ending(SHOW),
        "own-a 2.0 installed\nown-c 2.0 installed\n",
        own(
            *(f"own-{name} 1.0" for name in ("c", "d", "base")),
            ("own-a 1.0", "Depends: own-base"),
            "own-a 2.0",
            ("own-c 2.0", "Conflicts: own-d"),
            then=_install("own-a=1.0 own-c=1.0 own-d=1.0"),
            alone=True,
        ),
        frozenset({"full", "alone"}),
    ),
    "what is not needed": Case(
        (
            _apt("autoremove", autoremove=True, purge=True),
            _apt("autoclean", autoclean=True),
            _apt("clean", clean=True),
            _apt("clean again", clean=True),
        ),
        ending(f"{SHOW}; ls /etc/own* /var/cache/apt/archives/*.deb | wc -l"),
        "own-stays 1.0 installed\nls: cannot access '/etc/own*': No such file or directory\n"
        "ls: cannot access '/var/cache/apt/archives/*.deb': No such file or directory\n0\n",
        own(
            ("own-needed 1.0", "/etc/own-needed.conf"),
            ("own-top 1.0", "Depends: own-needed"),
            "own-stays 1.0",
            then=_install("own-top own-stays")
            + f"apt-get remove -y -qq own-top {QUIET}; cp /srv/own/own/own-stays* /var/cache/apt/archives/;"
            " cp /srv/own/own/own-top_1.0_all.deb /var/cache/apt/archives/own-top_0.9_all.deb",
            alone=True,
        ),
        frozenset({"clean again"}),
    ),
    "names": Case(
        (
            _apt("one of three", ["own-right", "own-wrnog", "bash"]),
            _apt("two wrong", "own-right,nosuch1,nosuch2"),
            _apt("elsewhere", "docker-ce"),
            _apt("of another version", "own7.4-fpm"),
            _apt("one provider", "own-virtual"),
            _apt("of two", "own-many"),
            _apt("provided", "awk"),
            _apt("right ones", ["own-right", "bash", "own-pat*"]),
            _apt("patterns", "own-zz*"),
        ),
        ending(SHOW),
        "own-pat1 1.0 installed\nown-pat2 1.0 installed\nown-provider 1.0 installed\n"
        "own-right 1.0 installed\n",
        own(
            *(f"own-{name} 1.0" for name in ("right", "wrong", "pat1", "pat2")),
            "own8.2-fpm 1.0",
            ("own-provider 1.0", "Provides: own-virtual"),
            ("own-first 1.0", "Provides: own-many"),
            ("own-second 1.0", "Provides: own-many"),
        ),
        frozenset({"provided"}),
        {
            "one of three": "package 'own-wrnog' does not exist (E: Unable to locate package own-wrnog)",
            "two wrong": "packages 'nosuch1', 'nosuch2' do not exist",
            "elsewhere": "Docker's own repository",
            "of another version": "this release has 'own8.2-fpm'",
            "of two": "name one of them: own-first, own-second",
            "patterns": "package 'own-zz*' does not exist",
        },
    ),
    "package files": Case(
        (
            _apt("with dependencies", deb="/srv/own/own/own-file-unlisted_1.0_all.deb"),
            _apt("its dependency", "own-dep"),
            _apt("the same", deb="/srv/own/own/own-file-unlisted_1.0_all.deb"),
            _apt("newer", deb="/srv/own/own/own-newer-unlisted_2.0_all.deb"),
            _apt("missing", deb="/srv/t/nothing.deb"),
            _apt("no package", deb="/etc/hostname"),
            _apt("needs what nobody has", deb="/srv/own/own/own-poor-unlisted_1.0_all.deb"),
        ),
        ending(SHOW),
        "own-dep 1.0 installed\nown-file-unlisted 1.0 installed\nown-newer-unlisted 2.0 installed\n",
        own(
            "own-dep 1.0",
            ("own-file-unlisted 1.0", "Depends: own-dep"),
            "own-newer-unlisted 1.0",
            "own-newer-unlisted 2.0",
            ("own-poor-unlisted 1.0", "Depends: own-nowhere"),
            then=_install("/srv/own/own/own-newer-unlisted_1.0_all.deb"),
        ),
        frozenset({"its dependency", "the same"}),
        {
            "missing": "no such file: /srv/t/nothing.deb",
            "no package": "/etc/hostname is not a Debian package",
            "needs what nobody has": "own-nowhere",
        },
    ),
    "packages from the web": Case(
        (
            _apt("missing", deb=f"{URL}/nothing.deb"),
            _apt("no package", deb=f"{URL}/Packages"),
            _apt("with dependencies", deb=f"{URL}/own-web-unlisted_1.0_all.deb"),
            _apt("the same", deb=f"{URL}/own-web-unlisted_1.0_all.deb"),
            _apt("refused", deb=f"{URL}/own-rival-unlisted_1.0_all.deb"),
            _apt("allowed", deb=f"{URL}/own-heir-unlisted_1.0_all.deb", allow_removals=True),
        ),
        ending(f"{SHOW}; ls /var/cache/apt/archives/*.deb | wc -l"),
        "own-dep 1.0 installed\nown-heir-unlisted 1.0 installed\nown-there 1.0 installed\n"
        "own-web-unlisted 1.0 installed\n"
        "ls: cannot access '/var/cache/apt/archives/*.deb': No such file or directory\n0\n",
        own(
            "own-dep 1.0",
            "own-there 1.0",
            "own-father 1.0",
            ("own-web-unlisted 1.0", "Depends: own-dep"),
            ("own-rival-unlisted 1.0", "Breaks: own-there"),
            ("own-heir-unlisted 1.0", "Conflicts: own-father"),
            then=_install("own-there own-father") + "apt-get clean\n" + SERVE,
        ),
        frozenset({"the same"}),
        {
            "refused": "this would remove own-there, which was not asked for",
            "missing": "status 404",
            "no package": "is not a Debian package",
        },
    ),
    "the index": Case(
        (
            _apt("refreshed", update_cache=True),
            _apt("young enough", update_cache=True, cache_valid_time=3600),
            _apt("not needed", "bash", update_cache=True, cache_valid_time=1),
            _apt("in the new one", "own-fresh", update_cache=True),
        ),
        ending(SHOW),
        "own-fresh 1.0 installed\n",
        own(
            "own-fresh 1.0",
            then="rm -f /var/lib/apt/lists/_srv_own*; touch -d '2 hours ago' /var/lib/apt/lists",
        ),
        frozenset({"young enough", "not needed"}),
        outputs={
            "refreshed": {"cache_updated": True},
            "young enough": {"cache_updated": False},
            "in the new one": {"cache_updated": False},
        },
    ),
    "locked and offline": Case(
        (
            _apt("there", ["bash", "own-there"], update_cache=True, cache_valid_time=1),
            _apt("locked", "own-locked", lock_timeout=0),
            _apt("offline", update_cache=True, cache_valid_time=1, update_cache_retries=0),
            _apt("no mirror", "own-remote"),
        ),
        ending(SHOW),
        "own-there 1.0 installed\n",
        own(
            "own-there 1.0",
            "own-locked 1.0",
            then=_install("own-there")
            + "echo 'deb [trusted=yes] http://127.0.0.1:9/ ./' >> /etc/apt/sources.list.d/own.list\n"
            "touch -d '2 hours ago' /var/lib/apt/lists\n" + HOLD,
            alone=True,
        ),
        frozenset({"there"}),
        plan_blind={
            "locked": "(python3); `lock_timeout` says how long",
            "offline": "the host cannot reach 127.0.0.1",
            "no mirror": "package 'own-remote' does not exist",
        },
    ),
    "no space": Case(
        (_apt("large", "own-large"),),
        ending(SHOW),
        "dpkg-query: no packages found matching own-*\n",
        own(
            ("own-large 1.0", "/usr/share/own-large"),
            then="sed -i s/file:/copy:/ /etc/apt/sources.list.d/own.list; apt-get update -qq;"
            " mount -t tmpfs -o size=1m none /var/cache/apt/archives",
            alone=True,
        ),
        plan_blind={"large": "free some space on /var/cache/apt/archives"},
    ),
    "unfinished": Case(
        (
            _apt("fixed", state="fixed"),
            _apt("good", "own-good"),
        ),
        ending(SHOW),
        "own-good 1.0 installed\nown-half 1.0 installed\n",
        own(
            "own-half 1.0",
            "own-good 1.0",
            then=f"dpkg --unpack /srv/own/own/own-half_1.0_all.deb {QUIET}",
        ),
    ),
    "a package that cannot be configured": Case(
        (_apt("broken", "own-broken"),),
        ending(SHOW),
        "own-broken 1.0 half-configured\n",
        own(("own-broken 1.0", "!echo no luck today; exit 1")),
        plan_blind={"broken": "no luck today"},
    ),
}
