"""systemd_service: states of units, events, and what a plan knows of units that systemd has not seen."""

from __future__ import annotations

import time
from typing import Any

import pytest

from configurator.core.errors import TaskError
from configurator.modules.systemd_service import SystemdService
from configurator.modules.systemd_units import full_name, is_down, is_up
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, params_of, problems_of

SERVICE = SystemdService()


def shown(unit: str = "nginx.service", **fields: str) -> str:
    """What `systemctl show` prints of a running, enabled service, with some fields different."""
    values = {
        "Id": unit,
        "Names": unit,
        "LoadState": "loaded",
        "ActiveState": "active",
        "SubState": "running",
        "UnitFileState": "enabled",
        "Type": "forking",
        "RemainAfterExit": "no",
        "CanReload": "yes",
        "NeedDaemonReload": "no",
        "FragmentPath": f"/lib/systemd/system/{unit}",
        "DropInPaths": "",
        "Result": "success",
        "ExecMainExitTimestampMonotonic": "0",
    } | fields
    return "".join(f"{name}={value}\n" for name, value in values.items())


def host(unit: str = "nginx.service", *, plan: Any = True, **fields: str) -> RecordedSystem:
    missing = shown(unit, LoadState="not-found", ActiveState="inactive", SubState="dead", UnitFileState="")
    return RecordedSystem(
        {
            "systemctl show": missing,
            f"systemctl show {unit}": shown(unit, **fields),
            "systemctl list-unit-files": "nginx.service enabled enabled\nssh.service enabled enabled\n",
        },
        plan=plan,
    )


DOWN = {"ActiveState": "inactive", "SubState": "dead"}


def test_bare_names_mean_services() -> None:
    """`nginx` and `nginx.service` are one unit, a timer stays a timer."""
    assert full_name("nginx") == "nginx.service"
    assert full_name("apt-daily.timer") == "apt-daily.timer"
    assert full_name("php8.2-fpm") == "php8.2-fpm.service"


def test_a_running_enabled_unit_needs_one_question_and_no_change() -> None:
    """The no-change case is one systemctl call."""
    system = host()
    assert not change_of(SERVICE, system, name="nginx", state="started", enabled=True)
    assert len(system.queried) == 1


def together(*units: str, **answers: str) -> str:
    """What `systemctl show` prints of several units, by their names' beginnings."""
    missing = {"LoadState": "not-found", **DOWN, "UnitFileState": ""}
    blocks = (shown(unit, **(missing if unit.startswith("missing") else {})) for unit in units)
    return answers.get("instead", "\n".join(blocks))


def many(answer: str | None = None, *names: str) -> tuple[RecordedSystem, list[Any]]:
    """Return a host with some units, and tasks about them."""
    wanted = names or ("a.service", "missing.service", "b.timer", "c@1.service")
    first = " ".join(dict.fromkeys(wanted))
    system = RecordedSystem(
        {
            f"systemctl show {first}": together(*dict.fromkeys(wanted)) if answer is None else answer,
            "systemctl list-unit-files": "",
            **{f"systemctl show {name} --property": together(name) for name in wanted},
        }
    )
    return system, [params_of(SERVICE, name=name, state="started") for name in wanted]


def test_the_units_of_many_tasks_need_one_question() -> None:
    """Services, timers, instances, and those that are not there."""
    system, tasks = many()
    SERVICE.anticipate(system, tasks)
    for params in tasks:
        if params.unit == "missing.service":
            with pytest.raises(TaskError, match="Could not find the requested service"):
                SERVICE.observe(system, params)
        else:
            assert SERVICE.observe(system, params)["active"] == "active"
    assert [argv[1] for argv in system.queried] == ["show", "list-unit-files"]


def test_only_units_of_the_system_are_asked_for_together() -> None:
    """Each user has a manager of their own, templates cannot be shown, and patterns are no names."""
    system, _ = many()
    given: list[dict[str, Any]] = [
        {"name": "a", "state": "started"},
        {"name": "u", "state": "started", "scope": "user"},
        {"name": "g", "enabled": True, "scope": "global"},
        {"name": "t@", "enabled": True},
        {"name": "p*", "state": "started"},
        {"name": "-.mount", "enabled": True},
        {"daemon_reload": True},
    ]
    SERVICE.anticipate(system, [params_of(SERVICE, **params) for params in given])
    assert system.queried == [], "one is asked for as well alone"


