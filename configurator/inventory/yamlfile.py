"""Ansible's YAML inventory: `all: {hosts, children, vars}`, groups below it or beside it."""

from __future__ import annotations

from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.expect import as_map, as_variables, did_you_mean, kind_of
from configurator.config.located import Located, LocatedMap, LocatedScalar
from configurator.inventory.model import Inventory
from configurator.inventory.ranges import expand

_PARTS = ("hosts", "children", "vars")


def read_yaml_inventory(value: Located, inventory: Inventory, diagnostics: Diagnostics) -> None:
    """Add the groups and hosts of one file to the inventory."""
    top = as_map(value, "an inventory", diagnostics)
    if top is None:
        return
    if "plugin" in top and isinstance(plugin := top.entries["plugin"], LocatedScalar):
        hint = "a program that prints JSON for `--list` can say the same"
        diagnostics.add(
            top.key_span("plugin"), f"there is no inventory plugin {plugin.value!r}", hint, code="unsupported"
        )
        return
    pending: list[tuple[str, Span, Located]] = []
    for name, body in top.entries.items():
        if name == "_meta":  # what inventory scripts print for their own use
            continue
        pending.append((str(name), top.key_span(name), body))
    while pending:
        pending += _read_group(*pending.pop(0), inventory, diagnostics)


def _read_group(
    name: str, span: Span, body: Located, inventory: Inventory, diagnostics: Diagnostics
) -> list[tuple[str, Span, Located]]:
    """Add one group; return its children, which are still to be read."""
    group = inventory.group(name, span)
    parts = as_map(body, f"the group {name!r}", diagnostics)
    children: list[tuple[str, Span, Located]] = []
    for key, part in parts.entries.items() if parts else ():
        place = parts.key_span(key) if parts else span
        if key not in _PARTS:
            hint = did_you_mean(key, _PARTS) or "a group has 'hosts', 'children' and 'vars'"
            diagnostics.add(
                place, f"unknown key {str(key)!r} in the group {name!r}", hint, code="inventory-key"
            )
        elif key == "vars":
            group.vars.update(as_variables(part, "'vars'", diagnostics))
            _set_priority(name, inventory, diagnostics)
        elif key == "children":
            found = as_map(part, "'children'", diagnostics)
            for child, child_body in found.entries.items() if found else ():
                child_span = found.key_span(child) if found else place
                group.children.setdefault(str(child), child_span)
                children.append((str(child), child_span, child_body))
        else:
            _read_hosts(name, part, inventory, diagnostics)
    return children


def _read_hosts(group: str, part: Located, inventory: Inventory, diagnostics: Diagnostics) -> None:
    if isinstance(part, LocatedScalar) and isinstance(part.value, str):
        part = LocatedMap({part.value: LocatedScalar(None, part.span)}, part.span, {part.value: part.span})
    hosts = as_map(part, "'hosts'", diagnostics)
    for pattern, body in hosts.entries.items() if hosts else ():
        span = hosts.key_span(pattern) if hosts else part.span
        try:
            names = expand(str(pattern))
        except ValueError as error:
            diagnostics.add(span, f"host {str(pattern)!r}: {error}", code="host-range")
            continue
        variables = as_variables(body, f"the variables of host {str(pattern)!r}", diagnostics)
        for name in names:
            inventory.add_host(name, span, group)
            inventory.host_vars[name].update(variables)


def _set_priority(name: str, inventory: Inventory, diagnostics: Diagnostics) -> None:
    value = inventory.groups[name].vars.get("ansible_group_priority")
    if value is None:
        return
    if isinstance(value, LocatedScalar) and type(value.value) is int:
        inventory.groups[name].priority = value.value
    else:
        diagnostics.add(
            value.span,
            f"'ansible_group_priority' must be a whole number, not {kind_of(value)}",
            code="wrong-type",
        )
