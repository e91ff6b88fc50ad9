"""The agent on real hosts: what it leaves, what it survives, and who it works as."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from configurator.core.errors import AuthenticationError, HostKeyError, HostSetupError, UnreachableError
from configurator.sandbox import Lab, LabHost
from configurator.sandbox.slowlink import SlowLink
from configurator.transport.session import HostSession
from configurator.transport.ssh import connect
from configurator.transport.sshauth import Secrets
from tests.hosts.on_host import agent, endpoint, files, run, statuses, task

pytestmark = pytest.mark.host


def remote(lab: Lab, host: LabHost, command: str) -> str:
    """Run what prepares a test: a daemon's start or an installation may take minutes on a busy machine."""
    done = lab.shell(host.name, ["sh", "-c", command], timeout=300)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def wait_for(condition: object, seconds: float = 60.0) -> bool:
    """Poll a condition until it holds; for what happens on the host by itself."""
    assert callable(condition)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return bool(condition())


def agents(lab: Lab, host: LabHost) -> str:
    return str(lab.shell(host.name, ["pgrep", "-af", "python3 -I -S"]).stdout)


def test_plan_then_apply_then_nothing(lab: Lab, shared_host: LabHost) -> None:
    """What the plan predicted is what the apply did, a plan writes nothing, and a second apply neither."""
    tasks = [
        task("dir", "file", {"path": "/opt/a/b", "state": "directory", "mode": "0750"}),
        task("file", "copy", {"dest": "/opt/a/b/f", "content": "x\n"}, requires=("dir",)),
        task("line", "lineinfile", {"path": "/etc/motd", "line": "hello"}),
    ]
    before = files(shared_host)
    with agent(shared_host) as session:
        planned = run(session, "plan", tasks)
    assert files(shared_host) == before
    with agent(shared_host) as session:
        applied = run(session, "apply", tasks)
        again = run(session, "apply", tasks)
    assert {name: message["changes"] for name, message in planned.items()} == {
        name: message["changes"] for name, message in applied.items()
    }
    assert set(statuses(applied).values()) == {"changed"}
    assert set(statuses(again).values()) == {"ok"}
    assert remote(lab, shared_host, "stat -c %a /opt/a/b; cat /opt/a/b/f") == "750\nx\n"


def test_sudo_with_and_without_a_password(shared_host: LabHost) -> None:
    """The agent is root through sudo, and the password is asked for at most once."""
    with agent(shared_host, "admin") as session:
        assert session.facts["user_id"] == "root"
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return "operator"

    with agent(shared_host, "operator", secrets=Secrets(prompt=answer)) as session:
        assert session.facts["user_id"] == "root"
    assert len(asked) == 1
    with agent(shared_host, "operator", become_password="operator") as session:
        assert session.facts["user_id"] == "root"


def test_sudo_refused_is_said(shared_host: LabHost) -> None:
    """No terminal and no password, or a wrong one: an error that names sudo, never a hang."""
    with pytest.raises(HostSetupError, match="sudo wants a password"), agent(shared_host, "operator"):
        pass
    with (
        pytest.raises(HostSetupError, match="did not accept the password"),
        agent(shared_host, "operator", become_password="wrong"),
    ):
        pass


def test_wrong_user_and_wrong_key_are_refused(shared_host: LabHost) -> None:
    """A login that fails names who tried with what."""
    with (
        pytest.raises(AuthenticationError, match=r"nobody@.* accepted none of"),
        agent(shared_host, "nobody"),
    ):
        pass


def test_unknown_and_changed_host_keys(shared_host: LabHost, tmp_path: object) -> None:
    """An unknown key is refused under strict checking, a changed one always."""
    empty = f"{tmp_path}/known_hosts"
    with pytest.raises(HostKeyError, match="is not known"):
        connect(replace(endpoint(shared_host), known_hosts=(empty,)), Secrets())
    accepting = replace(endpoint(shared_host), known_hosts=(empty,), host_key_checking="accept-new")
    connect(accepting, Secrets()).close()
    connect(replace(accepting, host_key_checking="strict"), Secrets()).close()
    with open(empty) as file:
        name, kind, blob = file.read().split()
    with open(empty, "w") as file:
        file.write(f"{name} {kind} {blob[:-8]}AAAAAAA=\n")
    with pytest.raises(HostKeyError, match="has changed"):
        connect(accepting, Secrets())


def test_nothing_listens_and_silence(shared_host: LabHost) -> None:
    """A closed port is told at once; a name that does not resolve too."""
    with pytest.raises(UnreachableError, match="Connection refused"), agent(shared_host, port=2):
        pass
    with (
        pytest.raises(UnreachableError, match="cannot be resolved"),
        agent(shared_host, address="no-such-host.invalid"),
    ):
        pass


