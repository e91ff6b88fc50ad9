"""systemd_service: a unit is started, stopped, enabled, masked, or is restarted or reloaded now.

Parameters are those of ansible.builtin.systemd_service; `service` and `systemd` are aliases. The parameters
of ansible.builtin.service that only other init systems know (`pattern`, `sleep`, `runlevel`, `arguments`) are
accepted, do nothing, and say so. With a `name` alone nothing is changed, and it is no error that there is no
such unit: `status` tells, as in Ansible. Differences, on purpose:
- `status` has the most asked for of what `systemctl show` prints, not all of it, and is of after the task.
- `scope: user` means the manager of the user whom the task works as (`become_user`), which must run: after
  a login, or with `loginctl enable-linger`. XDG_RUNTIME_DIR need not be set.
- a script in /etc/init.d that systemd has not seen yet is a unit once `daemon_reload: true` has it look.
- `daemon_reload` is done when a unit's files are newer than what systemd has loaded, and then is a change;
  otherwise it is nothing, and not one.
- a unit that dies right after it was started is a failure, which shows the unit's last journal lines.
- a oneshot unit without RemainAfterExit counts as started if systemd knows that it has ended well since
  boot; it forgets units that nothing refers to, and these are started each time, as in Ansible.
- enabling a static unit is ok and says so: it has no [Install] section and starts when another unit wants it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import TaskError
from configurator.modules import systemd_show
from configurator.modules import systemd_units as units
from configurator.modules.base import Guard, Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, State
from configurator.modules.system import CommandResult, System

_ACTIONS = ("restarted", "reloaded")
# Units that carry our own way in: stopping or restarting one can cut it.
_ACCESS = frozenset(
    {
        "ssh.service",
        "sshd.service",
        "ssh.socket",
        "networking.service",
        "systemd-networkd.service",
        "NetworkManager.service",
        "ufw.service",
        "firewalld.service",
        "netfilter-persistent.service",
        "fail2ban.service",
    }
)
_RULES = "nftables.service"  # starting it replaces all rules by those of /etc/nftables.conf
_MASKS_STAND_IN = ("/etc/systemd/system/", "/etc/systemd/user/")  # systemctl(1), mask
_DERIVED = frozenset({"status", "masked", "enabled at boot", "restarted", "reloaded", "reexecuted"})
_KEYS = {"system": "unit:", "user": "user-unit:", "global": "global-unit:"}
# What ansible.builtin.service takes and drops where the host runs systemd, with a warning.
_MANAGERS = ("auto", "systemd", "systemd_service", "service")
_OF_OTHERS = ("pattern", "sleep", "runlevel", "arguments")
_SETTLE_S = "0.3"  # systemd calls a simple service active before it has run one instruction of its own


@dataclass(frozen=True, slots=True)
class ServiceParams:
    """The parameters of ansible.builtin.systemd_service."""

    name: str | None = param("str", aliases=("service", "unit"))
    state: str | None = param("str", choices=("started", "stopped", "restarted", "reloaded"))
    enabled: bool | None = param("bool")
    masked: bool | None = param("bool")
    daemon_reload: bool = param("bool", False, aliases=("daemon-reload",))
    daemon_reexec: bool = param("bool", False, aliases=("daemon-reexec",))
    scope: str = param("str", "system", choices=("system", "user", "global"))
    no_block: bool = param("bool", False)
    force: bool | None = param("bool")
    pattern: str | None = param("str")
    sleep: int | None = param("int")
    runlevel: str | None = param("str")
    arguments: str | None = param("str", aliases=("args",))
    use: str = param("str", "auto")

    @property
    def unit(self) -> str | None:
        """The unit's full name, or None if the task is about systemd itself."""
        return None if self.name is None else units.full_name(self.name)

    @property
    def wants_unit(self) -> bool:
        """True if a unit shall be of some state, and not just be looked at."""
        return bool(self.state) or self.enabled is not None or self.masked is not None


