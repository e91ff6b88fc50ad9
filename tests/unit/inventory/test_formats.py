"""Inventories as Ansible reads them: values in INI, programs, lists, several places of variables.

What is expected of INI values was taken from ansible-inventory of ansible-core 2.19.
"""

from __future__ import annotations

import stat
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.located import LocatedScalar, Mark
from configurator.inventory.inifile import read_ini_inventory
from configurator.inventory.loader import load_inventory
from configurator.inventory.model import Inventory
from configurator.inventory.ranges import expand
from configurator.inventory.script import read_script
from configurator.vault import files
from configurator.vault.choice import VaultChoice
from configurator.vault.sources import Password
from configurator.vault.vault import Vault
from tests.unit.inventory.test_loader import load, variables, write


@pytest.fixture(autouse=True)
def _in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# -- INI ----------------------------------------------------------------------------------------------


def test_values_of_a_host_line_are_pythons_literals() -> None:
    """What is none stays text: `true`, modes with a leading zero, words."""
    write(
        "h.ini",
        """\
        h1 a=1 b=1.5 c=True d=true e=None f=0644 g="two words" h='x#y' i=a=b # j=comment
        h2 b=C:\\dir c="a\\"b" d="C:\\dir" e=[1,"a b"] f="[1, 'a b']" g="{'k': [1, None]}" h= i="b'x'" j=1j
        """,
    )
    inventory, problems = load("h.ini")
    assert problems == []
    assert variables(inventory, "h1") == {
        "a": 1, "b": 1.5, "c": True, "d": "true", "e": None, "f": "0644", "g": "two words", "h": "x#y",
        "i": "a=b",
    }  # fmt: skip
    assert variables(inventory, "h2") == {
        "b": "C:dir", "c": 'a"b', "d": "C:\\dir", "e": "[1,a b]", "f": [1, "a b"], "g": {"k": [1, None]},
        "h": "", "i": "x", "j": "1j",
    }  # fmt: skip


def test_values_of_a_group_go_to_the_end_of_the_line() -> None:
    """Blanks and signs for comments belong to them; what is a literal as a whole is one."""
    write(
        "h.ini",
        """\
        [web]
        w1
        [web:vars]
        a = 1
        c=true
        d="quoted"
        g=x # not comment
        h=0644
        j={"a": true}
        k={"a": True}
        m=None
        n=a=b
        """,
    )
    inventory, problems = load("h.ini")
    assert problems == []
    assert variables(inventory, "w1") == {
        "a": 1, "c": "true", "d": "quoted", "g": "x # not comment", "h": "0644", "j": '{"a": true}',
        "k": {"a": True}, "m": None, "n": "a=b",
    }  # fmt: skip


def test_hosts_may_be_ranges_with_ports_and_addresses() -> None:
    """A range has colons of its own, an address of IPv6 too."""
    write(
        "h.ini",
        "[web]\nw[01:05:2]:2222 z=1\nx[:2]\n[2001:db8::1]:2200\n[2001:db8::2]\n2001:db8::3\n[all:vars]\n",
    )
    inventory, problems = load("h.ini")
    assert problems == []
    assert list(inventory.hosts) == [
        "w01", "w03", "w05", "x0", "x1", "x2", "2001:db8::1", "2001:db8::2", "2001:db8::3",
    ]  # fmt: skip
    assert variables(inventory, "w03") == {"ansible_port": 2222, "z": 1}
    assert variables(inventory, "2001:db8::1") == {"ansible_port": 2200}


def test_a_group_that_no_section_makes_is_a_mistake() -> None:
    """`[wbe:vars]` would quietly lose its variables, a mistyped child its hosts; in any order."""
    write("h.ini", "[eu:children]\nweb  # a comment\nwbe\n[wbe:vars]\nx=1\n[web]\nw1\n")
    _inventory, problems = load("h.ini")
    assert problems == [
        "h.ini:3:1: no section makes the group 'wbe'",
        "h.ini:4:1: no section makes the group 'wbe'",
    ]


@given(st.text(max_size=200))
def test_no_text_is_more_than_a_problem(text: str) -> None:
    """Whatever stands in an INI file, people read sentences."""
    inventory, problems = Inventory(), Diagnostics()
    read_ini_inventory(text, "h.ini", inventory, problems)
    inventory.finish(problems)
    assert all(problem.message for problem in problems.sorted())