@pytest.mark.parametrize(
    "answer",
    [
        (1, together("a.service", "b.service"), "Invalid unit name"),
        together("a.service"),
        together("a.service", "b.service", "c.service"),
        "",
        "Id=a.service\n\nId=b.service\n",
        together("x.service", "y.service"),
        (1, "", "System has not been booted with systemd as init system"),
    ],
    ids=["refused", "too few", "too many", "nothing", "no states", "others", "no systemd"],
)
def test_an_answer_that_does_not_fit_is_not_used(answer: Any) -> None:
    """Then every task asks for its own unit, and says what is wrong with it."""
    system, tasks = many(answer, "a.service", "b.service")
    SERVICE.anticipate(system, tasks)
    assert [SERVICE.observe(system, params)["names"] for params in tasks] == [("a.service",), ("b.service",)]
    assert len(system.queried) == 3


def test_an_alias_is_known_under_the_name_that_was_asked_for() -> None:
    """systemd tells its own name first; another unit's state is never taken for it."""
    alias = shown("ssh.service", Names="ssh.service sshd.service")
    system, tasks = many(f"{alias}\n{shown('b.service')}", "sshd.service", "b.service")
    SERVICE.anticipate(system, tasks)
    assert SERVICE.observe(system, tasks[0])["names"] == ("ssh.service", "sshd.service")
    assert len(system.queried) == 1


def test_what_was_said_long_ago_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service may have died by itself while other tasks took their time."""
    now = [0.0]
    monkeypatch.setattr("configurator.modules.systemd_show.monotonic", lambda: now[0])
    system, tasks = many(None, "a.service", "b.service")
    SERVICE.anticipate(system, tasks)
    for at, questions in ((9.0, 1), (11.0, 2)):
        now[0] = at
        SERVICE.observe(system, tasks[0])
        assert len(system.queried) == questions


def test_starting_and_enabling_are_seen_by_later_tasks_of_a_plan() -> None:
    """After the first task the unit is up and enabled, though nothing was really started."""
    system = host(UnitFileState="disabled", **DOWN)
    change = change_of(SERVICE, system, name="nginx", state="started", enabled=True)
    assert set(change.fields) == {"active", "enabled at boot"}
    assert not converge(SERVICE, system, name="nginx", state="started", enabled=True)
    assert system.commands == ["systemctl enable nginx.service", "systemctl start nginx.service"]
    assert not change_of(SERVICE, system, name="nginx.service", state="started", enabled=True)
    assert change_of(SERVICE, system, name="nginx", state="stopped").before["active"] == "active"


def test_an_alias_is_enabled_by_its_own_name() -> None:
    """`systemctl enable sshd` fails on Debian: sshd.service is an alias of ssh.service."""
    system = host(
        "sshd.service", Id="ssh.service", Names="ssh.service sshd.service", UnitFileState="disabled"
    )
    assert not converge(SERVICE, system, name="sshd", enabled=True)
    assert system.commands == ["systemctl enable ssh.service"]
    assert not change_of(SERVICE, system, name="ssh", enabled=True)


def test_an_unknown_unit_is_named_with_the_nearest() -> None:
    """The error says what was not found, in Ansible's words, and what may have been meant."""
    with pytest.raises(TaskError) as caught:
        change_of(SERVICE, host(), name="nginxx", state="started")
    assert caught.value.message == "Could not find the requested service 'nginxx.service'"
    assert caught.value.hint == "did you mean 'nginx.service'?"


def test_a_unit_file_written_earlier_in_a_plan_is_a_unit() -> None:
    """Nobody has run daemon-reload in a plan: the file itself says what the unit will be."""
    system = host()
    with pytest.raises(TaskError):
        change_of(SERVICE, system, name="job", state="started")
    system.put(
        "/etc/systemd/system/job.service",
        "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
    )
    assert set(change_of(SERVICE, system, name="job", state="started", enabled=True).fields) == {
        "active",
        "enabled at boot",
    }
    assert not converge(SERVICE, system, name="job", state="started", enabled=True)
    system.put("/etc/systemd/system/tunnel@.service", "[Service]\nExecStart=/bin/true\n")
    assert change_of(SERVICE, system, name="tunnel@one", state="started")


def test_restart_and_reload_are_events_and_prove_themselves() -> None:
    """They are a change each time; doing them is the only proof."""
    system = host()
    assert change_of(SERVICE, system, name="nginx", state="restarted").fields == ("restarted",)
    assert not converge(SERVICE, system, name="nginx", state="restarted")
    assert change_of(SERVICE, system, name="nginx", state="restarted")
    assert not converge(SERVICE, system, name="nginx", state="reloaded")
    assert system.commands == ["systemctl restart nginx.service", "systemctl reload nginx.service"]