class SystemdService(Module[ServiceParams]):
    """Keeps a unit's running, enabled and masked states, or acts on it once."""

    name = "systemd_service"
    aliases = ("service", "systemd")
    params = ServiceParams
    timeout_s: ClassVar[float] = 300.0
    typical_s: ClassVar[float] = 0.5
    foresees: ClassVar[bool] = True

    def check(self, params: ServiceParams) -> Sequence[ParamProblem]:
        """Return combinations that mean nothing."""
        problems = []
        if params.scope == "global" and (params.state or params.daemon_reload or params.daemon_reexec):
            problems.append(
                ParamProblem(
                    "scope", "'scope: global' can enable and mask: each user has a systemd of their own"
                )
            )
        if params.unit is None and params.wants_unit:
            problems.append(ParamProblem("name", "missing required parameter 'name'"))
        if params.use.rpartition(".")[2] not in _MANAGERS:
            problems.append(
                ParamProblem("use", f"{params.use!r} is not Debian's service manager, which is systemd")
            )
        if params.unit is not None and units.is_template(params.unit) and params.state:
            problems.append(
                ParamProblem("state", f"{params.unit} is a template: name an instance, such as name@one")
            )
        if params.masked and (params.enabled or params.state in ("started", *_ACTIONS)):
            problems.append(ParamProblem("masked", "a masked unit can be neither enabled nor started"))
        return problems

    def subject(self, params: ServiceParams) -> str:
        """Return the unit's key, or systemd's own."""
        return f"{_KEYS[params.scope]}{params.unit or 'systemd'}"

    def effects(self, params: ServiceParams) -> Effects:
        """A service that starts may read any file, and needs its package and its user."""
        keys = _KEYS[params.scope]
        writes = {f"{keys}{params.unit}"} if params.unit else set()
        writes |= {f"{keys}systemd"} if params.daemon_reload or params.daemon_reexec else set()
        reads = {f"path:{directory}/**" for directory in units.DIRECTORIES} | {"package:**"}
        if params.state in ("started", *_ACTIONS) or params.scope != "system":
            reads |= {"path:**", "user:**", "group:**", f"{keys}systemd"}
        return effects(reads=reads, writes=writes)

    def guard(self, params: ServiceParams, system: System) -> Guard | None:  # noqa: ARG002
        """Return how to undo a change of a unit that carries our way in."""
        if params.scope != "system":
            return None
        disruptive = params.state in ("stopped", *_ACTIONS) or params.masked or params.enabled is False
        if params.unit in _ACCESS and disruptive:
            return Guard(saves_units=(params.unit,))
        if params.unit == _RULES and (disruptive or params.state == "started"):
            return Guard(saves_tables=("*",))
        return None

    def events(self, params: ServiceParams, change: Change) -> frozenset[str]:
        """A start and a restart both make the unit run with its present configuration."""
        if "restarted" in change or (params.state in ("started", "reloaded") and "active" in change):
            return frozenset({f"started:{params.unit}"})
        return frozenset({f"reloaded:{params.unit}"}) if "reloaded" in change else frozenset()

    def absorbed_by(self, params: ServiceParams) -> frozenset[str]:
        """A restart is not needed behind a start, a reload behind neither of both nor another reload."""
        if params.state == "restarted":
            return frozenset({f"started:{params.unit}"})
        if params.state == "reloaded":
            return frozenset({f"started:{params.unit}", f"reloaded:{params.unit}"})
        return frozenset()

    # -- verbs ----------------------------------------------------------------------------------------

    def anticipate(self, system: System, items: Sequence[ServiceParams]) -> None:
        """Ask for the units of all tasks in one go; users' own managers are not asked through others."""
        named = [params.unit for params in items if params.scope == "system" and params.unit is not None]
        systemd_show.anticipate(system, [unit for unit in named if not units.is_template(unit)], units.SYSTEM)

    def observe(self, system: System, params: ServiceParams) -> State:
        """Return the unit's state (modules/shapes.py); TaskError if there is no such unit."""
        scope = _scope(system, params)
        if params.unit is None:
            stale = params.daemon_reload and units.any_stale(system, scope)
            return {"exists": True, "stale": stale, "reexecuted": False}
        state = units.unit_state(system, params.unit, scope)
        if not state["exists"]:
            # A unit that is not there can be masked, so that it never comes up (systemctl(1)).
            if params.wants_unit and (params.masked is not True or params.state == "stopped"):
                raise units.no_such_unit(system, params.unit, scope)
            state = {
                "status": state.get("status", {}),
                "exists": False,
                "load": "not-found",
                "enabled": "",
                "active": "inactive",
                "stale": False,
            }
        if params.daemon_reload:
            state["stale"] = units.is_stale(system, state, scope)
        _warn(system, params, state)
        masked = units.is_masked(state)
        return state | {
            "masked": masked,
            "enabled at boot": units.is_enabled(state),
            "restarted": False,
            "reloaded": False,
            "reexecuted": False,
        }

    def desired(self, params: ServiceParams, actual: State) -> State:
        """Return the wanted states; `restarted` and `reloaded` are events, which only doing them proves."""
        wanted: State = {}
        if params.daemon_reload:
            wanted["stale"] = False
        if params.daemon_reexec:
            wanted["reexecuted"] = True
        if params.unit is None:
            return wanted
        if params.masked is not None:
            wanted["masked"] = params.masked
        if params.enabled is not None and actual["enabled"] not in units.NOT_ENABLEABLE:
            wanted["enabled at boot"] = params.enabled
        if params.state == "started" and not units.is_up(actual):
            wanted["active"] = "active"
        elif params.state == "stopped" and not units.is_down(actual):
            wanted["active"] = "inactive"
        elif params.state == "restarted":
            wanted["restarted"] = True
        elif params.state == "reloaded":
            wanted |= {"reloaded": True} if _can_reload(actual) else {"active": "active"}
        return wanted

    def converge(self, system: System, params: ServiceParams, change: Change) -> State | None:
        """Reload definitions, unmask, enable, then act; masking comes last."""
        scope = _scope(system, params)
        proof: State = {}
        if "reexecuted" in change or "stale" in change:
            verb = "daemon-reexec" if "reexecuted" in change else "daemon-reload"
            now = units.manager_state(system, scope) | {"reloaded_at": time.time()}
            argv = ["systemctl", *scope.options, verb]
            system.run(argv, establishes={scope.manager: now}, env=scope.environment)
            proof |= {"reexecuted": "reexecuted" in change, "stale": False}
        if params.unit is None:
            return proof
        known = dict(change.before)
        if "stale" in change:  # systemd has made a unit of the script by now
            known.pop("script", None)
            known["stale"] = False
        unit = _Unit(system, params.unit, scope, known)
        if "masked" in change and not params.masked:
            unit.systemctl(["unmask"], load="loaded", enabled="disabled")
        if "enabled at boot" in change:
            verb = "enable" if params.enabled else "disable"
            unit.systemctl([verb, *(["--force"] if params.force else [])], enabled=f"{verb}d")
        proof |= _act(unit, params, change)
        if "masked" in change and params.masked:
            unit.systemctl(["mask"], load="masked", enabled="masked")
        return proof

    def outputs(self, params: ServiceParams, actual: State) -> dict[str, object]:
        """Return the unit's name and states, as Ansible's `name` and `state`."""
        if params.unit is None or not actual:
            return {"name": params.name, "status": {}}
        found: dict[str, object] = {
            "name": params.name,
            "enabled": actual["enabled at boot"],
            "status": {
                "LoadState": actual["load"],
                "ActiveState": actual["active"],
                "UnitFileState": actual["enabled"],
                **actual.get("status", {}),
            },
        }
        if params.state is not None:
            found["state"] = "stopped" if params.state == "stopped" else "started"
        return found


