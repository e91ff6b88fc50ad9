"""command and shell: what is run, when it is not, and what is reported of it."""

from __future__ import annotations

import os
import pwd
import re
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from configurator.core.errors import TaskError
from configurator.modules import registry
from configurator.modules.command import _times
from tests.unit.modules.harness import Host, problems

MOMENT = "%Y-%m-%d %H:%M:%S.%f"


def run(host: Host, module: str = "command", **params: Any) -> dict[str, Any]:
    return dict(host.apply(module, **params).outputs)


def test_a_command_that_runs_is_a_change_and_tells_its_output(host: Host) -> None:
    done = host.take("command", cmd="printf 'a  b\\n\\n'", repeats=True)
    assert [change.field for change in done.changes] == ["ran"]
    outputs = dict(done.outputs)
    start, end, delta = (outputs.pop(name) for name in ("start", "end", "delta"))
    assert re.fullmatch(r"0:00:\d\d\.\d{6}", delta)
    assert datetime.strptime(start, MOMENT) <= datetime.strptime(end, MOMENT)
    assert outputs == {
        "cmd": ["printf", "a  b\\n\\n"],
        "rc": 0,
        "msg": "",
        "stdout": "a  b",
        "stdout_lines": ["a  b"],
        "stderr": "",
        "stderr_lines": [],
    }


def test_words_are_kept_as_they_are_and_no_shell_sees_them(host: Host) -> None:
    argv = ["printf", "%s|", "a b", "$(id)", "*", "'", ";", ""]
    assert run(host, argv=argv)["stdout"] == "a b|$(id)|*|'|;||"
    assert run(host, cmd="printf '%s|' \"a b\" ';' a\\ b")["stdout"] == "a b|;|a b|"


def test_variables_and_homes_in_arguments_are_those_that_the_command_finds(host: Host) -> None:
    host.environment = {"WHO": "me and you"}
    printed = run(host, argv=["printf", "%s|", "$WHO", "${WHO}", "$NOT_SET", "~root/x", "a~", "~nosuchuser"])[
        "stdout"
    ]
    assert printed == f"me and you|me and you|$NOT_SET|{pwd.getpwnam('root').pw_dir}/x|a~|~nosuchuser|"
    assert run(host, argv=["echo", "$WHO"], expand_argument_vars=False)["stdout"] == "$WHO"


@pytest.mark.parametrize("module", ["command", "shell"])
def test_creates_and_removes_decide(host: Host, module: str) -> None:
    path = host.path("made")
    params: dict[str, Any] = {"cmd": f"touch {path}", "creates": path}
    assert host.take(module, **params).changed
    skipped = host.take(module, **params)
    assert not skipped.changed
    assert "skipped, since" in skipped.outputs["stdout"]
    assert skipped.outputs["rc"] == 0
    assert skipped.outputs["msg"] == f"Did not run command since '{path}' exists"
    assert [skipped.outputs[name] for name in ("start", "end", "delta")] == [None, None, None]
    assert host.take(module, cmd=f"rm {path}", removes=path).changed
    assert not Path(path).exists()


def test_creates_may_be_a_pattern_and_relative_to_chdir(host: Host) -> None:
    os.makedirs(host.path("d/e"))
    Path(host.path("d/e/one.log")).write_text("")
    for creates in ("*/*/*.log", "d/[eo]/one.*", "d/*", f"{host.root}/?/e"):
        assert not host.take("command", cmd="false", creates=creates, chdir=str(host.root)).changed, creates
    assert host.apply("command", cmd="true", creates="*/.log", chdir=str(host.root)).changed
    assert host.apply("command", cmd="true", creates=host.path("*.log")).changed


def test_a_broken_link_counts_as_there(host: Host) -> None:
    os.symlink("nowhere", host.path("link"))
    assert not host.take("command", cmd="false", creates=host.path("link")).changed


def test_a_failure_carries_command_status_and_output(host: Host) -> None:
    with pytest.raises(TaskError) as caught:
        host.apply("shell", cmd="echo out; echo err >&2; exit 3")
    error = caught.value
    assert error.exit_status == 3
    assert error.output == "out\nerr"
    assert error.command == ("/bin/sh", "-c", "echo out; echo err >&2; exit 3")


