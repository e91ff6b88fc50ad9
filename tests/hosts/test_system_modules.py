"""The modules for packages, accounts, units, rules and kernel settings, on real hosts through the real agent.

Every module is held to the same three promises: a plan writes nothing, an apply changes what the plan has
shown, and a second apply changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from configurator.agent.frames import Message
from configurator.agent.protocol import TaskSpec
from configurator.sandbox import Lab, LabHost
from tests.hosts.conftest import HostFactory
from tests.hosts.on_host import agent, chain, files, run, statuses, task
from tests.hosts.test_agent import remote

pytestmark = pytest.mark.host

HASH = "$6$configurator$" + "Q" * 86
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHaTd8PGYvfe9w68oKM5mvUDaGz/O70YeOVxUKLMP1N9"
UNIT = "[Service]\nExecStart=/bin/sleep {seconds}\n[Install]\nWantedBy=multi-user.target\n"
RULES = """\
  chain input {
    type filter hook input priority filter; policy drop;
    iif lo accept
    tcp dport 22 drop
  }
"""
PACKAGE = """
set -e
for v in 1.0 2.0; do
  d=$(mktemp -d); mkdir $d/DEBIAN
  printf 'Package: thing\\nVersion: %s\\nArchitecture: all\\n' $v > $d/DEBIAN/control
  printf 'Maintainer: Nobody <nobody@localhost>\\nDescription: x\\n' >> $d/DEBIAN/control
  dpkg-deb --build $d /opt/thing_$v.deb >/dev/null
done
"""
REPOSITORY = """
set -e
mkdir -p /opt/own; cd /opt/own
for name in goodpack brokenpack; do
  d=$(mktemp -d); mkdir $d/DEBIAN
  printf 'Package: %s\\nVersion: 1\\nArchitecture: all\\n' $name > $d/DEBIAN/control
  printf 'Maintainer: Nobody <nobody@localhost>\\nDescription: x\\n' >> $d/DEBIAN/control
  if test $name = brokenpack; then
    printf '#!/bin/sh\\necho no luck today; exit 1\\n' > $d/DEBIAN/postinst
    chmod 755 $d/DEBIAN/postinst
  fi
  dpkg-deb --build $d $name.deb >/dev/null
  cat $d/DEBIAN/control
  printf 'Filename: ./%s.deb\\nSize: %s\\nSHA256: %s\\n\\n' $name $(stat -c %s $name.deb) \\
    $(sha256sum $name.deb | cut -d' ' -f1)
