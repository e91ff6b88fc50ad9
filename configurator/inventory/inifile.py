"""Ansible's INI inventory: `[group]`, `[group:children]`, `[group:vars]`, hosts with `key=value`."""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from typing import Any

from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.expect import did_you_mean
from configurator.config.located import Located, Mark, locate
from configurator.config.sealed import worth_hiding
from configurator.inventory.model import Inventory
from configurator.inventory.ranges import expand

_SECTION = re.compile(r"\[([^\]:]+)(?::(\w+))?\]\s*(?:[#;].*)?")
_KINDS = ("children", "vars")
# An address of IPv6 with a port: it begins as a section does.
_BRACKETED = re.compile(r"\[([0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%\w+)?)\](?::([0-9]{1,5}))?(?=\s|$)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # no name has one, and terminals obey some
_MAX_LITERAL = 10_000  # characters: Python's parser is no place for more


def read_ini_inventory(
    text: str, name: str, inventory: Inventory, diagnostics: Diagnostics, *, sealed: bool = False
) -> None:
    """Add the groups and hosts of one file to the inventory; `sealed` says that the file was encrypted."""
    reader = _Reader(inventory, diagnostics, sealed)
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped and stripped[0] not in "#;":
            column = len(line) - len(line.lstrip()) + 1
            shown = "" if sealed else line.rstrip("\r")
            reader.line(stripped, Span(name, number, column, len(stripped), shown))
    reader.finish()


class _Reader:
    """Knows which section the next line belongs to."""

    def __init__(self, inventory: Inventory, diagnostics: Diagnostics, sealed: bool) -> None:
        self._sealed = sealed
        self._inventory = inventory
        self._diagnostics = diagnostics
        self._group = "ungrouped"
        self._kind = "hosts"
        self._made = {"all", "ungrouped", *inventory.groups}
        self._mentioned: list[tuple[str, Span]] = []  # groups that some section must make

    def finish(self) -> None:
        """Note groups that are spoken of and that no section makes: a typo would quietly lose their hosts."""
        for name, span in self._mentioned:
            if name not in self._made:
                hint = did_you_mean(name, self._made) or f"write a section [{name}]"
                self._diagnostics.add(
                    span, f"no section makes the group {name!r}", hint, code="unknown-group"
                )

    def line(self, text: str, span: Span) -> None:
        control = _CONTROL.search(text)
        if control is not None:
            message = f"the character #x{ord(control[0]):04x} is not allowed in an inventory"
            self._diagnostics.add(span, message, code="inventory-syntax")
            return
        if text.startswith("[") and not _BRACKETED.match(text):
            self._section(text, span)
        elif self._kind == "children":
            name = re.split(r"\s[#;]", text)[0].strip()
            self._mentioned.append((name, span))
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
            self._diagnostics.add(span, f"cannot read the section {text!r}", hint, code="inventory-syntax")
            self._kind = "hosts"
            return
        self._group, self._kind = match[1].strip(), kind
        self._inventory.group(self._group, span)
        if kind == "vars":
            self._mentioned.append((self._group, span))
        else:
            self._made.add(self._group)

    def _variable(self, text: str, span: Span) -> None:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            self._diagnostics.add(span, "a variable is written name=value", code="inventory-syntax")
            return
        group = self._inventory.groups[self._group]
        literal = _literal(value.strip())
        group.vars[key.strip()] = self._located(literal, span)
        if key.strip() == "ansible_group_priority" and type(literal) is int:
            group.priority = literal

    def _located(self, value: Any, span: Span) -> Located:
        found = locate(value, span, Mark.SECRET if self._sealed else Mark.NONE)
        if self._sealed and self._diagnostics.vault is not None:
            self._diagnostics.vault.hide(worth_hiding(found))
        return found

    def _host(self, text: str, span: Span) -> None:
        self._inventory.group(self._group, span)
        try:
            words = shlex.split(text, comments=True)
        except ValueError as error:
            self._diagnostics.add(
                span, f"cannot read this host: {str(error).lower()}", code="inventory-syntax"
            )
            return
        variables: dict[str, Any] = {}
        for word in words[1:]:
            key, equals, value = word.partition("=")
            if not equals or not key:
                self._diagnostics.add(
                    span, f"expected name=value after the host, not {word!r}", code="inventory-syntax"
                )
                return
            variables[key] = _literal(value)
        pattern, port = _with_port(words[0])
        if port is not None:
            variables.setdefault("ansible_port", port)
        try:
            names = [pattern] if ":" in re.sub(r"\[[^\]]*\]", "", pattern) else expand(pattern)
        except ValueError as error:
            self._diagnostics.add(span, f"host {pattern!r}: {error}", code="host-range")
            return
        for name in names:
            self._inventory.add_host(name, span, self._group)
            self._inventory.host_vars[name].update(
                {key: self._located(value, span) for key, value in variables.items()}
            )


def _with_port(text: str) -> tuple[str, int | None]:
    """Return a host without the port behind it: `web1:22`, `web[1:9]:22`, `[2001:db8::1]:22`."""
    if bracketed := _BRACKETED.fullmatch(text):
        return bracketed[1], None if bracketed[2] is None else int(bracketed[2])
    name, colon, port = text.rpartition(":")
    bare = re.sub(r"\[[^\]]*\]", "", name)  # a range has a colon of its own
    if colon and port.isdigit() and name and ":" not in bare and name.count("[") == name.count("]"):
        return name, int(port)
    return text, None


def _literal(text: str) -> Any:
    """Return what a text means as a Python literal, as Ansible reads INI values, else the text itself.

    So `True` is a boolean and `true` is a text, `1.5` a number and `0644` a text.
    """
    if len(text) > _MAX_LITERAL:
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return _plain(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _plain(value: Any) -> Any:
    """Return a literal as YAML could hold it; ValueError for what it cannot."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    raise ValueError(f"{type(value).__name__} has no meaning in an inventory")
