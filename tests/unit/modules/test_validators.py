"""Which validators a plan may run: only those that write nothing."""

from __future__ import annotations

import pytest

from configurator.modules.validators import default_validator, is_read_only
from tests.unit.modules.recorded_system import RecordedSystem


@pytest.mark.parametrize(
    "command",
    [
        "visudo -cf %s",
        "/usr/sbin/visudo -c -f %s",
        "/usr/sbin/sshd -t -f %s",
        "nft -c -f %s",
        "nft --check --file %s",
        "haproxy -c -f %s",
        "bash -n %s",
        "systemd-analyze verify %s",
        "named-checkconf %s",
    ],
)
def test_those_that_only_look(command: str) -> None:
    assert is_read_only(command)


@pytest.mark.parametrize(
    "command",
    [
        "",
        "nginx -t -c %s",  # makes logs and a pid file
        "apache2ctl configtest",
        "visudo -f %s",
        "nft -f %s",
        "sh %s",
        "/opt/own/visudo -cf %s",
        "./visudo -cf %s",
        "visudo -cf %s; touch /x",
        "visudo -cf %s > /x",
        "visudo '-cf %s",
        "cp %s /etc/sudoers -c",
    ],
)
def test_those_that_may_write_or_are_not_known(command: str) -> None:
    assert not is_read_only(command)


@pytest.mark.parametrize(
    ("path", "program", "command"),
    [
        ("/etc/sudoers", "/usr/sbin/visudo", "/usr/sbin/visudo -c -f %s"),
        ("/etc/sudoers.d/admin", "/usr/sbin/visudo", "/usr/sbin/visudo -c -f %s"),
        ("/etc/ssh/sshd_config", "/usr/sbin/sshd", "/usr/sbin/sshd -t -f %s"),
        ("/etc/nftables.conf", "/usr/sbin/nft", "/usr/sbin/nft -c -f %s"),
    ],
)
def test_what_could_lock_us_out_is_checked_unasked(path: str, program: str, command: str) -> None:
    """A mistake in sudoers costs the right to mend it; without the program nothing reads the file."""
    system = RecordedSystem()
    assert default_validator(system, path) is None
    system.put(program)
    assert default_validator(system, path) == command
    assert is_read_only(command)
    assert default_validator(system, "/etc/motd") is None
