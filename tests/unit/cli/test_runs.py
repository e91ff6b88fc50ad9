"""plan and apply: exit codes, streams, the question, JSON, errors in the middle."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from configurator.app.options import RunOptions
from configurator.cli.main import main
from configurator.cli.runs import command_line
from configurator.config.diagnostics import Diagnostic
from configurator.core.errors import InputError, RefusedError
from configurator.core.run_events import HostSummary, RunFinished, RunStarted
from tests.unit.cli.conftest import FakeApp
from tests.unit.report import golden, stream


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch, answer: str) -> Terminal:
    """Have somebody sit at the terminal who answers; return what is shown on stderr."""
    monkeypatch.setenv("TERM", "dumb")
    stderr = Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    monkeypatch.setattr(sys, "stderr", stderr)
    return stderr


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def small(mode: str, code: int, **counts: int) -> list[Any]:
    """A run of one host with these counts."""
    return [RunStarted(mode, ("web1",)), RunFinished(mode, code, {"web1": HostSummary(**counts)}, 1.0)]


def test_a_plan_is_the_answer_and_progress_goes_to_stderr(
    app: FakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan"]) == 4
    out, err = capsys.readouterr()
    golden.check("plan.txt", out)
    golden.check("plain-plan.txt", err)


@pytest.mark.parametrize(
    ("events", "flags", "code"),
    [
        (small("plan", 0, ok=3), [], 0),
        (small("plan", 0, ok=3, changed=1), [], 0),
        (small("plan", 0, ok=3), ["--detailed-exitcode"], 0),
        (small("plan", 0, ok=3, changed=1), ["--detailed-exitcode"], 2),
        (small("plan", 3, failed=1, changed=1), ["--detailed-exitcode"], 3),
        (small("plan", 4, unreachable=1, changed=1), ["--detailed-exitcode"], 4),
    ],
)
def test_exit_codes_of_a_plan(
    app: FakeApp, events: list[Any], flags: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """2 is only given to those who ask for it, and never hides a failure."""
    app.plan_events = events
    assert main(["plan", *flags]) == code
    capsys.readouterr()
    assert main(["plan", "--json", *flags]) == code
    assert lines(capsys.readouterr().out)[-1]["exit_code"] == code


def test_options_reach_the_app(app: FakeApp) -> None:
    args = "plan --host web1,web2 --host db* --tags a,b --skip-tags c --role nginx --only apt --only user:x"
    args += " --forks 3 --jobs 2 --fail-fast -i inv --config c.yaml -e a=1 -e @f.yml -v -k -K"
    args += " --playbook site.yml"
    main(args.split())
    assert app.options == [
        RunOptions(
            hosts=("web1", "web2", "db*"),
            inventory=("inv",),
            config="c.yaml",
            extra_vars=("a=1", "@f.yml"),
            tags=("a", "b"),
            skip_tags=("c",),
            roles=("nginx",),
            only=("apt", "user:x"),
            forks=3,
            jobs=2,
            fail_fast=True,
            ask_pass=True,
            ask_become_pass=True,
            playbook="site.yml",
            verbosity=1,
        )
    ]


def test_what_is_not_said_is_left_to_the_configuration(app: FakeApp) -> None:
    main(["plan"])
    assert app.options == [RunOptions()]


def test_apply_with_yes_makes_no_plan_and_sums_up(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["apply", "--yes"]) == 0
    assert app.calls == ["apply", "applied"]
    golden.check("summary-good.txt", capsys.readouterr().out)


@pytest.mark.parametrize("flag", ["-n", "--dry-run"])
def test_a_dry_run_is_a_plan(app: FakeApp, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["apply", "--yes", flag]) == 4
    assert app.calls == ["plan"]
    golden.check("plan.txt", capsys.readouterr().out)


def test_without_a_terminal_apply_refuses_and_says_what_to_run(
    app: FakeApp, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    args = ["apply", "--host", "web 1", "-e", "password=hunter22"]
    monkeypatch.setattr(sys, "argv", ["configurator", *args])
    assert main(args) == 1
    assert app.calls == []
    err = capsys.readouterr().err
    assert "run: configurator apply --host 'web 1' -e password=... --yes" in err


def test_json_cannot_ask_either(
    app: FakeApp, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_terminal(monkeypatch, "yes\n")
    assert main(["apply", "--json"]) == 1
    found = lines(capsys.readouterr().out)
    assert [line["type"] for line in found] == ["version", "error", "run_finished"]
    assert found[1]["error"] == "refused_error"
    assert app.calls == []


@pytest.mark.parametrize(
    ("answer", "applied"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_the_question_comes_after_the_plan_and_only_yes_applies(
    app: FakeApp,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    applied: bool,
) -> None:
    stderr = on_terminal(monkeypatch, answer)
    code = main(["apply"])
    assert ("applied" in app.calls) is applied
    assert code == (0 if applied else 1)
    assert "Apply 16 changes to 2 hosts? [y/N] " in stderr.getvalue()
    assert "1 host had trouble in the plan, see above." in stderr.getvalue()
    assert capsys.readouterr().out.startswith("+ create")
    assert ("Nothing was changed." in stderr.getvalue()) is not applied


def test_nothing_is_asked_where_nothing_would_change(app: FakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    app.plan_events = small("plan", 0, ok=5)
    stderr = on_terminal(monkeypatch, "")
    assert main(["apply"]) == 0
    assert "[y/N]" not in stderr.getvalue()
    assert "applied" not in app.calls


def test_json_lines_of_an_apply(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["apply", "--yes", "--json"]) == 0
    out, err = capsys.readouterr()
    found = lines(out)
    assert found[0] == {"type": "version", "format": 1}
    assert found[-1]["type"] == "run_finished"
    assert found[-1]["hosts"]["web1"]["changed"] == 7
    assert found[-1]["log_path"].endswith("-apply.log")
    assert err == ""


def test_bad_input_is_shown_with_its_place(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    problem = Diagnostic(
        "roles/x/tasks/main.yml", 3, 5, "unknown module 'templat'", None, "  - templat: {}", 7
    )
    app.error = InputError("1 problem in the configuration", [problem])
    assert main(["plan"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert " --> roles/x/tasks/main.yml:3:5" in err
    assert "    ^^^^^^^" in err


def test_bad_input_with_json_is_json(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    app.error = InputError("1 problem", [Diagnostic("config.yaml", 1, 1, "no")])
    assert main(["plan", "--json"]) == 1
    found = lines(capsys.readouterr().out)
    assert [line["type"] for line in found] == ["version", "error", "run_finished"]
    assert (found[-1]["exit_code"], found[-1]["hosts"]) == (1, {})


def test_an_error_in_the_middle_comes_after_the_events_before_it(
    app: FakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    app.error, app.error_after = RefusedError("enough"), 20
    assert main(["plan", "--json"]) == 1
    found = lines(capsys.readouterr().out)
    assert len(found) == 1 + 20 + 2
    assert [line["type"] for line in found[-2:]] == ["error", "run_finished"]


def test_ctrl_c_ends_with_130_and_whole_json(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    app.error, app.error_after = KeyboardInterrupt(), 20
    assert main(["apply", "--yes", "--json"]) == 130
    out, err = capsys.readouterr()
    assert lines(out)[-1]["exit_code"] == 130
    assert "Interrupted: what was under way may be half done." in err


@pytest.mark.parametrize(
    ("unknown", "said"),
    [
        (1, "Nothing to change; 1 task that only an apply runs is run now.\n"),
        (2, "Nothing to change; 2 tasks that only an apply runs are run now.\n"),
    ],
)
def test_what_only_an_apply_runs_is_run_without_a_question(
    app: FakeApp, monkeypatch: pytest.MonkeyPatch, unknown: int, said: str
) -> None:
    """With and without --yes an apply has the same effect, also if nothing would count as changed."""
    app.plan_events = small("plan", 0, ok=3, unknown=unknown)
    stderr = on_terminal(monkeypatch, "")
    assert main(["apply"]) == 0
    assert app.calls == ["apply", "applied"]
    assert said in stderr.getvalue()
    assert "[y/N]" not in stderr.getvalue()


def test_ctrl_c_at_the_question_changes_nothing(app: FakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def press(_size: int = -1) -> str:
        raise KeyboardInterrupt

    stderr = on_terminal(monkeypatch, "")
    monkeypatch.setattr(sys.stdin, "readline", press)
    assert main(["apply"]) == 130
    assert "applied" not in app.calls
    assert stderr.getvalue().endswith("[y/N] \nInterrupted: nothing was changed.\n")


def test_the_log_is_written_and_named_when_something_failed(
    app: FakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    app.apply_events = stream.apply_run()
    assert main(["apply", "--yes"]) == 3
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("Full log: ")
    with open(last.removeprefix("Full log: "), encoding="utf-8") as file:
        assert "[emerg]" in file.read()


def test_a_log_asked_for_is_written_there(app: FakeApp, tmp_path: Path) -> None:
    path = tmp_path / "here.log"
    main(["apply", "--yes", "--log", str(path)])
    assert "apply of web1" in path.read_text(encoding="utf-8")


def test_a_log_asked_for_that_cannot_be_written_stops_before_anything_is_touched(
    app: FakeApp, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["apply", "--yes", "--log", str(tmp_path)]) == 1
    assert app.calls == []
    assert "cannot write the log" in capsys.readouterr().err


def test_without_a_place_for_logs_the_run_goes_on(
    app: FakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert main(["apply", "--yes"]) == 0
    assert "warning: no log is written" in capsys.readouterr().err


def test_no_color_leaves_no_escape_sequences(
    app: FakeApp, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app.error = InputError("no")
    main(["plan"])
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "shown"),
    [
        (["apply", "-e", "@vars.yml"], "configurator apply -e @vars.yml"),
        (["apply", "--extra-vars=pw=x"], "configurator apply --extra-vars=pw=..."),
        (["apply", '-e{"pw": "x"}'], "configurator apply -e..."),
        (["apply", "-e", "pw=x y"], "configurator apply -e pw=..."),
    ],
)
def test_values_of_extra_vars_are_not_repeated(args: list[str], shown: str) -> None:
    """They may be passwords, and what we print ends in a log of somebody's CI."""
    assert command_line(args) == shown
