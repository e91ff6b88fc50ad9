"""What reading needs of the vault, which is a layer above: telling what is encrypted, and opening it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Protocol

from configurator.config.diagnostics import Span
from configurator.config.located import Located, LocatedList, LocatedMap, LocatedScalar, locate

HEADER = "$ANSIBLE_VAULT;"  # how everything begins that ansible-vault has encrypted
_SETTING = re.compile(r"[\w.\"' -]{1,80}[=:]\s*(\S.*?)[;,]?$")
_MIN_HIDDEN = 4  # characters: masking every "1" or "yes" would blank half of what is shown


class Opener(Protocol):
    """Opens what is encrypted; may be used from several threads."""

    def expect(self, text: str, span: Span) -> None:
        """Note that this will probably be opened; InputError if its envelope is damaged."""

    def open(self, text: str, span: Span) -> bytes:
        """Return the plain content; InputError, at `span`, if no known password opens it."""

    def hide(self, texts: Iterable[str]) -> None:
        """Have these texts masked in everything that is shown from now on."""


def is_sealed(data: bytes) -> bool:
    """Return True if this is a file that ansible-vault has encrypted as a whole."""
    return data.startswith(HEADER.encode())


def worth_hiding(value: Located) -> Iterator[str]:
    """Yield every text and number in a value that is long enough to be masked wherever it turns up."""
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, LocatedMap):
            pending += current.entries.values()
        elif isinstance(current, LocatedList):
            pending += current.items
        elif isinstance(current, LocatedScalar) and current.value is not None:
            text = str(current.value)
            if len(text) >= _MIN_HIDDEN and not isinstance(current.value, bool):
                yield text


def lines_worth_hiding(text: str) -> Iterator[str]:
    """Yield an encrypted file's text, its lines, and what stands behind the `=` or `:` of a setting."""
    yield text
    for line in map(str.strip, text.splitlines()):
        setting = _SETTING.match(line)
        for part in (line, setting[1].strip("\"'") if setting else ""):
            if len(part) >= _MIN_HIDDEN:
                yield part


def parts_of(text: str) -> Iterator[str]:
    """Yield what is worth hiding inside a text that is JSON: templates take such values apart."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            yield from worth_hiding(locate(json.loads(text), Span("")))
        except (ValueError, RecursionError):
            return
