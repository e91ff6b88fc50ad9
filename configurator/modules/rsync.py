"""The words of rsync(1): the options of a task, and what an itemized list says of a file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

MARK = "@configurator@"  # tells a line of the list from what `-v` and `--stats` print besides
_ESCAPED = re.compile(rb"\\#([0-7]{3})")
_LETTERS = {
    "t": "time",
    "p": "permissions",
    "o": "owner",
    "g": "group",
    "u": "access time",
    "n": "creation time",
    "b": "times",
    "a": "access list",
    "x": "extended attributes",
}
_KINDS = {"f": "file", "d": "directory", "L": "link", "D": "device", "S": "special file"}
# Options that would have a look change something, the list not be one, or a tree stand elsewhere.
_REFUSED = {
    "--dry-run": "nothing would ever be done",
    "--list-only": "nothing would ever be done",
    "--quiet": "what is changed is read from what rsync says",
    "--out-format": "what is changed is read from what rsync says",
    "--log-file": "a plan would write it, too",
    "--log-format": "what is changed is read from what rsync says",
    "--write-batch": "a plan would write it, too",
    "--only-write-batch": "a plan would write it, too",
    "--read-batch": "what is to be there comes from 'src'",
    "--files-from": "name the folder in 'src', and leave files out with `--exclude`",
    "--relative": "the names of 'src' are relative to it",
    "--rsh": "rsync runs on the host itself, and connects to none",
    "--rsync-path": "rsync runs on the host itself, and connects to none",
    "--daemon": "rsync runs on the host itself, and connects to none",
    "--server": "rsync runs on the host itself, and connects to none",
    "--remove-source-files": "'src' is left as it is",
    "--8-bit-output": "names are read from what rsync says",
    "--iconv": "names are read from what rsync says",
}
_ON_CONTROLLER = "`copy_links: true` looks where links lead on the controller"
_REFUSED_LOCAL = {
    "--copy-links": _ON_CONTROLLER,
    "--copy-unsafe-links": _ON_CONTROLLER,
    "--copy-dirlinks": _ON_CONTROLLER,
}
_SHORT = {
    "n": "--dry-run",
    "q": "--quiet",
    "R": "--relative",
    "e": "--rsh",
    "8": "--8-bit-output",
    "L": "--copy-links",
    "k": "--copy-dirlinks",
    "c": "--checksum",
}
_WITH_VALUE = frozenset("fBTM@")  # of the short options; the rest of such a word is its value


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the list: a path that rsync would change, and what about it."""

    name: str
    action: str
    kind: str
    letters: str

    @property
    def new(self) -> bool:
        """True for what was not there, or not as such a thing."""
        return self.letters.startswith("+")

    @property
    def deleted(self) -> bool:
        """True for what goes."""
        return self.action == "*"

    @property
    def transferred(self) -> bool:
        """True if the file's content is taken over, be it another one or not."""
        return self.action == ">" and self.kind == "file"

    def differs(self) -> list[str]:
        """Return what is not as in the source, besides the content.

        Without `times` a file's time never becomes that of the source (`T`), which is no difference then.
        """
        return list(dict.fromkeys(_LETTERS[letter] for letter in self.letters if letter in _LETTERS))


def items(text: str) -> Iterator[Item]:
    """Yield what a list says; lines that are none, or tell of no change, are passed over."""
    for line in text.split("\n"):
        mark, found, rest = line.partition(MARK)
        if mark or not found or len(rest) < 13:
            continue
        code, name = rest[:11], rest[12:]
        # A directory has a slash behind it; the top of a tree is a dot.
        path = _unescaped(name).rstrip("/")
        if code.startswith("*deleting"):
            yield Item(path, "*", "directory" if name.endswith("/") else "", "")
        elif letters := code[2:].strip(". "):
            yield Item(
                "" if path == "." else path.removeprefix("./"), code[0], _KINDS.get(code[1], ""), letters
            )


def _unescaped(name: str) -> str:
    data = name.encode("utf-8", "surrogateescape")
    data = _ESCAPED.sub(lambda found: bytes([int(found[1], 8) & 0xFF]), data)
    return data.decode("utf-8", "surrogateescape")


def words(params: Any) -> list[str]:
    """Return the options of a task, in the order in which later ones win."""
    out = ["-F"]  # as in Ansible: the filters in `.rsync-filter` of each directory count
    if params.delay_updates:
        out.append("--delay-updates")
    if params.rsync_timeout:
        out.append(f"--timeout={params.rsync_timeout}")
    out += [flag for name, flag in _SWITCHES if getattr(params, name)]
    if params.archive:
        out.append("--archive")
    for name, flag in _PARTS:
        asked = getattr(params, name)
        if asked is not None and asked is not params.archive:
            out.append(f"--{flag}" if asked else f"--no-{flag}")
    out += [f"--link-dest={path}" for path in params.link_dest]
    return [*out, *params.rsync_opts]


_SWITCHES = (
    ("delete", "--delete-after"),
    ("existing_only", "--existing"),
    ("checksum", "--checksum"),
    ("copy_links", "--copy-links"),
    ("dirs", "--dirs"),
    ("partial", "--partial"),
)
_PARTS = (
    ("recursive", "recursive"),
    ("links", "links"),
    ("perms", "perms"),
    ("times", "times"),
    ("owner", "owner"),
    ("group", "group"),
)


def problem(rsync_opts: Sequence[str], *, local: bool) -> str | None:
    """Return why one of the options cannot be had, or None; `local` if the tree is the controller's."""
    refused = _REFUSED | (_REFUSED_LOCAL if local else {})
    for word in rsync_opts:
        for name in _names(word):
            if name in refused:
                return f"{word!r} cannot be had: {refused[name]}"
    return None


def compares_contents(params: Any) -> bool:
    """Return True if rsync reads files to compare them, so that their contents have to be there."""
    given = (name for word in params.rsync_opts for name in _names(word))
    return bool(params.checksum) or any(name.startswith("--checksum") for name in given)


def _names(word: str) -> Iterator[str]:
    """Yield the long names of the options in a word; an abbreviated one yields all that it may mean."""
    if " " in word.partition("=")[0]:
        return  # the value of the option before it, such as a filter
    if word.startswith("--"):
        name = word.partition("=")[0]
        known = [*_REFUSED, *_REFUSED_LOCAL]
        yield name
        yield from (one for one in known if len(name) > len("--no") + 1 and one.startswith(name))
    elif word.startswith("-"):
        for letter in word[1:]:
            yield _SHORT.get(letter, f"-{letter}")
            if letter in _WITH_VALUE:
                return