def test_values_of_an_encrypted_inventory_are_secret() -> None:
    """And no line of it is shown with a problem."""
    password = Password("default", b"pw")
    Path("pw").write_bytes(b"pw")
    Path("h.ini").write_bytes(files.sealed(b"h1 token=hunter2\nh2 broken hunter3\n", password))
    hidden: set[str] = set()
    vault = Vault(VaultChoice(("pw",)), hide=hidden.update)
    vault.configure()
    problems = Diagnostics(vault)
    inventory = load_inventory([("h.ini", Span("-i"))], str(Path.cwd()), problems)
    token = inventory.host_vars["h1"]["token"]
    assert isinstance(token, LocatedScalar)
    assert token.mark is Mark.SECRET
    assert "hunter2" in hidden
    assert [problem.source for problem in problems.sorted()] == [""]


# -- ranges ---------------------------------------------------------------------------------------------


@given(st.integers(0, 200), st.integers(0, 200), st.integers(1, 50), st.integers(1, 4))
def test_numbers_are_counted_with_their_width(first: int, more: int, step: int, width: int) -> None:
    """Every step from first to last, both included, and zeros only where the first number has them."""
    last = first + more
    padded, end = str(first).zfill(width), str(last).zfill(width)
    zeros = width if padded.startswith("0") and width > 1 else 0
    if zeros and len(end) != len(padded):
        return
    names = expand(f"web[{padded}:{end}:{step}].example")
    assert names == [f"web{str(n).zfill(zeros)}.example" for n in range(first, last + 1, step)]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), min_size=1, max_size=3))
def test_several_ranges_are_every_combination(ranges: list[tuple[int, int]]) -> None:
    """Each once, the last range counting fastest."""
    names = expand("-".join(f"[{first}:{first + more}]" for first, more in ranges))
    total = 1
    for _, more in ranges:
        total *= more + 1
    assert len(set(names)) == len(names) == total
    assert names == sorted(names, key=lambda name: [int(part) for part in name.split("-")])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[:2]", ["0", "1", "2"]),
        ("[a:e:2]", ["a", "c", "e"]),
        ("[y:B]", ["y", "z", "A", "B"]),
        ("plain", ["plain"]),
    ],
)
def test_ranges_as_ansible_counts_them(text: str, names: list[str]) -> None:
    """A missing first number is 0; capital letters follow the small ones."""
    assert expand(text) == names


@given(st.text(alphabet="[]:0123456789abZ-", max_size=20))
def test_no_range_is_more_than_an_error(text: str) -> None:
    """Names, or a sentence; never a million names out of a typo."""
    try:
        assert len(expand(text)) <= 65_536
    except ValueError as error:
        assert str(error)


# -- programs -------------------------------------------------------------------------------------------


def program(name: str, script: str) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{textwrap.dedent(script)}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return name


META = """\
echo '{"web": {"hosts": ["w1", "w2"], "vars": {"a": 1, "ansible_group_priority": 5}, "children": ["eu"]},
       "eu": ["e1"], "lone": {"b": 2},
       "_meta": {"hostvars": {"w1": {"c": [3]}, "unknown": {"d": 4}}}}'
"""


def test_a_program_prints_the_inventory() -> None:
    """With `_meta` it is run once; a list is a group's hosts, a mapping without parts a host's variables."""
    inventory, problems = load(program("inv/ec2", f'echo "$@" >> calls\n{META}'))
    assert problems == []
    assert inventory.members("web") == ("w1", "w2", "e1")
    assert inventory.members("lone") == ("lone",)
    assert variables(inventory, "w1") == {"a": 1, "ansible_group_priority": 5, "c": [3]}
    assert variables(inventory, "e1")["a"] == 1
    assert variables(inventory, "lone") == {"b": 2}
    assert "unknown" not in inventory.hosts
    assert inventory.groups["web"].priority == 5
    assert Path("calls").read_text() == "--list\n"


def test_an_old_program_is_asked_for_each_host() -> None:
    """Without `_meta` with `--host`; nothing printed is no variable."""
    script = """\
    case "$1 $2" in
    "--list ") echo '{"web": {"hosts": ["w1", "w2"]}}';;
    "--host w1") echo '{"a": 1}';;
    esac
    """
    inventory, problems = load(program("ec2", script))
    assert problems == []
    assert variables(inventory, "w1") == {"a": 1}
    assert variables(inventory, "w2") == {}


