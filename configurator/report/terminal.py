"""Consoles, and how lines are written to them: text from a host is never read as markup."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TextIO

from rich.console import Console
from rich.text import Text

GOOD, CHANGED, WRONG, MUTED, NAME = "green", "yellow", "bold red", "bright_black", "bold"
ADDED, REMOVED, HUNK, WARNING = "green", "red", "cyan", "yellow"


def make_console(stream: TextIO, *, width: int | None = None) -> Console:
    """Return a console that writes to `stream`, in colour only on a terminal and never under NO_COLOR.

    Rich reads NO_COLOR, FORCE_COLOR and TERM itself. What does not go to a terminal is 100 columns wide.
    """
    if width is None and not stream.isatty():
        width = 100
    return Console(file=stream, width=width, markup=False, emoji=False, highlight=False, soft_wrap=True)


def recording_console(width: int = 100) -> Console:
    """Return a console that shows nothing and remembers everything, in colour.

    Its `export_svg(title=...)` makes the pictures of the documentation: hand it to a sink in place of a
    terminal, and send the sink the events of a run.
    """
    return Console(
        file=io.StringIO(),
        record=True,
        force_terminal=True,
        color_system="truecolor",
        width=width,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=True,
    )


def write(console: Console, lines: Iterable[Text]) -> None:
    """Print lines as they are, flushed together: nothing is wrapped, cropped or read as markup.

    Lone surrogates and letters outside the terminal's encoding become question marks or pictures of ASCII
    instead of an error.
    """
    encoding = console.encoding
    for line in lines:
        console.print(encodable(line, encoding), soft_wrap=True, markup=False, highlight=False, emoji=False)
    console.file.flush()


_ASCII = str.maketrans(
    {"✔": "+", "✘": "x", "→": "->", "×": "x", "…": "...", "·": "-", "│": "|", "━": "=", "─": "-", "█": "#"}
)


def encodable(line: Text, encoding: str) -> Text:
    """Return the line in letters that `encoding` has; the usual case, UTF-8, costs one comparison."""
    if encoding.lower().replace("-", "") == "utf8":
        return line
    plain = line.plain
    try:
        plain.encode(encoding)
    except UnicodeEncodeError:
        text = plain.translate(_ASCII).encode(encoding, "replace").decode(encoding)
        # Styles are kept only where every letter kept its place.
        return Text(text, spans=line.spans if len(text) == len(plain) else [], style=line.style)
    return line


def joined(*parts: str | tuple[str, str] | Text) -> Text:
    """Return one Text of plain, styled or ready parts."""
    return Text.assemble(*parts)
