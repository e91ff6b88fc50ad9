"""The sandbox's network: what it changes of the machine besides what is its own."""

from __future__ import annotations

from pathlib import Path

from configurator.sandbox import network


def test_a_kernel_setting_is_only_ever_raised(tmp_path: Path) -> None:
    """A machine whose owner allows more than hosts need keeps what it has."""
    setting = tmp_path / "max_user_instances"
    for before, after in (("128\n", "1024"), ("8192\n", "8192\n"), ("1024\n", "1024\n")):
        setting.write_text(before)
        network.raise_to(str(setting), 1024)
        assert setting.read_text().strip() == after.strip()
