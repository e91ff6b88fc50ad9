"""Parameters written as one text: `apt: name=nginx state=present`, `command: echo hi creates=/x`."""

from __future__ import annotations

import re
from collections.abc import Collection

from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.located import LocatedMap, LocatedScalar

_KEY = re.compile(r"([A-Za-z_][\w-]*)=(.*)", re.DOTALL)  # `update-cache` is another name of `update_cache`
_ESCAPE = re.compile(
    r"\\(?:U[0-9A-Fa-f]{8}|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|N\{[^}]+\}|[\\'\"abfnrtv])", re.ASCII
)
_BRACES = {"{{": "}}", "{%": "%}", "{#": "#}"}
# What roles for many systems write in place of a module; on Debian these facts have one value each.
_OF_HOST = re.compile(r"\{\{\s*ansible_(?:facts(?:\.|\[['\"]))?(pkg_mgr|service_mgr)(?:['\"]\])?\s*\}\}")
_OF_DEBIAN = {"pkg_mgr": "apt", "service_mgr": "systemd"}


def split_action(text: str) -> tuple[str, str]:
    """Return the module that the text of an `action` begins with, and what stands behind it.

    `{{ ansible_pkg_mgr }}` and `{{ ansible_service_mgr }}` are the modules that they mean on Debian.
    """
    fact = _OF_HOST.match(text)
    if fact is not None:
        return _OF_DEBIAN[fact[1]], text[fact.end() :]
    end = text.find("}}") + 2 if text.startswith("{{") else 0
    module = text[:end] if end > 1 else text.partition(" ")[0]
    return module, text[len(module) :]


def split_words(text: str) -> list[tuple[int, str]]:
    """Return the words of a text with their offsets; quotes and Jinja's braces keep spaces together.

    Raises ValueError if a quote or brace is not closed.
    """
    words: list[tuple[int, str]] = []
    start: int | None = None
    closing = ""
    position = 0
    while position < len(text):
        pair = text[position : position + 2]
        char = text[position]
        step = 1
        if closing:
            if text.startswith(closing, position):
                step, closing = len(closing), ""
            elif char == "\\" and closing in "\"'":
                step = 2
        elif char.isspace():
            if start is not None:
                words.append((start, text[start:position]))
                start = None
        else:
            start = position if start is None else start
            if pair in _BRACES:
                closing, step = _BRACES[pair], 2
            elif char in "\"'" and (position == start or text[position - 1] == "="):
                closing = char
        position += step
    if closing:
        raise ValueError(f"{closing!r} is missing")
    if start is not None:
        words.append((start, text[start:]))
    return words


def parse_free_form(
    located: LocatedScalar, free_form: str | None, known: Collection[str], diagnostics: Diagnostics
) -> LocatedMap | None:
    """Return the parameters that a text stands for, or None after noting what is wrong with it.

    For a module with a `free_form` parameter that is the text without the `name=value` words of its known
    parameters; every other module takes `name=value` words alone.
    """
    text = str(located.value)
    try:
        words = split_words(text)
    except ValueError as error:
        diagnostics.add(located.span, f"cannot read these parameters: {error}", code="free-form")
        return None
    entries: dict[str, LocatedScalar] = {}
    keys: dict[str, Span] = {}
    start = located.span.source.find(text, max(0, located.span.column - 1))
    kept: list[str] = []  # what is left without those words and the space before them
    end = 0
    for offset, word in words:
        match = _KEY.fullmatch(word)
        if match and (free_form is None or match[1] in known):
            span = _part(located.span, start, offset, word)
            entries.setdefault(match[1], LocatedScalar(unquoted(unescaped(match[2])), span, located.mark))
            keys.setdefault(match[1], span)
            kept.append(text[end:offset].rstrip())
            end = offset + len(word)
        elif free_form is None:
            span = _part(located.span, start, offset, word)
            diagnostics.add(
                span, f"expected name=value, not {word!r}", "or write a mapping", code="free-form"
            )
            return None
    rest = "".join([*kept, text[end:]]).strip()
    if free_form is not None and rest:
        entries = {free_form: LocatedScalar(rest, located.span, located.mark), **entries}
    return LocatedMap(dict(entries), located.span, keys)


def unescaped(text: str) -> str:
    """Return what stands behind the `=` with `\\n`, `\\t`, `\\x41` and the like as what they mean.

    A backslash before any other character stands for itself.
    """
    return _ESCAPE.sub(_meant, text)


def _meant(escape: re.Match[str]) -> str:
    try:
        return escape[0].encode("ascii").decode("unicode-escape")
    except UnicodeError:  # no character has this name
        return escape[0]


def unquoted(text: str) -> str:
    """Return what stands behind the `=`: always text, without quotes around it."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _part(span: Span, start: int, offset: int, word: str) -> Span:
    """Return the place of a word of the text, if the text stands in one line as it is: from `start` on."""
    if start < 0:
        return span
    return Span(span.path, span.line, start + offset + 1, len(word), span.source)