done > Packages
echo 'deb [trusted=yes] file:/opt/own ./' > /etc/apt/sources.list.d/own.list
"""


def shown(ended: Mapping[str, Message]) -> dict[str, list[tuple[Any, ...]]]:
    """Return what each task has changed, or would; what a plan could not know is left out."""
    return {
        name: [
            (change["subject"], change["field"], repr(change["after"]), change.get("diff"))
            for change in message.get("changes", ())
            if change["certainty"] != "unknown"
        ]
        for name, message in ended.items()
    }


def holds_its_promises(host: LabHost, tasks: Sequence[TaskSpec]) -> dict[str, Message]:
    """Plan, apply and apply again; return how the tasks of the first apply ended."""
    before = files(host)
    with agent(host) as session:
        planned = run(session, "plan", tasks)
    assert files(host) == before, "a plan wrote to the host"
    with agent(host) as session:
        applied = run(session, "apply", tasks)
        again = run(session, "apply", tasks)
    messages = {name: message.get("message") for name, message in applied.items()}
    assert statuses(planned) == statuses(applied), messages
    predicted, happened = shown(planned), shown(applied)
    for name, changes in predicted.items():
        assert set(changes) <= set(happened[name]), name
    changed = {name for name, status in statuses(again).items() if status == "changed"}
    assert not changed, shown(again)
    return applied


def apply(host: LabHost, *tasks: tuple[str, str, Mapping[str, Any]]) -> dict[str, Message]:
    with agent(host) as session:
        return run(session, "apply", chain(*tasks))


@pytest.mark.parametrize("release", ["bookworm", "trixie"])
def test_a_fresh_server_is_planned_truly(release: str, host_factory: HostFactory, lab: Lab) -> None:
    """Every module once, each task building on the ones before: the plan remembers all of them."""
    host = host_factory(release)
    tasks = chain(
        ("index", "apt", {"update_cache": True}),
        ("cron", "apt", {"name": ["cron", "tree"], "install_recommends": False}),
        ("dependency", "apt", {"name": "cron-daemon-common"}),
        ("cron runs", "systemd_service", {"name": "cron", "state": "started", "enabled": True}),
        ("group", "group", {"name": "web", "gid": 3000}),
        (
            "user",
            "user",
            {"name": "deploy", "groups": ["web", "sudo"], "shell": "/bin/bash", "password": HASH},
        ),
        ("key", "authorized_key", {"user": "deploy", "key": f"{KEY} me", "key_options": "no-pty"}),
        ("profile", "lineinfile", {"path": "/home/deploy/.profile", "line": "umask 027"}),
        ("name", "hostname", {"name": "web1.example.org"}),
        ("zone", "timezone", {"name": "Europe/Berlin"}),
        ("forward", "sysctl", {"name": "net.ipv4.ip_forward", "value": True}),
        ("keepalive", "sysctl", {"name": "net.ipv4.tcp_keepalive_time", "value": 605}),
        ("unit", "copy", {"dest": "/etc/systemd/system/job.service", "content": UNIT.format(seconds=900)}),
        (
            "job",
            "systemd_service",
            {"name": "job", "state": "started", "enabled": True, "daemon_reload": True},
        ),
        ("rules", "nftables", {"content": RULES}),
        ("same rules", "nftables", {"content": RULES}),
    )
    applied = holds_its_promises(host, tasks)
    ended = statuses(applied)
    # The index names cron's dependency only on the release that has it apart; there the plan knew it, too.
    assert ended.pop("dependency") in ("ok", "failed")
    assert ended.pop("same rules") == "ok"
    assert ended.pop("cron runs") == "ok"
    assert set(ended.values()) <= {"changed", "ok"}
    state = remote(
        lab,
        host,
        "id -nG deploy; hostname; date +%Z; cat /proc/sys/net/ipv4/tcp_keepalive_time;"
        " systemctl is-active job cron; stat -c '%a %U' /home/deploy/.ssh/authorized_keys;"
        " getent shadow deploy | cut -d: -f2;"
        " nft list chain inet configurator input | grep -c 'ssh stays open'",
    )
    assert state.split("\n")[0].split() == ["deploy", "sudo", "web"]
    assert state.split("\n")[1:] == [
        "web1.example.org",
        *state.split("\n")[2:3],
        "605",
        "active",
        "active",
        "600 deploy",
        HASH,
        "1",
        "",
    ]
    assert state.split("\n")[2] in ("CET", "CEST")


def test_installs_of_several_tasks_share_a_transaction(lab: Lab, shared_host: LabHost) -> None:
    """Ready tasks become one apt-get; a wrong name among them fails alone, and is named."""
    apply(shared_host, ("index", "apt", {"update_cache": True}))
    remote(lab, shared_host, "rm -f /var/log/apt/history.log")
    tasks = [
        task("one", "apt", {"name": "tree"}),
        task("two", "apt", {"name": "less"}),
        task("three", "apt", {"name": "patch", "state": "latest"}),
    ]
    assert set(statuses(holds_its_promises(shared_host, tasks)).values()) == {"changed"}
    history = remote(lab, shared_host, "cat /var/log/apt/history.log")
    assert history.count("Commandline: ") == 1
    remote(lab, shared_host, "rm /var/log/apt/history.log")
    tasks = [
        task("right", "apt", {"name": "bc"}),
        task("wrong", "apt", {"name": ["file", "nginxx"]}),
        task("too", "apt", {"name": "make"}),
    ]
    ended = holds_its_promises(shared_host, tasks)
    assert statuses(ended) == {"right": "changed", "wrong": "failed", "too": "changed"}
    assert ended["wrong"]["message"] == "package 'nginxx' does not exist (E: Unable to locate package nginxx)"
    assert ended["wrong"]["hint"] == "did you mean 'nginx'?"
    history = remote(lab, shared_host, "cat /var/log/apt/history.log")
    assert history.count("Commandline: ") == 1


def test_a_package_that_cannot_be_configured_fails_alone(lab: Lab, shared_host: LabHost) -> None:
    """What the same transaction did install is reported as changed, and its handlers run."""
    remote(lab, shared_host, REPOSITORY)
    tasks = [
        task("good", "apt", {"name": "goodpack"}, notify=("tell",)),
        task("broken", "apt", {"name": "brokenpack"}),
        task("tell", "copy", {"dest": "/opt/told", "content": "x"}, handler=True, after=("good", "broken")),
    ]
    apply(shared_host, ("index", "apt", {"update_cache": True}))
    with agent(shared_host) as session:
        ended = run(session, "apply", tasks)
    remote(lab, shared_host, "dpkg --purge brokenpack; rm /etc/apt/sources.list.d/own.list")
    assert statuses(ended) == {"good": "changed", "broken": "failed", "tell": "changed"}
    assert ended["broken"]["message"] == "could not be installed or configured: brokenpack"
    assert "no luck today" in ended["broken"]["output"]


def test_versions_holds_and_removals(lab: Lab, shared_host: LabHost) -> None:
    """From a file, back to an older version only when permitted, never past a hold, and away."""
    remote(lab, shared_host, PACKAGE)
    holds_its_promises(shared_host, chain(("new", "apt", {"deb": "/opt/thing_2.0.deb"})))
    refused = apply(
        shared_host,
        ("old", "apt", {"deb": "/opt/thing_1.0.deb"}),
        ("missing", "apt", {"deb": "/opt/nothing.deb"}),
        ("version", "apt", {"name": "tree=0.1"}),
    )
    assert statuses(refused) == {"old": "failed", "missing": "failed", "version": "failed"}
    assert refused["old"]["message"] == "package 'thing' is installed as 2.0, which is newer than 1.0"
    assert "available: " in refused["version"]["hint"]
    older = chain(("old", "apt", {"deb": "/opt/thing_1.0.deb", "allow_downgrade": True}))
    holds_its_promises(shared_host, older)
    remote(lab, shared_host, "apt-mark hold thing")
    held = apply(shared_host, ("held", "apt", {"deb": "/opt/thing_2.0.deb"}))
    assert held["held"]["message"] == "package 'thing' is held at 1.0, and 2.0 is wanted"
    remote(lab, shared_host, "apt-mark unhold thing")
    gone = holds_its_promises(
        shared_host, chain(("gone", "apt", {"name": "thing", "state": "absent", "purge": True}))
    )
    assert statuses(gone) == {"gone": "changed"}


def test_a_virtual_package_is_there_through_another(shared_host: LabHost) -> None:
    """`awk` is mawk's; an ambiguous name asks for a decision."""
    ended = apply(
        shared_host,
        ("awk", "apt", {"name": "awk"}),
        ("mta", "apt", {"name": "mail-transport-agent"}),
    )
    assert statuses(ended) == {"awk": "ok", "mta": "failed"}
    assert "exim4-daemon-light" in ended["mta"]["hint"]


