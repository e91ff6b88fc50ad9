"""Where the values of a host's variables come from, and what each of them has shadowed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from configurator.compiler.roles import Role
from configurator.compiler.scope import Scope
from configurator.compiler.templating import TemplatingError
from configurator.config.diagnostics import Span
from configurator.config.located import Located, LocatedList, LocatedScalar, Mark
from configurator.inventory.hosts import CONNECTION_ALIASES, SECRET_VARS, Host
from configurator.inventory.model import Inventory

SECRET = "********"  # noqa: S105  (what is shown instead of one)


@dataclass(frozen=True, slots=True)
class Setting:
    """A value as it was written at a place; what is secret in it is masked."""

    value: Any
    span: Span


@dataclass(frozen=True, slots=True)
class Origin:
    """A variable of a host: what it comes to, where that was written, and the weaker settings of it.

    `problem` says why it comes to nothing. The nearest of `shadowed` stands first.
    """

    name: str
    value: Any
    span: Span
    shadowed: tuple[Setting, ...] = ()
    problem: str | None = None


def origins(
    host: Host, inventory: Inventory, roles: Iterable[Role], extra: Mapping[str, Located], scope: Scope
) -> list[Origin]:
    """Return the variables that the inventory and the command line give a host, in the order of names.

    Defaults of its roles count as what they shadow.
    """
    found: dict[str, list[Setting]] = {}
    for layer in (*inventory.layers(host), extra):
        for name, value in layer.items():
            found.setdefault(name, []).append(Setting(_shown(name, value), value.span))
    for name, value in host.adhoc.items():
        found.setdefault(name, []).append(Setting(value, host.span))
    weakest = [(role.defaults[name], name) for role in roles for name in role.defaults if name in found]
    for value, name in weakest:
        found[name].insert(0, Setting(_shown(name, value), value.span))
    return [_origin(name, settings, scope) for name, settings in sorted(found.items())]


def _origin(name: str, settings: list[Setting], scope: Scope) -> Origin:
    *weaker, last = settings
    shadowed = tuple(reversed(weaker))
    if last.value == SECRET:
        return Origin(name, SECRET, last.span, shadowed)
    try:
        return Origin(name, scope.rendered(name), last.span, shadowed)
    except TemplatingError as error:
        return Origin(name, last.value, last.span, shadowed, str(error.diagnostic))


def _shown(name: str, value: Located) -> Any:
    """Return a value as it was written, with its secrets masked."""
    if CONNECTION_ALIASES.get(name, name) in SECRET_VARS:
        return SECRET
    if isinstance(value, LocatedScalar):
        return SECRET if value.mark & (Mark.SECRET | Mark.VAULT) else value.value
    if isinstance(value, LocatedList):
        return [_shown("", item) for item in value.items]
    return {key: _shown("", item) for key, item in value.entries.items()}
