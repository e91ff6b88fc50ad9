"""Editors' schemas take what `check` takes, and find unknown words and values of the wrong kind."""

from __future__ import annotations

import json
import textwrap
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from configurator.app import schemas
from configurator.app.schema_tasks import full_name
from configurator.app.schema_words import undescribed
from configurator.cli.main import main
from configurator.compiler import keywords as words
from configurator.config.diagnostics import Diagnostics
from configurator.config.settings_schema import DESCRIPTIONS, setting_paths
from configurator.config.yamlsource import parse_yaml
from configurator.modules import registry
from tools.reference import published

PROJECT = Path(__file__).parents[3]
PARTS = {"tasks": "tasks", "handlers": "handlers", "defaults": "vars", "vars": "vars", "meta": "meta"}
FILES = [
    *((path, kind) for part, kind in PARTS.items() for path in PROJECT.glob(f"roles/*/{part}/*.yml")),
    *((path, "inventory") for path in PROJECT.glob("inventory/*.yml")),
    *((path, "vars") for path in PROJECT.glob("inventory/group_vars/*.yml")),
    *((PROJECT / path, "config") for path in ("config.yaml", "demo/config.yaml")),
]


@cache
def validator(kind: str) -> Any:
    schema = schemas.schema(kind, "/nonexistent")
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def problems(kind: str, text: str) -> list[str]:
    found = Diagnostics()
    value = parse_yaml(text, "file", found, loose_booleans=kind != "config")
    assert value is not None, found.sorted()
    return [error.message for error in validator(kind).iter_errors(value.plain())]


@pytest.mark.parametrize(("path", "kind"), FILES, ids=lambda item: str(item).removeprefix(f"{PROJECT}/"))
def test_every_file_that_comes_with_us_is_taken(path: Path, kind: str) -> None:
    assert problems(kind, path.read_text()) == []


@pytest.mark.parametrize("kind", schemas.KINDS)
def test_an_empty_file_is_taken(kind: str) -> None:
    """One whose lines are all commented out means nothing; config.yaml is the defaults then."""
    assert problems(kind, "{}" if kind == "config" else "") == []


@pytest.mark.parametrize(
    "task",
    [
        "copy: {dest: /x, content: y, mode: 0644, force: yes}",
        "copy: dest=/x content=y",
        'copy: {dest: /x, content: y, force: "{{ sure }}", mode: "{{ mode }}"}',
        "copy: {content: y}\n  args: {dest: /x}",
        "ansible.builtin.copy: {dest: /x, content: y, backup: null}",
        "community.general.copy: {dest: /x, content: y}",
        "command: echo hi\n  args: {creates: /x}",
        "command: {argv: [echo, hi]}",
        "apt: {name: [nginx, curl], state: present, update_cache: True}",
        "apt: {pkg: nginx, upgrade: no}",
        "service: {name: nginx, state: started}",
        "block:\n  - ping:\n  when: [a, b is defined]",
        "set_fact: {a: 1}",
        "include_tasks: other.yml",
        "file: {path: /x, state: '{{ state }}'}\n  when: false\n  loop: [1, 2]\n  loop_control: {label: x}",
        "ping:\n  requires: [a, {role: nginx, task: install}, {nginx: install}]\n  timeout: 5",
        "ping:\n  effects: {reads: path:/x, writes: [path:/y]}\n  locks: a",
    ],
)
def test_what_check_takes_is_taken(task: str) -> None:
    """A red line under what is right teaches people not to look at red lines."""
    assert problems("tasks", f"- {task}") == []


@pytest.mark.parametrize(
    ("kind", "text", "word"),
    [
        ("tasks", "- copy: {dest: /x, contnet: y}", "contnet"),
        ("tasks", "- ansible.builtin.copy: {dest: /x, contnet: y}", "contnet"),
        ("tasks", "- community.general.copy: {dest: /x, contnet: y}", "contnet"),
        ("tasks", "- block:\n  - copy: {dest: /x, contnet: y}", "contnet"),
        ("tasks", "- coppy: {dest: /x}", "coppy"),
        ("tasks", "- ping:\n  wehn: x", "wehn"),
        ("tasks", "- ping:\n  listen: x", "listen"),
        ("tasks", "- copy: {content: y}", "dest"),
        ("tasks", "- apt: {state: presnt, name: x}", "presnt"),
        ("tasks", "- file: {path: /x, recurse: perhaps}", "perhaps"),
        ("tasks", "- file: {path: [x]}", "x"),
        ("tasks", "- ping:\n  become: perhaps", "perhaps"),
        ("tasks", "ping:", "ping"),
        ("config", "site: [{hosts: all, role: [a]}]", "role"),
        ("config", "performance: {forks: many}", "many"),
        ("config", "performance: {parallel_execution: {enabled: yes}}", "yes"),
        ("inventory", "all: {host: {a: }}", "host"),
        ("inventory", "all: {hosts: {a: {ansible_port: 99999}}}", "99999"),
        ("meta", "dependencies: nginx", "nginx"),
        ("vars", "[a]", "a"),
        ("playbook", "- hosts: all\n  task: []", "task"),
        ("playbook", "- hosts: all\n  tasks: [{coppy: {}}]", "coppy"),
        ("playbook", "- import_playbook: x.yml\n  hosts: all", "hosts"),
        ("playbook", "- hosts: all\n  order: random", "random"),
    ],
)
def test_what_is_wrong_is_found(kind: str, text: str, word: str) -> None:
    found = problems(kind, text)
    assert any(word in message for message in found), found


