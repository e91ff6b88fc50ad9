"""Variables of a role held against what it declares in meta/argument_specs.yml, before any task begins."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from configurator.compiler.argspecs import Argument, Options, Rule, RuleKind
from configurator.compiler.filters_values import human_to_bytes
from configurator.compiler.late import LateValueError
from configurator.compiler.scope import Scope
from configurator.compiler.templating import TemplatingError
from configurator.compiler.values import is_boolean, truthy
from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.expect import did_you_mean, kind_of
from configurator.config.located import Located, LocatedList, LocatedMap, LocatedScalar, Mark, locate
from configurator.config.sealed import worth_hiding
from configurator.modules.params import ParamSpec, convert


def check_arguments(
    role: str, options: Options | None, scope: Scope, span: Span, diagnostics: Diagnostics
) -> None:
    """Note variables that are missing or are not what the role declares; `span` is where it is used.

    Values that are known only when tasks have run are taken as they are. Those of options with `no_log` are
    secrets of the scope from now on.
    """
    if options is None:
        return
    given, unknown = _Given({}, {}, span), set[str]()
    for name in options.arguments:
        try:
            written = scope.written(name)
            if name in scope:
                given.values[name] = scope.rendered(name)
                given.places[name] = written
        except TemplatingError as error:
            diagnostics.extend([error.diagnostic])
            unknown.add(name)
        except LateValueError:
            unknown.add(name)
    _Check(role, scope.secrets, diagnostics).options(options, given, "", unknown)


@dataclass(frozen=True, slots=True)
class _Given:
    """Values by option, where each was written if anybody knows, and the place of the whole."""

    values: dict[str, Any]
    places: dict[str, Located | None]
    span: Span

    def place(self, name: str) -> Span:
        """Return where an option has its value; the place of the whole if that is not known."""
        located = self.places.get(name)
        return self.span if located is None else located.span


class _Check:
    """Notes what is wrong with the arguments of one role."""

    def __init__(self, role: str, secrets: set[str], problems: Diagnostics) -> None:
        self._role = role
        self._secrets = secrets
        self._problems = problems

    def options(self, options: Options, given: _Given, above: str, unknown: set[str]) -> None:
        """Check options that stand together; `above` is what they stand in, as people write it."""
        prefix = f"{above}." if above else ""
        for name, argument in options.arguments.items():
            if name in unknown:
                continue
            if name not in given.values:
                if argument.required:
                    self._missing(argument, given, above)
                continue
            value = given.values[name]
            if value is None and argument.required and argument.kind != "raw":
                self._missing(argument, given, above)
            elif value is not None:
                self._value(argument, value, given.places.get(name), given.place(name), prefix + name)
        for rule in options.rules:
            if unknown.isdisjoint((*rule.names, rule.key)):
                self._rule(rule, options, given, prefix)

    def _missing(self, argument: Argument, given: _Given, above: str) -> None:
        hint = f"declared in {argument.span}"
        if above:
            message = f"{above!r} of role {self._role!r} needs {argument.name!r}"
        else:
            message = f"role {self._role!r} needs the variable {argument.name!r}"
        self._problems.add(given.span, message, hint, code="role-argument")

    # -- one value ------------------------------------------------------------------------------------

    def _value(
        self, argument: Argument, value: Any, written: Located | None, place: Span, shown: str
    ) -> None:
        if isinstance(written, LocatedScalar) and written.mark & (Mark.SECRET | Mark.VAULT):
            argument = replace(argument, no_log=True)
        if argument.no_log:
            self._secrets.update(worth_hiding(locate(value, place)))
            place = replace(place, source="", length=1)
        try:
            value = converted(argument.kind, value)
        except ValueError as error:
            what = f"must be of type {argument.kind}" if argument.no_log else str(error)
            self._note(place, shown, what)
            return
        items: Sequence[Any] = value if isinstance(value, list) else ()
        places = _items_of(written, len(items))
        self._choices(argument, items if isinstance(value, list) else [value], place, shown)
        for number, item in enumerate(items if argument.elements is not None else ()):
            where = places[number]
            spot = place if where is None or argument.no_log else where.span
            try:
                converted(argument.elements, item)
            except ValueError as error:
                what = f"must be of type {argument.elements}" if argument.no_log else str(error)
                self._note(spot, f"{shown}[{number}]", what)
        if argument.inner is None:
            return
        if isinstance(value, Mapping):
            self._inside(argument.inner, value, written, place, shown)
        for number, item in enumerate(items):
            if isinstance(item, Mapping):
                self._inside(argument.inner, item, places[number], place, f"{shown}[{number}]")

    def _choices(self, argument: Argument, values: Iterable[Any], place: Span, shown: str) -> None:
        for item in values if argument.choices else ():
            if not any(_same(item, choice) for choice in argument.choices):
                known = [_word(choice) for choice in argument.choices]
                what = f"must be one of {', '.join(known)}"
                hint = None if argument.no_log else did_you_mean(_word(item), known)
                self._note(place, shown, what if argument.no_log else f"{what}, not {kind_of(item)}", hint)

    def _inside(
        self, inner: Options, value: Mapping[Any, Any], written: Located | None, place: Span, shown: str
    ) -> None:
        names = {alias: name for name, one in inner.arguments.items() for alias in (name, *one.aliases)}
        entries = written if isinstance(written, LocatedMap) else None
        given = _Given({}, {}, place if written is None else written.span)
        for key, item in value.items():
            if key not in names:
                spot = given.span if entries is None or place.source == "" else entries.key_span(key)
                hint = did_you_mean(key, names)
                self._note(spot, shown, f"has no option {str(key)!r}", hint)
                continue
            given.values[names[key]] = item
            given.places[names[key]] = None if entries is None else entries.get(key)
        self.options(inner, given, shown, set())

    def _note(self, place: Span, shown: str, what: str, hint: str | None = None) -> None:
        self._problems.add(place, f"{shown!r} of role {self._role!r} {what}", hint, code="role-argument")

    # -- several values -------------------------------------------------------------------------------

    def _rule(self, rule: Rule, options: Options, given: _Given, prefix: str) -> None:
        """Note what a rule between options finds; a declared default counts as Ansible counts it."""
        there = [name for name in rule.names if name in given.values]
        defaults = {name for name, one in options.arguments.items() if one.default is not None}
        missing = [name for name in rule.names if name not in given.values and name not in defaults]
        role, place = f"role {self._role!r}", given.place(there[0]) if there else given.span
        shown = _listed(prefix + name for name in missing)
        hint = f"declared in {rule.span}"
        match rule.kind:
            case RuleKind.EXCLUSIVE if len(there) > 1:
                names = _listed(prefix + name for name in there)
                self._problems.add(
                    given.place(there[-1]),
                    f"{names} of {role} exclude each other",
                    hint,
                    code="role-argument",
                )
            case RuleKind.TOGETHER if missing and len(missing) < len(rule.names):
                names = _listed(prefix + name for name in rule.names if name not in missing)
                self._problems.add(place, f"{names} of {role} also needs {shown}", hint, code="role-argument")
            case RuleKind.ONE_OF if len(missing) == len(rule.names):
                self._problems.add(given.span, f"{role} needs one of {shown}", hint, code="role-argument")
            case RuleKind.IF if self._holds(rule, options, given):
                if missing and (not rule.any_of or len(missing) == len(rule.names)):
                    one = "one of " if rule.any_of else ""
                    because = f"since {prefix + rule.key!r} is {_word(rule.value)!r}"
                    self._problems.add(
                        given.place(rule.key),
                        f"{role} needs {one}{shown}, {because}",
                        hint,
                        code="role-argument",
                    )
            case RuleKind.BY if given.values.get(rule.key) is not None:
                none = [
                    name for name in rule.names if given.values.get(name) is None and name not in defaults
                ]
                if none:
                    shown = _listed(prefix + name for name in none)
                    message = f"{prefix + rule.key!r} of {role} also needs {shown}"
                    self._problems.add(given.place(rule.key), message, hint, code="role-argument")

    def _holds(self, rule: Rule, options: Options, given: _Given) -> bool:
        argument = options.arguments.get(rule.key)
        value = given.values.get(rule.key, None if argument is None else argument.default)
        if value is None or argument is None:
            return False
        try:
            return _same(converted(argument.kind, value), rule.value)
        except ValueError:
            return False


def _items_of(written: Located | None, count: int) -> list[Located | None]:
    """Return where each of so many items of a list was written, as far as that can be told."""
    if isinstance(written, LocatedList) and len(written.items) == count:
        return list(written.items)
    return [written] * count


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _same(value: Any, choice: Any) -> bool:
    if isinstance(value, bool) or isinstance(choice, bool):
        return is_boolean(value) and is_boolean(choice) and truthy(value) == truthy(choice)
    if isinstance(value, int | float) and isinstance(choice, int | float):
        return value == choice
    return str(value) == str(choice)


# -- types ----------------------------------------------------------------------------------------------


def converted(kind: str | None, value: Any) -> Any:
    """Return the value as this type of a declared option takes it; ValueError says what was expected."""
    convert_to = _CONVERTERS.get(kind or "raw")
    return convert_to(value) if convert_to is not None else convert(ParamSpec(kind or "raw"), value)


def _list(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [value]
    return list(value if isinstance(value, list | tuple) else convert(ParamSpec("list"), value))


def _text(value: Any) -> Any:
    """Take anything for text, as Ansible does; a boolean may be any of the words for it."""
    return value if isinstance(value, str | bool) else str(value)


def _whole(value: Any) -> int:
    """Take booleans and numbers like `1.0` and `1e3` as well."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and set(value) & set(".eE"):
        with contextlib.suppress(ValueError, OverflowError):
            value = float(value)
    found: int = convert(ParamSpec("int"), value)
    return found


