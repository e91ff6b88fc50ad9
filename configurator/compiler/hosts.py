"""How a host is reached: its connection variables rendered, with the settings of config.yaml below them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from configurator.compiler.scope import Scope
from configurator.compiler.site import Entry
from configurator.compiler.templating import TemplatingError
from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.located import Located
from configurator.inventory.hosts import (
    CONNECTION_ALIASES,
    CONNECTION_VARS,
    SECRET_VARS,
    Host,
    HostAddress,
    host_address,
)

_AUTO = ("auto", "auto_silent", "auto_legacy", "auto_legacy_silent")  # Ansible's words for: find it yourself


def connection_of(
    host: Host, scope: Scope, entries: Sequence[Entry], ssh: Any, root: str, diagnostics: Diagnostics
) -> HostAddress:
    """Return how a host is reached; `ssh` is that section of the settings.

    The agent is started through sudo unless `ansible_become` or every entry of the host says no.
    """
    values: dict[str, tuple[Any, Span]] = {}
    for name in (*CONNECTION_ALIASES, *CONNECTION_VARS):
        main = CONNECTION_ALIASES.get(name, name)
        try:
            if name in scope:
                values[main] = (scope.rendered(name), _span(scope.written(name), host))
        except TemplatingError as error:
            diagnostics.extend([error.diagnostic])
    for name in SECRET_VARS & values.keys():
        if isinstance(values[name][0], str):
            scope.secrets.add(values[name][0])
    address = host_address(host.name, values, diagnostics)
    become = address.become
    if "ansible_become" not in values and entries:
        become = any(entry.become is None or entry.become.value is not False for entry in entries)
    python = address.python_interpreter
    return replace(
        address,
        become=become,
        port=address.port or ssh.port,
        user=address.user or ssh.user,
        private_key_file=_path(address.private_key_file or ssh.private_key_file, root),
        known_hosts_file=_path(address.known_hosts_file or ssh.known_hosts_file, root),
        python_interpreter=None if python in _AUTO else python,
    )


def _span(located: Located | None, host: Host) -> Span:
    return located.span if located is not None else host.span


def _path(name: str | None, root: str) -> str | None:
    return None if name is None else os.path.join(root, os.path.expanduser(name))
