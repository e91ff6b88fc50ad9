"""Filters between values and their written forms: JSON, YAML, INI, CSV, base64."""

from __future__ import annotations

import base64
import configparser
import csv
import io
import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import jinja2
import yaml

from configurator.compiler.filters_mappings import mapping_of
from configurator.config.diagnostics import Diagnostics
from configurator.config.yamlsource import parse_yaml

# Line breaks of YAML 1.1 that PyYAML writes as they are among readable characters, and then reads as spaces.
_FOLDED = ("\x85", "\u2028", "\u2029")
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def plain(value: Any) -> Any:
    """Return a value as lists, dictionaries and scalars that any writer knows; what is undefined raises."""
    if isinstance(value, jinja2.Undefined):
        str(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, str | int | float | None | date):
        return value
    if isinstance(value, bytes):
        return value.decode()
    return [plain(item) for item in value]


def to_yaml(value: Any, default_flow_style: bool | None = None, **options: Any) -> str:
    """The value as YAML, innermost lists and mappings on one line."""
    options = {"default_flow_style": default_flow_style, "allow_unicode": True} | options
    known = plain(value)
    dumped = _dump(known, options)
    if any(sign in dumped for sign in _FOLDED):
        dumped = _dump(known, options | {"allow_unicode": False})
    return dumped


def _dump(value: Any, options: Mapping[str, Any]) -> str:
    dumped = str(yaml.dump(value, Dumper=_DUMPER, **options))
    # What ends a document is of no use in the middle of a file, unless it is asked for.
    return dumped if options.get("explicit_end") else dumped.removesuffix("...\n")


def to_nice_yaml(value: Any, indent: int = 4, **options: Any) -> str:
    """The value as YAML, each item on a line."""
    options.setdefault("default_flow_style", False)
    return to_yaml(value, indent=indent, **options)


def from_yaml(value: Any) -> Any:
    """The value that a text of YAML describes; `0644` and dates stay text, as in all files."""
    if not isinstance(value, str):
        return value
    return _parse(value)


def from_yaml_all(value: Any) -> Any:
    """The values of a text of several documents of YAML."""
    if not isinstance(value, str):
        return [] if value is None else value
    return [_parse(document) for document in _documents(value)]


def _parse(text: str) -> Any:
    problems = Diagnostics()
    # The parser takes no text that is more than a text, such as what `tojson` gives.
    found = parse_yaml(str(text), "the text", problems)
    if found is None or len(problems):
        raise ValueError(str(problems.sorted()[0]))
    return found.plain()


def _documents(text: str) -> list[str]:
    """Return the documents of a stream, each as a stream of its own."""
    starts: list[int] = []
    ends: list[int] = []
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        start: Any = event.start_mark
        end: Any = event.end_mark
        if isinstance(event, yaml.DocumentStartEvent):
            starts.append(start.index)
        elif isinstance(event, yaml.DocumentEndEvent):
            ends.append(end.index)
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


def to_json(value: Any, **options: Any) -> str:
    """The value as JSON on one line."""
    options.pop("vault_to_text", None)
    options.pop("preprocess_unsafe", None)
    return json.dumps(plain(value), default=str, **({"ensure_ascii": True} | options))


def to_nice_json(value: Any, indent: int = 4, sort_keys: bool = True, **options: Any) -> str:
    """The value as JSON, each item on a line, keys in order."""
    known = plain(value)
    options = {"indent": indent, "separators": (",", ": ")} | options
    try:
        return to_json(known, sort_keys=sort_keys, **options)
    except TypeError:  # keys of several kinds, which have no order
        return to_json(known, sort_keys=False, **options)


def from_json(value: Any) -> Any:
    """The value that a text of JSON describes."""
    return json.loads(value) if isinstance(value, str | bytes) else plain(value)


def b64encode(value: Any, encoding: str = "utf-8") -> str:
    """The text in base64."""
    return base64.b64encode(str(value).encode(encoding)).decode()


def b64decode(value: Any, encoding: str = "utf-8") -> str:
    """The text that base64 stands for."""
    return base64.b64decode(str(value)).decode(encoding)


# -- of community.general -------------------------------------------------------------------------------


def from_ini(value: Any) -> dict[str, dict[str, str]]:
    """The sections of a text of INI, with their options."""
    parser = configparser.RawConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign,assignment]  # names keep their case
    try:
        parser.read_string(str(value))
    except configparser.Error as error:
        raise ValueError(f"from_ini: {error}") from None
    found = {name: dict(parser.items(name)) for name in parser.sections()}
    return found | ({"DEFAULT": dict(parser.defaults())} if parser.defaults() else {})


def to_ini(value: Any) -> str:
    """A mapping of mappings as INI."""
    parser = configparser.RawConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign,assignment]  # names keep their case
    sections = mapping_of(value, "to_ini wants a mapping")
    if not sections:
        raise ValueError("to_ini: the mapping is empty")
    try:
        parser.read_dict(
            {
                str(name): dict(mapping_of(options, "to_ini wants a mapping of mappings"))
                for name, options in sections.items()
            }
        )
        text = io.StringIO()
        parser.write(text)
    except configparser.Error as error:
        raise ValueError(f"to_ini: {error}") from None
    return text.getvalue().removesuffix("\n")


def from_csv(
    value: Any,
    dialect: str = "excel",
    fieldnames: Any = None,
    delimiter: str | None = None,
    skipinitialspace: bool | None = None,
    strict: bool | None = None,
) -> list[dict[str, Any]]:
    """The rows of a text of CSV as mappings; the first one has the names, unless `fieldnames` has them."""
    make: Any = csv.DictReader
    given = {"delimiter": delimiter, "skipinitialspace": skipinitialspace, "strict": strict}
    try:
        reader = make(
            io.StringIO(str(value)),
            fieldnames=fieldnames,
            dialect=dialect,
            **{name: option for name, option in given.items() if option is not None},
        )
        return [dict(row) for row in reader]
    except csv.Error as error:
        raise ValueError(f"from_csv: {error}") from None


BUILTIN: dict[str, Callable[..., Any]] = {
    "to_yaml": to_yaml,
    "to_nice_yaml": to_nice_yaml,
    "from_yaml": from_yaml,
    "from_yaml_all": from_yaml_all,
    "to_json": to_json,
    "to_nice_json": to_nice_json,
    "from_json": from_json,
    "b64encode": b64encode,
    "b64decode": b64decode,
}
GENERAL: dict[str, Callable[..., Any]] = {"from_ini": from_ini, "to_ini": to_ini, "from_csv": from_csv}
