"""Where this machine gets its Debian packages, so that a sandbox uses the same mirror and no host name is
ours.

Formats: sources.list(5), the one-line style (`*.list`) and deb822 (`*.sources`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Suites that only the Debian archive has under these names (with `-updates` and `-security` beside them).
SUITES = frozenset(
    [
        "bullseye",
        "bookworm",
        "trixie",
        "forky",
        "sid",
        "unstable",
        "testing",
        "stable",
        "oldstable",
        "oldoldstable",
    ]
)


@dataclass(frozen=True, slots=True)
class Source:
    """One suite at one address, as a machine's apt sources name it."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str = ""


@dataclass(frozen=True, slots=True)
class Mirrors:
    """The machine's Debian mirror and its security mirror; empty where the machine names none."""

    main: str = ""
    security: str = ""


def parse_one_line(text: str) -> Iterator[Source]:
    """Yield what each `deb [options] uri suite component...` line names; other lines are passed over."""
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*([^#]*)", line)
        if match:
            options, uri, suite, components = match.groups(default="")
            signed = re.search(r"signed-by=(\S+)", options)
            yield Source(uri, suite, tuple(components.split()), signed.group(1) if signed else "")


def parse_deb822(text: str) -> Iterator[Source]:
    """Yield one source per address and suite of every enabled `Types: deb` stanza."""
    for stanza in re.split(r"\n[ \t]*\n", text):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in (
            "no",
            "false",
        ):
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                components = tuple(fields.get("components", "").split())
                yield Source(uri, suite, components, fields.get("signed-by", "").strip())


def _fields(stanza: str) -> dict[str, str]:
    """Return a stanza's fields by lower-case name; continuation lines are joined, comments dropped."""
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t") and name:
            fields[name] += "\n" + line.strip()
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def read_sources(directory: str = "/etc/apt") -> list[Source]:
    """Return every enabled source of the machine, in the order in which apt reads its files."""
    paths = [os.path.join(directory, "sources.list")]
    parts = os.path.join(directory, "sources.list.d")
    if os.path.isdir(parts):
        paths += [os.path.join(parts, name) for name in sorted(os.listdir(parts))]
    found: list[Source] = []
    for path in paths:
        if not path.endswith((".list", ".sources")) or not os.path.isfile(path):
            continue
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        found += parse_deb822(text) if path.endswith(".sources") else parse_one_line(text)
    return found


def choose_mirrors(sources: Iterable[Source]) -> Mirrors:
    """Return the addresses that serve the Debian archive itself, told from vendors that borrow its suite
    names.

    A vendor may well serve `bookworm main`; only the archive also has `bookworm-updates`, is called
    `.../debian`, and is signed by no key or by the archive's. The best marked address wins, the first of
    equals.
    """
    usable = [s for s in sources if s.uri.startswith(("http://", "https://")) and "main" in s.components]
    with_updates = {
        s.uri for s in usable if s.suite.removesuffix("-updates") in SUITES and s.suite not in SUITES
    }

    def marks(source: Source) -> int:
        archive_key = not source.signed_by or "debian-archive" in source.signed_by
        named = source.uri.rstrip("/").rsplit("/", 1)[-1] == "debian"
        return 4 * (source.uri in with_updates) + 2 * named + archive_key

    main = [s for s in usable if s.suite in SUITES and marks(s) > 0]
    security = [
        s for s in usable if s.suite.endswith("-security") and s.suite.removesuffix("-security") in SUITES
    ]
    return Mirrors(
        main=max(main, key=marks).uri.rstrip("/") if main else "",
        security=security[0].uri.rstrip("/") if security else "",
    )


def sources_list(release: str, mirrors: Mirrors, bootstrapped: str) -> str:
    """Return a guest's sources.list: the suite, its updates and its security where the machine knows a mirror
    for it.

    `bootstrapped` is what debootstrap wrote; its address serves where the machine's own sources name none.
    """
    main = mirrors.main or next((source.uri for source in parse_one_line(bootstrapped)), "")
    lines = [f"deb {main} {suite} main" for suite in (release, f"{release}-updates") if main]
    if mirrors.security:
        lines.append(f"deb {mirrors.security} {release}-security main")
    return "".join(f"{line}\n" for line in lines)
