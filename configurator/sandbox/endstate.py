"""What a host has become, as things that can be compared: files, packages, accounts, units, the ruleset.

Two hosts that were made the same way differ in what has no meaning: times, random ids, caches, logs, in which
order a database lists its entries, and which number the next free account got. All that is left out, so that
what remains can be said to be different.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from configurator.core.errors import SandboxError
from configurator.sandbox import digest, mounts
from configurator.sandbox.hosts import LabHost

# Paths, or directories with all below, that say nothing of how a host was configured.
IGNORED = (
    *("/var/log", "/var/cache", "/var/tmp", "/tmp", "/run", "/var/spool/cron/atjobs"),  # noqa: S108
    *(
        "/etc/machine-id",
        "/var/lib/dbus/machine-id",
        "/var/lib/systemd",
        "/etc/.pwd.lock",
        "/etc/ld.so.cache",
    ),
    *(
        "/var/lib/apt",
        "/var/lib/dpkg",
        "/var/lib/ucf",
        "/var/backups",
        "/var/lib/logrotate",
    ),  # told as packages
    *(
        "/etc/passwd",
        "/etc/group",
        "/etc/shadow",
        "/etc/gshadow",
        "/etc/subuid",
        "/etc/subgid",
    ),  # as accounts
    *("/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-"),
    *("/var/lib/configurator", "/root/.cache", "/root/.bash_history", "/root/.local/share/man"),
)
_COMPILED = re.compile(r"/__pycache__(/|$)|\.pyc$")
_OWNERS = re.compile(r"(\S+) ([0-9]+):([0-9]+)(.*)", re.DOTALL)
_MOST_TEXT = 64 * 1024  # bytes of a file that are kept to show what differs in it
_SHOWN_LINES = 12
_FIRST_DYNAMIC_ID = 100  # below it Debian's own numbers are fixed (Policy 9.2.2)

_SECTION = "#=#"
# Units that come and go by themselves are only told when they have failed.
SCRIPT = f"""
echo '{_SECTION} packages'; dpkg-query -W -f '${{Package}}\\t${{Version}} ${{db:Status-Abbrev}}\\n'
echo '{_SECTION} manual'; apt-mark showmanual
echo '{_SECTION} holds'; apt-mark showhold
echo '{_SECTION} groups'; getent group
echo '{_SECTION} users'; getent passwd
echo '{_SECTION} shadow'; getent shadow
echo '{_SECTION} units'
systemctl list-units --all --plain --no-legend --no-pager --type=service,socket,timer,mount,path
echo '{_SECTION} enabled'; systemctl list-unit-files --plain --no-legend --no-pager
echo '{_SECTION} ruleset'; if command -v nft >/dev/null; then nft -s list ruleset; fi
"""
_FLEETING = re.compile(
    r"(systemd-|user@|user-|session|getty@|console-getty|dbus|polkit|run-|apt-daily|dpkg-db-backup|man-db|e2scrub"
    r"|fstrim|logrotate|motd-news|rc-local|emergency|rescue|initrd-|dev-|sys-|proc-|ssh@|sshd@)"
)
Shell = Callable[[str], str]  # runs a script on the host as root, and returns what it wrote


@dataclass(frozen=True, slots=True)
class EndState:
    """A host's state by thing (`file /etc/x`, `package nginx`, `unit nginx.service`...), each as one text.

    `texts` has the contents of small files, to show what differs in them.
    """

    things: Mapping[str, str]
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A thing that two hosts have otherwise; None where one has it not. `lines` is a diff of two texts."""

    thing: str
    first: str | None
    second: str | None
    lines: tuple[str, ...] = ()


def read_state(host: LabHost, shell: Shell) -> EndState:
    """Return what a running host of the sandbox has become; SandboxError if it cannot be asked."""
    said = _sections(shell(SCRIPT))
    if "ruleset" not in said:
        raise SandboxError(f"{host.name} did not tell its state to the end")
    things = (
        dict(_accounts(said)) | dict(_packages(said)) | dict(_units(said)) | dict(_ruleset(said["ruleset"]))
    )
    texts: dict[str, str] = {}
    lower = pristine_layers(host.upper)
    for path, mark in of_files(digest.of_layer(host.upper), lower).items():
        things[f"file {path}"] = _named_owners(mark, said)
        text = _text(host.upper + path)
        if text is not None:
            texts[f"file {path}"] = text
    return EndState(things, texts)


def differences(first: EndState, second: EndState) -> tuple[Difference, ...]:
    """Return what two hosts have otherwise, in the order of the names."""
    found = []
    for thing in sorted({*first.things, *second.things}):
        one, other = first.things.get(thing), second.things.get(thing)
        if one != other:
            lines = _diff(first.texts.get(thing, ""), second.texts.get(thing, "")) if one and other else ()
            found.append(Difference(thing, one, other, lines))
    return tuple(found)


