"""meta/argument_specs.yml: what a role's variables must be, checked before its tasks are compiled.

Of Ansible's format: `type`, `required`, `choices` and `elements` of the entry point `main`. Options inside
options are not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from configurator.compiler.late import LateValueError
from configurator.compiler.scope import Scope
from configurator.compiler.templating import TemplatingError
from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.expect import as_map, did_you_mean, kind_of
from configurator.config.located import Located, LocatedList, LocatedMap, LocatedScalar
from configurator.modules.params import ParamSpec, convert

_KINDS = {"path": "str", "raw": "raw"} | {
    kind: kind for kind in ("str", "int", "float", "bool", "list", "dict")
}


@dataclass(frozen=True, slots=True)
class Argument:
    """One declared variable of a role; `elements` is what each item of a list must be."""

    name: str
    span: Span
    spec: ParamSpec
    elements: ParamSpec | None = None


def read_argument_specs(value: Located, diagnostics: Diagnostics) -> tuple[Argument, ...]:
    """Return the variables that a file declares for the entry point `main`."""
    node: Located | None = as_map(value, "argument_specs", diagnostics)
    for key in ("argument_specs", "main", "options"):
        node = node.get(key) if isinstance(node, LocatedMap) else None
    if not isinstance(node, LocatedMap):
        return ()
    found = (
        _argument(str(name), node.key_span(name), item, diagnostics) for name, item in node.entries.items()
    )
    return tuple(argument for argument in found if argument is not None)


def _argument(name: str, span: Span, item: Located, diagnostics: Diagnostics) -> Argument | None:
    declared = as_map(item, f"the declaration of {name!r}", diagnostics)
    if declared is None:
        return None
    kind = _kind(declared, "type", diagnostics)
    elements = _kind(declared, "elements", diagnostics) if "elements" in declared else None
    choices = declared.get("choices")
    words = tuple(str(word) for word in choices.plain()) if isinstance(choices, LocatedList) else ()
    required = declared.get("required")
    needed = isinstance(required, LocatedScalar) and required.value is True
    spec = ParamSpec(kind, choices=words, required=needed)
    return Argument(name, span, spec, None if elements is None else ParamSpec(elements))


def _kind(declared: LocatedMap, key: str, diagnostics: Diagnostics) -> str:
    value = declared.get(key)
    if value is None:
        return "str"
    kind = str(value.plain())
    if kind not in _KINDS:
        diagnostics.add(value.span, f"unknown type {kind!r}", did_you_mean(kind, _KINDS), code="wrong-value")
    return _KINDS.get(kind, "raw")


def check_arguments(
    role: str, arguments: tuple[Argument, ...], scope: Scope, span: Span, diagnostics: Diagnostics
) -> None:
    """Note variables that are missing or are not what the role declares; `span` is where it is used."""
    for argument in arguments:
        try:
            written = scope.written(argument.name)
        except LateValueError:
            continue
        if argument.name not in scope:
            if argument.spec.required:
                hint = f"declared in {argument.span}"
                diagnostics.add(
                    span, f"role {role!r} needs the variable {argument.name!r}", hint, code="role-argument"
                )
            continue
        try:
            value = scope.rendered(argument.name)
        except TemplatingError as error:
            diagnostics.extend([error.diagnostic])
            continue
        except LateValueError:
            continue  # it is known only when the tasks that use it are about to start
        problem = None if value is None else _problem(argument, value)
        if problem is not None:
            place = written.span if written is not None else span
            diagnostics.add(place, f"{argument.name!r} of role {role!r} {problem}", code="role-argument")


def _problem(argument: Argument, value: Any) -> str | None:
    try:
        choices, kind = argument.spec.choices, argument.spec.kind
        convert(ParamSpec(kind), value)
        for item in value if isinstance(value, list) else [value]:
            if choices and str(item) not in choices:
                return f"must be one of {', '.join(choices)}, not {kind_of(item)}"
        if argument.elements is not None:
            for item in value if isinstance(value, list) else ():
                convert(argument.elements, item)
    except ValueError as error:
        return str(error)
    return None
