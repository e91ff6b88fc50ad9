"""The one sanitiser: what a host sends is data from a stranger, and a terminal obeys control characters.

A command's output can hold ESC sequences that clear the screen or retitle the window, a carriage return
that overwrites what was printed, or marks that reverse the direction of text so that `rm` reads as
something else. All of them are shown instead of obeyed: C0 controls as Unicode's control pictures
(U+2400 to U+2421), the rest as the escape a programmer would write (`\\x9b`, `\\u202e`).
"""

from __future__ import annotations

import re
from typing import TypeVar

from configurator.report.leaves import Leaf, map_leaves

T = TypeVar("T")

_TAB = 8

# Cc, Cf, Zl, Zp and Cs of Unicode, but for the newline, the tab and the two joiners (U+200C, U+200D),
# without which Persian, Indic scripts and many emoji are spelled wrong. A test compares with unicodedata.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2\u180e\u200b"
    "\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)

_NEWLINE = re.compile(r" *\n\s*")  # with the indentation of what follows: there is no line to indent


def sanitize(text: str) -> str:
    """Return `text` fit for a terminal: no control character is left but the newline; tabs become spaces."""
    return _CONTROLS.sub(_picture, text).expandtabs(_TAB)


def one_line(text: str) -> str:
    """Return `text` fit for one line of a terminal: inner newlines shown as ` ⏎ `, outer ones dropped."""
    return _NEWLINE.sub(" ⏎ ", sanitize(text.strip("\n")))


def clean(event: Leaf) -> Leaf:
    """Return a text sanitised and a number as it is."""
    return sanitize(event) if isinstance(event, str) else event


def cleaned(value: T) -> T:
    """Return an event with every text in it sanitised."""
    return map_leaves(value, clean)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