def test_a_playbook_is_taken() -> None:
    text = """
        - import_playbook: other.yml
        - name: Web
          hosts: web:!web3
          become: yes
          serial: [1, "50%"]
          vars_files: [a.yml]
          pre_tasks: [{ping: }]
          roles: [nginx, {role: base, tags: [x]}]
          tasks:
            - block: [{copy: {dest: /x, content: y}}]
              rescue: [{debug: msg=x}]
          handlers: [{name: x, service: name=nginx state=restarted, listen: y}]
    """
    assert problems("playbook", textwrap.dedent(text)) == []


def test_every_keyword_and_statement_is_described() -> None:
    """A new one without an entry would be offered without a word, and with any value."""
    assert undescribed({*words.TASK, *words.BLOCK, *words.INCLUDE, *words.CONTROL}) == set()


def test_every_setting_is_described_and_no_other() -> None:
    assert set(setting_paths()) == {path for path in DESCRIPTIONS if path != "site"} | {"site"}


@pytest.mark.parametrize("module", sorted(published()))
def test_the_full_name_that_is_completed_is_ansibles(module: str) -> None:
    if module in registry.names():
        assert full_name(module) == f"{published()[module]['collection']}.{module}"


def test_a_projects_own_module_is_known(tmp_path: Path) -> None:
    """Its parameters are completed like those of ours."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "flag.py").write_text(
        "from dataclasses import dataclass\n"
        "from configurator.modules.base import Module\n"
        "from configurator.modules.params import param\n\n"
        "@dataclass(frozen=True, slots=True)\nclass Params:\n    name: str = param('str', required=True)\n\n"
        "class Flag(Module):\n    '''A flag.'''\n    name = 'flag'\n    params = Params\n"
        "    def subject(self, params): return f'path:/{params.name}'\n"
        "    def effects(self, params): raise NotImplementedError\n"
        "    def observe(self, system, params): return {}\n"
        "    def desired(self, params, actual): return {}\n"
        "    def converge(self, system, params, change): return None\n"
    )
    schema = schemas.schema("tasks", str(tmp_path))
    found = jsonschema.Draft202012Validator(schema)
    assert [error.message for error in found.iter_errors([{"flag": {"name": "x"}}])] == []
    assert "'nmae' was unexpected" in " ".join(
        e.message for e in found.iter_errors([{"flag": {"nmae": "x"}}])
    )


def test_the_command_writes_one_to_stdout_and_all_into_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["schema", "vars"]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"] == schemas.DIALECT
    assert list(tmp_path.iterdir()) == []
    assert main(["schema"]) == 0
    assert {path.stem for path in (tmp_path / schemas.FOLDER).iterdir()} == set(schemas.KINDS)
    assert main(["schema", "tsks"]) == 1
    assert "did you mean 'tasks'?" in capsys.readouterr().err


# -- init -------------------------------------------------------------------------------------------------


def test_a_new_project_passes_check_and_its_schemas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each file names the schema that it is held to, by a path that leads there."""
    assert main(["init", str(tmp_path / "site")]) == 0
    monkeypatch.chdir(tmp_path / "site")
    files = [path for path in Path().rglob("*") if path.suffix in (".yml", ".yaml")]
    assert len(files) == 5
    for path in files:
        modeline = path.read_text().splitlines()[0]
        schema = path.parent / modeline.partition("$schema=")[2]
        assert modeline.startswith("# yaml-language-server: $schema=")
        assert problems(schema.stem, path.read_text()) == []
        assert json.loads(schema.read_text()) == schemas.schema(schema.stem)
    capsys.readouterr()
    assert main(["check"]) == 0
    assert "No problems" in capsys.readouterr().out


def test_init_writes_over_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No part is written where a single one of its files exists, be it a link to nowhere."""
    (tmp_path / ".gitignore").symlink_to("nowhere")
    assert main(["init", str(tmp_path)]) == 1
    assert ".gitignore" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [".gitignore"]


def test_init_in_a_place_that_cannot_be_written_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file" / "site")]) == 1
    assert "cannot write the project" in capsys.readouterr().err
