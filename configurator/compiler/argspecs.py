"""meta/argument_specs.yml as it is written: what the variables of a role must be, for each entry point.

An entry point is a file of tasks: `main`, or what `tasks_from` names. `argcheck` holds variables against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.expect import as_list, as_map, did_you_mean, kind_of
from configurator.config.located import Located, LocatedList, LocatedMap, LocatedScalar

TYPES = (
    *("str", "int", "float", "bool", "list", "dict", "path", "raw"),
    *("json", "jsonarg", "bytes", "bits", "sid"),
)
_ABOUT = (
    "description",
    "version_added",
    "author",
    "notes",
    "examples",
    "seealso",
    "requirements",
    "deprecated",
)
_ENTRY = ("short_description", "options", *_ABOUT)
_OPTION = (
    *("type", "elements", "required", "default", "choices", "options", "no_log", "aliases", *_ABOUT),
    *("example", "fallback", "apply_defaults", "removed_in_version", "removed_at_date"),
    *("removed_from_collection", "deprecated_aliases", "version_added_collection"),
)


class RuleKind(StrEnum):
    """What is demanded of several options at once."""

    EXCLUSIVE = "mutually_exclusive"
    ONE_OF = "required_one_of"
    TOGETHER = "required_together"
    IF = "required_if"
    BY = "required_by"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is demanded of the options `names`, because of what `key` is: `value`, or anything (`BY`).

    With `any_of` one of the names is enough for `IF`.
    """

    kind: RuleKind
    span: Span
    names: tuple[str, ...]
    key: str = ""
    value: Any = None
    any_of: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """The options of an entry point, or those inside an option, and what is demanded between them."""

    arguments: Mapping[str, Argument] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Argument:
    """One declared option. `kind` is None where no type is written: then it may be anything.

    `elements` is what each item of a list must be, `inner` what stands in a mapping, or in the mappings of a
    list. `default` is what the rules take for its value if it has none; nothing sets it.
    """

    name: str
    span: Span
    kind: str | None = None
    elements: str | None = None
    required: bool = False
    choices: tuple[Any, ...] = ()
    default: Any = None
    no_log: bool = False
    aliases: tuple[str, ...] = ()
    inner: Options | None = None


EntryPoints = Mapping[str, Options]


def read_argument_specs(value: Located, diagnostics: Diagnostics) -> EntryPoints:
    """Return what a file with the key `argument_specs` declares, by entry point."""
    node = as_map(value, "argument_specs", diagnostics)
    specs = node.get("argument_specs") if node is not None else None
    if specs is None:
        return {}
    return read_entry_points(specs, diagnostics)


def read_entry_points(specs: Located, diagnostics: Diagnostics) -> EntryPoints:
    """Return what stands under the key `argument_specs`, by entry point."""
    entries = as_map(specs, "'argument_specs'", diagnostics)
    found: dict[str, Options] = {}
    for name, item in (entries.entries if entries is not None else {}).items():
        entry = as_map(item, f"the entry point {str(name)!r}", diagnostics)
        if entry is not None:
            _check_keys(entry, (*_ENTRY, *RuleKind), diagnostics)
            found[str(name)] = _options(entry, diagnostics)
    return found


def _check_keys(node: LocatedMap, known: Iterable[str], diagnostics: Diagnostics) -> None:
    """Note keys that are nearly known ones: others are somebody's notes, as Ansible takes them."""
    words = tuple(known)
    for key in node.entries:
        if key not in words and (hint := did_you_mean(key, words)):
            diagnostics.add(node.key_span(key), f"unknown key {str(key)!r}", hint, code="unknown-key")


def _options(node: LocatedMap, diagnostics: Diagnostics) -> Options:
    value = node.get("options")
    declared = as_map(value, "'options'", diagnostics) if value is not None else None
    arguments: dict[str, Argument] = {}
    for name, item in (declared.entries if declared is not None else {}).items():
        argument = _argument(str(name), declared.key_span(name) if declared else item.span, item, diagnostics)
        if argument is not None:
            arguments[str(name)] = argument
    return Options(arguments, tuple(_Rules(node, arguments, diagnostics).read()))


