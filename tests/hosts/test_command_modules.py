"""command and shell on a real host through the real agent: what runs, what does not, and what is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from configurator.agent.frames import Message
from configurator.agent.protocol import TaskSpec
from configurator.sandbox import Lab, LabHost
from tests.hosts.on_host import agent, chain, files, run, statuses, task
from tests.hosts.test_agent import remote

pytestmark = pytest.mark.host

_SHOWN_BYTES = 256 * 1024  # of a failed command's output


@pytest.fixture(autouse=True)
def place(lab: Lab, shared_host: LabHost) -> None:
    """An empty directory for the test, which the commands may fill."""
    remote(lab, shared_host, "rm -rf /srv/c; mkdir /srv/c; id worker >/dev/null 2>&1 || useradd -m worker")


def told(ended: Mapping[str, Message]) -> dict[str, Any]:
    """Return the changes of each task, but for how sure a plan was of them."""
    keys = ("subject", "field", "before", "after", "diff")
    return {
        name: [[change.get(key) for key in keys] for change in message.get("changes", ())]
        for name, message in ended.items()
    }


def planned_and_done(host: LabHost, tasks: list[TaskSpec]) -> tuple[dict[str, Message], dict[str, Message]]:
    """Plan, apply and apply again; return how the tasks ended in the plan and in the second apply."""
    before = files(host)
    with agent(host) as session:
        planned = run(session, "plan", tasks)
        assert files(host) == before, "a plan ran something"
        applied = run(session, "apply", tasks, confirmed=True)
        again = run(session, "apply", tasks)
    assert statuses(planned) == statuses(applied), applied
    assert told(planned) == told(applied)
    return planned, again


def test_what_is_needed_runs_once(lab: Lab, shared_host: LabHost) -> None:
    """`creates` and `removes`, as paths and patterns, here and in `chdir`: planned, done, then needless."""
    remote(lab, shared_host, "cd /srv/c; mkdir -p sub/deep; touch old sub/deep/x.log; ln -s nowhere broken")
    tasks = chain(
        ("made", "command", {"cmd": "touch /srv/c/made", "creates": "/srv/c/made"}),
        ("gone", "command", {"argv": ["rm", "/srv/c/old"], "removes": "/srv/c/old"}),
        ("here", "shell", {"cmd": "pwd > here", "chdir": "/srv/c/sub", "creates": "here"}),
        ("pattern", "shell", {"cmd": "touch a.one", "chdir": "/srv/c", "creates": "*.one"}),
        ("there", "shell", {"cmd": "touch never", "chdir": "/srv/c", "creates": "sub/*/*.log"}),
        ("broken", "shell", {"cmd": "touch never", "chdir": "/srv/c", "creates": "broken"}),
        ("nothing", "shell", {"cmd": "touch never", "chdir": "/srv/c", "removes": "*.none"}),
        ("text", "shell", {"_raw_params": "echo ok > raw", "chdir": "/srv/c", "creates": "raw"}),
    )
    planned, again = planned_and_done(shared_host, tasks)
    needless = {"there", "broken", "nothing"}
    wanted = {item.id: "ok" if item.id in needless else "changed" for item in tasks}
    assert statuses(planned) == wanted
    assert set(statuses(again).values()) == {"ok"}, told(again)
    seen = remote(lab, shared_host, "cd /srv/c; ls -A; cat sub/here raw")
    assert seen == "a.one\nbroken\nmade\nraw\nsub\n/srv/c/sub\nok\n"


def test_a_command_makes_the_plan_after_it_an_assumption(shared_host: LabHost) -> None:
    """Nobody can look into a command: it is planned as sure to run, and what comes after as assumed."""
    tasks = chain(
        ("before", "copy", {"dest": "/srv/c/before", "content": "x"}),
        ("opaque", "shell", {"cmd": "echo y > /srv/c/opaque"}),
        ("after", "copy", {"dest": "/srv/c/after", "content": "x"}),
        ("needless", "command", {"cmd": "false", "creates": "/srv/c/before"}),
    )
    planned, again = planned_and_done(shared_host, tasks)
    certainty = {name: [one["certainty"] for one in message["changes"]] for name, message in planned.items()}
    assert certainty == {"before": ["exact"], "opaque": ["exact"], "after": ["assumed"], "needless": []}
    assert planned["after"]["changes"][0]["because"] == ("'opaque' runs before, and nobody can look into it")
    assert statuses(again) == {"before": "ok", "opaque": "changed", "after": "ok", "needless": "ok"}


def test_arguments_input_and_environment_arrive_as_written(lab: Lab, shared_host: LabHost) -> None:
    """Quotes, blanks, unicode, stdin with and without a newline, the task's environment, another shell."""
    script = '#!/bin/sh\nfor word; do printf "<%s>" "$word"; done >> /srv/c/words\n'
    environment = {"COLOUR": "ünï blue", "LC_ALL": "C"}
    odd = ["/srv/c/p", "a b", "", "'", '"', "$(id)", ";", "*", "☃", "\n", "$COLOUR", "~worker/x", "$UNSET"]
    tasks = chain(
        ("script", "copy", {"dest": "/srv/c/p", "content": script, "mode": "0755"}),
        ("argv", "command", {"argv": odd}),
        ("cmd", "command", {"cmd": "/srv/c/p 'x y' \"z\" a\\ b | cat"}),
        ("raw", "command", {"argv": ["/srv/c/p", "$COLOUR"], "expand_argument_vars": False}),
        ("in", "shell", {"cmd": "cat > in", "chdir": "/srv/c", "stdin": "line ☃"}),
        ("short", "shell", {"cmd": "cat > /srv/c/short", "stdin": "x", "stdin_add_newline": False}),
        ("none", "shell", {"cmd": "cat > none; test ! -t 0", "chdir": "/srv/c"}),
        ("env", "shell", {"cmd": "echo $COLOUR $LC_ALL $HOME $USER > env", "chdir": "/srv/c"}),
        ("bash", "shell", {"cmd": "[[ b == b ]] && echo $0 > bash", "chdir": "/srv/c",
                           "executable": "/bin/bash"}),
        environment=environment,
    )  # fmt: skip
    tasks.append(
        task("user", "shell", {"cmd": "id -un; echo $HOME; pwd"}, become_user="worker", after=("bash",))
    )
    with agent(shared_host) as session:
        ended = run(session, "apply", tasks)
    assert set(statuses(ended).values()) == {"changed"}, ended
    words = remote(lab, shared_host, "cat /srv/c/words")
    assert words == (
        "<a b><><'><\"><$(id)><;><*><☃><\n><ünï blue></home/worker/x><$UNSET><x y><z><a b><|><cat><$COLOUR>"
    )
    seen = remote(lab, shared_host, "cd /srv/c; cat in short; echo; wc -c < none; cat env bash")
    assert seen == "line ☃\nx\n0\nünï blue C /root root\n/bin/bash\n"


