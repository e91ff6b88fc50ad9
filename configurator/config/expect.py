"""Taking located values for what they should be, or noting a problem and returning None."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.located import Located, LocatedList, LocatedMap, LocatedScalar, Mark

_LONGEST_WORD = 200
_SHOWN = 60  # characters of a value that are worth showing in a message


def kind_of(value: Any) -> str:
    """Return how people call a value's type: `a mapping`, `a list`, or the (shortened) value itself."""
    if isinstance(value, LocatedMap | dict):
        return "a mapping"
    if isinstance(value, LocatedList | list | tuple):
        return "a list"
    if isinstance(value, LocatedScalar) and value.mark & (Mark.SECRET | Mark.VAULT):
        return "a secret"
    plain = value.plain() if isinstance(value, LocatedScalar) else value
    if plain is None:
        return "nothing"
    text = str(plain).lower() if isinstance(plain, bool) else repr(plain)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def did_you_mean(word: object, known: Iterable[object]) -> str | None:
    """Return `did you mean 'x'?` for the nearest known word, or None if none is near."""
    if len(str(word)) > _LONGEST_WORD:  # nobody mistypes that, and comparing it takes its length squared
        return None
    near = difflib.get_close_matches(str(word), [str(item) for item in known], n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else None


def as_map(value: Located, what: str, diagnostics: Diagnostics) -> LocatedMap | None:
    """Return a mapping; an empty value is an empty mapping."""
    if isinstance(value, LocatedMap):
        return value
    if isinstance(value, LocatedScalar) and value.value is None:
        return LocatedMap({}, value.span)
    diagnostics.add(value.span, f"{what} must be a mapping, not {kind_of(value)}", code="wrong-type")
    return None


def as_variables(value: Located, what: str, diagnostics: Diagnostics) -> dict[str, Located]:
    """Return the variables of a mapping by their names, which must be text; none if it is no mapping."""
    found = as_map(value, what, diagnostics)
    variables: dict[str, Located] = {}
    for key, item in found.entries.items() if found else ():
        if isinstance(key, str):
            variables[key] = item
        elif found:
            message = f"a variable's name must be text, not {kind_of(key)}"
            diagnostics.add(found.key_span(key), message, code="variable-name")
    return variables


def as_list(value: Located, what: str, diagnostics: Diagnostics) -> tuple[Located, ...] | None:
    """Return the items of a list; an empty value is an empty list."""
    if isinstance(value, LocatedList):
        return value.items
    if isinstance(value, LocatedScalar) and value.value is None:
        return ()
    diagnostics.add(value.span, f"{what} must be a list, not {kind_of(value)}", code="wrong-type")
    return None


def as_text(value: Located, what: str, diagnostics: Diagnostics) -> str | None:
    """Return a text; a number counts as the text that was written."""
    if isinstance(value, LocatedScalar) and value.value is not None and not isinstance(value.value, bool):
        return str(value.value)
    diagnostics.add(value.span, f"{what} must be text, not {kind_of(value)}", code="wrong-type")
    return None


def as_texts(value: Located, what: str, diagnostics: Diagnostics) -> tuple[tuple[str, Span], ...]:
    """Return the texts (and their places) of a list, of one text, or of comma separated text."""
    found: list[tuple[str, Span]] = []
    for item in value.items if isinstance(value, LocatedList) else (value,):
        text = as_text(item, what, diagnostics)
        if text is not None:
            found += [(part.strip(), item.span) for part in text.split(",") if part.strip()]
    return tuple(found)
