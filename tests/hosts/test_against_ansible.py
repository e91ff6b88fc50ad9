"""Roles as people publish them, applied by Ansible to one host and by us to another: both end up the same.

The roles are in tests/ansible/roles, their plays in tests/ansible/plays. Nothing in them is ours. What may
differ is in tests/ansible/justified.py, with its reasons.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from configurator.sandbox import Lab
from configurator.sandbox.endstate import EndState
from tests.ansible.compare import left, prepare, state_of
from tests.ansible.environment import ansible_playbook
from tests.ansible.justified import JUSTIFIED, UNFORETOLD
from tests.ansible.project import Project
from tests.hosts.cli import PROGRAM, Ended, checked, hosts_of

pytestmark = pytest.mark.host

ALWAYS = ("webserver", "baseline", "cluster")
WITH_TIME = ("accounts", "probe", "packetfilter", "application", "daemon")


@pytest.fixture(scope="module", autouse=True)
def _ansible() -> None:
    """Install Ansible if need be; without a package index skip, unless nothing may be skipped."""
    try:
        ansible_playbook()
    except subprocess.CalledProcessError as error:
        if os.environ.get("CI") == "true" or os.environ.get("CONFIGURATOR_REQUIRE_HOSTS") == "1":
            raise
        pytest.skip(f"ansible-core cannot be installed: {error}")


@pytest.mark.parametrize(
    "play", [*ALWAYS, *(pytest.param(play, marks=pytest.mark.full) for play in WITH_TIME)]
)
def test_a_published_role_leads_to_what_ansible_makes_of_it(lab: Lab, tmp_path: Path, play: str) -> None:
    """The plan before does not fail; the second apply changes nothing, and so says the plan after it."""
    expected = _by_ansible(lab, tmp_path / "ansible", play)
    host = hosts_of(lab, ["web1"])[0]  # pristine again: the same name and address, as templates show them
    prepare(lab, host)
    ours = Project(tmp_path / "ours", play, host)
    _run(ours, "plan")
    _run(ours, "apply", "--yes")
    found = state_of(lab, host)
    again = _run(ours, "apply", "--yes")
    assert {name: count["changed"] for name, count in again.counts.items()} == {"web1": 0}
    assert _foretold(_run(ours, "plan"), play) == []
    assert left(expected, found, JUSTIFIED.get(play, {})) == []


def _by_ansible(lab: Lab, folder: Path, play: str) -> EndState:
    host = hosts_of(lab, ["web1"])[0]
    prepare(lab, host)
    done = Project(folder, play, host).ansible()
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    return state_of(lab, host)


def _run(project: Project, command: str, *words: str) -> Ended:
    done = subprocess.run(
        [str(PROGRAM), *project.words(command), "--json", *words],
        cwd=project.path,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    return checked(Ended(done.returncode, done.stdout, done.stderr))


def _foretold(plan: Ended, play: str) -> list[Any]:
    """Return the tasks that a plan would change, but those of which it cannot know."""
    known = UNFORETOLD.get(play, {})
    changed = {
        f"{event['role']}: {event['task']}": event for event in plan.of("task_finished", status="changed")
    }
    return [(name, event["changes"]) for name, event in changed.items() if name not in known]