def test_reloading_a_stopped_unit_starts_it() -> None:
    """As in Ansible: after `reloaded` the unit runs with its present configuration."""
    system = host(**DOWN)
    assert not converge(SERVICE, system, name="nginx", state="reloaded")
    assert system.commands == ["systemctl start nginx.service"]


def test_a_start_absorbs_a_later_restart() -> None:
    """A unit that was started with the new configuration is not restarted once more."""
    started = params_of(SERVICE, name="nginx", state="started")
    restarted = params_of(SERVICE, name="nginx.service", state="restarted")
    events = SERVICE.events(started, change_of(SERVICE, host(**DOWN), name="nginx", state="started"))
    assert events & SERVICE.absorbed_by(restarted)
    assert not SERVICE.events(started, change_of(SERVICE, host(), name="nginx", state="started"))


def test_a_unit_that_dies_at_once_fails_with_its_journal() -> None:
    """systemctl calls a simple service started before it ran: a moment later it is looked at again."""
    answers = [
        shown("die.service", Type="simple", **DOWN),
        shown("die.service", Type="simple", ActiveState="failed", SubState="failed", Result="exit-code"),
    ]
    system = RecordedSystem(
        {
            "systemctl show": lambda argv, stdin: answers[0] if len(system.ran) == 0 else answers[1],
            "systemctl start": "",
            "sleep": "",
            "journalctl": "die[1]: no such database\n",
        },
        plan=False,
    )
    with pytest.raises(TaskError) as caught:
        converge(SERVICE, system, name="die", state="started")
    assert caught.value.message == "die.service was started and ended at once (exit-code)"
    assert "no such database" in caught.value.output


def test_a_crash_loop_is_not_up_and_a_finished_job_is() -> None:
    """activating/auto-restart is how systemd shows a crash loop; a oneshot ends inactive when all is well."""
    loop = {"active": "activating", "sub": "auto-restart", "type": "simple", "remain": False}
    starting = {"active": "activating", "sub": "start", "type": "notify", "remain": False}
    done = {
        "active": "inactive",
        "sub": "dead",
        "type": "oneshot",
        "remain": False,
        "ran": True,
        "result": "success",
    }
    assert not is_up(loop)
    assert is_up(starting)
    assert is_up(done)
    assert not is_up(done | {"ran": False})
    assert not is_up(done | {"result": "exit-code"})
    assert not is_up(done | {"remain": True})
    assert is_down({"active": "failed"})


def test_a_static_unit_cannot_be_enabled_and_says_so() -> None:
    """It is no failure and no change, but its reader should know."""
    system = host(UnitFileState="static")
    assert not change_of(SERVICE, system, name="nginx", enabled=True)
    assert not change_of(SERVICE, system, name="nginx", enabled=False)
    assert "is static" in system.notices[0]


def test_masked_units_start_only_when_unmasked() -> None:
    """Starting a masked unit is refused with what helps; `masked: false` unmasks it before the start."""
    masked = {"LoadState": "masked", "UnitFileState": "masked", **DOWN}
    with pytest.raises(TaskError, match="is masked"):
        change_of(SERVICE, host(**masked), name="nginx", state="started")
    system = host(**masked)
    assert not converge(SERVICE, system, name="nginx", state="started", masked=False, enabled=True)
    assert [line.split()[1] for line in system.commands] == ["unmask", "enable", "start"]


def test_stop_disable_and_mask_in_this_order() -> None:
    """Masking first would make the other two fail."""
    system = host()
    assert not converge(SERVICE, system, name="nginx", state="stopped", enabled=False, masked=True)
    assert [line.split()[1] for line in system.commands] == ["disable", "stop", "mask"]


def test_a_unit_that_does_not_exist_can_be_masked() -> None:
    """So that it never comes up, should a package bring it later."""
    system = host()
    assert not converge(SERVICE, system, name="later", masked=True)
    assert system.commands == ["systemctl mask later.service"]


def test_a_generated_unit_is_asked_for_its_sysv_links() -> None:
    """systemd calls the unit of an init script `generated`; only is-enabled knows its rc links."""
    system = host(UnitFileState="generated")
    system.answers["systemctl is-enabled"] = (1, "disabled\n", "")
    assert change_of(SERVICE, system, name="nginx", enabled=True)
    system.answers["systemctl is-enabled"] = "enabled\n"
    assert not change_of(SERVICE, system, name="nginx", enabled=True)


