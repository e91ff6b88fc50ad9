"""`--junit` of real runs: what CI shows is what happened on the hosts, and it is there after Ctrl-C, too."""

from __future__ import annotations

import os
import signal
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest

from configurator.sandbox import Lab, LabHost
from tests.hosts.cli import Folder, Remote, hosts_of, wait_until

pytestmark = pytest.mark.host

SECRET = "<s3cret & 'quoted'>"
TASKS = """
- {name: changes, copy: {dest: /opt/changed, content: "a\\nb\\n"}, notify: told}
- {name: is as it should be, file: {path: /opt, state: directory}}
- name: fails
  shell: 'printf "first \\033[31m\\001 ]]>\\n"; echo "$TOKEN" >&2; exit 7'
  environment: {TOKEN: "{{ token }}"}
- {name: is skipped, copy: {dest: /opt/skipped, content: x}, requires: [fails]}
- {name: does not apply, copy: {dest: /opt/not, content: x}, when: false, requires: [changes]}
- {name: is ignored, command: 'false', ignore_errors: true, requires: [changes]}
"""
HANDLERS = "- {name: told, command: 'true'}\n- {name: not told, command: 'true'}\n"
SLOW = "- {name: slow, shell: 'touch /run/slow; until test -e /run/go; do sleep 0.1; done'}"


@pytest.fixture(scope="module")
def pair(lab: Lab) -> list[LabHost]:
    """Two hosts."""
    return hosts_of(lab, ["alpha", "beta"])


def cases(suite: ET.Element) -> dict[str, str]:
    """What became of each case: the name of the element that says so, or `passed`."""
    verdicts = ("failure", "error", "skipped")
    return {
        case.attrib["name"]: next((word for word in verdicts if case.find(word) is not None), "passed")
        for case in suite.findall("testcase")
    }


def test_the_report_of_an_apply_is_what_happened(tmp_path: Path, pair: list[LabHost]) -> None:
    """One host with every way to end, one out of reach; the same as --json says, without the secret."""
    folder = Folder(tmp_path, pair)
    folder.inventory(pair, beta={"ansible_port": 2})
    folder.role("app", TASKS, handlers=HANDLERS)
    folder.site("app")
    quoted = SECRET.replace("'", "''")
    folder.write("inventory/group_vars/all.yml", f"token: !secret '{quoted}'\n")
    ended = folder.run("apply", "--yes", "--json", "--junit", "report.xml", code=3)

    text = (tmp_path / "report.xml").read_text(encoding="utf-8")
    alpha, beta = ET.fromstring(text)
    assert cases(alpha) == {
        "changes": "passed",
        "is as it should be": "passed",
        "fails": "failure",
        "is skipped": "skipped",
        "does not apply": "skipped",
        "is ignored": "passed",
        "told": "passed",
    }
    assert cases(beta) == {"(host)": "error"}
    assert beta.find("testcase/error").attrib["type"] == "unreachable"  # type: ignore[union-attr]

    failure = alpha.findtext("testcase[@name='fails']/failure") or ""
    assert "exit status: 7" in failure
    assert "first ␛[31m␁ ]]>" in failure
    assert "********" in failure
    assert "s3cret" not in text
    skipped = alpha.find("testcase[@name='is skipped']/skipped")
    assert skipped is not None
    assert skipped.attrib["message"] == "requirement_failed: app: fails"
    assert "/opt/changed" in (alpha.findtext("testcase[@name='changes']/system-out") or "")

    statuses = Counter(ended.statuses("alpha").values())
    assert int(alpha.attrib["tests"]) == statuses.total()
    assert int(alpha.attrib["skipped"]) == statuses["skipped"] == 2
    assert float(alpha.attrib["time"]) == pytest.approx(ended.counts["alpha"]["duration_s"], abs=0.001)
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]


def test_a_report_that_cannot_be_written_touches_no_host(tmp_path: Path, pair: list[LabHost]) -> None:
    """Exit 1, and not even a connection."""
    folder = Folder(tmp_path, pair)
    folder.role("app", TASKS, handlers=HANDLERS)
    folder.site("app")
    folder.write("inventory/group_vars/all.yml", "token: x\n")
    ended = folder.run("apply", "--yes", "--json", "--junit", "no/such/report.xml", code=1)
    assert "cannot write the JUnit report no/such/report.xml: No such file or directory" in ended.stderr
    assert [event["type"] for event in ended.events] == ["version", "error", "run_finished"]


def test_an_interrupted_apply_leaves_a_report(tmp_path: Path, lab: Lab, pair: list[LabHost]) -> None:
    """The second Ctrl-C gives the host up; the report names what was under way there and is not green."""
    seen = Remote(lab, pair[0])
    folder = Folder(tmp_path, pair[:1])
    folder.role("app", SLOW)
    folder.site("app")
    running = folder.start("apply", "--yes", "--junit", "report.xml")
    wait_until(lambda: seen.exists("/run/slow") or running.over, "the task runs")
    running.signal(signal.SIGINT)
    wait_until(lambda: "a second Ctrl-C" in running.so_far(), "the person is told")
    running.signal(signal.SIGINT)
    assert running.end(30).code == 130
    (suite,) = ET.parse(tmp_path / "report.xml").getroot()
    assert int(suite.attrib["errors"]) >= 1
    assert "app: slow" in "".join(suite.itertext())
