"""Encrypted values and files in a project: opened where they are used, and known as secrets from then on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from configurator.compiler.project import Project
from configurator.core.errors import InputError
from configurator.vault import cipher, files
from configurator.vault.choice import VaultChoice
from configurator.vault.sources import Password
from configurator.vault.vault import Vault
from tests.unit.compiler.projects import FACTS, load, write

ONE, PROD = Password("default", b"correct horse"), Password("prod", b"battery staple")
TASK = "- command: echo {{ v }}\n"


def sealed(text: str | bytes, password: Password = ONE) -> bytes:
    return files.sealed(text if isinstance(text, bytes) else text.encode(), password)


def value(name: str, text: str, password: Password = ONE) -> str:
    return files.as_value(sealed(text, password), name)


class Site:
    """A project, and what was hidden while it was read and compiled."""

    def __init__(self, texts: Mapping[str, str | bytes], *passwords: Password) -> None:
        self.hidden: set[str] = set()
        for password in passwords:
            Path(password.label).write_bytes(password.secret)
        ids = tuple(f"{password.label}@{password.label}" for password in passwords)
        self.vault = Vault(VaultChoice(ids), hide=self.hidden.update)
        self._texts = texts
        self.project: Project | None = None

    def load(self) -> Project:
        write(self._texts)
        self.project = Project.load(roles_path="/nonexistent", vault=self.vault)
        return self.project

    def compile(self, host: str = "h") -> list[dict[str, object]]:
        project = self.project or self.load()
        graph = project.compile(project.hosts([host])[0], FACTS)
        self.secrets = graph.secrets
        return [dict(spec.params) for spec in graph.tasks if not spec.barrier]


def problems(site: Site, host: str = "h") -> list[str]:
    with pytest.raises(InputError) as caught:
        site.compile(host)
    return [str(problem) for problem in caught.value.diagnostics]


@pytest.mark.parametrize(
    "where",
    [
        "inventory/group_vars/all.yml",
        "inventory/host_vars/h",
        "group_vars/all/main.yml",
        "roles/r/defaults/main.yml",
        "roles/r/vars/main.yml",
    ],
)
@pytest.mark.parametrize("whole", [False, True])
def test_encrypted_variables_are_read_everywhere(where: str, whole: bool) -> None:
    """As a value or as a whole file; the decrypted text is a secret of the host's graph."""
    text = sealed("v: open sesame\n") if whole else value("v", "open sesame")
    site = Site({where: text, "roles/r/tasks/main.yml": TASK}, ONE)
    assert site.compile()[0]["cmd"] == "echo open sesame"
    assert "open sesame" in site.secrets
    assert "open sesame" in site.hidden


def test_tasks_inventory_and_extra_variables_may_be_encrypted() -> None:
    """A whole file of tasks, `vars` of a task, and variables beside a host."""
    host = value("ansible_user", "somebody").replace("\n", "\n        ")
    site = Site(
        {
            "inventory/hosts.yml": f"all:\n  hosts:\n    h:\n        {host}",
            "roles/r/tasks/main.yml": sealed("- import_tasks: more.yml\n"),
            "roles/r/tasks/more.yml": "- command: echo {{ v }}\n  vars:\n    "
            + value("v", "open sesame").replace("\n", "\n    "),
        },
        ONE,
    )
    assert site.compile()[0]["cmd"] == "echo open sesame"
    project = site.load()
    assert project.connection(project.hosts()[0]).user == "somebody"


def test_an_encrypted_value_is_no_template_and_an_encrypted_file_has_them() -> None:
    """As Ansible has it: who encrypts a password with braces in it means the braces."""
    site = Site(
        {
            "group_vars/all/a.yml": value("v", "{{ nobody }}"),
            "group_vars/all/b.yml": sealed("w: 'of {{ v }}'\n"),
            "roles/r/tasks/main.yml": "- command: echo {{ v }} {{ w }}\n",
        },
        ONE,
    )
    assert site.compile()[0]["cmd"] == "echo {{ nobody }} of {{ nobody }}"
    assert "of {{ nobody }}" in site.secrets


