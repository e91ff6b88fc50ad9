"""Consoles, and how lines are written to them: text from a host is never read as markup."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import TextIO

from rich.console import Console
from rich.text import Text

GOOD, CHANGED, WRONG, MUTED, NAME = "green", "yellow", "bold red", "bright_black", "bold"
ADDED, REMOVED, HUNK, WARNING = "green", "red", "cyan", "yellow"


class StreamConsole(Console):
    """A console whose reader may go away, as in `2>&1 | head`: writing then raises BrokenPipeError.

    Rich's own answer is to point standard output at /dev/null and to raise SystemExit, which would silence
    everything else that is written.
    """

    def on_broken_pipe(self) -> None:
        """Tell it as it is."""
        raise BrokenPipeError


def make_console(stream: TextIO, *, width: int | None = None) -> Console:
    """Return a console that writes to `stream`, in colour only on a terminal and never under NO_COLOR.

    Rich reads NO_COLOR, FORCE_COLOR and TERM itself. What does not go to a terminal is 100 columns wide.
    """
    if width is None and not stream.isatty():
        width = 100
    return StreamConsole(file=stream, width=width, markup=False, emoji=False, highlight=False, soft_wrap=True)


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
    """Print lines, flushed together; nothing is cropped or read as markup.

    Only `flowing` lines are wrapped, and only on a terminal: what goes into a pipe, and what somebody may
    copy (a command, a diff), stays whole. Letters outside the terminal's encoding become question marks or
    pictures of ASCII instead of an error.
    """
    encoding = console.encoding
    for line in _wrapped(console, lines) if console.is_terminal else lines:
        console.print(encodable(line, encoding), soft_wrap=True, markup=False, highlight=False, emoji=False)
    console.file.flush()


def flowing(line: Text) -> Text:
    """Mark the line as prose, which a terminal shows wrapped between words; return it."""
    line.no_wrap = False  # Text's own default is None: undecided
    return line


def _wrapped(console: Console, lines: Iterable[Text]) -> Iterator[Text]:
    """Wrap flowing lines between words, with their continuations indented below them."""
    for line in lines:
        if line.no_wrap is not False or line.cell_len <= console.width:
            yield line
            continue
        indent = min(len(line.plain) - len(line.plain.lstrip()) + 2, console.width // 2)
        first, *rest = line.wrap(console, console.width)
        for part in (first, *rest):
            part.rstrip()
        yield first
        for part in Text(" ").join(rest).wrap(console, console.width - indent):
            yield joined(" " * indent, part)


_ASCII = str.maketrans(
    {"✔": "+", "✘": "x", "→": "->", "×": "x", "…": "...", "·": "-", "│": "|", "━": "=", "─": "-", "█": "#"}
) | str.maketrans("├└⏎", "|`/")


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