def test_an_interrupted_dpkg_is_set_right(lab: Lab, shared_host: LabHost) -> None:
    """A journal of dpkg's that a crash left behind must not need a login."""
    remote(
        lab,
        shared_host,
        PACKAGE + "dpkg --unpack /opt/thing_1.0.deb >/dev/null; touch /var/lib/dpkg/updates/0001",
    )
    ended = apply(shared_host, ("next", "apt", {"deb": "/opt/thing_2.0.deb"}))
    assert statuses(ended) == {"next": "changed"}, ended["next"].get("output")
    assert "dpkg had been interrupted" in ended["next"]["warnings"][0]


def test_a_source_that_cannot_be_fetched_fails_the_refresh(lab: Lab, shared_host: LabHost) -> None:
    """Instead of going on with old lists; adding the source was reason enough to refresh."""
    remote(lab, shared_host, "echo 'deb file:/nowhere stable main' > /etc/apt/sources.list.d/bad.list")
    try:
        ended = apply(shared_host, ("index", "apt", {"update_cache": True, "update_cache_retries": 0}))
    finally:
        remote(lab, shared_host, "rm /etc/apt/sources.list.d/bad.list")
    assert statuses(ended) == {"index": "failed"}
    assert "file:/nowhere" in ended["index"]["output"]


