"""Ansible's INI inventory: `[group]`, `[group:children]`, `[group:vars]`, hosts with `key=value`."""

from __future__ import annotations

import ast
import re
import shlex
from typing import Any

from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.expect import did_you_mean
from configurator.config.located import locate
from configurator.inventory.model import Inventory
from configurator.inventory.ranges import expand

_SECTION = re.compile(r"\[([^\]:]+)(?::(\w+))?\]\s*(?:[#;].*)?")
_KINDS = ("children", "vars")


def read_ini_inventory(text: str, name: str, inventory: Inventory, diagnostics: Diagnostics) -> None:
    """Add the groups and hosts of one file to the inventory."""
    reader = _Reader(inventory, diagnostics)
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped and stripped[0] not in "#;":
            column = len(line) - len(line.lstrip()) + 1
            reader.line(stripped, Span(name, number, column, len(stripped), line))


class _Reader:
    """Knows which section the next line belongs to."""

    def __init__(self, inventory: Inventory, diagnostics: Diagnostics) -> None:
        self._inventory = inventory
        self._diagnostics = diagnostics
        self._group = "ungrouped"
        self._kind = "hosts"

    def line(self, text: str, span: Span) -> None:
        if text.startswith("["):
            self._section(text, span)
        elif self._kind == "children":
            name = text.partition("#")[0].strip()
            self._inventory.group(name, span)
            self._inventory.groups[self._group].children.setdefault(name, span)
        elif self._kind == "vars":
            self._variable(text, span)
        else:
            self._host(text, span)

    def _section(self, text: str, span: Span) -> None:
        match = _SECTION.fullmatch(text)
        kind = match[2] or "hosts" if match else ""
        if match is None or kind not in ("hosts", *_KINDS):
            hint = did_you_mean(kind, _KINDS) or "write [group], [group:children] or [group:vars]"
            self._diagnostics.add(span, f"cannot read the section {text!r}", hint)
            self._kind = "hosts"
            return
        self._group, self._kind = match[1].strip(), kind
        self._inventory.group(self._group, span)

    def _variable(self, text: str, span: Span) -> None:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            self._diagnostics.add(span, "a variable is written name=value")
            return
        group = self._inventory.groups[self._group]
        literal = _literal(value.strip())
        group.vars[key.strip()] = locate(literal, span)
        if key.strip() == "ansible_group_priority" and type(literal) is int:
            group.priority = literal

    def _host(self, text: str, span: Span) -> None:
        self._inventory.group(self._group, span)
        try:
            words = shlex.split(text, comments=True)
        except ValueError as error:
            self._diagnostics.add(span, f"cannot read this host: {str(error).lower()}")
            return
        variables: dict[str, Any] = {}
        for word in words[1:]:
            key, equals, value = word.partition("=")
            if not equals or not key:
                self._diagnostics.add(span, f"expected name=value after the host, not {word!r}")
                return
            variables[key] = _literal(value)
        pattern = words[0]
        address, colon, port = pattern.rpartition(":")
        bare = re.sub(r"\[[^\]]*\]", "", address)  # a range has a colon of its own
        if colon and port.isdigit() and address and ":" not in bare:
            pattern = address
            variables.setdefault("ansible_port", int(port))
        try:
            names = expand(pattern)
        except ValueError as error:
            self._diagnostics.add(span, f"host {pattern!r}: {error}")
            return
        for name in names:
            self._inventory.add_host(name, span, self._group)
            self._inventory.host_vars[name].update(
                {key: locate(value, span) for key, value in variables.items()}
            )


def _literal(text: str) -> Any:
    """Return what the text means as a Python literal, as Ansible reads INI values, else the text itself."""
    if text in ("True", "False", "true", "false"):
        return text.lower() == "true"
    if re.fullmatch(r"-?(0|[1-9][0-9]{0,18})", text):
        return int(text)
    if text[:1] in "[{'\"":
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return text
        return value if isinstance(value, list | dict | str) else text
    return text
