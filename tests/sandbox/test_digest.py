"""Every change of a host's files changes its digest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from configurator.sandbox import digest


@pytest.fixture
def upper(tmp_path: Path) -> Path:
    """An overlay's upper layer, as a freshly booted host has it."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hostname").write_text("web1\n")
    (tmp_path / "etc/link").symlink_to("hostname")
    (tmp_path / "var/log/journal/id").mkdir(parents=True)
    (tmp_path / "var/log/journal/id/system.journal").write_text("entry")
    return tmp_path


def test_nothing_changed_is_the_same_digest(upper: Path) -> None:
    """Times are no part of it: reading a file is no change."""
    before = digest.of_layer(str(upper))
    os.utime(upper / "etc/hostname", (1, 1))
    assert digest.of_layer(str(upper)) == before
    assert sorted(before) == ["/etc", "/etc/hostname", "/etc/link", "/var", "/var/log"]


def test_each_kind_of_change_is_seen_at_its_path(upper: Path) -> None:
    """Content, mode, target, a new file, a removed one."""
    before = digest.of_layer(str(upper))
    (upper / "etc/hostname").write_text("web2\n")
    assert _changed(before, upper) == {"/etc/hostname"}
    (upper / "etc").chmod(0o700)
    assert _changed(before, upper) == {"/etc/hostname", "/etc"}
    (upper / "etc/link").unlink()
    (upper / "etc/link").symlink_to("elsewhere")
    (upper / "new").touch()
    assert _changed(before, upper) == {"/etc/hostname", "/etc", "/etc/link", "/new"}


def test_what_a_login_writes_is_left_out(upper: Path) -> None:
    """The journal alone; the directories above it count."""
    before = digest.of_layer(str(upper))
    (upper / "var/log/journal/id/user-0.journal").write_text("session opened")
    assert digest.of_layer(str(upper)) == before


def _changed(before: dict[str, str], upper: Path) -> set[str]:
    after = digest.of_layer(str(upper))
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