@pytest.mark.parametrize(
    ("script", "said", "hint"),
    [
        ("echo no key >&2; exit 3", "ec2: ec2 --list ended with 3", "it said: no key"),
        ("echo oops; echo why >&2", "ec2: ec2 --list printed no JSON: ", "it said: why"),
        ("echo '[]'", "ec2: ec2 --list printed no JSON object", None),
        ("""echo '{"web": {"hosts": "w1"}}'""", "ec2: 'hosts' of the group 'web' must be a list", None),
        ("""echo '{"web": {"vars": [1]}}'""", "ec2: 'vars' of the group 'web' must be an object", None),
        (
            """[ $1 = --list ] && echo '{"web": ["w1"]}' || exit 1""",
            "ec2: ec2 --host w1 ended with 1",
            None,
        ),
    ],
)
def test_a_program_that_fails_is_a_problem_with_what_it_said(
    script: str, said: str, hint: str | None
) -> None:
    """Its own words help most; without any there is no hint."""
    program("ec2", script)
    problems = Diagnostics()
    read_script("ec2", Inventory(), problems)
    found = problems.sorted()
    assert len(found) == 1
    assert str(found[0]).startswith(said)
    assert found[0].hint == hint


def test_a_program_that_hangs_is_given_up() -> None:
    """After the time it has, with a problem."""
    problems = Diagnostics()
    read_script(program("ec2", "exec sleep 600"), Inventory(), problems, timeout_s=0.05)
    assert [str(problem) for problem in problems.sorted()] == ["ec2: ec2 --list did not end within 0.05 s"]


def test_a_file_with_an_x_bit_is_no_program() -> None:
    """On some file systems every file has one."""
    write("hosts.yml", "web: {hosts: {w1: }}")
    Path("hosts.yml").chmod(0o755)
    inventory, problems = load("hosts.yml")
    assert problems == []
    assert list(inventory.hosts) == ["w1"]


def test_programs_and_files_of_a_folder_make_one_inventory() -> None:
    """In the order of their names."""
    program(
        "inv/10-ec2",
        """echo '{"web": {"hosts": ["w1"], "vars": {"x": 1, "y": 1}}, "_meta": {"hostvars": {}}}'""",
    )
    write("inv/20-more.yml", "web: {vars: {y: 2}, hosts: {w2: }}")
    inventory, problems = load("inv")
    assert problems == []
    assert inventory.members("web") == ("w1", "w2")
    assert variables(inventory, "w1") == {"x": 1, "y": 2}


def test_hosts_may_be_listed_in_the_place_of_a_file() -> None:
    """`-i web1,` as people know it, with ranges."""
    inventory, problems = load("web[1:2],db1,")
    assert problems == []
    assert list(inventory.hosts) == ["web1", "web2", "db1"]
    assert inventory.members("ungrouped") == ("web1", "web2", "db1")


def test_an_inventory_plugin_is_named_as_what_is_missing() -> None:
    """Not: unknown keys of a group."""
    write("aws_ec2.yml", "plugin: amazon.aws.aws_ec2\nregions: [eu-central-1]\n")
    _inventory, problems = load("aws_ec2.yml")
    assert problems == ["aws_ec2.yml:1:1: there is no inventory plugin 'amazon.aws.aws_ec2'"]


# -- places of variables ----------------------------------------------------------------------------------


def test_a_place_beside_the_project_is_stronger_for_all_groups() -> None:
    """As in Ansible: `all` of every place first, then the other groups place by place."""
    write("inventory/hosts.yml", "a: {hosts: {h: }}\nb: {hosts: {h: }}\n")
    write("inventory/group_vars/all.yml", "x: inventory all\ny: inventory all\nz: inventory all\n")
    write("group_vars/all.yml", "x: project all\ny: project all\n")
    write("inventory/group_vars/a.yml", "y: inventory a\nw: inventory a\n")
    write("inventory/group_vars/b.yml", "w: inventory b\nv: inventory b\n")
    write("group_vars/a.yml", "w: project a\nv: project a\n")
    inventory, problems = load()
    assert problems == []
    assert variables(inventory, "h") == {
        "x": "project all",
        "y": "inventory a",
        "z": "inventory all",
        "w": "project a",
        "v": "project a",
    }


def test_files_of_variables_may_have_any_of_four_names() -> None:
    """.yml, .yaml, .json or none; a folder of them in the order of their names."""
    write("inventory/hosts.yml", "all: {hosts: {h: }}\n")
    write("inventory/group_vars/all/1.json", '{"a": 1, "b": 1}')
    write("inventory/group_vars/all/2", "b: 2\nc: 2")
    write("inventory/group_vars/all/3.yaml", "c: 3")
    write("inventory/group_vars/all/4.txt", "c: ignored")
    write("inventory/host_vars/h.json", '{"d": 4}')
    inventory, problems = load()
    assert problems == []
    assert variables(inventory, "h") == {"a": 1, "b": 2, "c": 3, "d": 4}
