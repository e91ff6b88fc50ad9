"""The two forms of apt's sources (sources.list(5)): lines, and files of fields in the style of deb822(5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from configurator.core.errors import TaskError
from configurator.modules.system import System

LIST = "/etc/apt/sources.list"
PARTS = "/etc/apt/sources.list.d"
_LINE = re.compile(
    r"(?P<type>deb|deb-src)\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<components>(?:\s+\S+)*)"
)
_DISABLED = re.compile(r"\s*#+\s*")


@dataclass(frozen=True, slots=True)
class Source:
    """One line, its options and components in their order."""

    type: str
    options: tuple[str, ...]
    uri: str
    suite: str
    components: tuple[str, ...]

    @property
    def line(self) -> str:
        """The line as we write it."""
        options = [f"[{' '.join(self.options)}]"] if self.options else []
        return " ".join([self.type, *options, self.uri, self.suite, *self.components])


def parse_line(text: str) -> Source | None:
    """Return the source in a line, or None if it is none; what stands behind a `#` is a comment."""
    match = _LINE.fullmatch(text.partition("#")[0].strip())
    if match is None or ":" not in match["uri"]:
        return None
    components = tuple(match["components"].split())
    # A suite that ends in a slash is a directory, which has no components; all others have.
    if match["suite"].endswith("/") == bool(components):
        return None
    return Source(
        match["type"], tuple((match["options"] or "").split()), match["uri"], match["suite"], components
    )


def parse_any(text: str) -> tuple[Source | None, bool]:
    """Return the source in a line, enabled or behind a `#`, and whether it is enabled."""
    enabled = parse_line(text)
    if enabled is not None:
        return enabled, True
    mark = _DISABLED.match(text)
    return (parse_line(text[mark.end() :]) if mark else None), False


def with_source(text: str, source: Source) -> str:
    """Return the text of a file with the line enabled where it stands, or at the end; all else stays."""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if parse_any(line)[0] == source:
            if not parse_any(line)[1]:
                lines[number] = source.line + "\n"
            return "".join(lines)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return "".join([*lines, source.line + "\n"])


def without_source(text: str, source: Source) -> str:
    """Return the text of a file without the enabled lines of this source."""
    kept = (line for line in text.splitlines(keepends=True) if parse_any(line) != (source, True))
    return "".join(kept)


def signed_sources(path: str, text: str) -> list[tuple[str, str, str]]:
    """Return URI, suite and the normal form of `signed-by` of every enabled source in a file."""
    found: list[tuple[str, str, str]] = []
    if path.endswith(".sources"):
        for fields in parse_fields(text):
            if fields.get("enabled", "yes").lower() not in ("no", "false", "0"):
                pairs = product(fields.get("uris", "").split(), fields.get("suites", "").split())
                found += [(uri, suite, fields.get("signed-by", "")) for uri, suite in pairs]
    else:
        for line in text.splitlines():
            if (source := parse_line(line)) is not None:
                keys = [one for one in source.options if one.lower().startswith("signed-by=")]
                found.append((source.uri, source.suite, keys[0].partition("=")[2] if keys else ""))
    return [(uri.rstrip("/"), suite, " ".join(key.split())) for uri, suite, key in found]


def conflict(texts: Mapping[str, str], path: str, text: str) -> str | None:
    """Return the file that names another key for a source of ours: apt reads no source at all then."""
    ours = {(uri, suite): key for uri, suite, key in signed_sources(path, text)}
    for other, content in texts.items():
        if other != path and any(
            ours.get((uri, suite), key) != key for uri, suite, key in signed_sources(other, content)
        ):
            return other
    return None


def file_name(source: Source) -> str:
    """Return the name that Ansible gives the file of a source: its URI in words."""
    bare = source.uri.partition("://")[2] or source.uri
    bare = bare.rpartition("@")[2] if "@" in bare else bare
    return "_".join(re.sub(r"[^a-zA-Z0-9]", " ", bare).split())


def slug(name: str) -> str:
    """Return the name of the files of a source in fields, as Ansible makes it."""
    return re.sub(r"[^a-z0-9-]+", "", re.sub(r"[_\s]+", "-", name.lower()))


def parse_fields(text: str) -> list[dict[str, str]]:
    """Return the paragraphs of a deb822 file; field names are in lower case, folded lines keep theirs."""
    paragraphs: list[dict[str, str]] = [{}]
    name = ""
    for line in text.splitlines():
        if not line.strip():
            name = ""
            if paragraphs[-1]:
                paragraphs.append({})
        elif line.startswith("#"):
            continue
        elif line[0] in " \t":
            if name:
                paragraphs[-1][name] += "\n" + line.strip()
        else:
            name, colon, value = line.partition(":")
            name = name.strip().lower() if colon else ""
            if name:
                paragraphs[-1][name] = value.strip()
    return [paragraph for paragraph in paragraphs if paragraph]


def written(fields: Mapping[str, str]) -> str:
    """Return a deb822 paragraph; a value of several lines is folded, with a dot for an empty one."""
    out = []
    for name, value in fields.items():
        first, *rest = value.split("\n")
        out.append(f"{name}: {first}".rstrip() if rest else f"{name}: {first}")
        out += [f" {line}" if line.strip() else " ." for line in rest]
    return "\n".join(out) + "\n"


def same(text: str, fields: Mapping[str, str]) -> bool:
    """Return True if a file says what the fields say, however it is laid out."""
    found = parse_fields(text)
    return len(found) == 1 and found[0] == parse_fields(written(fields))[0]


def read_sources(system: System) -> dict[str, str]:
    """Return the texts of all files of sources, in both forms, by their paths."""
    paths = [LIST] if "sources.list" in system.listdir("/etc/apt") else []
    paths += [f"{PARTS}/{name}" for name in system.listdir(PARTS) if name.endswith((".list", ".sources"))]
    there = [path for path in paths if system.stat(path, follow=True) is not None]
    return {path: system.read(path).decode("utf-8", "surrogateescape") for path in there}


def refuse_conflict(system: System, path: str, text: str) -> None:
    """Refuse a source that another file has with another key; sources.list(5), `Signed-By`."""
    other = conflict(read_sources(system), path, text)
    if other is not None:
        raise TaskError(
            f"{other} has the same source with another `signed-by`: apt would read no source at all",
            hint=f"remove the source from {other} first, or give both the same key",
        )
