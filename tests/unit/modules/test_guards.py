"""Which changes are guarded: those of files that let us in."""

from __future__ import annotations

import pytest

from configurator.modules.guards import guard_for_path
from tests.unit.modules.recorded_system import RecordedSystem


@pytest.mark.parametrize(
    "path",
    [
        "/etc/network/interfaces",
        "/etc/systemd/network/10-eth.network",
        "/etc/sudoers",
        "/etc/sudoers.d/90-admin",
        "/etc/pam.d/common-auth",
        "/root/.ssh/authorized_keys",
        "/home/admin/.ssh",
    ],
)
def test_what_lets_us_in_is_kept_before_it_changes(path: str) -> None:
    guard = guard_for_path(RecordedSystem(), path)
    assert guard is not None
    assert guard.saves == (path,)


@pytest.mark.parametrize("path", ["/etc/nftables.conf", "/etc/nftables.d/own.nft"])
def test_rules_for_the_next_boot_are_loaded_now(path: str) -> None:
    """Rules that nobody has loaded yet would pass any login, and lock us out at the next boot."""
    enabled = RecordedSystem({"systemctl is-enabled nftables": "enabled\n"})
    enabled.put("/usr/sbin/nft")
    guard = guard_for_path(enabled, path)
    assert guard is not None
    assert (guard.saves, guard.saves_tables) == ((path,), ("*",))
    assert guard.activates == (("nft", "-f", "/etc/nftables.conf"),)
    idle = guard_for_path(RecordedSystem({"systemctl is-enabled nftables": (1, "disabled\n", "")}), path)
    assert idle is not None
    assert (idle.saves, idle.activates) == ((path,), ())


@pytest.mark.parametrize(
    "path",
    ["/etc/motd", "/etc/nftables.conf.d", "/etc/sudoers2", "/etc/sshx/y", "/srv/.ssh/config", "/etc/ssl/ssh"],
)
def test_other_files_are_changed_without_ado(path: str) -> None:
    assert guard_for_path(RecordedSystem(), path) is None


@pytest.mark.parametrize("path", ["/etc/ssh", "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/00-x.conf"])
def test_sshd_is_reloaded_so_that_the_new_login_meets_the_change(path: str) -> None:
    """A configuration that sshd has not loaded yet would pass the login that is to prove it."""
    running = guard_for_path(RecordedSystem({"systemctl is-active ssh": "active\n"}), path)
    assert running is not None
    assert running.activates == running.restores == (("systemctl", "reload", "ssh"),)
    stopped = guard_for_path(RecordedSystem({"systemctl is-active ssh": (3, "inactive\n", "")}), path)
    assert stopped is not None
    assert stopped.saves == (path,)
    assert stopped.activates == ()
