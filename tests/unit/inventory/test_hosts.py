"""Connection variables: what is accepted and what is refused without showing secrets."""

from __future__ import annotations

import pytest

from configurator.config.diagnostics import Diagnostics, Span
from configurator.inventory.hosts import HostAddress, host_address

SPAN = Span("hosts.yml", 3, 5)


def test_values_become_an_address() -> None:
    """Numbers given as text (in INI, by templates) count as numbers."""
    problems = Diagnostics()
    values = {
        "ansible_host": ("10.0.0.1", SPAN),
        "ansible_port": ("2222", SPAN),
        "ansible_become": ("no", SPAN),
        "ansible_become_method": ("sudo", SPAN),
        "ansible_user": (None, SPAN),
    }
    assert host_address("h", values, problems) == HostAddress("10.0.0.1", port=2222, become=False)
    assert len(problems) == 0


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ansible_port", "ssh", "'ansible_port' must be a port number from 1 to 65535, not 'ssh'"),
        ("ansible_port", True, "'ansible_port' must be a port number from 1 to 65535, not True"),
        ("ansible_become", "maybe", "'ansible_become' must be true or false, not 'maybe'"),
        ("ansible_become_method", "doas", "'ansible_become_method' can only be 'sudo' so far, not 'doas'"),
        ("ansible_host", ["a"], "'ansible_host' must be text, not ['a']"),
        ("ansible_password", ["hunter2"], "'ansible_password' must be text"),
    ],
)
def test_a_wrong_value_is_named_but_never_a_password(name: str, value: object, message: str) -> None:
    """A diagnostic is printed: it must not contain what it complains about if that is secret."""
    problems = Diagnostics()
    host_address("h", {name: (value, SPAN)}, problems)
    assert [str(problem) for problem in problems.sorted()] == [f"hosts.yml:3:5: {message}"]
