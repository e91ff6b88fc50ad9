"""`--junit` on the command line: written however the run ends, refused before anything is touched."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from configurator.cli.main import main
from configurator.core.errors import InputError
from tests.unit.cli.conftest import FakeApp
from tests.unit.report import stream


def suites(path: Path) -> dict[str, ET.Element]:
    return {suite.attrib["name"]: suite for suite in ET.parse(path).getroot()}


def test_apply_and_plan_write_the_report(app: FakeApp, tmp_path: Path) -> None:
    path = tmp_path / "report.xml"
    app.apply_events = stream.apply_run()
    assert main(["apply", "--yes", "--junit", str(path)]) == 3
    assert suites(path).keys() == {"web1", "web2", "old1"}
    assert suites(path)["web2"].attrib["failures"] == "1"
    assert main(["plan", "--junit", str(path)]) == 4
    assert suites(path).keys() == {"web1", "web2", "db1", "old1"}


def test_json_and_junit_together(app: FakeApp, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """CI wants both; standard output stays JSON Lines alone."""
    path = tmp_path / "report.xml"
    assert main(["apply", "--yes", "--json", "--junit", str(path)]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["type"] == "run_finished"
    assert suites(path).keys() == {"web1"}


@pytest.mark.parametrize("name", ["missing/report.xml", "", ".", "file/report.xml"])
@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"]])
def test_a_place_that_cannot_be_written_stops_before_anything_is_touched(
    app: FakeApp, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], name: str
) -> None:
    (tmp_path / "file").touch()
    assert main([*command, "--junit", f"{tmp_path}/{name}"]) == 1
    assert app.calls == []
    assert "error: cannot write the JUnit report" in capsys.readouterr().err


def test_a_relative_name_is_one_in_this_directory(
    app: FakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["apply", "--yes", "--junit", "report.xml"]) == 0
    assert suites(tmp_path / "report.xml").keys() == {"web1"}


def test_a_run_that_breaks_still_leaves_a_report(app: FakeApp, tmp_path: Path) -> None:
    """Ctrl-C, a defect of ours, bad input: in each case CI finds a file that is not green."""
    for number, (error, after) in enumerate(
        [(KeyboardInterrupt(), 6), (ValueError("a bug"), 6), (InputError("no such role"), 0)]
    ):
        path = tmp_path / f"{number}.xml"
        app.error, app.error_after = error, after
        assert main(["apply", "--yes", "--junit", str(path)]) != 0
        assert int(ET.parse(path).getroot().attrib["errors"]) > 0


def test_a_report_that_cannot_be_put_in_its_place_is_a_warning(
    app: FakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The hosts were changed by then: the exit code still tells what became of them."""

    def refuse(_old: str, _new: str) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "replace", refuse)
    assert main(["apply", "--yes", "--junit", str(tmp_path / "report.xml")]) == 0
    assert "warning: JUnitSink gave up: PermissionError" in capsys.readouterr().err
    assert not [name for name in os.listdir(tmp_path) if "junit" in name or name.endswith(".xml")]
