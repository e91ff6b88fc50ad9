"""Secrets out of a vault in a real run: on the host where they belong, and nowhere that others can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from configurator.sandbox import Lab, LabHost
from configurator.vault import files
from configurator.vault.sources import Password
from tests.hosts.cli import Folder, Remote, hosts_of, wait_until

pytestmark = pytest.mark.host

VAULT = Password("default", b"the-password-of-the-vault")
PROD = Password("prod", b"the-password-of-production")
SECRETS = {
    "vault password": VAULT.secret.decode(),
    "vault password of production": PROD.secret.decode(),
    "value": "inl1ne 'wörd\"<&>",
    "value of a whole file": "wh0le-file-value",
    "number of a whole file": "73519246",
    "part of a list": "l1st-item-secret",
    "part of JSON": "js0n-part-secret",
    "line of a copied file": "c0pied-file-line",
    "value in a copied file": "c0pied-value",
    "line of a template": "t3mplate-line",
}
WHOLE = f"""
whole: {SECRETS["value of a whole file"]}
pin: {SECRETS["number of a whole file"]}
tokens: [{{name: first, token: {SECRETS["part of a list"]}}}]
"""
COPIED = f"{SECRETS['line of a copied file']}\nTOKEN={SECRETS['value in a copied file']}\n"
TASKS = """
- name: settings
  template: {src: app.conf.j2, dest: /etc/app.conf, mode: '0600'}
- name: encrypted file
  copy: {src: app.env, dest: /etc/app.env, mode: '0600'}
- name: line of {{ whole }}
  lineinfile: {path: /etc/app.line, line: 'PASSWORD={{ inline }}', create: true, mode: '0600'}
- name: part
  copy: {dest: /etc/app.part, content: '{{ (document | from_json).key }} {{ pin }}', mode: '0600'}
- name: loop
  copy: {dest: '/etc/app.{{ item.name }}', content: '{{ item.token }}', mode: '0600'}
  loop: '{{ tokens }}'
- name: tell
  debug: {msg: 'it is {{ inline }} {{ tokens }} {{ pin }}'}
- name: fails
  shell: cat /etc/app.* >&2; exit 4
  requires: [settings, encrypted file, part, loop]
  ignore_errors: true
- name: slow
  shell: touch /run/slow; until test -e /run/go; do sleep 0.1; done
  environment: {TOKEN: '{{ whole }}'}
  requires: [settings, encrypted file, part, loop, fails]
"""


@pytest.fixture(scope="module")
def host(lab: Lab) -> LabHost:
    """One host."""
    return hosts_of(lab, ["alpha"])[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, host: LabHost) -> Folder:
    """A project with encrypted variables, files, templates and tasks, and one password for another label."""
    folder = Folder(tmp_path_factory.mktemp("vault"), [host])

    def seal(path: str, text: str, password: Password = VAULT) -> None:
        folder.write(path, files.sealed(text.encode(), password).decode())

    def value(name: str, text: str, password: Password = VAULT) -> str:
        return files.as_value(files.sealed(text.encode(), password), name)

    document = f'{{"key": "{SECRETS["part of JSON"]}"}}'
    folder.write(
        "inventory/group_vars/all/main.yml",
        value("inline", SECRETS["value"], PROD) + value("document", document),
    )
    seal("inventory/group_vars/all/vault.yml", WHOLE)
    seal("roles/app/files/app.env", COPIED)
    seal("roles/app/templates/app.conf.j2", f"{SECRETS['line of a template']} {{{{ inline }}}}\n")
    folder.role("app", TASKS)
    for name, password in (("vault-pass", VAULT), ("prod-pass", PROD)):
        (folder.path / name).write_bytes(password.secret)
        (folder.path / name).chmod(0o600)
    folder.site("app", vault={"password_file": "vault-pass", "ids": ["prod@prod-pass"]})
    return folder


def leaks(text: str) -> list[str]:
    """The names of the secrets that a text lets out, in clear or as JSON writes them."""
    forms = {name: {text, text.replace('"', '\\"')} for name, text in SECRETS.items()}
    return [name for name, found in forms.items() if any(form in text for form in found)]


def command_lines() -> str:
    """The command lines of all processes of this machine, which are those of its sandbox hosts too."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # ended meanwhile
            continue
    return "\n".join(found)


def test_the_search_finds_leaks() -> None:
    """Each secret is found where it stands, so that finding none means something."""
    assert leaks("\n".join(SECRETS.values())) == list(SECRETS)


@pytest.mark.parametrize("words", [("-vv", "--diff"), ("--json",)], ids=["words", "json"])
def test_a_plan_shows_none(folder: Folder, words: tuple[str, ...]) -> None:
    """Not in diffs, names of tasks, messages, events or the log."""
    ended = folder.run("plan", *words)
    assert leaks(ended.text) == []
    assert "/etc/app.conf" in ended.stdout
    assert "********" in ended.stdout


@pytest.mark.parametrize("words", [("-vv", "--diff"), ("--json",)], ids=["words", "json"])
def test_an_apply_shows_none(lab: Lab, host: LabHost, folder: Folder, words: tuple[str, ...]) -> None:
    """Nor does any process's command line, nor a file that others may read, while it runs and afterwards."""
    seen = Remote(lab, host)
    seen.sh("rm -f /run/slow /run/go /etc/app.*")
    running = folder.start("apply", "--yes", *words)
    wait_until(lambda: running.over or seen.exists("/run/slow"), "the slow task begins")
    listed = command_lines()
    during = seen.sh(READABLE)
    seen.sh("touch /run/go")
    ended = running.end()
    assert ended.code == 0, ended.text[-3000:]
    assert "until test -e /run/go" in listed, "the list was to be taken while the task ran"
    assert leaks(listed) == []
    assert leaks(during) == []
    assert leaks(ended.text) == []
    assert leaks(seen.sh(READABLE)) == []
    assert "********" in ended.log


# All that others may read of what is newer than the host; the marker shows that something was looked at.
READABLE = (
    "echo marker > /etc/marker; chmod 644 /etc/marker;"
    " find / -xdev -type f -perm -o=r -newer /etc/hostname -size -2M -exec cat {} + | tr -d '\\0';"
    " find /run /tmp /var/tmp /dev/shm -xdev -type f -perm -o=r -size -2M -exec cat {} + | tr -d '\\0'"
)


def test_the_host_has_them_where_they_belong_and_nowhere_else(lab: Lab, host: LabHost) -> None:
    """Files are right; the agent's own places and the system's journal know nothing."""
    seen = Remote(lab, host)
    assert "marker" in seen.sh(READABLE)
    assert seen.sh("cat /etc/app.conf") == f"{SECRETS['line of a template']} {SECRETS['value']}\n"
    assert seen.sh("cat /etc/app.env") == COPIED
    assert seen.sh("cat /etc/app.first") == SECRETS["part of a list"]
    assert seen.sh("cat /etc/app.part") == f"{SECRETS['part of JSON']} {SECRETS['number of a whole file']}"
    kept = seen.sh(
        "find /var/lib/configurator /var/cache/configurator /run/configurator /tmp -type f -exec cat {} +;"
        " journalctl -o export --no-pager"
    )
    assert leaks(kept) == []


def test_a_wrong_password_touches_nothing_and_says_where(folder: Folder) -> None:
    """Before any host is connected to, with the place of the file."""
    ended = folder.run(
        "apply", "--yes", code=1, environment={"CONFIGURATOR_VAULT_PASSWORD_FILE": "prod-pass"}
    )
    assert "--> roles/app/templates/app.conf.j2:1:1\n" in ended.stderr
    assert "no known vault password opens this" in ended.stderr
