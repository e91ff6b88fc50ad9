"""`configurator sandbox` refuses what it cannot mean and says where a host is not."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from configurator.cli.main import main
from configurator.cli.sandbox import sandbox
from configurator.core.errors import SandboxError
from configurator.sandbox.hosts import LabHost
from configurator.sandbox.lab import Lab, how_to_use, labs
from configurator.sandbox.mounts import check_size


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


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class FakeLab:
    """A sandbox with two hosts, one of which is dead."""

    name = "default"

    def states(self) -> dict[str, str]:
        return {"a": "running", "box10": "dead"}

    def hosts(self) -> list[LabHost]:
        return [LabHost(name, f"198.18.0.{n}", "trixie", "", "", "") for name, n in (("a", 2), ("box10", 11))]


def test_list_has_a_header_for_people_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script that reads the lines must not take the header for a host."""
    monkeypatch.setattr("configurator.sandbox.lab.labs", lambda: [FakeLab()])
    assert main(["sandbox", "list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "default  a  198.18.0.2  trixie  running",
        "default  box10  198.18.0.11  trixie  dead",
    ]
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["sandbox", "list"]) == 0
    assert terminal.getvalue().splitlines() == [
        "sandbox  host   address      release  state",
        "default  a      198.18.0.2   trixie   running",
        "default  box10  198.18.0.11  trixie   dead",
    ]


@pytest.mark.parametrize(
    "memory", ["", "lots", "-1G", "1GB", "1.5G", "512", "0", "0G", "63M", "8k", "0%", "101%", "1G,mode=777"]
)
def test_a_size_of_memory_that_means_nothing_is_refused(
    memory: str, capsys: pytest.CaptureFixture[str], state: Path
) -> None:
    """Before anything is made: mount would refuse some of them in its own words, and take the others."""
    assert main(["sandbox", "up", "--memory", memory]) == 1
    err = capsys.readouterr().err
    assert repr(memory) in err or f"with {memory} of memory" in err
    assert list(state.iterdir()) == []


@pytest.mark.parametrize(
    ("memory", "size"), [("1G", "1G"), ("64m", "64M"), ("65536k", "65536K"), (" 25% ", "25%")]
)
def test_a_size_of_memory_is_handed_on_as_tmpfs_takes_it(memory: str, size: str) -> None:
    assert check_size(memory) == size


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
