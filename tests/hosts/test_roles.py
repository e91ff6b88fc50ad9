"""The built-in roles on real hosts: true plans, no change the second time, and what they are for."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from configurator.sandbox import Lab, LabHost
from tests.hosts.conftest import HostFactory
from tests.hosts.on_host import files
from tests.hosts.project import Outcome, Project

pytestmark = pytest.mark.host

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f anna@laptop"
VARIABLES: Mapping[str, Mapping[str, Any]] = {
    "base": {"base_timezone": "Europe/Berlin", "base_hostname": "blue.example.org"},
    "users": {
        "users_groups": [{"name": "deploy", "gid": 2000}],
        "users_accounts": [
            {"name": "anna", "groups": ["deploy"], "sudo": True, "authorized_keys": [KEY]},
            {"name": "otto.b", "comment": "Otto Büttner", "sudo": True},
            {"name": "nobody-here", "state": "absent"},
        ],
    },
    "firewall": {
        "firewall_allowed_tcp_ports": [80, "60000-60010"],
        "firewall_allowed_udp_ports": [51820],
        "firewall_rules": [
            {"ports": [5432], "from": ["192.0.2.0/24", "2001:db8::/64"], "comment": "database"}
        ],
    },
    "nginx": {},
}


def shell(lab: Lab, host: LabHost, command: str, user: str = "root") -> subprocess.CompletedProcess[str]:
    return lab.shell(host.name, ["sh", "-c", command], user=user)


def output(lab: Lab, host: LabHost, command: str) -> str:
    done = shell(lab, host, command)
    assert done.returncode == 0, done
    return done.stdout.strip()


def get(host: LabHost, path: str = "/", port: int = 80) -> tuple[int, str]:
    """Ask the host's web server; return status and body."""
    try:
        with urllib.request.urlopen(f"http://{host.address}:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def served(host: LabHost, status: int, body: str, path: str = "/", port: int = 80) -> bool:
    """Ask until the answer is this one: nginx replaces its workers a moment after its reload has returned."""
    end = time.monotonic() + 10
    while True:
        try:
            answer = get(host, path, port)
        except (urllib.error.URLError, ConnectionError):  # a new port is not open yet
            answer = (0, "")
        if answer[0] == status and body in answer[1]:
            return True
        if time.monotonic() > end:
            return False
        time.sleep(0.05)


def reachable(host: LabHost, port: int) -> bool:
    """Try to open a TCP connection: refused means that the firewall let it through to nobody."""
    try:
        socket.create_connection((host.address, port), timeout=3).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True


def converges(project: Project, variables: Mapping[str, Any]) -> Outcome:
    """Plan, apply, apply: the plan writes nothing and is true, the second apply changes nothing."""
    before = files(project.host)
    planned = project.plan(variables)
    assert files(project.host) == before
    applied = project.apply(variables)
    assert applied.tasks("changed") == planned.tasks("changed")
    assert applied.summary(project.host.name)["changed"] == planned.summary(project.host.name)["changed"] > 0
    again = project.apply(variables)
    assert again.tasks("changed") == set()
    return applied


@pytest.mark.parametrize("role", ["base", "users", "firewall", "nginx"])
def test_each_role_plans_truly_and_converges(host_factory: HostFactory, tmp_path: Path, role: str) -> None:
    """On Debian 12: the plan writes nothing and predicts the apply; a second apply changes nothing."""
    converges(Project(tmp_path, host_factory(), [role]), VARIABLES[role])


def test_all_roles_together_on_debian_13(host_factory: HostFactory, lab: Lab, tmp_path: Path) -> None:
    """The whole default site: true plan, overlapping roles, working services, nothing to do afterwards."""
    host = host_factory("trixie")
    project = Project(tmp_path, host, ["base", "users", "firewall", "nginx"])
    applied = converges(project, {key: value for part in VARIABLES.values() for key, value in part.items()})
    spans: dict[str, tuple[float, float]] = {}
    for event in applied.events:
        if event["type"] == "task_finished":
            end = event["started_s"] + event["duration_s"]
            first, last = spans.get(event["role"], (event["started_s"], end))
            spans[event["role"]] = min(first, event["started_s"]), max(last, end)
    assert spans["users"][0] < spans["nginx"][1] and spans["nginx"][0] < spans["users"][1]
    assert served(host, 200, "")
    assert output(lab, host, "hostname") == "blue.example.org"
    assert not reachable(host, 8080)


def test_base_sets_time_zone_name_and_updates(host_factory: HostFactory, lab: Lab, tmp_path: Path) -> None:
    """What the role is for, read back from the host with other programs."""
    host = host_factory()
    project = Project(tmp_path, host, ["base"])
    project.apply(VARIABLES["base"])
    assert output(lab, host, "date +%Z") in ("CET", "CEST")
    assert output(lab, host, "hostname") == "blue.example.org"
    assert output(lab, host, "getent hosts blue").split()[0] == "127.0.1.1"
    assert 'APT::Periodic::Unattended-Upgrade "1";' in output(lab, host, "apt-config dump")
    project.apply({**VARIABLES["base"], "base_unattended_upgrades": False})
    assert shell(lab, host, "test -e /etc/apt/apt.conf.d/52configurator-upgrades").returncode != 0


def test_users_may_log_in_and_use_sudo_until_they_are_removed(
    host_factory: HostFactory, lab: Lab, tmp_path: Path
) -> None:
    """A key logs in, sudo asks for nothing, and both end with the account."""
    host = host_factory()
    project = Project(tmp_path, host, ["users"])
    key = Path(host.key_path + ".pub").read_text().strip()
    anna = {"name": "anna", "groups": ["adm"], "sudo": True, "authorized_keys": [KEY, key]}
    dotted = {"name": "otto.b", "sudo": True}
    project.apply({"users_accounts": [anna, dotted]})
    assert shell(lab, host, "sudo -n id -u; id -Gn", user="anna").stdout.split() == ["0", "anna", "adm"]
    assert output(lab, host, "su otto.b -c 'sudo -n id -u'") == "0"
    project.apply({"users_accounts": [{**anna, "sudo": False}]})
    assert shell(lab, host, "sudo -n id -u", user="anna").returncode != 0
    project.apply({"users_accounts": [{"name": "anna", "state": "absent", "remove_home": True}]})
    assert shell(lab, host, "id anna || ls /home/anna").returncode != 0
    assert output(lab, host, "su otto.b -c 'sudo -n id -u'") == "0", "who is not listed is left alone"


def test_an_account_without_sudo_keeps_the_rule_that_it_has(
    host_factory: HostFactory, lab: Lab, tmp_path: Path
) -> None:
    """Listing the account that one logs in with must not take its rights away."""
    host = host_factory()
    rule = "printf 'anna ALL=(ALL) NOPASSWD: ALL\\n' > /etc/sudoers.d/anna"
    output(lab, host, f"mkdir -p /etc/sudoers.d && {rule}")
    Project(tmp_path, host, ["users"]).apply({"users_accounts": [{"name": "anna"}]})
    assert "NOPASSWD" in output(lab, host, "cat /etc/sudoers.d/anna")


def test_the_firewall_lets_in_what_is_named_and_ssh(
    host_factory: HostFactory, lab: Lab, tmp_path: Path
) -> None:
    """Open ports answer, others are silent, ssh stays; also after a boot."""
    host = host_factory()
    assert reachable(host, 8080), "nothing listens there, but nothing stops the packet"
    project = Project(tmp_path, host, ["firewall"])
    project.apply(VARIABLES["firewall"])
    assert reachable(host, 80)
    assert reachable(host, 60005)
    assert not reachable(host, 8080)
    assert not reachable(host, 5432), "we are not in 192.0.2.0/24"
    assert "policy drop" in output(lab, host, "nft list table inet configurator")
    output(lab, host, "nft flush ruleset && systemctl start nftables && systemctl is-enabled nftables")
    assert not reachable(host, 8080), "what a boot loads is what ran before"
    assert reachable(host, host.port)
    project.apply({"firewall_allowed_tcp_ports": [8080]})
    assert reachable(host, 8080)
    assert not reachable(host, 80)


def test_nginx_serves_its_sites(host_factory: HostFactory, lab: Lab, tmp_path: Path) -> None:
    """The welcome page by default; folders, applications and removal by what is listed."""
    host = host_factory()
    project = Project(tmp_path, host, ["nginx"])
    project.apply()
    assert served(host, 200, host.name)
    sites = [
        {"name": "www", "server_names": ["_"], "root": "/srv/www", "index": "hello", "default_server": True},
        {"name": "app", "server_names": ["app"], "port": 8080, "proxy_pass": "http://127.0.0.1:80"},
        {"name": "welcome", "state": "absent"},
    ]
    project.apply({"nginx_sites": sites})
    assert served(host, 200, "hello")
    output(lab, host, "mkdir -p /srv/www/.git && echo secret > /srv/www/.git/config")
    assert served(host, 403, "", "/.git/config")
    assert served(host, 200, "hello", "/", 8080)
    assert (
        output(lab, host, "ls /etc/nginx/sites-enabled /etc/nginx/sites-available | grep -c welcome || :")
        == "0"
    )


def test_a_broken_site_is_refused_and_the_old_one_goes_on(
    host_factory: HostFactory, lab: Lab, tmp_path: Path
) -> None:
    """Checked before it is put in place; what only shows with all sites together stops at the reload."""
    host = host_factory()
    project = Project(tmp_path, host, ["nginx"])
    good = {"name": "www", "server_names": ["_"], "root": "/srv/www", "index": "old", "default_server": True}
    project.apply({"nginx_sites": [good]})
    before = output(lab, host, "cat /etc/nginx/sites-available/www")
    broken = project.run("apply", {"nginx_sites": [{**good, "extra": "no_such_directive on;"}]}, "--yes")
    assert broken.exit_code == 3
    assert "no_such_directive" in broken.task("Sites")["output"]
    assert output(lab, host, "cat /etc/nginx/sites-available/www") == before
    rival = {"name": "rival", "server_names": ["x"], "root": "/srv/www", "default_server": True}
    clash = project.run("apply", {"nginx_sites": [good, rival]}, "--yes")
    assert clash.exit_code == 3
    assert "duplicate default server" in clash.task("Reload nginx")["output"]
    assert served(host, 200, "old")
    project.apply({"nginx_sites": [good, {"name": "rival", "state": "absent"}]})
    assert served(host, 200, "old")
