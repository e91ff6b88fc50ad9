"""What is known only while a host is worked on: register, until, rescue, late includes, on a real host."""

from __future__ import annotations

from typing import Any

import pytest

from configurator.sandbox import Lab
from tests.hosts.cli import Ended, Folder, Remote, hosts_of

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def site(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> tuple[Folder, Remote]:
    host = hosts_of(lab, ["language1"])[0]
    folder = Folder(tmp_path_factory.mktemp("language"), [host])
    folder.site("r")
    return folder, Remote(lab, host)


def apply(folder: Folder, code: int = 0) -> Ended:
    ended = folder.run("apply", "--yes", "--json", code=code)
    assert ended.code == code, ended.stdout + ended.stderr
    return ended


def touched(name: str) -> dict[str, Any]:
    """A task that makes a file of its own name."""
    return {"name": name, "file": {"path": f"/root/{name}", "state": "touch"}}


def test_a_registered_result_decides_what_runs_and_what_is_written(site: tuple[Folder, Remote]) -> None:
    """`when`, parameters, templates and messages speak of what earlier tasks have found out."""
    folder, host = site
    host.sh("rm -f /root/copy /root/not")
    folder.role(
        "r",
        [
            {"name": "Ask", "command": "echo hello", "register": "said", "changed_when": False},
            {
                "name": "Write",
                "copy": {"content": "{{ said.stdout }} {{ said.rc }}\n", "dest": "/root/copy"},
                "register": "written",
            },
            {
                "name": "Not",
                "file": {"path": "/root/not", "state": "touch"},
                "when": "said.stdout != 'hello'",
            },
            {"name": "Shown", "debug": {"msg": "{{ said.stdout_lines }}"}, "when": "written.changed"},
            {"name": "Look", "stat": {"path": "/root/copy"}, "register": "found"},
            {"name": "Size", "debug": {"msg": "{{ found.stat.size }}"}},
        ],
    )
    ended = apply(folder)
    assert ended.statuses() == {
        "Ask": "ok",
        "Write": "changed",
        "Not": "skipped",
        "Shown": "ok",
        "Look": "ok",
        "Size": "ok",
    }
    assert ended.task("Shown")["says"] == "['hello']" or "hello" in ended.task("Shown")["says"]
    assert ended.task("Size")["says"] == "8"
    assert host.sh("cat /root/copy") == "hello 0\n"
    again = apply(folder)
    assert again.counts[host.name]["changed"] == 0
    assert again.statuses()["Shown"] == "skipped"


def test_a_loop_is_registered_round_by_round(site: tuple[Folder, Remote]) -> None:
    """`results` has a result for each item, and a loop over them makes the next tasks."""
    folder, _ = site
    folder.role(
        "r",
        [
            {
                "name": "Each",
                "command": "test -e {{ item }}",
                "loop": ["/etc/passwd", "/nonexistent"],
                "register": "looked",
                "changed_when": False,
                "failed_when": False,
            },
            {
                "name": "Missing",
                "debug": {"msg": "{{ item.item }} {{ item.rc }}"},
                "loop": "{{ looked.results }}",
                "when": "item.rc != 0",
                "loop_control": {"label": "{{ item.item }}"},
            },
        ],
    )
    ended = apply(folder)
    assert ended.statuses() == {
        "Each (/etc/passwd)": "ok",
        "Each (/nonexistent)": "ok",
        "Missing (/etc/passwd)": "skipped",
        "Missing (/nonexistent)": "ok",
    }
    assert ended.task("Missing (/nonexistent)")["says"] == "/nonexistent 1"


def test_until_tries_again_and_gives_up_in_the_end(site: tuple[Folder, Remote]) -> None:
    """Attempts are counted in the result; what never holds is a failure that says so."""
    folder, host = site
    host.sh("rm -f /root/count")
    folder.role(
        "r",
        [
            {
                "name": "Third time",
                "shell": "echo x >> /root/count; wc -l < /root/count",
                "register": "counted",
                "until": "counted.stdout | int >= 3",
                "retries": 5,
                "delay": 0.1,
            },
            {"name": "Tries", "debug": {"msg": "{{ counted.attempts }}"}},
            {
                "name": "Never",
                "command": "echo no",
                "register": "never",
                "until": "never.stdout == 'yes'",
                "retries": 2,
                "delay": 0.1,
                "ignore_errors": True,
            },
        ],
    )
    ended = apply(folder)
    assert ended.task("Tries")["says"] == "3"
    assert host.sh("wc -l < /root/count").strip() == "3"
    assert "still does not hold" in ended.task("Never")["message"]


def test_a_rescue_follows_a_failure_and_always_follows_both(site: tuple[Folder, Remote]) -> None:
    """The failure is not the run's; what is below the failed task of the block does not run."""
    folder, host = site
    host.sh("rm -f /root/rescued /root/below /root/always /root/after")
    folder.role(
        "r",
        [
            {
                "name": "Try",
                "block": [{"name": "break", "command": "false"}, touched("below")],
                "rescue": [
                    touched("rescued"),
                    {
                        "name": "why",
                        "debug": {"msg": "{{ ansible_failed_task.name }} {{ ansible_failed_result.rc }}"},
                    },
                ],
                "always": [touched("always")],
            },
            touched("after"),
        ],
    )
    ended = apply(folder)
    assert ended.task("break")["status"] == "failed"
    assert ended.task("break")["rescued"] is True
    assert ended.task("why")["says"] == "break 1"
    assert ended.statuses()["below"] == "skipped"
    there = host.sh("cd /root; ls rescued below always after 2>/dev/null; true").split()
    assert sorted(there) == ["after", "always", "rescued"]


def test_a_block_that_is_not_rescued_fails_the_run_after_its_always(site: tuple[Folder, Remote]) -> None:
    """`always` runs; what stands below the block does not, and the exit code says so."""
    folder, host = site
    host.sh("rm -f /root/always /root/after")
    folder.role(
        "r",
        [
            {
                "block": [{"name": "break", "command": "false"}],
                "always": [{"name": "always", "file": {"path": "/root/always", "state": "touch"}}],
            },
            {"name": "after", "command": "touch /root/after"},
        ],
    )
    ended = apply(folder, code=3)
    assert ended.statuses()["break"] == "failed"
    assert ended.statuses()["after"] == "skipped"
    assert ended.task("after")["cause"] == "r: break"
    assert host.sh("cd /root; ls always after 2>/dev/null; true").split() == ["always"]


def test_a_rescue_is_silent_where_nothing_failed(site: tuple[Folder, Remote]) -> None:
    """A good block has no rescue to be shown, in the plan and in the apply."""
    folder, _ = site
    folder.role(
        "r",
        [
            {
                "block": [{"name": "good", "command": "true"}],
                "rescue": [{"name": "rescue", "command": "true"}],
                "always": [{"name": "always", "command": "true"}],
            }
        ],
    )
    for words in (("plan",), ("apply", "--yes")):
        ended = folder.run(*words, "--json")
        assert ended.code == 0, ended.stderr
        assert ended.statuses() == {"good": "changed", "always": "changed"}


def test_included_files_and_facts_may_come_from_results(site: tuple[Folder, Remote]) -> None:
    """include_tasks with a name that is known later, set_fact from a result, and what reads them."""
    folder, host = site
    host.sh("rm -f /root/inside")
    folder.role(
        "r",
        [
            {"name": "Which", "command": "echo one", "register": "which", "changed_when": False},
            {"name": "Set", "set_fact": {"chosen": "{{ which.stdout }}"}},
            {"name": "Include", "include_tasks": "{{ chosen }}.yml"},
            {"name": "Read", "debug": {"msg": "{{ chosen }} {{ inside.stdout }} {{ made }}"}},
        ],
    )
    folder.write(
        "roles/r/tasks/one.yml",
        """
- {name: Inside, shell: echo in; touch /root/inside, register: inside}
- {name: Made, set_fact: {made: "{{ inside.stdout }}side"}}
- {name: Within, debug: {msg: "{{ made }}"}, when: inside.changed}
""",
    )
    ended = apply(folder)
    assert ended.task("Read")["says"] == "one in inside"
    assert ended.task("Within")["says"] == "inside"
    assert host.sh("ls /root/inside").strip() == "/root/inside"


def test_handlers_run_at_a_flush_and_again_at_the_end(site: tuple[Folder, Remote]) -> None:
    """What is below a flush finds the handler's work done; what notifies below has it done once more."""
    folder, host = site
    host.sh("rm -f /root/log /root/a /root/b")
    folder.role(
        "r",
        [
            {"name": "a", "copy": {"content": "a", "dest": "/root/a"}, "notify": "log"},
            {"name": "flush", "meta": "flush_handlers"},
            {"name": "seen", "command": "cat /root/log", "register": "log", "changed_when": False},
            {"name": "b", "copy": {"content": "{{ log.stdout }}", "dest": "/root/b"}, "notify": "log"},
        ],
        handlers=[{"name": "log", "shell": "echo x >> /root/log"}],
    )
    ended = apply(folder)
    assert host.sh("cat /root/log; cat /root/b").split() == ["x", "x", "x"]
    assert ended.statuses()["seen"] == "ok"
    again = apply(folder)
    # The log has grown since it was seen, so b is written once more.
    assert again.statuses()["a"] == "ok"


def test_a_plan_says_what_it_cannot_know_yet(site: tuple[Folder, Remote]) -> None:
    """What hangs on a command that has not run is unknown, with the reason; the rest is exact."""
    folder, host = site
    host.sh("rm -f /root/x /root/y")
    folder.role(
        "r",
        [
            {"name": "Run", "command": "echo hello", "register": "said"},
            {"name": "Hangs on it", "copy": {"content": "{{ said.stdout }}", "dest": "/root/x"}},
            {"name": "Changed", "copy": {"content": "y", "dest": "/root/y"}, "when": "said.changed"},
            {
                "name": "Probe",
                "command": "echo hi",
                "register": "probe",
                "check_mode": False,
                "changed_when": False,
            },
            {"name": "Known", "debug": {"msg": "{{ probe.stdout }}"}},
        ],
    )
    ended = folder.run("plan", "--json")
    assert ended.code == 0, ended.stderr
    hangs = ended.task("Hangs on it")["changes"][0]
    assert hangs["certainty"] == "unknown"
    assert "Run" in hangs["because"]
    assert ended.task("Changed")["status"] == "changed"
    assert ended.task("Known")["says"] == "hi"
    assert host.sh("ls /root/x /root/y 2>/dev/null; true") == ""


def test_a_task_may_be_started_and_asked_for_later(site: tuple[Folder, Remote]) -> None:
    """`poll: 0` holds nobody up; async_status waits for the end and has the result, also of a loop."""
    folder, host = site
    host.sh("rm -f /root/order /root/go")
    wait = "until test -e /root/go; do sleep 0.05; done; echo {{ item }}"
    folder.role(
        "r",
        [
            {
                "name": "Start",
                "shell": wait,
                "loop": ["one", "two"],
                "async": 60,
                "poll": 0,
                "register": "jobs",
            },
            {"name": "Go", "command": "touch /root/go"},
            {
                "name": "Wait",
                "async_status": {"jid": "{{ item.ansible_job_id }}"},
                "loop": "{{ jobs.results }}",
                "register": "ended",
                "until": "ended.finished",
                "retries": 10,
            },
            {"name": "Said", "debug": {"msg": "{{ ended.results | map(attribute='stdout') | join(' ') }}"}},
        ],
    )
    ended = apply(folder)
    assert ended.task("Said")["says"] == "one two"


def test_a_role_may_be_included_where_it_is_needed(site: tuple[Folder, Remote]) -> None:
    """Its defaults, variables, files and handlers come along; the including role goes on below."""
    folder, host = site
    host.sh("rm -f /root/inner /root/handled")
    folder.role(
        "inner",
        [
            {
                "name": "Inner",
                "template": {"src": "inner.j2", "dest": "/root/inner"},
                "notify": "inner handler",
            },
        ],
        defaults={"word": "default", "other": "kept"},
        handlers=[{"name": "inner handler", "copy": {"content": "{{ word }}", "dest": "/root/handled"}}],
    )
    folder.write("roles/inner/templates/inner.j2", "{{ word }} {{ other }} {{ role_name }}\n")
    folder.role(
        "r",
        [
            {"name": "Include", "include_role": {"name": "inner"}, "vars": {"word": "given"}},
            {"name": "Then", "command": "cat /root/inner", "register": "read", "changed_when": False},
            {"name": "Say", "debug": {"msg": "{{ read.stdout }}"}},
        ],
    )
    ended = apply(folder)
    assert ended.task("Say")["says"] == "given kept inner"
    assert host.sh("cat /root/handled") == "given"
    assert apply(folder).counts[host.name]["changed"] == 0


def test_a_path_may_begin_with_a_home(site: tuple[Folder, Remote]) -> None:
    """`~` is the home of who does the task, also of a user that an earlier task makes; plans know it."""
    folder, host = site
    host.sh("userdel -r deployer 2>/dev/null; rm -rf /root/.app /srv/people; mkdir -p /srv/people")
    folder.role(
        "r",
        [
            {"name": "Own", "copy": {"dest": "~/.app", "content": "root\n"}},
            {"name": "User", "user": {"name": "deployer", "home": "/srv/people/deployer"}},
            {"name": "Folder", "file": {"path": "~deployer/.app", "state": "directory", "owner": "deployer"}},
            {
                "name": "As user",
                "copy": {"dest": "~/.app/conf", "content": "theirs\n"},
                "become_user": "deployer",
            },
            {"name": "Line", "lineinfile": {"path": "~deployer/.line", "line": "more", "create": True}},
            {
                "name": "Copied",
                "copy": {"src": "~deployer/.app/conf", "dest": "~root/.copied", "remote_src": True},
            },
            {
                "name": "Command",
                "command": {"cmd": "touch made", "chdir": "~/", "creates": "made"},
                "become_user": "deployer",
            },
        ],
    )
    planned = folder.run("plan", "--json")
    assert planned.code == 0, planned.stderr
    assert set(planned.statuses().values()) == {"changed"}
    ended = apply(folder)
    assert set(ended.statuses().values()) == {"changed"}
    assert host.sh("cd /srv/people/deployer; cat /root/.app /root/.copied .line; ls made") == (
        "root\ntheirs\nmore\nmade\n"
    )
    assert set(apply(folder).statuses().values()) == {"ok"}
    folder.role("r", [{"name": "Nobody", "file": {"path": "~nobody-there/x", "state": "touch"}}])
    failed = folder.run("apply", "--yes", code=3)
    assert "there is no user 'nobody-there', whose home `~nobody-there` means" in failed.stdout
