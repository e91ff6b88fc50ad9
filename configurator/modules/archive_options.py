"""What of an archive is wanted, and under which names: include, exclude and the options of tar and unzip."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

_IGNORED = frozenset(
    # What is done anyhow, or only changes what is printed.
    {
        *(
            "-p",
            "--preserve-permissions",
            "--same-permissions",
            "--overwrite",
            "--wildcards",
            "--no-anchored",
        ),
        *(
            "--numeric-owner-off",
            "-v",
            "--verbose",
            "-o",
            "-q",
            "-qq",
            "-oq",
            "-qo",
            "--warning=no-timestamp",
        ),
        *("--no-overwrite-dir", "--delay-directory-restore", "-z", "-j", "-J", "--gzip", "--bzip2", "--xz"),
        *("--zstd", "-a", "--auto-compress"),
    }
)
_JUNK_PATHS = "-j"  # of unzip(1), where `-j` of tar(1) is bzip2


@dataclass(frozen=True, slots=True)
class Options:
    """What `extra_opts` mean. `strip` is None for unzip's `-j`, which keeps the last part of a name alone."""

    strip: int | None = 0
    excludes: tuple[str, ...] = ()
    renames: tuple[Callable[[str], str], ...] = ()
    same_owner: bool = True
    numeric_owner: bool = False
    keep_newer: bool = False
    keep_existing: bool = False

    def name(self, name: str) -> str:
        """Return the name under which an entry is unpacked; "" if nothing is left of it."""
        if self.strip is None:
            return name.rpartition("/")[2]
        for rename in self.renames:
            name = rename(name)
        return "/".join(name.split("/")[self.strip :])


def parse(words: Sequence[str], *, zipped: bool) -> Options:
    """Return what the options mean; ValueError for one that is not known here."""
    found: dict[str, object] = {}
    excludes: list[str] = []
    renames: list[Callable[[str], str]] = []
    for option, value in _pairs(words):
        if zipped and option == _JUNK_PATHS:
            found["strip"] = None
        elif option in ("--strip-components", "--strip", "--strip-path"):
            if not value.isdigit():
                raise ValueError(f"{option} needs a number, not {value!r}")
            found["strip"] = int(value)
        elif option in ("--exclude", "-x"):
            excludes.append(value)
        elif option in ("--transform", "--xform"):
            renames += [_substitution(part) for part in _expressions(value)]
        elif option in _FLAGS:
            name, on = _FLAGS[option]
            found[name] = on
        elif option not in _IGNORED:
            raise ValueError(f"{option!r} is not known")
    return Options(excludes=tuple(excludes), renames=tuple(renames), **found)  # type: ignore[arg-type]


_FLAGS = {
    "--no-same-owner": ("same_owner", False),
    "--same-owner": ("same_owner", True),
    "--numeric-owner": ("numeric_owner", True),
    "--keep-newer-files": ("keep_newer", True),
    "--skip-old-files": ("keep_existing", True),
    "-n": ("keep_existing", True),
}
_WITH_VALUE = ("--strip-components", "--strip", "--exclude", "--transform", "--xform", "-x")


def _pairs(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield options with their values, which stand behind an equals sign or are the next word."""
    todo = [part for word in words for part in ([word] if "=" in word else word.split())]
    while todo:
        option, equals, value = todo.pop(0).partition("=")
        if not equals and option in _WITH_VALUE:
            if not todo:
                raise ValueError(f"{option} needs a value")
            value = todo.pop(0)
        yield option, value


def matches(name: str, pattern: str, *, anywhere: bool) -> bool:
    """Return True if a pattern means an entry or a directory that it is in; `anywhere` as tar excludes."""
    pattern = pattern.removeprefix("./").rstrip("/")
    parts = name.split("/")
    for end in range(1, len(parts) + 1):
        for start in range(end) if anywhere else (0,):
            if fnmatch.fnmatchcase("/".join(parts[start:end]), pattern):
                return True
    return False


# -- tar's transformations (tar(1), sed(1)) ---------------------------------------------------------------


def _expressions(text: str) -> Iterator[str]:
    """Yield the parts of `s/a/b/;s/c/d/`."""
    rest = text
    while rest:
        if len(rest) < 4 or rest[0] != "s":
            raise ValueError(f"{text!r} is no transformation such as s/a/b/")
        sign, at, seen = rest[1], 2, 0
        while seen < 2 and at < len(rest):
            if rest[at] == "\\":
                at += 1
            elif rest[at] == sign:
                seen += 1
            at += 1
        if seen < 2:
            raise ValueError(f"{text!r} is no transformation such as s/a/b/")
        flags = re.match(r"[a-zA-Z0-9]*", rest[at:])
        end = at + (flags.end() if flags else 0)
        yield rest[:end]
        rest = rest[end:].removeprefix(";")


def _substitution(expression: str) -> Callable[[str], str]:
    sign = expression[1]
    parts = re.split(rf"(?<!\\){re.escape(sign)}", expression)
    if len(parts) != 4:
        raise ValueError(f"{expression!r} is no transformation such as s/a/b/")
    _, old, new, flags = (part.replace(f"\\{sign}", sign) for part in parts)
    if set(flags) - set("gixrRsShH"):
        raise ValueError(f"the flags {flags!r} of {expression!r} are not known")
    try:
        found = re.compile(old if "x" in flags else _from_basic(old), re.IGNORECASE if "i" in flags else 0)
    except re.error as error:
        raise ValueError(f"{old!r} is no expression: {error}") from None
    # sed: `&` and `\1` stand for what was found; Python knows `\g<0>` and `\1`.
    wanted = re.sub(r"(?<!\\)&", r"\\g<0>", new).replace("\\&", "&")
    count = 0 if "g" in flags else 1

    def rename(name: str) -> str:
        try:
            return found.sub(wanted, name, count=count)
        except (re.error, IndexError) as error:
            raise ValueError(f"{new!r} is no replacement: {error}") from None

    rename("")
    return rename


def _from_basic(text: str) -> str:
    r"""Return a basic regular expression (regex(7)) as Python writes it: `\(` groups, `(` is a sign."""
    out, at = "", 0
    while at < len(text):
        sign = text[at]
        if sign == "\\" and at + 1 < len(text):
            at += 1
            out += text[at] if text[at] in "(){}+?|" else f"\\{text[at]}"
        elif sign == "[":
            end = text.find("]", at + (3 if text[at + 1 : at + 2] == "^" else 2))
            if end < 0:
                raise re.error("missing ]")
            out += text[at : end + 1]
            at = end
        else:
            out += f"\\{sign}" if sign in "(){}+?|" else sign
        at += 1
    return out