def test_units_that_fail_say_why(lab: Lab, shared_host: LabHost) -> None:
    """A unit that dies at once fails with its journal; an unknown one is named; static is no error."""
    remote(
        lab,
        shared_host,
        r"""
        cd /etc/systemd/system
        printf '[Service]\nExecStart=/bin/sh -c "echo no database; exit 3"\n' > die.service
        printf '[Service]\nType=oneshot\nExecStart=/bin/true\n' > forgotten.service
        (cat forgotten.service; printf '[Install]\nWantedBy=multi-user.target\n') > once.service
        """,
    )
    ended = apply(
        shared_host,
        ("die", "systemd_service", {"name": "die", "state": "started"}),
        ("unknown", "service", {"name": "nosuch", "state": "started"}),
        ("once", "service", {"name": "once", "state": "started", "enabled": True}),
        ("once more", "service", {"name": "once", "state": "started"}),
        ("forgotten", "service", {"name": "forgotten", "state": "started"}),
        ("static", "systemd", {"name": "dbus", "enabled": True}),
        ("alias", "systemd", {"name": "sshd", "state": "started"}),
    )
    assert statuses(ended) == {
        "die": "failed",
        "unknown": "failed",
        "once": "changed",
        "once more": "ok",
        "forgotten": "changed",
        "static": "ok",
        "alias": "ok",
    }
    assert ended["die"]["message"] == "die.service was started and ended at once (exit-code)"
    assert "no database" in ended["die"]["output"]
    assert ended["unknown"]["message"] == "Could not find the requested service 'nosuch.service'"


def test_units_are_masked_instantiated_and_reloaded(lab: Lab, shared_host: LabHost) -> None:
    """Each as planned: an instance of a template, a mask and its end, a file that systemd must read anew."""
    remote(lab, shared_host, f"printf '{UNIT.format(seconds=900)}' > /etc/systemd/system/inst@.service")
    instance = chain(("up", "systemd_service", {"name": "inst@a", "state": "started", "enabled": True}))
    assert statuses(holds_its_promises(shared_host, instance)) == {"up": "changed"}
    changed = chain(
        ("file", "copy", {"dest": "/etc/systemd/system/inst@.service", "content": UNIT.format(seconds=901)}),
        ("reload", "systemd_service", {"name": "inst@a", "daemon_reload": True}),
        ("again", "systemd_service", {"daemon_reload": True}),
    )
    ended = statuses(holds_its_promises(shared_host, changed))
    assert ended == {"file": "changed", "reload": "changed", "again": "ok"}
    masked = chain(
        ("mask", "systemd_service", {"name": "inst@a", "state": "stopped", "enabled": False, "masked": True})
    )
    holds_its_promises(shared_host, masked)
    refused = apply(shared_host, ("start", "systemd_service", {"name": "inst@a", "state": "started"}))
    assert refused["start"]["message"] == "inst@a.service is masked, so it cannot be started"
    back = chain(("unmask", "systemd_service", {"name": "inst@a", "state": "started", "masked": False}))
    holds_its_promises(shared_host, back)


