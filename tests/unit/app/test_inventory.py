"""The inventory as people ask for it: its tree, the origin of values, and which hosts a limit leaves."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from configurator.cli.main import main

FILES = {
    "inventory/hosts.yml": """
        all:
          children:
            web:
              hosts: {web1: {port: 1, ansible_password: hunter22}, web2: }
              children: {eu: {hosts: {web3: }}}
            prod: {children: {eu: }}
            unused: {hosts: {spare: }}
          hosts: {lone: }
        """,
    "inventory/group_vars/all.yml": """
        port: 80
        url: "http://{{ inventory_hostname }}:{{ port }}"
        bad: "{{ nope }}"
        token: !secret abcdef
        uses: {of: ["{{ token }}x"]}
        """,
    "group_vars/web.yml": "port: 81\n",
    "roles/r/defaults/main.yml": "port: 22\n",
    "roles/r/tasks/main.yml": "[]\n",
    "config.yaml": "site: [{hosts: all, roles: [r]}]\n",
}


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(list(words)) == code
    return capsys.readouterr().out


def test_groups_are_shown_as_a_tree(capsys: pytest.CaptureFixture[str]) -> None:
    """A group with two parents stands below both; groups without a chosen host are left out."""
    assert told(capsys, "hosts", "--graph", "-l", "!spare") == textwrap.dedent("""\
        @all
        ├── @web
        │   ├── @eu
        │   │   └── web3
        │   ├── web1
        │   └── web2
        ├── @prod
        │   └── @eu
        │       └── web3
        └── @ungrouped
            └── lone
        """)
    rows = [json.loads(line) for line in told(capsys, "hosts", "--graph", "--json").splitlines()][1:-1]
    assert {
        "type": "group",
        "name": "web",
        "children": ["eu"],
        "hosts": ["web1", "web2"],
        "priority": 1,
    } in rows


def test_each_value_has_its_origin_and_what_it_shadows(capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest shadowed value first, down to the default of a role; secrets are masked, also in parts."""
    assert told(capsys, "hosts", "--vars", "web1", "--origin") == textwrap.dedent("""\
        web1:
          ansible_password: ********
              set at inventory/hosts.yml:5:49
          bad: "{{ nope }}"
              cannot be rendered: inventory/group_vars/all.yml:4:10: the variable 'nope' is not defined
              set at inventory/group_vars/all.yml:4:6
          port: 1
              set at inventory/hosts.yml:5:28
              shadows 81 at group_vars/web.yml:1:7
              shadows 80 at inventory/group_vars/all.yml:2:7
              shadows 22 at roles/r/defaults/main.yml:1:7
          token: ********
              set at inventory/group_vars/all.yml:5:8
          url: http://web1:1
              set at inventory/group_vars/all.yml:3:6
          uses:
            of: [********x]
              set at inventory/group_vars/all.yml:6:7
        """)


def test_values_have_their_origin_as_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Extra variables beat all others, and say where they were given."""
    out = told(capsys, "hosts", "--vars", "web2", "-e", "port=5", "--json")
    rows = {row["name"]: row for row in map(json.loads, out.splitlines()[1:-1])}
    assert rows["port"] == {
        "type": "variable",
        "host": "web2",
        "name": "port",
        "value": "5",
        "origin": "--extra-vars:1:1",
        "problem": None,
        "shadowed": [
            {"value": 81, "origin": "group_vars/web.yml:1:7"},
            {"value": 80, "origin": "inventory/group_vars/all.yml:2:7"},
            {"value": 22, "origin": "roles/r/defaults/main.yml:1:7"},
        ],
    }
    assert "abcdef" not in out


def test_a_limit_leaves_fewer_hosts_and_never_more(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Patterns and files; a limit that leaves none is an error, as is a mistyped one."""

    def names(*words: str) -> list[str]:
        return [line.split()[0] for line in told(capsys, "hosts", *words).splitlines()[1:]]

    assert names("--host", "web", "--limit", "eu,lone") == ["web3"]
    (tmp_path / "retry").write_text("web1\nlone\n")
    assert names("-l", "@retry") == ["lone", "web1"]
    assert main(["hosts", "--host", "web", "-l", "lone"]) == 1
    assert main(["hosts", "-l", "wbe"]) == 1
    err = capsys.readouterr().err
    assert "--limit leaves no host to work on" in err
    assert "no host or group is named 'wbe'" in err


def test_several_sources_make_one_inventory(capsys: pytest.CaptureFixture[str]) -> None:
    """`-i` may be given again, and with commas names hosts."""
    out = told(capsys, "hosts", "-i", "a[1:2],", "-i", "inventory", "--host", "a?,lone")
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["a1", "a2", "lone"]


def test_origin_needs_a_host(capsys: pytest.CaptureFixture[str]) -> None:
    """Alone it would silently do nothing."""
    assert main(["hosts", "--origin"]) == 1
    assert "--origin belongs to --vars HOST" in capsys.readouterr().err
