"""A project's own module, as docs/how-to/write-a-module.md has it, on a real host."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from configurator.sandbox import Lab
from tests.hosts.cli import Folder, Remote, hosts_of

pytestmark = pytest.mark.host

GUIDE = Path(__file__).parents[2] / "docs/how-to/write-a-module.md"
CACHE = "/var/cache/configurator/modules"


@pytest.fixture(scope="module")
def remote(lab: Lab) -> Remote:
    return Remote(lab, hosts_of(lab, ["ext1"])[0])


@pytest.fixture
def folder(tmp_path: Path, remote: Remote) -> Folder:
    return Folder(tmp_path, [remote.host])


def test_the_example_of_the_guide_works(folder: Folder, remote: Remote) -> None:
    """Checked offline, planned exactly, applied as planned, nothing left for the second apply."""
    blocks = re.findall(r"```\w+\n# (\S+)\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert [path for path, _ in blocks] == ["modules/tmpdir.py", "roles/app/tasks/main.yml", "config.yaml"]
    for path, text in blocks:
        folder.write(path, text)
    assert "1 role" in folder.run("check").stdout
    assert not remote.exists(CACHE)
    planned = folder.run("plan", "--json")
    assert set(planned.statuses().values()) == {"changed"}
    assert {change["certainty"] for event in planned.of("task_finished") for change in event["changes"]} == {
        "exact"
    }
    assert not remote.test("test -e /run/app || test -e /etc/tmpfiles.d/run-app.conf")
    done = folder.run("apply", "--yes", "--json")
    for name in planned.statuses():
        assert planned.task(name)["changes"] == done.task(name)["changes"]
    assert remote.sh("stat -c '%a %U %G' /run/app; cat /run/app/ready") == "750 app app\nyes\n"
    assert remote.sh("cat /etc/tmpfiles.d/run-app.conf") == "d /run/app 0750 app app\n"
    again = folder.run("apply", "--yes", "--json")
    assert set(again.statuses().values()) == {"ok"}
    remote.sh("chmod 700 /run/app")
    assert folder.run("apply", "--yes", "--json").task("Directory for sockets")["status"] == "changed"
    digest = hashlib.sha256((folder.path / "modules/tmpdir.py").read_bytes()).hexdigest()
    assert remote.sh(f"ls {CACHE}") == f"{digest}.py\n"
    assert "tmpdir" in folder.run("graph", "--json").stdout


MODULE = """\
from dataclasses import dataclass

from configurator.modules.base import Module
from configurator.modules.effects import effects
from configurator.modules.params import param


@dataclass(frozen=True, slots=True)
class Params:
    text: str = param("str", required=True)


class Say(Module):
    params = Params
    free_form = "text"

    def subject(self, params):
        return "said:"

    def effects(self, params):
        return effects()

    def observe(self, system, params):
        return {"who": system.query(("id", "-un")).stdout.strip()}

    def desired(self, params, actual):
        return {}

    def outputs(self, params, actual):
        return {"msg": f"%s {params.text} as {actual['who']}"}

    def says(self, params, outputs):
        return outputs["msg"]
"""


def test_a_changed_file_is_sent_anew_and_any_user_can_run_it(folder: Folder, remote: Remote) -> None:
    """The digest decides, also where a damaged one is in the cache; a child agent can ask nobody for it."""
    folder.role(
        "r", [{"name": "one", "say": "hello"}, {"name": "two", "say": "hello", "become_user": "operator"}]
    )
    folder.site("r")
    remote.sh("id operator >/dev/null 2>&1 || useradd -m operator")
    for word in ("first", "second"):
        source = MODULE.replace("%s", word)
        folder.write("modules/say.py", source)
        digest = hashlib.sha256(source.encode()).hexdigest()
        remote.sh(f"mkdir -p {CACHE}; echo 'raise ValueError' > {CACHE}/{digest}.py")
        done = folder.run("apply", "--yes", "--json")
        assert done.task("one")["says"] == f"{word} hello as root"
        assert done.task("two")["says"] == f"{word} hello as operator"
        assert remote.sh(f"cat {CACHE}/{digest}.py") == source


def test_what_cannot_be_loaded_on_the_host_fails_its_tasks_alone(folder: Folder, remote: Remote) -> None:
    """A module that asks the host something when it is read, say: the other tasks go on."""
    mark = f"/run/{folder.path.name}"
    remote.sh(f"touch {mark}")
    guard = f'import os\n\nif os.path.exists("{mark}"):\n    raise OSError("not here")\n'
    folder.write("modules/say.py", guard + MODULE)
    folder.role("r", [{"name": "one", "say": "hello"}, {"name": "two", "command": "true"}])
    folder.site("r")
    done = folder.run("apply", "--yes", "--json", code=3)
    assert done.statuses() == {"one": "failed", "two": "changed"}
    assert (
        "cannot be loaded on the host: line 4: cannot be read: OSError: not here"
        in done.task("one")["message"]
    )


def test_a_broken_file_is_an_error_before_any_host_is_asked(folder: Folder) -> None:
    """With its line, and its text under a caret."""
    folder.write("modules/say.py", MODULE + "\nraise ValueError('why')\n")
    folder.role("r", "[]")
    folder.site("r")
    ended = folder.run("check", code=1)
    assert "modules/say.py:35:1" in ended.stderr
    assert "cannot be read: ValueError: why" in ended.stderr
