"""Modules in which the controller has a part, or that say and wait instead of changing: as a role uses them.

The promises are those of `test_cases`: a plan writes nothing and predicts the apply; a second apply does what
the case says, mostly nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from configurator.sandbox import Lab
from tests.hosts.behaviours import note
from tests.hosts.cases import RELEASES
from tests.hosts.cli import Ended, Folder, Remote, hosts_of
from tests.hosts.on_host import files

pytestmark = pytest.mark.host

FACT = "ansible_distribution"
Task = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """A role's tasks, which are ok unless they are named otherwise.

    changed     tasks that change something, the first time
    again       and each time
    assumed     tasks whose plan is not exact
    failed      tasks that fail, with a part of what they say; `ignore_errors` lets the run go on
    blind       those of them of which the plan cannot know it, and expects a change
    says        what tasks tell people, the same in a plan unless they are `late`
    outputs     parts of what tasks return in the apply
    silent      tasks that the compiler has done, of which no run tells anything
    check, said a script for the host, and what it prints afterwards
    """

    tasks: tuple[Task, ...]
    changed: frozenset[str] = frozenset()
    again: frozenset[str] = frozenset()
    assumed: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)
    blind: frozenset[str] = frozenset()
    says: Mapping[str, str] = field(default_factory=dict)
    late: frozenset[str] = frozenset()
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()
    check: str = ":"
    said: str = ""

    @property
    def names(self) -> list[str]:
        """Return the names of the tasks that are told of once."""
        names = (str(task["name"]) for task in self.tasks if "loop" not in task)
        return [name for name in names if name not in self.silent]


CASES: dict[str, Case] = {
    "command": Case(
        (
            {"name": "once", "command": {"cmd": "touch /srv/t/once", "creates": "/srv/t/once"}},
            {"name": "words", "command": {"argv": ["sh", "-c", "pwd; echo $WORD"], "chdir": "/srv"}}
            | {"environment": {"WORD": "a b"}},
            {"name": "stdin", "command": {"cmd": "cat", "stdin": "in"}, "changed_when": False},
            {"name": "fails", "command": "ls /nowhere", "ignore_errors": True},
        ),
        changed=frozenset({"once", "words"}),
        again=frozenset({"words"}),
        assumed=frozenset({"words"}),  # something ran before it
        failed={"fails": "exit status 2"},
        blind=frozenset({"fails"}),
        outputs={"words": {"stdout_lines": ["/srv", "a b"], "rc": 0}, "stdin": {"stdout": "in"}},
        check="ls /srv/t",
        said="once\n",
    ),
    "shell": Case(
        (
            {"name": "pipe", "shell": "echo b a | tr ' ' '\\n' | sort > sorted", "args": {"chdir": "/srv/t"}},
            {"name": "needless", "shell": "touch /srv/t/never removes=/srv/t/none"},
            {"name": "bash", "shell": {"cmd": "[[ x == x ]] && echo yes", "executable": "/bin/bash"}},
        ),
        changed=frozenset({"pipe", "bash"}),
        again=frozenset({"pipe", "bash"}),
        assumed=frozenset({"bash"}),
        outputs={"bash": {"stdout": "yes"}},
        check="cat /srv/t/*",
        said="a\nb\n",
    ),
    "async_status": Case(
        (
            {"name": "begin", "shell": "sleep 0.3; echo done > /srv/t/done; echo said"}
            | {"async": 60, "poll": 0, "register": "job"},
            {"name": "end", "async_status": {"jid": "{{ job.ansible_job_id }}"}, "register": "ended"}
            | {"until": "ended.finished", "retries": 50, "delay": 0.1},
            {"name": "told", "debug": {"msg": "{{ ended.stdout }}"}},
        ),
        changed=frozenset({"begin"}),
        again=frozenset({"begin"}),
        says={"told": "said"},
        late=frozenset({"told"}),
        check="cat /srv/t/done",
        said="done\n",
    ),
    "debug": Case(
        (
            {"name": "text", "debug": {"msg": "on {{ ansible_distribution }}"}},
            {"name": "variable", "debug": {"var": FACT}},
            {"name": "many", "debug": {"msg": ["{{ item }}", "x"]}, "loop": [1]},
        ),
        says={"text": "on Debian", "variable": f"{FACT}: Debian"},
        outputs={"text": {"msg": "on Debian"}},
    ),
    "assert": Case(
        (
            {"name": "holds", "assert": {"that": [f"{FACT} == 'Debian'", "1 < 2"], "success_msg": "fine"}},
            {"name": "not", "assert": {"that": "1 > 2", "fail_msg": "no way"}, "ignore_errors": True},
        ),
        failed={"not": "no way"},
        says={"holds": "fine"},
    ),
    "fail": Case(
        (
            {"name": "skipped", "fail": {"msg": "never"}, "when": f"{FACT} != 'Debian'"},
            {"name": "fails", "fail": {"msg": "on purpose"}, "ignore_errors": True},
        ),
        failed={"fails": "on purpose"},
    ),
    "ping": Case(
        ({"name": "pong", "ping": {}}, {"name": "data", "ping": {"data": "{{ 1 + 1 }}"}}),
        outputs={"pong": {"ping": "pong"}, "data": {"ping": "2"}},
    ),
    "pause": Case(
        ({"name": "moment", "pause": {"seconds": 0.2}}, {"name": "nobody", "pause": {}}),
    ),
    "set_fact": Case(
        (
            {"name": "known", "set_fact": {"a": "{{ ansible_distribution | lower }}"}},
            {"name": "ask", "command": "echo 5", "register": "five", "changed_when": False},
            {"name": "late", "set_fact": {"b": "{{ five.stdout | int + 1 }}"}},
            {"name": "write", "copy": {"dest": "/srv/t/f", "content": "{{ a }} {{ b }}\n"}},
        ),
        changed=frozenset({"write"}),
        assumed=frozenset({"write"}),
        silent=frozenset({"known"}),
        check="cat /srv/t/f",
        said="debian 6\n",
    ),
    "fetch": Case(
        (
            {"name": "one", "fetch": {"src": "/etc/hostname", "dest": "got"}},
            {"name": "flat", "fetch": {"src": "/etc/passwd", "dest": "flat/", "flat": True}},
            {"name": "none", "fetch": {"src": "/nowhere", "dest": "got", "fail_on_missing": False}},
            {"name": "missing", "fetch": {"src": "/nowhere", "dest": "got"}, "ignore_errors": True},
        ),
        changed=frozenset({"one", "flat"}),
        failed={"missing": "/nowhere"},
    ),
    "wait_for_connection": Case(({"name": "there", "wait_for_connection": {"timeout": 20}},)),
    "reboot": Case(
        (
            {"name": "before", "copy": {"dest": "/srv/t/before", "content": "x"}},
            {"name": "restart", "reboot": {"reboot_timeout": 120}},
            {"name": "after", "file": {"path": "/srv/t/after", "state": "directory"}},
        ),
        changed=frozenset({"before", "restart", "after"}),
        again=frozenset({"restart"}),
        assumed=frozenset({"after"}),
        check="cd /srv/t; ls -d *",
        said="after\nbefore\n",
    ),
}


def _parameters() -> Iterator[Any]:
    for release in RELEASES:
        marks = [] if release == RELEASES[0] else [pytest.mark.full]
        for module in CASES:
            yield pytest.param(module, release, id=f"{module}-{release}", marks=marks)


@pytest.mark.parametrize(("module", "release"), [*_parameters()])
def test_planned_is_done_and_then_nothing(lab: Lab, tmp_path: Path, module: str, release: str) -> None:
    """What the plan predicted is what the apply did; a second apply changes what always changes."""
    case = CASES[module]
    [host] = hosts_of(lab, [f"roles-{release}"], release)
    remote = Remote(lab, host)
    remote.sh("mkdir /srv/t")
    folder = Folder(tmp_path, [host])
    folder.role("r", list(case.tasks))
    folder.site("r")
    before = files(host)
    planned = folder.run("plan", "--json")
    now = files(host)
    written = {path for path in now.keys() | before.keys() if before.get(path) != now.get(path)}
    assert written == set(), "a plan wrote to the host"
    applied, again = (folder.run("apply", "--yes", "--json") for _ in range(2))
    ends = [[run.task(name) for name in case.names] for run in (planned, again)]
    note(module, "in a role", release, *ends, kept=False)
    _check_ends(case, planned, applied, again)
    assert remote.sh(case.check) == case.said
    note(module, "in a role", release, *ends, kept=True)


def _check_ends(case: Case, planned: Ended, applied: Ended, again: Ended) -> None:
    for name in case.names:
        told, done, second = (run.task(name) for run in (planned, applied, again))
        skipped = "skipped" if done["status"] == "skipped" else "ok"
        first = "failed" if name in case.failed else "changed" if name in case.changed else skipped
        assert done["status"] == first, done
        assert told["status"] == ("changed" if name in case.blind else first), told
        assert second["status"] == (first if name in case.failed or name in case.again else skipped), second
        assert case.failed.get(name, "") in str(done["message"]), done
        if name in case.changed:
            exact = all(change["certainty"] == "exact" for change in told["changes"])
            assert exact is (name not in case.assumed), told
            assert not exact or told["changes"] == done["changes"], (told, done)
        if name in case.says:
            assert done["says"] == case.says[name], done
            assert name in case.late or told["says"] == done["says"], told
        outputs = case.outputs.get(name, {})
        assert {key: done["outputs"].get(key) for key in outputs} == outputs, done