def test_become_user_works_as_that_user(lab: Lab, shared_host: LabHost) -> None:
    """Files belong to the user, and what the user may not do fails."""
    remote(lab, shared_host, "id worker >/dev/null 2>&1 || useradd -m worker")
    tasks = [
        task("own", "copy", {"dest": "/home/worker/f", "content": "mine"}, become_user="worker"),
        task("id", "command", {"cmd": "sh -c 'id -un > /home/worker/who'"}, become_user="worker"),
        task("no", "copy", {"dest": "/etc/forbidden", "content": "x"}, become_user="worker"),
        task("who", "copy", {"dest": "/tmp/x", "content": "x"}, become_user="nosuchuser"),
    ]
    with agent(shared_host) as session:
        planned = run(session, "plan", tasks[:2])
        ended = run(session, "apply", tasks)
    assert statuses(planned) == {"own": "changed", "id": "changed"}
    assert statuses(ended) == {"own": "changed", "id": "changed", "no": "failed", "who": "failed"}
    assert "ermission" in ended["no"]["message"]
    assert "user 'nosuchuser' does not exist" in ended["who"]["message"]
    assert remote(lab, shared_host, "stat -c %U /home/worker/f; cat /home/worker/who") == "worker\nworker\n"


def test_a_second_apply_is_refused_while_the_first_runs(lab: Lab, shared_host: LabHost) -> None:
    """One apply at a time, the refusal names the holder, and a plan is not held up."""
    go = "/run/test-go"
    slow = task(
        "slow", "command", {"cmd": f"sh -c 'touch {go}.started; while ! test -e {go}; do sleep .1; done'"}
    )
    remote(lab, shared_host, f"rm -f {go} {go}.started")
    with agent(shared_host) as first, agent(shared_host) as second:
        results: list[dict[str, object]] = []
        thread = threading.Thread(
            target=lambda: results.append(
                statuses(run(first, "apply", [slow], holder={"user": "anna", "controller": "desk"}))  # type: ignore[arg-type]
            )
        )
        thread.start()
        assert wait_for(lambda: lab.shell(shared_host.name, ["test", "-e", f"{go}.started"]).returncode == 0)
        with pytest.raises(HostSetupError, match="another apply is under way: anna@desk"):
            run(second, "apply", [])
        assert run(second, "plan", []) == {}
        remote(lab, shared_host, f"touch {go}")
        thread.join()
        assert results == [{"slow": "changed"}]
        assert run(second, "apply", []) == {}


def test_timeout_kills_the_process_group(lab: Lab, shared_host: LabHost) -> None:
    """A task that takes too long is stopped with its children, and the next one runs."""
    tasks = [
        task("stuck", "shell", {"cmd": "sleep 4321 & sleep 4321"}, timeout_s=1),
        task("next", "command", {"cmd": "true"}),
    ]
    with agent(shared_host) as session:
        ended = run(session, "apply", tasks)
    assert statuses(ended) == {"stuck": "timeout", "next": "changed"}
    assert lab.shell(shared_host.name, ["pgrep", "-f", "sleep 4321"]).stdout == ""


CONTROLLER = """
import sys
from configurator.transport.session import HostSession
from configurator.transport.endpoint import Endpoint
from configurator.transport.sshauth import Secrets
from configurator.agent.protocol import TaskSpec
host, address, key, known = sys.argv[1:]
endpoint = Endpoint(
    host, address, identities=(key,), required_identities=(key,), identities_only=True, known_hosts=(known,)
)
session = HostSession(endpoint, Secrets())
def task(name, module, params, **options):
    return TaskSpec(name, "t", name, module, params, **options)
tasks = [
    task("note", "copy", {"dest": "/opt/noted", "content": "new"}, notify=("handler",)),
    task("slow", "shell", {"cmd": "touch /run/slow-runs; sleep 9876; touch /opt/never"}, after=("note",)),
    task("later", "copy", {"dest": "/opt/later", "content": "x"}, after=("slow",)),
    task("handler", "command", {"cmd": "touch /opt/handled"}, handler=True, after=("later",)),
]
session.run({"mode": "apply", "tasks": [item.to_json() for item in tasks]}, {}, lambda message: None)
"""