def _scope(system: System, params: ServiceParams) -> units.Scope:
    if params.scope == "user":
        return units.user_scope(system)
    return units.GLOBAL if params.scope == "global" else units.SYSTEM


def _can_reload(state: State) -> bool:
    """Return True unless the unit does not run: Ansible then starts it."""
    return state["active"] in ("active", "reloading") or bool(state["reloaded"])


def _warn(system: System, params: ServiceParams, state: State) -> None:
    if "script" in state and state["stale"] and not params.daemon_reload and params.state is not None:
        raise TaskError(
            f"systemd has not seen {state['script']} yet, so there is no {params.unit}",
            hint="`daemon_reload: true` has it look",
        )
    ignored = [name for name in _OF_OTHERS if getattr(params, name) is not None]
    if ignored:
        system.notice(f"systemd has no use for {', '.join(ignored)}: ignored")
    word = state.get("enabled")
    if params.enabled is not None and word in units.NOT_ENABLEABLE:
        system.notice(
            f"{params.unit} is {word}: it starts when another unit wants it, and cannot itself be enabled"
        )
    if state.get("stale") and not params.daemon_reload and params.state in ("started", *_ACTIONS):
        system.notice(
            f"the files of {params.unit} are newer than what systemd has loaded: add `daemon_reload: true`"
        )
    own = next(iter(state.get("files", ())), "")
    in_the_way = own.startswith(_MASKS_STAND_IN) and own.endswith(f"/{params.unit}")  # a template is not
    if params.masked and not units.is_masked(state) and in_the_way:
        raise TaskError(
            f"{params.unit} cannot be masked: its own file is {own}, where the mask would have to be",
            hint="remove that file, or move it to /usr/local/lib/systemd/system",
        )
    if params.masked is None and params.state in ("started", *_ACTIONS) and units.is_masked(state):
        raise TaskError(
            f"{params.unit} is masked, so it cannot be started", hint="`masked: false` unmasks it"
        )


