"""Lookups that read files, run commands or look at variables on the controller."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from configurator.compiler.loopkinds import KINDS, loop_items
from configurator.compiler.scope import Ready, Scope
from configurator.compiler.templating import Engine, TemplatingError
from configurator.config.diagnostics import Span
from configurator.config.located import LocatedScalar, locate
from configurator.vault.vault import Vault

ROLE = "roles/r"
FILES = {
    f"{ROLE}/files/key.pub": " ssh-ed25519 AAAA me\n\n",
    f"{ROLE}/files/conf.d/b.conf": "b",
    f"{ROLE}/files/conf.d/a.conf": "a",
    f"{ROLE}/files/conf.d/c.txt": "c",
    f"{ROLE}/files/conf.d/sub/d.conf": "d",
    f"{ROLE}/vars/Debian.yml": "{}",
    f"{ROLE}/tasks/more.yml": "[]",
    f"{ROLE}/templates/t.j2": "{{ who }} {{ greeting | default('-') }}\n",
    f"{ROLE}/templates/bad.j2": "one\n{{ nope }}\n",
    f"{ROLE}/files/both": "of files",
    f"{ROLE}/templates/both": "of templates",
    "files/shared": "of the project\n",
    "plain.txt": "at the root",
    "in.ini": "[global]\nuser=robert\n[integration]\nUser = gertrude\npass=x;y\n",
    "bare.ini": "[global]\nflag\n",
    "p.properties": "user.name=Robert\n",
    "e.csv": "Symbol\tNumber\tMass\nLi\t3\t6.94\n",
    "c.csv": "a,b\n1,2\n",
    "bad.ini": "no section\n",
}

BRACES = FILES[f"{ROLE}/templates/t.j2"]


@pytest.fixture
def scope(tmp_path: Path) -> Scope:
    """A role of a project with files in every folder that is searched."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    span = Span("v", 1, 1)
    low: dict[str, Any] = {
        "who": locate("{{ name }}", span),
        "name": locate("world", span),
        "groups": Ready({"all": ["w1", "w2", "d1"], "web": ["w1", "w2"], "db": ["d1"]}),
    }
    high = {"role_path": Ready(str(tmp_path / ROLE)), "playbook_dir": Ready(str(tmp_path))}
    return Scope(Engine(), low, high)


