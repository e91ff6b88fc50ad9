"""Writes the README's pictures from the real output of real commands, as SVG.

python -m tools.picture NAME COMMAND...      runs COMMAND on a terminal, writes docs/images/NAME.svg
"""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
WIDTH = 110


def output_on_a_terminal(command: list[str]) -> str:
    """Return what a command prints on a terminal; its progress, on stderr, is left out."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": str(WIDTH), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    with subprocess.Popen(
        command, stdout=theirs, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=environment
    ) as process:
        os.close(theirs)
        parts: list[bytes] = []
        try:
            while chunk := os.read(ours, 65536):
                parts.append(chunk)
        except OSError:  # EIO: the other side is closed (pty(7))
            pass
        process.wait()
    return b"".join(parts).decode().replace("\r\n", "\n")


def picture(title: str, text: str) -> str:
    """Return an SVG of a terminal that shows the text."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Text.from_ansi(text), soft_wrap=True)
    svg = console.export_svg(title=title)
    # No font from somebody's server: whoever looks at the README has a monospaced one.
    svg = re.sub(r"@font-face \{[^}]*\}", "", svg).replace("Fira Code, monospace", "monospace")
    return re.sub(r"<!--.*?-->", "", svg)


def main(arguments: list[str]) -> None:
    """Run the command and write its picture."""
    name, *command = arguments
    IMAGES.mkdir(parents=True, exist_ok=True)
    shown = " ".join(Path(word).name if number == 0 else word for number, word in enumerate(command))
    svg = picture(os.environ.get("TITLE", shown), output_on_a_terminal(command))
    (IMAGES / f"{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