def _number(value: Any) -> float:
    found: float = convert(ParamSpec("float"), int(value) if isinstance(value, bool) else value)
    return found


def _truth(value: Any) -> bool:
    found: bool = convert(ParamSpec("bool"), int(value) if value in (0.0, 1.0) else value)
    return found


def _size(value: Any) -> int:
    try:
        return human_to_bytes(value)
    except ValueError:
        raise ValueError(f"must be a size such as '10 MB', not {value!r}") from None


def _bits(value: Any) -> int:
    try:
        return human_to_bytes(value, isbits=True)
    except ValueError:
        raise ValueError(f"must be a number of bits such as '10 Mb', not {value!r}") from None


def _mapping(value: Any) -> Mapping[Any, Any]:
    """Return a mapping; a text may be one of JSON, or `key=value` pairs, as in Ansible."""
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("{"):
            try:
                found = json.loads(text)
            except ValueError:
                found = None
            if isinstance(found, dict):
                return found
        pairs = [part.partition("=") for part in text.replace(",", " ").split()]
        if pairs and all(sign for _, sign, _ in pairs):
            return {key: item for key, _, item in pairs}
    found = convert(ParamSpec("dict"), value)
    return found if isinstance(found, Mapping) else {}


_CONVERTERS: Mapping[str, Callable[[Any], Any]] = {
    "raw": lambda value: list(value) if isinstance(value, tuple) else value,
    "json": lambda value: value,
    "jsonarg": lambda value: value,
    "list": _list,
    "dict": _mapping,
    "bytes": _size,
    "bits": _bits,
    "str": _text,
    "path": _text,
    "sid": _text,
    "int": _whole,
    "float": _number,
    "bool": _truth,
}