def test_parts_of_a_value_that_is_json_are_secrets_too() -> None:
    """Templates take it apart, and show one of its fields."""
    site = Site(
        {
            "group_vars/all.yml": value("v", '{"key": "open sesame", "pin": 12345, "on": true}'),
            "roles/r/tasks/main.yml": "- command: echo {{ (v | from_json).key }}\n",
        },
        ONE,
    )
    assert site.compile()[0]["cmd"] == "echo open sesame"
    assert {"open sesame", "12345"} <= site.secrets
    assert "True" not in site.hidden


def test_a_host_needs_the_passwords_of_its_own_files_alone() -> None:
    """Staging is run by people who have no password of production; a missing one is told at its file."""
    site = Site(
        {
            "inventory/hosts.yml": "all: {hosts: {h: {}, p: {}}}",
            "inventory/host_vars/h.yml": sealed("v: staging\n"),
            "inventory/host_vars/p.yml": sealed("v: production\n", PROD),
            "roles/r/tasks/main.yml": TASK,
        },
        ONE,
    )
    assert site.compile()[0]["cmd"] == "echo staging"
    assert problems(site, "p") == [
        "inventory/host_vars/p.yml:1:1: no known vault password opens this, encrypted as 'prod'"
    ]


def test_values_that_nothing_uses_need_no_password() -> None:
    """A value of another purpose in the same file is read past."""
    unused = value("w", "other", PROD)
    site = Site({"group_vars/all.yml": f"v: plain\n{unused}", "roles/r/tasks/main.yml": TASK})
    assert site.compile()[0]["cmd"] == "echo plain"


def test_a_value_that_cannot_be_opened_is_told_at_its_place() -> None:
    """The line and column are those of the value, not of the task that uses it."""
    texts = {"group_vars/all.yml": "a: 1\n" + value("v", "x", PROD), "roles/r/tasks/main.yml": TASK}
    assert problems(Site(texts, ONE)) == [
        "group_vars/all.yml:2:4: no known vault password opens this, encrypted as 'prod'"
    ]
    assert problems(Site(texts)) == [
        "group_vars/all.yml:2:4: this is encrypted as 'prod', and no vault password is known"
    ]


def test_precedence_does_not_depend_on_what_is_encrypted() -> None:
    """Files of one folder are merged in the order of their names, opened late or not."""
    site = Site(
        {
            "group_vars/all/a.yml": sealed("v: first\nw: first\n"),
            "group_vars/all/b.yml": "v: second\n",
            "group_vars/all/c.yml": sealed("w: third\n"),
            "roles/r/tasks/main.yml": "- command: echo {{ v }} {{ w }}\n",
        },
        ONE,
    )
    assert site.compile()[0]["cmd"] == "echo second third"


def test_mistakes_in_encrypted_variables_are_told_without_the_line() -> None:
    """Their place is known; what stands there is a secret."""
    site = Site({"group_vars/all.yml": sealed("v: ok\nw: '{{ open | sesame }}'\n")}, ONE)
    with pytest.raises(InputError) as caught:
        site.compile()
    problem = caught.value.diagnostics[0]
    assert str(problem) == "group_vars/all.yml:2:4: unknown filter 'sesame'"
    assert problem.source == ""


# -- files that tasks send -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "file"),
    [
        ("copy: {src: f, dest: /f}", "files/f"),
        ("copy: {src: d, dest: /f}", "files/d/f"),
        ("template: {src: f, dest: /f}", "templates/f"),
        ("script: f", "files/f"),
        ("unarchive: {src: f, dest: /f}", "files/f"),
        ("assemble: {src: d, dest: /f, remote_src: false}", "files/d/f"),
    ],
)
def test_an_encrypted_source_is_sent_decrypted(task: str, file: str) -> None:
    """And its lines, and the values in them, are secrets."""
    text = "first line\npassword = hunter2\n"
    site = Site({f"roles/r/{file}": sealed(text), "roles/r/tasks/main.yml": f"- {task}\n"}, ONE)
    sent = site.compile()[-1]
    assert text in (sent.get("content"), sent.get("_content"))
    assert {"first line", "password = hunter2", "hunter2"} <= site.secrets & site.hidden
    assert "decrypt" not in sent


