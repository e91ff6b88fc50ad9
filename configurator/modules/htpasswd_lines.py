"""The lines of a password file of Apache or nginx: `name:hash`, or `name:hash:comment`.

Where a name stands several times, both servers take its first line.
"""

from __future__ import annotations


def hash_of(text: str, name: str) -> str | None:
    """Return the hash of the first line for `name`; None if there is none."""
    for line in text.split("\n"):
        if _is_of(line, name):
            return _parts(line, name)[0]
    return None


def with_hash(text: str, name: str, hashed: str) -> str:
    """Return the text with the hash of `name` changed where it stands, or as a new line at the end."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if _is_of(line, name):
            lines[number] = f"{name}:{hashed}{_parts(line, name)[1]}"
            return "\n".join(lines)
    return text + ("\n" if text and not text.endswith("\n") else "") + f"{name}:{hashed}\n"


def without(text: str, name: str) -> str:
    """Return the text without any line for `name`."""
    lines = text.split("\n")
    kept = [line for line in lines if not _is_of(line, name)]
    if kept and _is_of(lines[-1], name):
        kept.append("")  # what is the last line now had a line break, and keeps it
    return "\n".join(kept)


def _is_of(line: str, name: str) -> bool:
    return line.startswith(f"{name}:")


def _parts(line: str, name: str) -> tuple[str, str]:
    """Return the hash, and what follows it: a comment, the mark of a line break of another system."""
    rest = line[len(name) + 1 :]
    hashed = rest.rstrip("\r").partition(":")[0]
    return hashed, rest[len(hashed) :]
