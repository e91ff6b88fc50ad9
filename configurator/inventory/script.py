"""Inventory scripts: programs that print the inventory as JSON, as Ansible runs them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.located import locate
from configurator.inventory.model import Inventory

TIMEOUT_S = 60.0  # a cloud's API that takes longer would make every command unbearable
_SHOWN_LINES = 20
_MAX_BYTES = 64 * 1024 * 1024
_PARTS = frozenset({"hosts", "vars", "children"})
_STARTS = (b"#!", b"\x7fELF")


class _ScriptError(Exception):
    """The script did not say what it should; the message says how, the hint what it wrote to stderr."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def is_script(path: str) -> bool:
    """Return True for an executable file that begins as a program does: an x bit may be an accident."""
    if not os.path.isfile(path) or not os.access(path, os.X_OK):
        return False
    try:
        with open(path, "rb") as file:
            return file.read(4).startswith(_STARTS)
    except OSError:
        return False


def read_script(
    path: str, inventory: Inventory, diagnostics: Diagnostics, *, timeout_s: float = TIMEOUT_S
) -> None:
    """Run an inventory script with `--list` and add what it prints; what goes wrong is a problem."""
    span = Span(path)
    try:
        told = _json(path, ["--list"], timeout_s)
        meta = told.pop("_meta", None)
        for name, body in told.items():
            _group(str(name), body, inventory, span)
        known = meta.get("hostvars") if isinstance(meta, dict) else None
        if isinstance(known, dict):
            for host, variables in known.items():
                _variables(str(host), variables, inventory, span)
        else:
            _ask_each(path, told, inventory, timeout_s)
    except _ScriptError as error:
        diagnostics.add(span, str(error), error.hint, code="inventory-script")


def _ask_each(path: str, told: Mapping[str, Any], inventory: Inventory, timeout_s: float) -> None:
    """Ask a script that has no `_meta` for the variables of each of its hosts."""
    hosts: dict[str, None] = {}
    for body in told.values():
        members = body.get("hosts", ()) if isinstance(body, dict) else body
        hosts |= dict.fromkeys(str(host) for host in members or ())
    for host in hosts:
        _variables(host, _json(path, ["--host", host], timeout_s), inventory, Span(path))


def _group(name: str, body: Any, inventory: Inventory, span: Span) -> None:
    """Add one group: a mapping with `hosts`, `children` and `vars`, or the list of its hosts."""
    group = inventory.group(name, span)
    if not isinstance(body, dict):
        body = {"hosts": body}
    elif body and not _PARTS & body.keys():  # Ansible's oldest form: a host with its variables
        body = {"hosts": [name], "vars": body}
    for host in _texts(name, "hosts", body):
        inventory.add_host(host, span, name)
    for child in _texts(name, "children", body):
        inventory.group(child, span)
        group.children.setdefault(child, span)
    variables = body.get("vars") or {}
    if not isinstance(variables, dict):
        raise _ScriptError(f"'vars' of the group {name!r} must be an object")
    group.vars.update({str(key): locate(value, span) for key, value in variables.items()})
    priority = variables.get("ansible_group_priority")
    if type(priority) is int:
        group.priority = priority


def _texts(name: str, part: str, body: Mapping[str, Any]) -> Iterable[str]:
    found = body.get(part) or []
    if not isinstance(found, list):
        raise _ScriptError(f"{part!r} of the group {name!r} must be a list")
    return [str(item) for item in found]


def _variables(host: str, variables: Any, inventory: Inventory, span: Span) -> None:
    if not isinstance(variables, dict):
        raise _ScriptError(f"the variables of the host {host!r} must be an object")
    if host in inventory.hosts:  # _meta may know more hosts than the groups do
        inventory.host_vars[host].update({str(key): locate(item, span) for key, item in variables.items()})


def _json(path: str, words: list[str], timeout_s: float) -> dict[str, Any]:
    """Return what the script prints for these words; nothing at all counts as an empty object."""
    shown = f"{path} {' '.join(words)}"
    try:
        done = subprocess.run(
            [os.path.abspath(path), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _ScriptError(f"{shown} did not end within {timeout_s:g} s", _said(error.stderr)) from None
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise _ScriptError(f"cannot run {shown}: {reason}") from None
    if done.returncode != 0:
        raise _ScriptError(f"{shown} ended with {done.returncode}", _said(done.stderr))
    if len(done.stdout) > _MAX_BYTES:
        raise _ScriptError(f"{shown} printed more than {_MAX_BYTES // 1024 // 1024} MB")
    try:
        told = json.loads(done.stdout or b"{}")
    except (ValueError, RecursionError) as error:
        raise _ScriptError(f"{shown} printed no JSON: {error}", _said(done.stderr)) from None
    if not isinstance(told, dict):
        raise _ScriptError(f"{shown} printed no JSON object", _said(done.stderr))
    return told


def _said(stderr: bytes | None) -> str | None:
    """Return the end of what a script wrote to standard error."""
    lines = (stderr or b"").decode(errors="replace").strip().splitlines()
    return "it said: " + "\n".join(lines[-_SHOWN_LINES:]) if lines else None
