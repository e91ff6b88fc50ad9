"""Consoles: colour where it belongs, every encoding, and pictures for the documentation."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from configurator.report.plan import PlanSink
from configurator.report.terminal import flowing, make_console, recording_console, write
from tests.unit.report import golden, stream


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_colour_only_on_a_terminal_and_never_under_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for stream_, colour, coloured in [
        (io.StringIO(), None, False),
        (Terminal(), None, True),
        (Terminal(), "1", False),
    ]:
        if colour:
            monkeypatch.setenv("NO_COLOR", colour)
        write(make_console(stream_), [Text("x", style="red")])
        assert ("\x1b[31m" in stream_.getvalue()) is coloured


def test_lines_are_not_wrapped_so_that_pipes_get_them_whole() -> None:
    stream_ = io.StringIO()
    write(make_console(stream_), [Text("word " * 100)])
    assert stream_.getvalue().count("\n") == 1


def test_prose_is_wrapped_between_words_on_a_terminal_and_commands_never_are() -> None:
    """What somebody may copy must not have got newlines; prose broken inside words is hard to read."""
    stream_ = io.StringIO()
    console = Console(file=stream_, force_terminal=True, width=20, color_system=None)
    write(console, [flowing(Text("  one two three four five six seven")), Text("x" * 30)])
    assert stream_.getvalue() == "  one two three four\n    five six seven\n" + "x" * 30 + "\n"


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", b"+ a -> b ? ...\n"), ("latin-1", b"+ a -> b ? ...\n")]
)
def test_letters_that_the_encoding_lacks_never_raise(encoding: str, shown: bytes) -> None:
    raw = io.BytesIO()
    stream_ = io.TextIOWrapper(raw, encoding=encoding)
    write(make_console(stream_), [Text("✔ a → b 日 …")])
    assert raw.getvalue() == shown


def test_a_plan_can_be_recorded_as_a_picture() -> None:
    console = recording_console()
    golden.play(stream.plan_run(), PlanSink(console))
    svg = console.export_svg(title="configurator plan")
    assert svg.startswith("<svg")
    assert "Europe/Berlin" in svg