def test_a_failure_tells_command_status_and_output(shared_host: LabHost) -> None:
    """Never a bare "failed": what was run, how it ended, and what it said, even if that is no text."""
    tasks = [
        task("status", "shell", {"cmd": "echo out; echo err >&2; exit 3"}),
        task("bytes", "shell", {"cmd": "printf 'a\\377\\033[2Jb'; exit 1"}),
        task("signal", "shell", {"cmd": "kill -9 $$"}),
        task("program", "command", {"cmd": "nosuchprogram -x"}),
        task("not executable", "command", {"cmd": "/etc/passwd"}),
        task("directory", "command", {"cmd": "true", "chdir": "/srv/nowhere"}),
        task("file as directory", "command", {"cmd": "true", "chdir": "/etc/passwd"}),
        task("syntax", "shell", {"cmd": "echo 'open"}),
        task("secret", "shell", {"cmd": "echo hush; exit 1"}, no_log=True),
        task("ignored", "command", {"cmd": "false"}, ignore_errors=True),
        task("dependent", "command", {"cmd": "true"}, requires=("status",)),
        task("after", "command", {"cmd": "true"}, after=("status",)),
        task("goes on", "command", {"cmd": "true"}, requires=("ignored",)),
    ]
    with agent(shared_host) as session:
        ended = run(session, "apply", tasks)
    ran = {"after": "changed", "goes on": "changed", "dependent": "skipped"}
    assert statuses(ended) == {item.id: ran.get(item.id, "failed") for item in tasks}
    said = {name: message.get("message") for name, message in ended.items()}
    status = ended["status"]
    assert said["status"] == "/bin/sh failed with exit status 3"
    assert (status["exit_status"], status["output"]) == (3, "out\nerr")
    assert status["command"] == ["/bin/sh", "-c", "echo out; echo err >&2; exit 3"]
    assert ended["bytes"]["output"] == "a\ufffd\x1b[2Jb"
    assert said["signal"] == "/bin/sh was ended by signal 9"
    assert said["program"] == "nosuchprogram is not installed"
    assert said["not executable"] == "cannot start /etc/passwd: Permission denied"
    assert said["directory"] == "the directory /srv/nowhere does not exist"
    assert said["file as directory"] == "the directory /etc/passwd is no directory"
    assert "nterminated" in ended["syntax"]["output"]
    assert "hush" not in str(ended["secret"])
    assert ended["ignored"]["ignored"] is True
    assert ended["dependent"]["cause"] == "status"