def _act(unit: _Unit, params: ServiceParams, change: Change) -> State:
    """Start, stop, restart or reload, and return the events that this proves."""
    blocking = ["--no-block"] if params.no_block else []
    if "restarted" in change:
        unit.start(["restart", *blocking])
        return {"restarted": True}
    if "reloaded" in change:
        unit.systemctl(["reload", *blocking])
        return {"reloaded": True}
    if "active" not in change:
        return {}
    if params.state == "stopped":
        unit.stop(blocking)
        return {"active": "inactive"} if params.no_block else {}
    unit.start(["start", *blocking])
    # systemd forgets a oneshot unit that nothing refers to as soon as it has ended: its exit status is all.
    over = params.no_block or units.is_oneshot(change.before)
    started: State = {"active": "active"} if over else {}
    return started | ({"reloaded": True} if params.state == "reloaded" else {})


class _Unit:
    """One unit while it is being changed: keeps what the commands so far have made of it."""

    def __init__(self, system: System, name: str, scope: units.Scope, before: State) -> None:
        names = before.get("names") or (name,)
        self._system = system
        self._scope = scope
        # `enable` refuses to work on an alias, so the unit is called by systemd's own name.
        self._name = str(names[0])
        self._names = {name, *names}
        self._state = {key: value for key, value in before.items() if key not in _DERIVED} | {"exists": True}

    def systemctl(self, words: Sequence[str], **fields: object) -> CommandResult:
        """Run systemctl for this unit, after which `fields` hold; TaskError with the journal if it fails."""
        self._state |= fields
        establishes = {f"{self._scope.keys}{name}": dict(self._state) for name in self._names}
        if "read_at" in self._state:
            manager = units.manager_state(self._system, self._scope)
            establishes[self._scope.manager] = manager | {"read": (*manager.get("read", ()), self._name)}
        argv = ["systemctl", *self._scope.options, *words, self._name]
        done = self._system.run(
            argv, establishes=establishes, ok=tuple(range(256)), env=self._scope.environment
        )
        if done.exit_status != 0:
            raise self._failure(words[0], done)
        return done

    def start(self, words: Sequence[str]) -> None:
        """Start or restart, and make sure that the unit is still up a moment later."""
        oneshot = units.is_oneshot(self._state)
        up = {"active": "inactive", "sub": "dead"} if oneshot else {"active": "active", "sub": "running"}
        done = self.systemctl(words, **up, ran=True, result="success")
        if "--no-block" in words or oneshot:
            return
        if self._state.get("type") in ("simple", "exec", "idle"):
            self._system.run(["sleep", _SETTLE_S], establishes={})
        now = units.unit_state(self._system, self._name, self._scope)
        if units.is_up(now):
            return
        output = units.last_lines(self._system, self._name, self._scope)
        if "unmet condition" in output.rpartition("\n")[0].rpartition("\n")[2]:
            raise TaskError(
                f"{self._name} does not run on this host: a condition in its unit file is not met",
                command=done.argv,
                output=output,
                hint="give the task a `when:` that leaves such hosts out",
            )
        raise TaskError(
            f"{self._name} was started and ended at once ({now.get('result', now['active'])})",
            command=done.argv,
            output=output,
            hint=self._more,
        )

    def stop(self, options: Sequence[str]) -> None:
        """Stop, and pass on systemd's warning that something else may start the unit again."""
        done = self.systemctl(["stop", *options], active="inactive", sub="dead")
        if "can still be activated by" in done.stderr:
            self._system.notice(" ".join(done.stderr.split()))

    @property
    def _more(self) -> str:
        option = "--user-unit" if self._scope.environment else "-u"
        return f"`journalctl {option} {self._name}` tells more"

    def _failure(self, verb: str, done: CommandResult) -> TaskError:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        acted = verb in ("start", "restart", "reload", "stop")
        journal = units.last_lines(self._system, self._name, self._scope) if acted else ""
        return TaskError(
            f"could not {verb} {self._name}: {said[0] if said else 'systemctl gave no reason'}",
            command=done.argv,
            exit_status=done.exit_status,
            output=journal or done.stderr,
            hint=self._more if journal else None,
        )