def of_files(marks: Mapping[str, str], lower: tuple[str, ...] = ()) -> dict[str, str]:
    """Return those marks of a layer (see `digest`) that say how a host was configured.

    Left out are what is ignored, and what is as in the layers below: it was written, but with what it had.
    """
    return {
        path: mark
        for path, mark in marks.items()
        if not _COMPILED.search(path)
        and not any(path == known or path.startswith(f"{known}/") for known in IGNORED)
        and mark != digest.mark_in(lower, path)
    }


def pristine_layers(upper: str) -> tuple[str, ...]:
    """Return the layers below a running host's own, the topmost first, from the kernel's table of mounts."""
    own = os.path.realpath(upper)
    for _, options in mounts.table():
        found = dict(part.partition("=")[::2] for part in options.split(","))
        if found.get("upperdir") == own:
            return tuple(found.get("lowerdir", "").split(":"))
    return ()


def _sections(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(f"{_SECTION} "):
            lines = found.setdefault(line.removeprefix(f"{_SECTION} "), [])
        else:
            lines.append(line)
    return found


def _packages(said: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    manual, holds = set(said.get("manual", ())), set(said.get("holds", ()))
    for line in said.get("packages", ()):
        name, _, version = line.partition("\t")
        words = [version.strip(), *(["held"] if name in holds else ["auto"] if name not in manual else [])]
        yield f"package {name}", " ".join(words)


def _accounts(said: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    """Yield users and groups by name; their numbers are those that were free, which is a matter of order."""
    groups = _names(said, "groups")
    secrets = {line.split(":")[0]: line.split(":") for line in said.get("shadow", ())}
    for line in said.get("users", ()):
        name, _, _, group, comment, home, shell = (line.split(":") + [""] * 7)[:7]
        shadow = secrets.get(name, [])
        password = _password(shadow[1] if len(shadow) > 1 else "")
        ageing = ":".join(shadow[3:8])
        yield (
            f"user {name}",
            f"group={groups.get(group, group)} {comment!r} {home} {shell} {password} {ageing}",
        )
    for line in said.get("groups", ()):
        name, _, _, members = (line.split(":") + [""] * 4)[:4]
        yield f"group {name}", ",".join(sorted(members.split(",")))


def _password(field: str) -> str:
    """Return what kind of password it is: the same one is hashed otherwise each time."""
    locked = "locked " if field.startswith("!") else ""
    rest = field.lstrip("!")
    return locked + (f"hash {rest.split('$')[1]}" if rest.count("$") > 1 else rest or "none")


def _units(said: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    for line in said.get("units", ()):
        words = line.split()
        fleeting = bool(_FLEETING.match(words[0])) if words else True
        if len(words) > 3 and (words[2] == "failed" or not fleeting):
            yield f"unit {words[0]}", " ".join(words[1:4])
    for line in said.get("enabled", ()):
        words = line.split()
        if len(words) > 1:
            yield f"unit file {words[0]}", words[1]


def _ruleset(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each table of nftables; which came first is no difference."""
    for table in re.split(r"(?m)^(?=table )", "\n".join(lines)):
        if table.startswith("table "):
            yield f"ruleset {table.partition('{')[0].strip()}", table.strip()


def _names(said: Mapping[str, list[str]], kind: str) -> dict[str, str]:
    rows = [line.split(":") for line in said.get(kind, ())]
    return {row[2]: row[0] for row in rows if len(row) > 2 and _is_dynamic(row[2])}


def _is_dynamic(number: str) -> bool:
    return number.isdecimal() and int(number) >= _FIRST_DYNAMIC_ID


def _named_owners(mark: str, said: Mapping[str, list[str]]) -> str:
    found = _OWNERS.fullmatch(mark)
    if found is None:
        return mark
    mode, user, group, rest = found.groups()
    return f"{mode} {_names(said, 'users').get(user, user)}:{_names(said, 'groups').get(group, group)}{rest}"


def _text(path: str) -> str | None:
    if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > _MOST_TEXT:
        return None
    with open(path, "rb") as file:
        data = file.read(_MOST_TEXT)
    return None if b"\0" in data else data.decode("utf-8", "replace")


def _diff(first: str, second: str) -> tuple[str, ...]:
    lines = difflib.unified_diff(first.splitlines(), second.splitlines(), lineterm="", n=1)
    shown = [line for line in lines if not line.startswith(("---", "+++"))]
    more = len(shown) - _SHOWN_LINES
    return (*shown[:_SHOWN_LINES], *([f"... and {more} lines more"] if more > 0 else []))
