"""Inventories in YAML and INI, the variables beside them, and their precedence."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.located import Located, LocatedScalar
from configurator.inventory.filevars import FileVars
from configurator.inventory.loader import load_inventory
from configurator.inventory.model import Inventory, VarFolder


@pytest.fixture(autouse=True)
def _in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, text: str) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))


def load(*sources: str) -> tuple[Inventory, list[str]]:
    problems = Diagnostics()
    found = load_inventory([(source, Span("--inventory")) for source in sources], str(Path.cwd()), problems)
    return found, [str(problem) for problem in problems.sorted()]


def variables(inventory: Inventory, host: str) -> dict[str, object]:
    merged: dict[str, Located] = {}
    for layer in inventory.layers(inventory.hosts[host]):
        merged.update(layer)
    return {name: value.plain() for name, value in merged.items()}


def test_a_yaml_inventory_is_read_with_groups_ranges_and_variables() -> None:
    """Ansible's layout: nested children, ranges, variables beside a host."""
    write(
        "inventory/hosts.yml",
        """
        all:
          vars: {everywhere: 1}
          hosts:
            lone:
          children:
            web:
              vars: {kind: web}
              hosts:
                web[08:10]: {ansible_host: 10.0.0.1}
            eu:
              children:
                web:
                db: {hosts: {'db-[a:c:2]': }}
        """,
    )
    inventory, problems = load()
    assert problems == []
    assert list(inventory.hosts) == ["lone", "web08", "web09", "web10", "db-a", "db-c"]
    assert inventory.members("eu") == ("web08", "web09", "web10", "db-a", "db-c")
    assert inventory.members("ungrouped") == ("lone",)
    assert inventory.groups_of(inventory.hosts["web08"]) == ("all", "eu", "web")
    assert variables(inventory, "web09") == {"everywhere": 1, "kind": "web", "ansible_host": "10.0.0.1"}


def test_precedence_goes_from_all_over_parents_and_children_to_the_host() -> None:
    """The nearer to the host, the stronger; files beside the inventory beat what it says itself."""
    write(
        "inventory/hosts.yml",
        """
        all:
          vars: {a: all, b: all, c: all, d: all, e: all, f: all}
          children:
            parent:
              vars: {b: parent, c: parent, d: parent, e: parent, f: parent}
              children:
                child: {hosts: {h: {e: host, f: host}}, vars: {c: child, d: child, e: child, f: child}}
        """,
    )
    write("inventory/group_vars/all.yml", "d: file-all\n")
    write("inventory/host_vars/h.yml", "f: file-host\n")
    inventory, problems = load()
    assert problems == []
    assert variables(inventory, "h") == {
        "a": "all",
        "b": "parent",
        "c": "child",
        "d": "file-all",
        "e": "host",
        "f": "file-host",
    }


def test_groups_of_one_depth_go_by_priority_and_name() -> None:
    """`ansible_group_priority` is Ansible's way to break the tie."""
    write(
        "inventory/hosts.yml",
        """
        a: {hosts: {h: }, vars: {x: a, y: a, ansible_group_priority: 10}}
        b: {hosts: {h: }, vars: {x: b, y: b}}
        c: {hosts: {h: }, vars: {y: c}}
        """,
    )
    inventory, problems = load()
    assert problems == []
    assert inventory.groups_of(inventory.hosts["h"]) == ("all", "b", "c", "a")
    assert variables(inventory, "h")["x"] == "a"


def test_variable_folders_may_be_files_folders_and_beside_the_project() -> None:
    """group_vars/NAME.yml, group_vars/NAME/*.yml, and the same beside config.yaml."""
    write("inventory/hosts.yml", "web: {hosts: {web1.example.org: }}")
    write("inventory/group_vars/web/10-a.yml", "x: 1\ny: 1")
    write("inventory/group_vars/web/20-b.yml", "y: 2")
    write("inventory/host_vars/web1.example.org.yml", "z: 3")
    write("inventory/host_vars/.hidden.yml", "- broken")
    write("group_vars/web", "w: 4")
    inventory, problems = load()
    assert problems == []
    assert variables(inventory, "web1.example.org") == {"x": 1, "y": 2, "z": 3, "w": 4}


def test_an_ini_inventory_is_read() -> None:
    """Groups, children, variables, ranges, ports and quoted values."""
    write(
        "inventory/hosts.ini",
        """
        lone ansible_host=10.0.0.9  # a comment
        [web]
        web[1:2]:2222 ansible_user=deploy note="two words" count=3 on=True
        [db]
        db1
        [eu:children]
        web
        db
        [eu:vars]
        region = eu-1
        ports=[80, 443]
        mode=0644
        """,
    )
    inventory, problems = load()
    assert problems == []
    assert variables(inventory, "web2") == {
        "ansible_port": 2222,
        "ansible_user": "deploy",
        "note": "two words",
        "count": 3,
        "on": True,
        "region": "eu-1",
        "ports": [80, 443],
        "mode": "0644",
    }
    assert inventory.members("eu") == ("web1", "web2", "db1")
    assert inventory.members("ungrouped") == ("lone",)


