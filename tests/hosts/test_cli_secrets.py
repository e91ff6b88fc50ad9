"""Secrets of a real run: on the host where they belong, and nowhere that anybody could read them."""

from __future__ import annotations

import pytest

from configurator.sandbox import Lab, LabHost
from tests.hosts.cli import Folder, Remote, hosts_of, wait_until

pytestmark = pytest.mark.host

# Letters that JSON, shells and diffs each write in their own way.
PASSWORD = "pa55 'wörd\"<&>"
TOKEN = "tok3n-of-the-command-line"
KEY = "-----BEGIN KEY-----\nline-one-of-the-key\nline-two-of-the-key\n-----END KEY-----\n"
HASH = "$6$saltsalt$" + "Hh7" * 28 + "Q."
QUIET = "only-no-log-hides-this"
SUDO = "operator"

TASKS = """
- name: settings
  template: {src: app.conf.j2, dest: /etc/app.conf, mode: '0600'}
- name: key
  copy: {dest: /etc/app.key, content: '{{ key }}', mode: '0600'}
- name: line
  lineinfile: {path: /etc/app.env, line: 'PASSWORD={{ password }}', create: true, mode: '0600'}
- name: account
  user: {name: anna, password: '{{ hash }}'}
- name: quiet file
  copy: {dest: /etc/quiet, content: 'QUIET', mode: '0600'}
  no_log: true
- name: quiet failure
  shell: "echo 'QUIET'; exit 3"
  no_log: true
  requires: [quiet file]
- name: loud failure
  shell: cat /etc/app.conf /etc/app.key >&2; exit 4
  requires: [settings, key]
- name: slow
  shell: touch /run/slow; until test -e /run/go; do sleep 0.1; done
  environment: {TOKEN: '{{ token }}'}
  requires: [settings, account, line]
""".replace("QUIET", QUIET)
TEMPLATE = "password = {{ password }}\ntoken = {{ token }}\nencoded = {{ password | b64encode }}\n"


@pytest.fixture(scope="module")
def host(lab: Lab) -> LabHost:
    """One host."""
    return hosts_of(lab, ["alpha"])[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, host: LabHost) -> Folder:
    """A project with secrets of every kind, on a host that wants a password for sudo."""
    folder = Folder(tmp_path_factory.mktemp("secrets"), [host])
    folder.inventory([host], alpha={"ansible_user": "operator"})
    indented = KEY.replace("\n", "\n  ")
    quoted = PASSWORD.replace("'", "''")
    folder.write(
        "inventory/group_vars/all.yml",
        f"password: !secret '{quoted}'\nhash: '{HASH}'\nkey: !secret |\n  {indented}\n",
    )
    folder.write(
        "vars.yml", f"token: !secret {TOKEN}\nansible_become_password: {SUDO}-\n".replace("-\n", "\n")
    )
    folder.role("app", TASKS)
    folder.write("roles/app/templates/app.conf.j2", TEMPLATE)
    folder.site("app")
    return folder


SECRETS = {
    "password": PASSWORD,
    "token": TOKEN,
    "a line of the key": "line-two-of-the-key",
    "hash": HASH,
    "no_log": QUIET,
    "encoded": "cGE1NSAnd8O2cmQ",  # how the password begins in base64
}


def leaks(text: str) -> list[str]:
    """The names of the secrets that a text lets out, in clear or as JSON writes them."""
    forms = {name: {text, text.replace('"', '\\"')} for name, text in SECRETS.items()}
    return [name for name, found in forms.items() if any(form in text for form in found)]


def test_the_search_finds_leaks() -> None:
    """Each secret is found where it stands, so that finding none means something."""
    assert leaks("\n".join(SECRETS.values())) == list(SECRETS)


@pytest.mark.parametrize("words", [("-vv", "--diff"), ("--json",)], ids=["words", "json"])
def test_a_plan_shows_none(folder: Folder, words: tuple[str, ...]) -> None:
    """Not in diffs, not in changes, not in the log."""
    ended = folder.run("plan", "-e", "@vars.yml", *words)
    assert leaks(ended.text) == []
    assert "/etc/app.conf" in ended.stdout
    assert "********" in ended.stdout


@pytest.mark.parametrize("words", [("-vv", "--diff"), ("--json",)], ids=["words", "json"])
def test_an_apply_shows_none_also_where_it_fails(
    lab: Lab, host: LabHost, folder: Folder, words: tuple[str, ...]
) -> None:
    """Output of a failing command included; nor does the host's process list show one meanwhile."""
    seen = Remote(lab, host)
    seen.sh("rm -f /run/slow /run/go /etc/app.* /etc/quiet; userdel anna 2>/dev/null || true")
    running = folder.start("apply", "--yes", "-e", "@vars.yml", *words)
    wait_until(lambda: running.over or seen.exists("/run/slow"), "the slow task begins")
    listed = seen.sh("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '")
    seen.sh("touch /run/go")
    ended = running.end()
    assert ended.code == 3
    assert "until test -e /run/go" in listed, "the list was to be taken while the task ran"
    assert leaks(listed) == []
    assert leaks(ended.text) == []
    assert "loud failure" in ended.stdout
    assert "********" in ended.stdout
    assert ended.log != ""


def test_the_host_has_them_where_they_belong_and_nowhere_else(lab: Lab, host: LabHost) -> None:
    """Files and accounts are right; the agent's own places and the journal know nothing."""
    seen = Remote(lab, host)
    assert f"password = {PASSWORD}\ntoken = {TOKEN}\n" in seen.sh("cat /etc/app.conf")
    assert seen.sh("cat /etc/app.key") == KEY
    assert seen.sh("getent shadow anna").split(":")[1] == HASH
    kept = seen.sh(
        "find /var/lib/configurator /var/cache/configurator /run/configurator /tmp -type f -exec cat {} +;"
        " journalctl -o export --no-pager"
    )
    assert leaks(kept) == []
