"""Lookups in files of INI, of properties, and of CSV on the controller."""

from __future__ import annotations

import configparser
import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from configurator.compiler.lookups_values import flat, only
from configurator.compiler.surroundings import Surroundings
from configurator.compiler.values import truthy

_INI = (
    "file",
    "section",
    "type",
    "re",
    "encoding",
    "default",
    "case_sensitive",
    "allow_no_value",
    "interpolation",
)
_CSV = ("file", "col", "keycol", "delimiter", "default", "encoding")
_PROPERTIES = "properties"  # a section that a file of properties has not


def words(term: Any, known: Sequence[str], options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return what a term such as `user section=integration` asks for, and the options with those in it."""
    key: list[str] = []
    found = dict(options)
    for word in str(term).split(" "):
        name, equals, value = word.partition("=")
        if equals and name in known:
            found[name] = value
        else:
            key.append(word)
    return " ".join(key).strip(), found


def ini(around: Surroundings, terms: Sequence[Any], options: dict[str, Any]) -> list[Any]:
    """Values of a file of INI, or of properties; all that match if `re` is true."""
    only(options, *_INI)
    found: list[Any] = []
    for term in flat(terms):
        key, given = words(term, _INI, options)
        file = str(given.get("file", "ansible.ini"))
        section = str(given.get("section", "global"))
        parser = _parsed(around, file, given)
        if given.get("type", "ini") == "properties":
            section = _PROPERTIES
        if not parser.has_section(section):
            raise ValueError(f"the file {file!r} has no section {section!r}")
        if truthy(given.get("re", False)):
            found += [value for name, value in parser.items(section) if re.match(key, name)]
        else:
            found.append(parser.get(section, key, fallback=given.get("default", "")))
    return found


def _parsed(around: Surroundings, file: str, options: Mapping[str, Any]) -> configparser.ConfigParser:
    kind = options.get("type", "ini")
    if kind not in ("ini", "properties"):
        raise ValueError(f"the type must be ini or properties, not {kind!r}")
    text = around.read(file, str(options.get("encoding", "utf-8")))
    interpolation: Any = (
        configparser.BasicInterpolation() if truthy(options.get("interpolation", True)) else None
    )
    parser = configparser.ConfigParser(
        allow_no_value=truthy(options.get("allow_no_value", False)), interpolation=interpolation
    )
    if truthy(options.get("case_sensitive", False)):
        parser.optionxform = str  # type: ignore[method-assign,assignment]
    try:
        parser.read_string(text if kind == "ini" else f"[{_PROPERTIES}]\n{text}")
        for section in parser.sections():
            parser.items(section)  # an interpolation that goes wrong is found here
    except configparser.Error as error:
        raise ValueError(f"cannot read {file!r}: {error}") from None
    return parser


def csvfile(around: Surroundings, terms: Sequence[Any], options: dict[str, Any]) -> list[Any]:
    """A column of the row that begins with the key, of a file of CSV; `delimiter` is a tab at first."""
    only(options, *_CSV)
    found: list[Any] = []
    for term in flat(terms):
        key, given = words(term, _CSV, options)
        rows = _rows(around, given)
        column, of_key = _column(given, "col", 1), _column(given, "keycol", 0)
        row = next((row for row in rows if of_key < len(row) and row[of_key] == key), None)
        if row is not None:
            if column >= len(row):
                raise ValueError(f"the row of {key!r} has no column {column}")
            found.append(row[column])
        elif given.get("default") is not None:
            found.append(given["default"])
    return found


def _column(options: Mapping[str, Any], name: str, default: int) -> int:
    value = options.get(name, default)
    if not str(value).isdecimal():
        raise ValueError(f"{name} is the number of a column, from 0, not {value!r}")
    return int(value)


def _rows(around: Surroundings, options: Mapping[str, Any]) -> list[list[str]]:
    delimiter = str(options.get("delimiter", "TAB"))
    text = around.read(str(options.get("file", "ansible.csv")), str(options.get("encoding", "utf-8")))
    try:
        return list(csv.reader(io.StringIO(text), delimiter="\t" if delimiter in ("TAB", "t") else delimiter))
    except csv.Error as error:
        raise ValueError(f"cannot read {options.get('file')!r}: {error}") from None


LOOKUPS: dict[str, Callable[[Surroundings, Sequence[Any], dict[str, Any]], list[Any]]] = {
    "ini": ini,
    "csvfile": csvfile,
}
