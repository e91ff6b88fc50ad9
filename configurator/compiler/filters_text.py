"""Filters for text: regular expressions, comments, splitting, quoting, addresses of the web."""

from __future__ import annotations

import re
import shlex
import urllib.parse
from collections.abc import Callable
from typing import Any

from configurator.compiler.versions import LooseVersion

_URL_PARTS = (
    "fragment",
    "hostname",
    "netloc",
    "password",
    "path",
    "port",
    "query",
    "scheme",
    "username",
)
_GROUP = re.compile(r"\\g<(\S+)>|\\([0-9]+)")
_POSIX_BASIC = re.compile(r"([].[^$*\\])")


def flags_of(ignorecase: bool, multiline: bool) -> int:
    """Return the flags of `re` for Ansible's two switches."""
    return (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)


def regex_replace(
    value: Any,
    pattern: str = "",
    replacement: str = "",
    ignorecase: bool = False,
    multiline: bool = False,
    count: int = 0,
    mandatory_count: int = 0,
) -> str:
    r"""The text with each match of the pattern replaced; `\1` and `\g<name>` stand for groups."""
    text, times = re.subn(
        pattern, replacement, str(value), count=count, flags=flags_of(ignorecase, multiline)
    )
    if mandatory_count and times != mandatory_count:
        raise ValueError(f"regex_replace: {pattern!r} matches {times} times, not {mandatory_count}")
    return text


def regex_search(
    value: Any, regex: str, *groups: str, ignorecase: bool = False, multiline: bool = False
) -> Any:
    r"""The first match, or the list of its groups such as `\1` and `\g<name>`; null if there is none."""
    wanted: list[str | int] = []
    for group in groups:
        known = _GROUP.match(str(group))
        if known is None:
            raise ValueError(rf"regex_search: a group is written '\1' or '\g<name>', not {group!r}")
        wanted.append(known[1] or int(known[2]))
    found = re.search(regex, str(value), flags_of(ignorecase, multiline))
    if found is None:
        return None
    return [found.group(group) for group in wanted] if wanted else found.group()


def regex_findall(value: Any, regex: str, multiline: bool = False, ignorecase: bool = False) -> list[Any]:
    """All matches; lists of groups if the pattern has several."""
    return re.findall(regex, str(value), flags_of(ignorecase, multiline))


def regex_escape(value: Any, re_type: str = "python") -> str:
    """The text as a pattern that matches nothing else; `re_type` is python or posix_basic."""
    if re_type == "python":
        return re.escape(str(value))
    if re_type == "posix_basic":
        return _POSIX_BASIC.sub(r"\\\1", str(value))
    raise ValueError(f"regex_escape: re_type must be python or posix_basic, not {re_type!r}")


def quote(value: Any) -> str:
    """The text in quotes for a shell, if it needs them."""
    return shlex.quote("" if value is None else str(value))


def split(value: Any, separator: str | None = None, maxsplit: int = -1) -> list[str]:
    """The parts of the text between separators; between any white space if none is given."""
    return str(value).split(separator, maxsplit)


def splitlines(value: Any, keepends: bool = False) -> list[str]:
    """The lines of the text."""
    return str(value).splitlines(keepends)


_COMMENTS = {
    "plain": ("", "# ", ""),
    "erlang": ("", "% ", ""),
    "c": ("", "// ", ""),
    "cblock": ("/*", " * ", " */"),
    "xml": ("<!--", " - ", "-->"),
}
_COMMENT_OPTIONS = (
    "beginning",
    "decoration",
    "end",
    "newline",
    "prefix",
    "prefix_count",
    "postfix",
    "postfix_count",
)


def comment(value: Any, style: str = "plain", **options: Any) -> str:
    """The text as a comment in the style plain (`#`), erlang, c, cblock or xml, or with own marks."""
    if style not in _COMMENTS:
        raise ValueError(f"comment: the style must be one of {', '.join(_COMMENTS)}, not {style!r}")
    if unknown := sorted(set(options) - set(_COMMENT_OPTIONS)):
        raise TypeError(f"comment has no argument {unknown[0]!r}")
    beginning, own_decoration, end = _COMMENTS[style]
    decoration = str(options.get("decoration", own_decoration))
    newline = str(options.get("newline", "\n"))
    beginning, end = str(options.get("beginning", beginning)), str(options.get("end", end))
    mark = decoration.rstrip()
    prefix, postfix = str(options.get("prefix", mark)), str(options.get("postfix", mark))
    # As Ansible has it: a line that is empty loses what follows the mark, the last one does not.
    text = decoration + str(value).replace(newline, newline + decoration)
    text = text.replace(decoration + newline, mark + newline)
    above = newline if prefix == newline else prefix + newline
    return "".join(
        (
            beginning + newline if beginning else "",
            above * int(options.get("prefix_count", 1)) if prefix else "",
            text,
            (newline + postfix) * int(options.get("postfix_count", 1)),
            newline + end if end else "",
        )
    )


def urlsplit(value: Any, query: str = "") -> Any:
    """The parts of a URL, or the one of them that is asked for, such as hostname, port or path."""
    parts = urllib.parse.urlsplit(str(value))
    if not query:
        return {name: getattr(parts, name) for name in _URL_PARTS}
    if query not in _URL_PARTS:
        raise ValueError(f"urlsplit: the part must be one of {', '.join(_URL_PARTS)}, not {query!r}")
    return getattr(parts, query)


def urldecode(value: Any) -> str:
    """The text that a part of a URL stands for."""
    return urllib.parse.unquote_plus(str(value))


def version_sort(value: Any, reverse: bool = False) -> list[Any]:
    """The versions in order: 1.9 before 1.10."""
    return sorted(value, key=lambda item: LooseVersion(str(item)), reverse=reverse)


BUILTIN: dict[str, Callable[..., Any]] = {
    "regex_replace": regex_replace,
    "regex_search": regex_search,
    "regex_findall": regex_findall,
    "regex_escape": regex_escape,
    "quote": quote,
    "split": split,
    "splitlines": splitlines,
    "comment": comment,
    "urlsplit": urlsplit,
    "urldecode": urldecode,
}
GENERAL: dict[str, Callable[..., Any]] = {"version_sort": version_sort}
