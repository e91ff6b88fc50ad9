"""A typo ends with 1 and a did-you-mean; no way to end shows a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from configurator.cli.main import main
from tests.unit.cli.conftest import FakeApp


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["plna"], ["error: no such command: plna", "did you mean `configurator plan`?"]),
        (
            ["plan", "--hots", "web1"],
            ["error: no such option", "did you mean --host?", "configurator plan --help"],
        ),
        (["plan", "--forks", "0"], ["'--forks'"]),
        (["plan", "extra"], ["unexpected extra argument"]),
        (["nonsense"], ["error: no such command: nonsense"]),
        (["plan", "--host"], ["requires an argument"]),
        (["plan", "--check"], ["help: a plan is what --check is"]),
        (["apply", "-C", "--yes"], ["help: a plan is what --check is"]),
        (["plan", "-t", "web"], ["help: write --tags"]),
        (["plan", "site.yml"], ["help: give a playbook with --playbook: --playbook site.yml"]),
        (["apply", "-l", "web", "one.yaml", "two"], ["--playbook one.yaml"]),
        (["graph", "-f", "3"], ["help: write --forks"]),
        (["hosts", "-t", "3"], ["error: no such option"]),
    ],
)
def test_usage_errors_end_with_1_and_name_the_next_step(
    args: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """click ends with 2, which here would mean that changes are pending."""
    assert main(args) == 1
    out, err = capsys.readouterr()
    assert out == ""
    for word in words:
        assert word in err
    assert "Traceback" not in err


def test_a_usage_error_with_json_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--json", "--hots"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["type"] for line in lines] == ["version", "error", "run_finished"]
    assert lines[-1] == {"type": "run_finished", "exit_code": 1, "hosts": {}, "duration_s": 0.0}


def test_help_and_version_end_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert main(["version"]) == 0
    assert main(["plan", "-h"]) == 0
    assert main([]) == 0
    assert "configurator 0." in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_utf_8_under_every_locale_and_texts_never_raise(encoding: str) -> None:
    program = "import sys; from configurator.cli.main import run; sys.argv[1:] = {args!r}; run()"
    for args in (["plan", "--json", "--日本"], ["plan", "--日本"]):
        done = subprocess.run(
            [sys.executable, "-c", program.format(args=args)],
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": encoding},
            check=False,
        )
        assert done.returncode == 1
        assert b"error: no such option" in done.stderr
        assert b"Traceback" not in done.stderr
        if "--json" in args:
            assert "日本" in json.loads(done.stdout.decode().splitlines()[1])["message"]


def test_a_bug_is_called_a_bug_and_its_traceback_is_kept_in_a_file(
    app: FakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    app.error = ZeroDivisionError("division by zero")
    assert main(["plan"]) == 1
    err = capsys.readouterr().err
    assert "error: this is a bug in configurator: ZeroDivisionError: division by zero" in err
    assert "Traceback" not in err
    path = err.partition("please report it with ")[2].strip()
    with open(path, encoding="utf-8") as file:
        assert "Traceback" in file.read()


@pytest.mark.parametrize("how", ["-vv", "environment"])
def test_a_bugs_traceback_is_shown_to_those_who_ask(
    app: FakeApp, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    app.error = ZeroDivisionError("division by zero")
    args = ["plan", "-vv"] if how == "-vv" else ["plan"]
    monkeypatch.setattr("sys.argv", ["configurator", *args])
    if how == "environment":
        monkeypatch.setenv("CONFIGURATOR_DEBUG", "1")
    main(args)
    assert "Traceback" in capsys.readouterr().err


def test_a_bug_after_the_run_began_does_not_claim_that_nothing_was_touched(app: FakeApp) -> None:
    app.error, app.error_after = ZeroDivisionError("x"), 10
    assert main(["apply", "--yes"]) == 3