def _argument(name: str, span: Span, item: Located, diagnostics: Diagnostics) -> Argument | None:
    declared = as_map(item, f"the declaration of {name!r}", diagnostics)
    if declared is None:
        return None
    _check_keys(declared, (*_OPTION, *RuleKind), diagnostics)
    kind, elements = _kind(declared, "type", diagnostics), _kind(declared, "elements", diagnostics)
    value = declared.get("choices")
    choices = as_list(value, "'choices'", diagnostics) if value is not None else ()
    default = declared.get("default")
    aliases = declared.get("aliases")
    return Argument(
        name,
        span,
        kind,
        elements,
        _true(declared, "required"),
        tuple(choice.plain() for choice in choices or ()),
        None if default is None else default.plain(),
        _true(declared, "no_log"),
        tuple(map(str, aliases.plain())) if isinstance(aliases, LocatedList) else (),
        _options(declared, diagnostics) if "options" in declared else None,
    )


def _true(declared: LocatedMap, key: str) -> bool:
    value = declared.get(key)
    return isinstance(value, LocatedScalar) and value.value is True


def _kind(declared: LocatedMap, key: str, diagnostics: Diagnostics) -> str | None:
    value = declared.get(key)
    if value is None or value.plain() is None:
        return None
    kind = str(value.plain())
    if kind not in TYPES:
        diagnostics.add(value.span, f"unknown type {kind!r}", did_you_mean(kind, TYPES), code="wrong-value")
        return "raw"
    return kind


class _Rules:
    """Reads what is demanded between the options of one mapping."""

    def __init__(self, node: LocatedMap, arguments: Mapping[str, Argument], diagnostics: Diagnostics) -> None:
        self._node = node
        self._arguments = arguments
        self._problems = diagnostics

    def read(self) -> list[Rule]:
        """Return the rules."""
        found: list[Rule] = []
        for kind in (RuleKind.EXCLUSIVE, RuleKind.TOGETHER, RuleKind.ONE_OF):
            items = self._list(kind)
            if items and all(isinstance(item, LocatedScalar) for item in items):
                items = (LocatedList(items, items[0].span),)  # one group may stand alone
            found += [Rule(kind, item.span, self._names(item)) for item in items]
        found += [rule for item in self._list(RuleKind.IF) if (rule := self._condition(item)) is not None]
        value = self._node.get(RuleKind.BY)
        by = as_map(value, f"'{RuleKind.BY}'", self._problems) if value is not None else None
        for key, item in (by.entries if by is not None else {}).items():
            span = by.key_span(key) if by is not None else item.span
            found.append(Rule(RuleKind.BY, span, self._names(item), self._known(str(key), span)))
        return found

    def _list(self, kind: RuleKind) -> tuple[Located, ...]:
        value = self._node.get(kind)
        return (as_list(value, f"'{kind}'", self._problems) or ()) if value is not None else ()

    def _condition(self, item: Located) -> Rule | None:
        parts = item.items if isinstance(item, LocatedList) else ()
        if len(parts) not in (3, 4):
            message = f"an entry of '{RuleKind.IF}' must be [option, value, [options]], not {kind_of(item)}"
            self._problems.add(item.span, message, code="wrong-value")
            return None
        key = self._known(str(parts[0].plain()), parts[0].span)
        any_of = len(parts) == 4 and parts[3].plain() is True
        return Rule(RuleKind.IF, item.span, self._names(parts[2]), key, parts[1].plain(), any_of)

    def _names(self, item: Located) -> tuple[str, ...]:
        items = item.items if isinstance(item, LocatedList) else (item,)
        return tuple(self._known(str(name.plain()), name.span) for name in items)

    def _known(self, name: str, span: Span) -> str:
        if name not in self._arguments:
            hint = did_you_mean(name, self._arguments)
            self._problems.add(span, f"{name!r} is none of the options here", hint, code="wrong-value")
        return name