def test_accounts_are_kept_and_removed(lab: Lab, shared_host: LabHost) -> None:
    """Every field of an account, its own key, and a removal that leaves nothing of it."""
    tasks = chain(
        ("group", "group", {"name": "team", "system": True}),
        (
            "user",
            "user",
            {
                "name": "anna",
                "uid": 4000,
                "comment": "Anna Ängström",
                "groups": ["team"],
                "home": "/srv/people/anna",
                "umask": "077",
                "password": HASH,
                "password_lock": True,
                "password_expire_max": 90,
                "expires": 4102444800,
                "generate_ssh_key": True,
                "ssh_key_type": "ed25519",
                "ssh_key_passphrase": "hush, hush",
            },
        ),
    )
    holds_its_promises(shared_host, tasks)
    more = chain(("more", "user", {"name": "anna", "groups": ["sudo"], "append": True}))
    holds_its_promises(shared_host, more)
    state = remote(
        lab,
        shared_host,
        "getent passwd anna; getent shadow anna | cut -d: -f2,5,8; id -nG anna;"
        " stat -c '%a %U' /srv/people/anna /srv/people/anna/.bashrc /srv/people/anna/.ssh/id_ed25519;"
        " cd /srv/people/anna/.ssh; ls -A; ssh-keygen -y -P 'hush, hush' -f id_ed25519 >/dev/null",
    ).splitlines()
    assert state[0] == "anna:x:4000:4000:Anna Ängström:/srv/people/anna:/bin/sh"
    assert state[1] == f"!{HASH}:90:47482"
    assert sorted(state[2].split()) == ["anna", "sudo", "team"]
    assert state[3:6] == ["700 anna", "644 anna", "600 anna"]
    assert state[6:] == ["id_ed25519", "id_ed25519.pub"]
    moved = chain(("move", "user", {"name": "anna", "home": "/home/anna", "move_home": True}))
    holds_its_promises(shared_host, moved)
    in_use = apply(
        shared_host,
        ("number", "group", {"name": "anna", "state": "absent"}),
        ("missing", "user", {"name": "anna", "groups": ["nosuch"]}),
        ("ourselves", "user", {"name": "root", "state": "absent"}),
    )
    assert set(statuses(in_use).values()) == {"failed"}
    assert in_use["number"]["message"] == "group 'anna' is the primary group of user 'anna'"
    gone = chain(
        ("gone", "user", {"name": "anna", "state": "absent", "remove": True}),
        ("group gone", "group", {"name": "anna", "state": "absent"}),
        ("home gone", "file", {"path": "/home/anna", "state": "absent"}),
    )
    ended = statuses(holds_its_promises(shared_host, gone))
    assert ended == {"gone": "changed", "group gone": "ok", "home gone": "ok"}


def test_keys_open_the_door_and_other_lines_stay(lab: Lab, shared_host: LabHost) -> None:
    """The file is the user's, and what people wrote in it is not touched."""
    remote(lab, shared_host, "useradd --create-home guest")
    public = Path(shared_host.key_path + ".pub").read_text(encoding="ascii").strip()
    remote(
        lab,
        shared_host,
        f"""
        install -d -m 700 -o guest -g guest /home/guest/.ssh
        printf '# by hand\\n{KEY} old' > /home/guest/.ssh/authorized_keys
        """,
    )
    tasks = chain(("key", "authorized_key", {"user": "guest", "key": public}))
    holds_its_promises(shared_host, tasks)
    lines = remote(lab, shared_host, "cat /home/guest/.ssh/authorized_keys").splitlines()
    assert lines == ["# by hand", f"{KEY} old", public]
    only = chain(("only", "authorized_key", {"user": "guest", "key": public, "exclusive": True}))
    holds_its_promises(shared_host, only)
    assert remote(lab, shared_host, "cat /home/guest/.ssh/authorized_keys").splitlines() == [
        "# by hand",
        public,
    ]