def test_daemon_reload_is_done_only_when_files_are_newer() -> None:
    """On its own it is no change; a stale definition is one."""
    system = host()
    system.answers["systemctl show *"] = "Id=a.service\nNeedDaemonReload=no\nFragmentPath=\n\nId=b.service\n"
    assert not change_of(SERVICE, system, daemon_reload=True)
    assert not change_of(SERVICE, system, name="nginx", daemon_reload=True)
    system.answers["systemctl show *"] = "Id=a.service\nNeedDaemonReload=yes\nFragmentPath=\n"
    assert change_of(SERVICE, system, daemon_reload=True).fields == ("stale",)
    assert not converge(SERVICE, system, daemon_reload=True)
    assert not change_of(SERVICE, system, daemon_reload=True)
    assert change_of(SERVICE, host(NeedDaemonReload="yes"), name="nginx", daemon_reload=True).fields == (
        "stale",
    )


def test_a_unit_file_changed_earlier_in_a_plan_needs_a_reload() -> None:
    """systemd cannot know of it: the plan sees that the file is not the one on the disk."""
    path = "/etc/systemd/system/nginx.service"
    system = host(FragmentPath=path)
    system.put(path, "[Service]\n", mtime=1000.5)
    system.answers["stat"] = f"1000.500000000 {path}\n"
    assert not change_of(SERVICE, system, name="nginx", daemon_reload=True)
    system.put(path, "[Service]\nNice=5\n", mtime=time.time() - 5)
    assert change_of(SERVICE, system, name="nginx", daemon_reload=True).fields == ("stale",)
    assert not converge(SERVICE, system, name="nginx", daemon_reload=True)
    system.put("/etc/systemd/system/nginx.service.d/limits.conf", "[Service]\n", mtime=time.time() + 60)
    assert change_of(SERVICE, system, name="nginx", daemon_reload=True).fields == ("stale",)


@pytest.mark.parametrize(
    "answer",
    [
        (1, "", "System has not been booted with systemd as init system (PID 1). Can't operate.\n"),
        (0, "", "Running in chroot, ignoring command 'show'\n"),
        (127, "", "systemctl: not found"),
    ],
)
def test_a_host_without_systemd_is_told_so(answer: Any) -> None:
    """A chroot answers with success and silence: that must not pass for an unknown unit."""
    with pytest.raises(TaskError, match="systemd is not running here"):
        change_of(SERVICE, RecordedSystem({"systemctl show": answer}), name="nginx", state="started")


def test_units_that_carry_our_way_in_are_guarded() -> None:
    """Stopping sshd or loading other packet rules may cut us off; starting nginx may not."""
    system = host()
    assert SERVICE.guard(params_of(SERVICE, name="ssh", state="restarted"), system) is not None
    assert SERVICE.guard(params_of(SERVICE, name="nftables", state="started"), system) is not None
    assert SERVICE.guard(params_of(SERVICE, name="systemd-networkd", masked=True), system) is not None
    assert SERVICE.guard(params_of(SERVICE, name="ssh", state="started", enabled=True), system) is None
    assert SERVICE.guard(params_of(SERVICE, name="nginx", state="restarted"), system) is None


def test_a_name_alone_only_looks() -> None:
    """What systemd says of a unit is returned; that there is none is not an error."""
    params = params_of(SERVICE, name="nginx")
    system = host(MainPID="77")
    assert not change_of(SERVICE, system, name="nginx")
    returned = SERVICE.outputs(params, SERVICE.observe(system, params))
    assert returned["status"]["MainPID"] == "77"  # type: ignore[index]
    assert "state" not in returned
    params = params_of(SERVICE, name="nosuch")
    returned = SERVICE.outputs(params, SERVICE.observe(system, params))
    assert returned["status"]["LoadState"] == "not-found"  # type: ignore[index]


def test_a_restart_is_returned_as_started() -> None:
    """As Ansible's `state` has it: what the unit is by then."""
    params = params_of(SERVICE, name="nginx", state="restarted")
    assert SERVICE.outputs(params, SERVICE.observe(host(), params))["state"] == "started"


def test_what_other_init_systems_know_is_dropped_with_a_warning() -> None:
    """Roles for several systems give `sleep` and `pattern` to the module `service`."""
    system = host()
    assert not change_of(SERVICE, system, name="nginx", state="started", sleep=3, args="eth0")
    assert "systemd has no use for sleep, arguments: ignored" in system.notices


def test_combinations_that_mean_nothing_are_refused() -> None:
    """Before any host is touched."""
    assert problems_of(SERVICE, state="started") == ["missing required parameter 'name'"]
    assert problems_of(SERVICE, name="x", state="started", use="openrc")
    assert problems_of(SERVICE, name="x", state="started", scope="global")
    assert problems_of(SERVICE, name="x@", state="started")
    assert problems_of(SERVICE, name="x", masked=True, enabled=True)