def test_large_output_is_bounded_and_a_background_child_is_not_waited_for(
    lab: Lab, shared_host: LabHost
) -> None:
    """Both outputs full at once, a large input meanwhile, and a daemon that keeps the pipe: all end."""
    flood = "head -c 30000000 /dev/zero | tr '\\0' x; head -c 30000000 /dev/zero | tr '\\0' y >&2"
    tasks = chain(
        ("flood", "shell", {"cmd": f"{flood}; echo THE END >&2; exit 1"}),
        ("quiet", "shell", {"cmd": flood}),
        ("echo", "shell", {"cmd": "tee /srv/c/echo", "stdin": "z" * 1_000_000, "stdin_add_newline": False}),
        ("unread", "shell", {"cmd": "true", "stdin": "z" * 1_000_000}),
        ("daemon", "shell", {"cmd": "sleep 7531 & echo $! > /srv/c/pid"}),
        ("next", "command", {"cmd": "true"}),
    )
    with agent(shared_host) as session:
        ended = run(session, "apply", tasks)
    wanted = {item.id: "changed" for item in tasks} | {"flood": "failed"}
    assert statuses(ended) == wanted
    assert len(ended["flood"]["output"]) <= _SHOWN_BYTES
    assert ended["flood"]["output"].endswith("THE END")
    assert remote(lab, shared_host, "wc -c < /srv/c/echo") == "1000000\n"
    assert remote(lab, shared_host, "kill $(cat /srv/c/pid)") == ""


def test_a_plan_runs_only_what_it_is_told_to(lab: Lab, shared_host: LabHost) -> None:
    """`check_mode: false` reads something for the tasks after it, as in Ansible; everything else waits."""
    tasks = [
        task("look", "command", {"cmd": "touch /srv/c/looked"}, check_mode=False),
        task("act", "command", {"cmd": "touch /srv/c/acted"}),
        task("fails", "command", {"cmd": "false"}),
    ]
    with agent(shared_host) as session:
        planned = run(session, "plan", tasks)
    assert set(statuses(planned).values()) == {"changed"}
    assert remote(lab, shared_host, "ls /srv/c") == "looked\n"


def test_commands_of_one_file_run_in_any_amount(lab: Lab, shared_host: LabHost) -> None:
    """A hundred commands on one connection: each ran once, and none is left behind."""
    tasks = [task(str(number), "shell", {"cmd": f"echo {number} >> /srv/c/all"}) for number in range(100)]
    with agent(shared_host) as session:
        ended = run(session, "apply", tasks)
        left = remote(lab, shared_host, "ps -eo stat,comm | grep '^Z' || true")
    assert len(ended) == 100
    assert set(statuses(ended).values()) == {"changed"}
    lines = remote(lab, shared_host, "cat /srv/c/all").split()
    assert sorted(map(int, lines)) == list(range(100))
    assert left == ""