def value_of(scope: Scope, expression: str) -> Any:
    return scope.value(LocatedScalar(f"{{{{ {expression} }}}}", Span("f", 1, 1)))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("lookup('file', 'key.pub')", " ssh-ed25519 AAAA me"),
        ("lookup('file', 'key.pub', lstrip=true)", "ssh-ed25519 AAAA me"),
        ("lookup('file', 'key.pub', rstrip=false)", " ssh-ed25519 AAAA me\n\n"),
        ("lookup('unvault', 'key.pub')", " ssh-ed25519 AAAA me\n\n"),
        ("query('ansible.builtin.file', ['shared', 'plain.txt'])", ["of the project", "at the root"]),
        ("lookup('file', 'shared', 'plain.txt')", "of the project,at the root"),
        ("lookup('file', 'shared', wantlist=true)", ["of the project"]),
        ("lookup('file', 'nope', errors='ignore')", None),
        ("lookup('file', 'nope', errors='ignore') | default('d', true)", "d"),
        ("lookup('file', 'nope', errors='warn', wantlist=true)", []),
        ("q('file', 'nope', errors='ignore')", []),
        ("lookup('file', 'both')", "of files"),
        ("query('fileglob', 'conf.d/*.conf') | map('basename')", ["a.conf", "b.conf"]),
        ("query('fileglob', '*') | map('basename')", ["both", "key.pub"]),
        ("query('fileglob', 'nope/*', 'sub/*')", []),
        ("lookup('first_found', 'nope', 'plain.txt') | basename", "plain.txt"),
        ("lookup('first_found', ['nope.yml', 'Debian.yml']) | basename", "Debian.yml"),
        ("lookup('first_found', 'vars/Debian.yml') | basename", "Debian.yml"),
        ("lookup('first_found', {'files': ['no', 'Debian.yml'], 'paths': 'vars'}) | basename", "Debian.yml"),
        ("lookup('first_found', files='nope,a.conf', paths='sub:conf.d') | basename", "a.conf"),
        ("lookup('first_found', {'files': 'nope', 'skip': true})", []),
        ("query('first_found', 'nope', skip=true)", []),
        ("query('first_found', 'nope', errors='ignore')", []),
        ("lookup('first_found', 'more.yml') | basename", "more.yml"),
        ("lookup('first_found', 'nope', 'conf.d') | basename", "conf.d"),
        ("lookup('first_found', {'files': 'plain.txt'}, paths='nope') | basename", "plain.txt"),
        ("query('csvfile', 'Xx', file='e.csv', default=none)", []),
        ("lookup('template', 't.j2')", "world -\n"),
        ("lookup('template', 't.j2', template_vars={'name': 'you', 'greeting': '{{ x }}'})", "you {{ x }}\n"),
        ("lookup('template', 't.j2', variable_start_string='[', variable_end_string=']')", BRACES),
        ("lookup('template', 'both')", "of templates"),
        ("lookup('pipe', 'pwd; echo $((1 + 1))')", None),
        ("query('lines', 'printf \"a,b\\nc\\n\"')", ["a,b", "c"]),
        ("lookup('vars', 'who')", "world"),
        ("lookup('vars', 'nope', default=5)", 5),
        ("query('varnames', '^na', 'who')", ["name", "who"]),
        ("lookup('ini', 'user', file='in.ini')", "robert"),
        ("lookup('ini', 'user section=integration file=in.ini')", "gertrude"),
        ("query('ini', 'user', 'pass', section='integration', file='in.ini')", ["gertrude", "x;y"]),
        ("lookup('ini', 'nope', file='in.ini', default='d')", "d"),
        ("query('ini', '.*', section='integration', file='in.ini', re=true)", ["gertrude", "x;y"]),
        ("lookup('ini', 'User', section='integration', file='in.ini', case_sensitive=1)", "gertrude"),
        ("query('ini', 'flag', file='bare.ini', allow_no_value=true)", [None]),
        ("lookup('ini', 'user.name', type='properties', file='p.properties')", "Robert"),
        ("lookup('csvfile', 'Li file=e.csv')", "3"),
        ("lookup('csvfile', 'Li', file='e.csv', col=2, delimiter='TAB')", "6.94"),
        ("lookup('csvfile', '2', file='c.csv', delimiter=',', keycol=1, col=0)", "1"),
        ("lookup('csvfile', 'X', file='e.csv', default='none')", "none"),
        ("query('csvfile', 'X', file='e.csv')", []),
        ("query('inventory_hostnames', 'all:!db')", ["w1", "w2"]),
        ("query('inventory_hostnames', 'w*', '&web', '!w2')", ["w1"]),
        ("query('inventory_hostnames', '!web')", ["d1"]),
        ("query('random_choice', 'a', 'a')", ["a"]),
    ],
)  # fmt: skip
def test_a_lookup_finds_what_ansibles_does(
    scope: Scope, tmp_path: Path, expression: str, expected: Any
) -> None:
    """Files of the role first, then of the project; only values are returned, never templates."""
    if "pwd" in expression:
        expected = f"{tmp_path}\n2"
    scope = Scope(scope.engine, {**scope._low, "x": Ready("no")}, scope._high)
    found = value_of(scope, expression)
    assert (sorted(found) if "varnames" in expression else found) == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("lookup('file', 'nope')", "lookup 'file': there is no file 'nope'"),
        ("lookup('template', 'nope')", "lookup 'template': there is no file 'nope'"),
        ("lookup('template', 't.j2', template_vars=5)", "template_vars is a mapping, not 5"),
        ("lookup('first_found', 'a', 'b')", "there is none of the files a, b"),
        ("lookup('first_found')", "there is none of the files (none is named)"),
        ("lookup('pipe', 'echo why >&2; exit 3')", "ended with 3: why"),
        ("lookup('ini', 'a', file='in.ini', section='zz')", "has no section 'zz'"),
        ("lookup('ini', 'a', file='bad.ini')", "cannot read 'bad.ini'"),
        ("lookup('ini', 'a', file='in.ini', type='xml')", "the type must be ini or properties"),
        ("lookup('csvfile', 'Li', file='e.csv', col=9)", "the row of 'Li' has no column 9"),
        ("lookup('csvfile', 'Li', file='e.csv', col='x')", "col is the number of a column"),
        ("lookup('csvfile', 'Li', file='e.csv', delimiter='ab')", "lookup 'csvfile'"),
        ("lookup('vars', 5)", "a variable's name is a text, not 5"),
        ("query('subelements', [], 5)", "the name of a key"),
        ("query('subelements', [], 'k', 5)", "the options are a mapping"),
    ],
)
def test_a_failing_lookup_says_what_is_wrong(scope: Scope, expression: str, message: str) -> None:
    """With its place, and the words of what was looked for."""
    with pytest.raises(TemplatingError) as raised:
        value_of(scope, expression)
    assert message in str(raised.value)