@pytest.mark.parametrize(
    ("module", "cmd"), [("command", ["ls", "/non existent"]), ("shell", "ls '/non existent'")]
)
def test_a_failure_tells_what_a_success_does(host: Host, module: str, cmd: str | list[str]) -> None:
    """A rescue or `failed_when` asks for the same names, and `cmd` is what was written."""
    with pytest.raises(TaskError) as caught:
        host.apply(module, cmd="ls '/non existent'")
    outputs = caught.value.outputs
    assert (outputs["cmd"], outputs["rc"], outputs["msg"]) == (cmd, 2, "non-zero return code")
    assert {"start", "end", "delta", "stdout", "stderr_lines"} <= outputs.keys()
    with pytest.raises(TaskError) as caught:
        host.apply("command", cmd="nosuchprogram -x")
    assert caught.value.outputs["cmd"] == ["nosuchprogram", "-x"]
    assert "msg" not in caught.value.outputs  # the error says it better


def test_times_are_written_as_ansible_writes_them() -> None:
    """Whole seconds have a fraction, too; hours go on beyond a day."""
    began = time.mktime((2026, 11, 22, 1, 2, 3, 0, 0, -1))
    assert _times(began, began + 100_000.25) == {
        "start": "2026-11-22 01:02:03.000000",
        "end": "2026-11-23 04:48:43.250000",
        "delta": "27:46:40.250000",
    }


def test_a_missing_program_and_a_missing_directory_are_named(host: Host) -> None:
    with pytest.raises(TaskError, match="nosuchprogram is not installed"):
        host.apply("command", cmd="nosuchprogram -x")
    with pytest.raises(TaskError, match=r"directory .*/none does not exist"):
        host.apply("command", cmd="pwd", chdir=host.path("none"))
    Path(host.path("file")).write_text("")
    with pytest.raises(TaskError, match=r"directory .*/file is no directory"):
        host.apply("command", cmd="pwd", chdir=host.path("file"))


def test_where_it_runs_and_what_it_reads(host: Host) -> None:
    assert run(host, cmd="pwd", chdir=str(host.root))["stdout"] == str(host.root)
    assert run(host, argv=["od", "-An", "-c"], stdin="x")["stdout"].split() == ["x", "\\n"]
    assert run(host, argv=["od", "-An", "-c"], stdin="x", stdin_add_newline=False)["stdout"].split() == ["x"]
    assert run(host, cmd="cat")["stdout"] == ""


def test_empty_ends_are_stripped_or_kept(host: Host) -> None:
    assert run(host, "shell", cmd="printf '\\n a \\n\\n'")["stdout"] == "\n a "
    assert run(host, "shell", cmd="printf 'a\\n\\n'", strip_empty_ends=False)["stdout"] == "a\n\n"


def test_a_shell_is_a_shell_and_may_be_another(host: Host) -> None:
    assert run(host, "shell", cmd="echo $((1 + 1)) | tr 2 3")["stdout"] == "3"
    assert run(host, "shell", cmd="[[ a == a ]] && echo $0", executable="/bin/bash")["stdout"] == "/bin/bash"


def test_the_environment_is_the_tasks_and_answers_are_in_no_foreign_language(host: Host) -> None:
    host.environment = {"COLOUR": "blue", "LC_ALL": "C"}
    printed = run(host, "shell", cmd="echo $COLOUR $LC_ALL $DEBIAN_FRONTEND $HOME")["stdout"]
    assert printed == f"blue C noninteractive {pwd.getpwuid(os.geteuid()).pw_dir}"


def test_output_that_is_no_text_is_no_error(host: Host) -> None:
    assert run(host, "shell", cmd="printf 'a\\377b'")["stdout"] == "a\ufffdb"


def test_a_background_child_does_not_hold_the_task_up(host: Host) -> None:
    """A daemon that keeps the pipe open must not be waited for until it ends."""
    assert run(host, "shell", cmd="sleep 60 & echo $!")["stdout"].isdigit()


def test_nothing_is_known_of_what_it_does() -> None:
    module = registry.get("command")
    params = module.params(cmd="true")
    assert module.effects(params).opaque


@pytest.mark.parametrize(
    ("module", "params", "said"),
    [
        ("command", {}, "no command"),
        ("command", {"cmd": "  "}, "no command"),
        ("command", {"cmd": "a", "argv": ["b"]}, "exclude each other"),
        ("command", {"cmd": "echo 'open"}, "cannot be split"),
        ("command", {"cmd": "a", "chdir": "relative"}, "absolute"),
        ("command", {"cmd": "a", "creates": "relative"}, "absolute"),
        ("shell", {"cmd": "a", "removes": "relative"}, "absolute"),
        ("shell", {"cmd": "a", "warn": False}, "unknown parameter"),
    ],
)
def test_wrong_parameters_are_told_without_a_host(module: str, params: dict[str, Any], said: str) -> None:
    found = problems(module, **params)
    assert len(found) == 1
    assert said in found[0]
