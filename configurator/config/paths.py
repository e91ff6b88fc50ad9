"""How paths are shown, and where something stands in a file that is only looked at when it is to blame."""

from __future__ import annotations

import os

from configurator.config.diagnostics import Span


def shown_path(path: str) -> str:
    """Return a path as messages show it: relative if it lies below the working directory."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def line_span(path: str, line: int) -> Span:
    """Return the place of a line of a file with the text that stands there now."""
    shown = shown_path(path)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read(16 * 1024 * 1024).splitlines()
    except OSError:
        return Span(shown, line, 1)
    if not 0 < line <= len(lines):
        return Span(shown, line, 1)
    text = lines[line - 1]
    indent = len(text) - len(text.lstrip())
    return Span(shown, line, indent + 1, max(1, len(text.rstrip()) - indent), text)
