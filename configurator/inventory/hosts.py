"""A selected host, and how it is reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from configurator.config.diagnostics import Diagnostics, Span


@dataclass(frozen=True, slots=True)
class HostAddress:
    """How one host is reached; None means: as the settings, ~/.ssh/config or the defaults say.

    `become` tells whether the agent is started through sudo. Paths are those of the inventory, with `~`
    expanded and relative ones counted from the folder of config.yaml.
    """

    address: str
    port: int | None = None
    user: str | None = None
    private_key_file: str | None = None
    known_hosts_file: str | None = None
    password: str | None = None
    become: bool = True
    become_password: str | None = None
    python_interpreter: str | None = None
    local: bool = False


@dataclass(frozen=True, slots=True)
class Host:
    """A host of the inventory, or one named ad hoc on the command line (`user@address:port`).

    `adhoc` has the connection variables that the command line gave.
    """

    name: str
    span: Span
    adhoc: Mapping[str, Any] = field(default_factory=dict)


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise ValueError("must be text")
    return str(value)


def _port(value: Any) -> int:
    number = int(value) if isinstance(value, str) and value.isdigit() else value
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < 65536:
        raise ValueError("must be a port number from 1 to 65535")
    return number


def _boolean(value: Any) -> bool:
    words = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False}
    words["0"] = False
    if isinstance(value, bool):
        return value
    if str(value).lower() not in words:
        raise ValueError("must be true or false")
    return words[str(value).lower()]


def _sudo(value: Any) -> str:
    if value != "sudo":
        raise ValueError("can only be 'sudo' so far")
    return "sudo"


def _local(value: Any) -> bool:
    if value not in ("ssh", "smart", "paramiko", "paramiko_ssh", "local"):
        raise ValueError("can only be 'ssh' or 'local' so far")
    return bool(value == "local")


# Ansible's names (documentation of the ssh connection plugin) with how each is read; the last name is ours.
CONNECTION_VARS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "ansible_host": ("address", _text),
    "ansible_port": ("port", _port),
    "ansible_user": ("user", _text),
    "ansible_ssh_private_key_file": ("private_key_file", _text),
    "ansible_password": ("password", _text),
    "ansible_become": ("become", _boolean),
    "ansible_become_method": ("", _sudo),
    "ansible_connection": ("local", _local),
    "ansible_become_password": ("become_password", _text),
    "ansible_python_interpreter": ("python_interpreter", _text),
    "ansible_ssh_known_hosts_file": ("known_hosts_file", _text),
}
# Older and longer names of the same variables.
CONNECTION_ALIASES: Mapping[str, str] = {
    "ansible_ssh_host": "ansible_host",
    "ansible_ssh_port": "ansible_port",
    "ansible_ssh_user": "ansible_user",
    "ansible_ssh_pass": "ansible_password",
    "ansible_ssh_password": "ansible_password",
    "ansible_private_key_file": "ansible_ssh_private_key_file",
    "ansible_become_pass": "ansible_become_password",
    "ansible_sudo_pass": "ansible_become_password",
}
IGNORED_VARS = ("ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args")
SECRET_VARS = frozenset({"ansible_password", "ansible_become_password"})


def host_address(name: str, values: Mapping[str, tuple[Any, Span]], diagnostics: Diagnostics) -> HostAddress:
    """Return how a host is reached, from its rendered connection variables by Ansible's main names."""
    fields: dict[str, Any] = {"address": name}
    for variable, (value, span) in values.items():
        target, read = CONNECTION_VARS[variable]
        if value is None:
            continue
        try:
            read_value = read(value)
        except ValueError as error:
            shown = "" if variable in SECRET_VARS else f", not {value!r}"
            diagnostics.add(span, f"{variable!r} {error}{shown}", code="connection-variable")
            continue
        if target:
            fields[target] = read_value
    return HostAddress(**fields)