def test_a_killed_controller_leaves_nothing_but_what_is_owed(lab: Lab, fresh_host: LabHost) -> None:
    """SIGKILL: within 10 s no agent, no child, no partial file; the next apply runs the lost handler."""
    arguments = [fresh_host.name, fresh_host.address, fresh_host.key_path, fresh_host.known_hosts]
    controller = subprocess.Popen([sys.executable, "-c", CONTROLLER, *map(str, arguments)])
    try:
        assert wait_for(
            lambda: lab.shell(fresh_host.name, ["test", "-e", "/run/slow-runs"]).returncode == 0, 30
        )
    finally:
        os.kill(controller.pid, signal.SIGKILL)
        controller.wait()
    assert wait_for(lambda: agents(lab, fresh_host) == "")
    assert lab.shell(fresh_host.name, ["pgrep", "-f", "sleep 9876"]).stdout == ""
    assert remote(lab, fresh_host, "ls /opt; find / -xdev -name '.configurator-*'") == "noted\n"
    tasks = [
        task("note", "copy", {"dest": "/opt/noted", "content": "new"}, notify=("handler",)),
        task("handler", "command", {"cmd": "touch /opt/handled"}, handler=True, after=("note",)),
    ]
    with agent(fresh_host) as session:
        assert statuses(run(session, "plan", tasks)) == {"note": "ok", "handler": "changed"}
        assert statuses(run(session, "apply", tasks)) == {"note": "ok", "handler": "changed"}
        assert statuses(run(session, "apply", tasks)) == {"note": "ok"}
    assert remote(lab, fresh_host, "ls /opt") == "handled\nnoted\n"


def test_a_cut_link_ends_both_sides(lab: Lab, fresh_host: LabHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pulled cable: the controller calls the host unreachable, and the agent does not stay for ever."""
    monkeypatch.setattr("configurator.transport.session.SILENCE_S", 4.0)
    slow = task("slow", "shell", {"cmd": "touch /run/slow-runs; sleep 5432"})
    with SlowLink((fresh_host.address, fresh_host.port)) as link:
        known = f"[{link.address}]:{link.port}"
        with open(fresh_host.known_hosts) as file:
            keys = [line.split(maxsplit=1)[1] for line in file if line.startswith(fresh_host.address)]
        path = f"{fresh_host.known_hosts}.link"
        with open(path, "w") as file:
            file.writelines(f"{known} {key}" for key in keys)
        reached = replace(endpoint(fresh_host), address=link.address, port=link.port, known_hosts=(path,))
        session = HostSession(reached, Secrets())
        errors: list[Exception] = []

        def work() -> None:
            try:
                run(session, "apply", [slow])
            except UnreachableError as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        assert wait_for(lambda: lab.shell(fresh_host.name, ["test", "-e", "/run/slow-runs"]).returncode == 0)
        link.cut()
        thread.join(30)
        assert len(errors) == 1
        assert "nothing came for" in str(errors[0])
        session.close()
    assert wait_for(lambda: agents(lab, fresh_host) == "", 90)
    assert lab.shell(fresh_host.name, ["pgrep", "-f", "sleep 5432"]).stdout == ""


def test_sshd_that_locks_out_is_undone(lab: Lab, fresh_host: LabHost) -> None:
    """A drop-in that moves sshd where nobody can reach it is put back, and the task has failed."""
    bad = task(
        "bad",
        "copy",
        {"dest": "/etc/ssh/sshd_config.d/00-bad.conf", "content": "AllowUsers somebody-else\n"},
    )
    with agent(fresh_host) as session:
        ended = run(session, "apply", [bad])
        assert statuses(ended) == {"bad": "failed"}
        assert "a new login failed" in ended["bad"]["message"]
    assert remote(lab, fresh_host, "ls /etc/ssh/sshd_config.d /var/lib/configurator/guard") == (
        "/etc/ssh/sshd_config.d:\n\n/var/lib/configurator/guard:\n"
    )
    assert "configurator-guard" not in remote(
        lab, fresh_host, "systemctl list-timers --all; ls -R /etc/systemd"
    )


def test_sshd_on_another_port_is_confirmed_there(lab: Lab, fresh_host: LabHost) -> None:
    """Moving the port in mid-run: the new login proves the new port, and the next one is made there."""
    tasks = [
        task("port", "copy", {"dest": "/etc/ssh/sshd_config.d/00-port.conf", "content": "Port 2222\n"}),
        task(
            "again", "copy", {"dest": "/etc/ssh/sshd_config.d/01-x.conf", "content": "# x\n"}, after=("port",)
        ),
    ]
    with agent(fresh_host) as session:
        ended = run(session, "apply", tasks)
        assert statuses(ended) == {"port": "changed", "again": "changed"}, ended
        assert session.endpoint.port == 2222
