"""`--extra-vars`: `name=value` words, a mapping as JSON or YAML text, or `@file`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from configurator.compiler.freeform import split_words, unquoted
from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.located import Located, LocatedMap, LocatedScalar
from configurator.config.yamlsource import load_yaml, parse_yaml

_NAME = "--extra-vars"
_PAIR = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)


def read_extra_vars(texts: Sequence[str], diagnostics: Diagnostics) -> dict[str, Located]:
    """Return the variables of all texts, the later ones winning; `name=value` gives text, as in Ansible."""
    variables: dict[str, Located] = {}
    for text in texts:
        if text.startswith("@"):
            variables |= _mapping(load_yaml(text[1:], diagnostics), diagnostics)
        elif re.match(r"\s*[A-Za-z_]\w*=", text):
            variables |= _pairs(text, diagnostics)
        else:
            variables |= _mapping(parse_yaml(text, _NAME, diagnostics), diagnostics)
    return variables


def _mapping(value: Located | None, diagnostics: Diagnostics) -> dict[str, Located]:
    if isinstance(value, LocatedMap):
        return {str(key): item for key, item in value.entries.items()}
    if value is not None and not (isinstance(value, LocatedScalar) and value.value is None):
        diagnostics.add(value.span, "expected name=value, a mapping, or @file", code="extra-vars")
    return {}


def _pairs(text: str, diagnostics: Diagnostics) -> dict[str, Located]:
    found: dict[str, Located] = {}
    try:
        words = split_words(text)
    except ValueError as error:
        diagnostics.add(_place(text, 0, text), f"cannot read this: {error}", code="extra-vars")
        return {}
    for offset, word in words:
        span = _place(text, offset, word)
        match = _PAIR.fullmatch(word)
        if match is None:
            diagnostics.add(span, f"expected name=value, not {word!r}", code="extra-vars")
            continue
        found[match[1]] = LocatedScalar(unquoted(match[2]), span)
    return found


def _place(text: str, offset: int, word: str) -> Span:
    """Return where a word stands in the text, which may have several lines."""
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    source = text[start:] if end < 0 else text[start:end]
    length = max(1, min(len(word), len(source) - (offset - start)))
    return Span(_NAME, text.count("\n", 0, offset) + 1, offset - start + 1, length, source)