def test_decrypt_false_sends_a_file_as_it_is() -> None:
    """For who runs ansible-vault on the host itself."""
    data = sealed("hunter2\n")
    task = "- copy: {src: f, dest: /f, decrypt: false}\n"
    site = Site({"roles/r/files/f": data, "roles/r/tasks/main.yml": task})
    assert site.compile()[0] == {"dest": "/f", "_original_basename": "f", "content": data.decode()}


def test_a_binary_source_is_decrypted_too() -> None:
    """A key store is no text."""
    task = "- copy: {src: f, dest: /f}\n"
    site = Site({"roles/r/files/f": sealed(b"\0\xff"), "roles/r/tasks/main.yml": task}, ONE)
    assert site.compile()[0]["content"] == {"$base64": "AP8="}


def test_an_encrypted_template_is_rendered_and_shows_no_line() -> None:
    """What it gives is secret; a mistake in it has a place and no source."""
    task = "- template: {src: f, dest: /f}\n"
    site = Site({"roles/r/templates/f": sealed("pin={{ 12 * 1000 }}\n"), "roles/r/tasks/main.yml": task}, ONE)
    assert site.compile()[0]["content"] == "pin=12000\n"
    assert {"pin=12000", "12000"} <= site.secrets
    bad = Site({"roles/r/templates/f": sealed("a\n{{ nothing }}\n"), "roles/r/tasks/main.yml": task}, ONE)
    with pytest.raises(InputError) as caught:
        bad.compile()
    problem = caught.value.diagnostics[0]
    assert str(problem) == "roles/r/templates/f:2:1: the variable 'nothing' is not defined"
    assert problem.source == ""


def test_an_encrypted_template_may_be_included() -> None:
    """What it says is hidden; without its password the error names the file, at the line that includes it."""
    texts: dict[str, str | bytes] = {
        "roles/r/tasks/main.yml": "- template: {src: f, dest: /f}\n",
        "roles/r/templates/f": "a\n{% include 'inner' %}\n",
        "roles/r/templates/inner": sealed("key={{ 1 + 1 }}-hunter2\n", PROD),
    }
    site = Site(texts, ONE, PROD)
    assert site.compile()[0]["content"] == "a\nkey=2-hunter2\n"
    assert "key={{ 1 + 1 }}-hunter2" in site.hidden
    assert problems(Site(texts, ONE)) == [
        "roles/r/templates/f:2:1: roles/r/templates/inner:1:1: no known vault password opens this,"
        " encrypted as 'prod'"
    ]


def test_a_source_that_cannot_be_opened_is_told_by_its_file() -> None:
    """The file is to blame, not the task."""
    task = "- copy: {src: f, dest: /f}\n"
    site = Site({"roles/r/files/f": sealed("x", PROD), "roles/r/tasks/main.yml": task}, ONE)
    assert problems(site) == ["roles/r/files/f:1:1: no known vault password opens this, encrypted as 'prod'"]


def test_config_yaml_names_passwords_and_holds_no_encrypted_setting(tmp_path: Path) -> None:
    """Its paths count from its folder; a setting must be readable without a password."""
    Path("pw").write_bytes(ONE.secret)
    config = "vault: {password_file: pw}\nsite:\n  - {hosts: all, roles: [r]}\n"
    texts = {"config.yaml": config, "group_vars/all.yml": value("v", "x"), "roles/r/tasks/main.yml": TASK}
    project = load(texts)
    assert project.compile(project.hosts()[0], FACTS).tasks[0].params["cmd"] == "echo x"
    ssh = "ssh:\n  " + value("user", "root").replace("\n", "\n  ")
    with pytest.raises(InputError) as caught:
        load({"config.yaml": ssh})
    assert [str(item) for item in caught.value.diagnostics] == [
        "config.yaml:2:9: a setting cannot be encrypted"
    ]


def test_keys_are_not_derived_for_what_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand rounds for each value of a large inventory would make every command slow."""

    def never(_password: bytes, _salt: bytes) -> bytes:
        raise AssertionError("a key was derived")

    text = value("unused", "x")
    monkeypatch.setattr(cipher, "derive", never)
    Site({"group_vars/all.yml": text}, ONE).compile()