def test_a_folder_and_several_sources_make_one_inventory() -> None:
    """`--inventory` may name a folder; groups of the same name are one group."""
    write("inv/a.yml", "web: {hosts: {w1: }}")
    write("inv/b", "[web]\nw2\n")
    write("inv/README.md", "# not an inventory")
    write("other.yml", "web: {hosts: {w3: }}")
    inventory, problems = load("inv", "other.yml")
    assert problems == []
    assert inventory.members("web") == ("w1", "w2", "w3")


def test_no_inventory_at_all_is_an_empty_one() -> None:
    """An ad hoc host needs no file."""
    inventory, problems = load()
    assert problems == []
    assert list(inventory.hosts) == []
    assert set(inventory.groups) == {"all", "ungrouped"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web: {host: {a: }}", "inventory/hosts.yml:1:7: unknown key 'host' in the group 'web'"),
        ("web: {hosts: [a]}", "inventory/hosts.yml:1:14: 'hosts' must be a mapping, not a list"),
        (
            "web: {hosts: {'w[1:': }}",
            "inventory/hosts.yml:1:15: host 'w[1:': a range is written [first:last]",
        ),
        ("web: {hosts: {'w[5:1]': }}", "inventory/hosts.yml:1:15: host 'w[5:1]': the range [5:1] is empty"),
        (
            "web: {hosts: {'w[1:99999999]': }}",
            "inventory/hosts.yml:1:15: host 'w[1:99999999]': the range has",
        ),
        ("web: {vars: [a]}", "inventory/hosts.yml:1:13: 'vars' must be a mapping, not a list"),
        (
            "a: {children: {b: }}\nb: {children: {a: }}",
            "inventory/hosts.yml:2:16: the groups contain each other",
        ),
        ("- a", "inventory/hosts.yml:1:1: an inventory must be a mapping, not a list"),
        (
            "w: {vars: {ansible_group_priority: x}}",
            "inventory/hosts.yml:1:36: 'ansible_group_priority' must be",
        ),
    ],
)
def test_a_mistake_is_shown_at_its_place(text: str, expected: str) -> None:
    """Names the file, the line and what was expected."""
    write("inventory/hosts.yml", text)
    _inventory, problems = load()
    assert len(problems) == 1
    assert problems[0].startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[web\na", "hosts.ini:1:1: cannot read the section '[web'"),
        ("[web:childs]\na", "hosts.ini:1:1: cannot read the section '[web:childs]'"),
        ("h 'x=1", "hosts.ini:1:1: cannot read this host: no closing quotation"),
        ("h x", "hosts.ini:1:1: expected name=value after the host, not 'x'"),
        ("[w]\n[w:vars]\nx", "hosts.ini:3:1: a variable is written name=value"),
    ],
)
def test_a_mistake_in_ini_is_shown_at_its_place(text: str, expected: str) -> None:
    """The same for the other format."""
    write("hosts.ini", text)
    _inventory, problems = load("hosts.ini")
    assert problems[0] == expected


def test_a_missing_inventory_is_an_error_only_if_it_was_asked_for() -> None:
    """A typo in `--inventory` must not select nothing."""
    _inventory, problems = load("typo.yml")
    assert problems == ["--inventory: there is no inventory at 'typo.yml'"]


NAMES = st.sampled_from(["a", "b", "c", "d"])
LAYERS = st.lists(st.dictionaries(NAMES, st.integers(0, 9), max_size=4), min_size=5, max_size=5)


@given(LAYERS)
def test_merging_takes_each_name_from_the_strongest_layer_that_has_it(layers: list[dict[str, int]]) -> None:
    """For every name the last of: group all, group, files of all, files of the group, host, host file."""
    span = Span("f", 1, 1)
    located = [{name: LocatedScalar(value, span) for name, value in layer.items()} for layer in layers]
    inventory = Inventory()
    everything, group = inventory.group("all", span), inventory.group("web", span)
    inventory.add_host("h", span, "web")
    everything.vars.update(located[0])
    group.vars.update(located[1])
    inventory.host_vars["h"].update(located[3])
    place = VarFolder({"web": FileVars()}, {"h": FileVars()})
    place.groups["web"].add(dict(located[2]), span)
    place.hosts["h"].add(dict(located[4]), span)
    inventory.folders.append(place)
    inventory.finish(Diagnostics())
    expected = {name: value for layer in layers for name, value in layer.items()}
    assert variables(inventory, "h") == expected
