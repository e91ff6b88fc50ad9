"""`configurator sandbox` refuses what it cannot mean and says where a host is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from configurator.cli.sandbox import sandbox
from configurator.core.errors import SandboxError
from configurator.sandbox.lab import Lab, how_to_use, labs


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("words", [["down"], ["down", "box1", "--all"]])
def test_down_wants_names_or_all_and_not_both(words: list[str]) -> None:
    """`down` alone must not destroy everything by mistake."""
    result = CliRunner().invoke(sandbox, words)
    assert result.exit_code == 2
    assert "--all" in result.output


def test_list_of_nothing_is_nothing(state: Path) -> None:
    """No directory is made by looking."""
    result = CliRunner().invoke(sandbox, ["list"])
    assert (result.exit_code, result.output) == (0, "")
    assert labs() == []
    assert list(state.iterdir()) == []


def test_an_unknown_host_is_a_sandbox_error() -> None:
    """Not an ssh that asks for a name server."""
    result = CliRunner().invoke(sandbox, ["ssh", "nobody"])
    assert isinstance(result.exception, SandboxError)


def test_under_sudo_the_way_to_use_it_has_sudo_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lab's key and inventory are root's."""
    monkeypatch.setenv("SUDO_USER", "me")
    lab = Lab.open("demo")
    program = 'sudo "$(command -v configurator)"'  # plain sudo does not look into virtual environments
    assert how_to_use(lab, "box1") == f"{program} plan -i {lab.inventory_path} --host box1"