def test_an_error_in_a_looked_up_template_is_told_at_its_line(scope: Scope) -> None:
    """And not at the line of the lookup, where there is nothing wrong."""
    with pytest.raises(TemplatingError) as raised:
        value_of(scope, "lookup('template', 'bad.j2')")
    assert raised.value.undefined
    assert str(raised.value.diagnostic).startswith(f"{ROLE}/templates/bad.j2:2:4: ")
    with pytest.raises(TemplatingError):  # as in Ansible, what is not defined is never ignored
        value_of(scope, "lookup('template', 'bad.j2', errors='ignore')")


def test_a_template_can_look_up_another_one(scope: Scope, tmp_path: Path) -> None:
    """With the variables of the task, wherever the expression stands."""
    (tmp_path / ROLE / "templates" / "outer.j2").write_text("<{{ lookup('template', 't.j2') | trim }}>")
    assert value_of(scope, "lookup('template', 'outer.j2')") == "<world ->"


def test_an_encrypted_file_is_decrypted_and_hidden(scope: Scope, tmp_path: Path) -> None:
    """Its text is never shown, whatever a role does with it."""

    class Opened(Vault):
        def open(self, text: str, span: Span) -> bytes:
            assert text.startswith("$ANSIBLE_VAULT;1.1")
            return b"very secret\n"

    (tmp_path / ROLE / "files" / "sealed").write_text("$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    scope.engine.vault = Opened()
    assert value_of(scope, "lookup('file', 'sealed')") == "very secret"
    assert "very secret\n" in scope.secrets


# -- loops ----------------------------------------------------------------------------------------------

LOOPS: Mapping[str, tuple[Any, Any]] = {
    "items": ([1, [2, [3]]], [1, 2, [3]]),
    "list": ([1, [2]], [1, [2]]),
    "flattened": ([1, [2, [3]]], [1, 2, 3]),
    "dict": ({"a": 1}, [{"key": "a", "value": 1}]),
    "indexed_items": (["a", "b"], [[0, "a"], [1, "b"]]),
    "nested": ([[1, 2], ["a"]], [[1, "a"], [2, "a"]]),
    "cartesian": ([[1, 2], ["a"]], [[1, "a"], [2, "a"]]),
    "together": ([[1, 2], ["a"]], [[1, "a"], [2, None]]),
    "subelements": ([[{"n": 1, "k": ["x", "y"]}], "k"], [[{"n": 1}, "x"], [{"n": 1}, "y"]]),
    "sequence": ("start=1 end=3", ["1", "2", "3"]),
    "random_choice": (["a"], ["a"]),
    "file": (["shared"], ["of the project"]),
    "lines": ("echo a; echo b", ["a", "b"]),
    "env": ("CONFIGURATOR_NOT_SET", [""]),
    "inventory_hostnames": ("db", ["d1"]),
}


@pytest.mark.parametrize("kind", LOOPS)
def test_each_loop_gives_its_items(scope: Scope, kind: str) -> None:
    """What is written behind `with_` is a list, or counts as a list of it."""
    terms, expected = LOOPS[kind]
    assert kind in KINDS
    assert loop_items(kind, terms, scope, Span("f", 3, 5)) == expected
    assert loop_items(f"ansible.builtin.{kind}", terms, scope, Span("f", 3, 5)) == expected


def test_files_of_a_loop_are_found_where_the_module_looks(scope: Scope) -> None:
    """A template among the templates, anything else among the files."""
    span = Span("f", 3, 5)
    assert loop_items("first_found", ["both"], scope, span)[0].endswith("files/both")
    for module in ("template", "ansible.builtin.template"):
        assert loop_items("first_found", ["both"], scope, span, module=module)[0].endswith("templates/both")
    assert [Path(item).name for item in loop_items("fileglob", "conf.d/*.conf", scope, span)] == [
        "a.conf",
        "b.conf",
    ]


def test_a_wrong_loop_says_so_at_its_place(scope: Scope) -> None:
    """In words of the loop, not of a lookup that nobody has written."""
    with pytest.raises(TemplatingError) as raised:
        loop_items("dict", [1], scope, Span("f", 3, 5))
    assert str(raised.value) == "'with_dict': a mapping is wanted, not 1"
    assert str(raised.value.diagnostic).startswith("f:3:5: ")
    with pytest.raises(TemplatingError, match="there is none of the files nope"):
        loop_items("first_found", ["nope"], scope, Span("f", 3, 5))
