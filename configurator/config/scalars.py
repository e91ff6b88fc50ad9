"""What an unquoted YAML word means.

Octal and sexagesimal numbers, dates and hexadecimal numbers of YAML 1.1 are not numbers here: `0644` is a
file mode, `22:22` a port mapping and `2024-01-01` a name, and all of them stay the text that was written.
"""

from __future__ import annotations

import re

from configurator.config.located import Scalar

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_LOOSE_BOOLEANS = _BOOLEANS | {
    form: word in ("yes", "on")
    for word in ("yes", "no", "on", "off")
    for form in (word, word.capitalize(), word.upper())
}
# At most 300 digits: Python refuses to read longer numbers from text, and nobody means one.
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,299})")
_FLOAT = re.compile(r"[-+]?(?:[0-9]{1,300}\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]{1,3})?")


def resolve_plain(text: str, *, loose_booleans: bool) -> Scalar:
    """Return the value of an unquoted word; with `loose_booleans` yes, no, on and off are booleans too."""
    first = text[:1]
    if not first or first in "~nN":
        if text in _NULL:
            return None
    elif first in "0123456789+-.":
        if _INTEGER.fullmatch(text):
            return int(text)
        return float(text) if _FLOAT.fullmatch(text) else text
    booleans = _LOOSE_BOOLEANS if loose_booleans else _BOOLEANS
    return booleans.get(text, text)