def test_our_own_keys_and_rules_cannot_lock_us_out(lab: Lab, fresh_host: LabHost) -> None:
    """Removing the key that we came in by is undone; a table that drops ssh in another hook as well."""
    raw = "chain early { type filter hook prerouting priority raw; tcp dport 22 tcp flags syn drop; }\n"
    other = f"{KEY} somebody else"
    with agent(fresh_host) as session:
        ended = run(
            session,
            "apply",
            chain(
                ("first", "nftables", {"content": RULES}),
                ("keys", "authorized_key", {"user": "root", "key": other, "exclusive": True}),
                ("rules", "nftables", {"content": RULES + raw}),
                ("after", "nftables", {"content": RULES}),
            ),
        )
    assert statuses(ended) == {"first": "changed", "keys": "failed", "rules": "failed", "after": "ok"}
    assert "new login failed" in ended["keys"]["message"]
    assert "new login failed" in ended["rules"]["message"]
    with agent(fresh_host) as session:
        assert session.facts["user_id"] == "root"


def test_a_table_is_ours_alone(lab: Lab, shared_host: LabHost) -> None:
    """Other tables stay, drift by hand is put right, bad rules and a restart of nftables change nothing."""
    remote(lab, shared_host, "nft add table ip others; nft add chain ip others c")
    table = chain(("table", "nftables", {"table": "mine", "content": RULES}))
    holds_its_promises(shared_host, table)
    remote(lab, shared_host, "nft add rule inet mine input counter")
    drifted = holds_its_promises(shared_host, table)
    assert [change["field"] for change in drifted["table"]["changes"]] == ["live"]
    bad = apply(
        shared_host, ("bad", "nftables", {"table": "mine", "content": "chain x { tcp dport oops accept; }"})
    )
    assert bad["bad"]["message"].startswith("nft: ")
    assert statuses(apply(shared_host, ("same", "nftables", {"table": "mine", "content": RULES}))) == {
        "same": "ok"
    }
    assert "table ip others" in remote(lab, shared_host, "nft list tables")
    remote(lab, shared_host, "systemctl restart nftables")
    assert statuses(apply(shared_host, ("boot", "nftables", {"table": "mine", "content": RULES}))) == {
        "boot": "ok"
    }
    gone = chain(("gone", "nftables", {"table": "mine", "state": "absent"}))
    holds_its_promises(shared_host, gone)
    assert "inet mine" not in remote(
        lab, shared_host, "nft list tables; systemctl restart nftables; nft list tables"
    )


def test_a_container_says_which_parameters_it_cannot_set(lab: Lab, shared_host: LabHost) -> None:
    """In the plan already; with `ignoreerrors` the file is kept for a kernel of its own."""
    tasks = chain(
        ("refused", "sysctl", {"name": "vm.swappiness", "value": 17}),
        ("kept", "sysctl", {"name": "vm.swappiness", "value": 17, "ignoreerrors": True}),
        ("unknown", "sysctl", {"name": "net.ipv4.ip_forwardd", "value": 1}),
    )
    ended = holds_its_promises(shared_host, tasks)
    assert statuses(ended) == {"refused": "failed", "kept": "changed", "unknown": "failed"}
    assert "read-only" in ended["refused"]["message"]
    assert ended["unknown"]["hint"] == "did you mean 'ip_forward'?"
    wrong = apply(shared_host, ("wrong", "sysctl", {"name": "net.ipv4.tcp_syncookies", "value": "zz"}))
    assert "Invalid argument" in wrong["wrong"]["message"]
    assert "tcp_syncookies" not in remote(lab, shared_host, "cat /etc/sysctl.d/99-zz-configurator.conf")
