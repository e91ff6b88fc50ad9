"""What systemd says of a unit, and what a unit's files say where systemd has not seen them yet."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from configurator.core.errors import TaskError
from configurator.modules.params import did_you_mean
from configurator.modules.state import State
from configurator.modules.system import CommandResult, System
from configurator.modules.systemd_show import Properties, no_systemd, parse_properties, show

# systemd.unit(5): the endings of unit names, and where unit files are looked for, first match first.
SUFFIXES = (
    ".service",
    ".socket",
    ".timer",
    ".target",
    ".path",
    ".mount",
    ".automount",
    ".swap",
    ".slice",
    ".scope",
    ".device",
)
DIRECTORIES = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
# The same for units of users' own managers, less those of one user.
_USER_DIRECTORIES = (
    "/etc/systemd/user",
    "/run/systemd/user",
    "/usr/local/lib/systemd/user",
    "/usr/lib/systemd/user",
)
MANAGER = "unit:systemd"  # systemd itself, with all it has read


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose units are meant: those of the system, of one user's own manager, or of all users' (`global`).

    `keys` is the beginning of their effect keys; the first of `directories` is the administrator's, or the
    user's own.
    """

    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    keys: str = "unit:"
    directories: tuple[str, ...] = DIRECTORIES

    @property
    def manager(self) -> str:
        """Return the key of the manager of these units."""
        return f"{self.keys}systemd"

    def query(self, system: System, verb: str, *words: str) -> CommandResult:
        """Ask systemctl about the units of this scope, whatever its exit status says."""
        return system.query(["systemctl", *self.options, verb, *words], ok=_ANY, env=self.environment)


SYSTEM = Scope()
GLOBAL = Scope(("--global",), {}, "global-unit:", _USER_DIRECTORIES)


def user_scope(system: System) -> Scope:
    """Return the scope of the user whom the task works as; TaskError if that user's manager does not run."""
    uid = system.query(["id", "-u"]).stdout.strip()
    name, *_, home, _ = (system.query(["getent", "passwd", uid]).stdout.strip() or "::::::").split(":")
    runtime = f"/run/user/{uid}"  # pam_systemd(8)
    if system.stat(f"{runtime}/systemd/private", follow=True) is None:
        raise TaskError(
            f"the systemd of user {name or uid!r} does not run, so no unit of theirs can be managed",
            hint=f"`loginctl enable-linger {name}` starts it at boot; it needs the package libpam-systemd",
        )
    own = (f"{home}/.config/systemd/user", f"{home}/.local/share/systemd/user")
    directories = (own[0], *_USER_DIRECTORIES[:1], f"{runtime}/systemd/user", own[1], *_USER_DIRECTORIES[1:])
    return Scope(("--user",), {"XDG_RUNTIME_DIR": runtime}, f"user-unit:{name}/", directories)


_ANY = tuple(range(256))
# systemctl(1), Table 1: the words of is-enabled after which the unit starts at boot, or cannot be asked to.
_ENABLED = frozenset({"enabled", "enabled-runtime", "alias", "static", "indirect", "generated", "transient"})
NOT_ENABLEABLE = frozenset({"static", "indirect", "transient"})


def full_name(name: str) -> str:
    """Return a unit name with its suffix: systemctl(1) takes a bare name for a service."""
    return name if name.endswith(SUFFIXES) else f"{name}.service"


def is_template(unit: str) -> bool:
    """Return True for `name@.service`, which has instances and cannot run itself (systemd.unit(5))."""
    return "@." in unit


def unit_state(system: System, unit: str, scope: Scope = SYSTEM) -> State:
    """Return the state of a unit, as an earlier task of a plan would have left it; see modules/shapes.py."""
    return system.lookup(f"{scope.keys}{unit}", lambda: _probe(system, unit, scope))


def _probe(system: System, unit: str, scope: Scope) -> State:
    if is_template(unit) or scope is GLOBAL:
        return _state_by_word(system, unit, scope)
    shown = show(system, unit, scope)
    state = _state_of(shown)
    if not state["exists"]:
        return _state_from_files(system, unit, scope) or _state_of_script(system, unit, scope) or state
    if state["enabled"] in ("generated", "") and unit.endswith(".service"):
        # A SysV script's links are only known to systemd-sysv-install, which is-enabled asks.
        answer = scope.query(system, "is-enabled", str(state["names"][0]))
        state["enabled"] = answer.stdout.strip() or state["enabled"]
    return state


def _state_of(shown: Properties) -> State:
    if shown["LoadState"] == "not-found":
        return {"exists": False, "names": (), "status": dict(shown)}
    own = shown["Id"]
    aliases = sorted(set(shown["Names"].split()) - {own})
    return {
        "exists": True,
        "load": shown["LoadState"],
        "active": shown["ActiveState"],
        "sub": shown["SubState"],
        "enabled": shown["UnitFileState"],
        "status": dict(shown),
        "type": shown.get("Type", ""),
        "remain": shown.get("RemainAfterExit") == "yes",
        "reloadable": shown.get("CanReload") == "yes",
        "names": (own, *aliases),
        "stale": shown["NeedDaemonReload"] == "yes",
        "result": shown.get("Result", "success"),
        "ran": shown.get("ExecMainExitTimestampMonotonic", "0") not in ("", "0"),
        "files": tuple(
            path for path in (shown["FragmentPath"], *shown.get("DropInPaths", "").split()) if path
        ),
    }


def _state_by_word(system: System, unit: str, scope: Scope) -> State:
    """Return the state of what can be enabled and cannot run: a template, or the unit of all users."""
    word = scope.query(system, "is-enabled", unit).stdout.strip()
    if not word or word == "not-found":
        return _state_from_files(system, unit, scope) or {"exists": False, "names": ()}
    return _fresh_state(unit, word)


def _fresh_state(
    unit: str, enabled: str, *, kind: str = "", remain: bool = False, reload: bool = False
) -> State:
    return {
        "exists": True,
        "load": "masked" if enabled.startswith("masked") else "loaded",
        "active": "inactive",
        "sub": "dead",
        "enabled": enabled,
        "type": kind,
        "remain": remain,
        "reloadable": reload,
        "names": (unit,),
        "stale": False,
        "result": "success",
        "ran": False,
        "files": (),
    }


def _state_from_files(system: System, unit: str, scope: Scope) -> State | None:
    """Return the state of a unit by its file, which systemd has not read: it is there in a plan alone."""
    name, _, suffix = unit.rpartition(".")
    candidates = [unit]
    if "@" in name and not is_template(unit):
        candidates.append(f"{name.partition('@')[0]}@.{suffix}")
    for candidate in candidates:
        for directory in scope.directories:
            if candidate in system.listdir(directory):
                path = f"{directory}/{candidate}"
                state = _parse_unit(unit, system.read(path).decode(errors="replace"))
                # This is what systemd reads when a task first has to do with the unit; see `is_stale`.
                return state | {
                    "files": (path, *_new_drop_ins(system, [path], scope)),
                    "read_at": time.time(),
                }
    return None


def _state_of_script(system: System, unit: str, scope: Scope) -> State | None:
    """Return the state of the unit that systemd will make of a script in /etc/init.d once it is reloaded.

    systemd-sysv-generator(8); the links of the run levels say whether it starts at boot.
    """
    name = unit.removesuffix(".service")
    script = f"/etc/init.d/{name}"
    if scope is not SYSTEM or name == unit or system.stat(script, follow=True) is None:
        return None
    links = [link for level in "2345" for link in system.listdir(f"/etc/rc{level}.d")]
    enabled = any(link.startswith("S") and link[3:] == name for link in links)
    state = _fresh_state(unit, "enabled" if enabled else "disabled", kind="forking", remain=True)
    return state | {"stale": True, "files": (script,), "script": script}


def _parse_unit(unit: str, text: str) -> State:
    settings = {}
    for line in text.splitlines():
        key, found, value = line.strip().partition("=")
        if found and not key.startswith(("#", ";")):
            settings[key.strip()] = value.strip()
    links = any(settings.get(key) for key in ("WantedBy", "RequiredBy", "UpheldBy", "Alias"))
    enabled = "disabled" if links else ("indirect" if settings.get("Also") else "static")
    kind = ("simple" if unit.endswith(".service") else "") if "Type" not in settings else settings["Type"]
    return _fresh_state(
        unit,
        enabled,
        kind=kind,
        remain=settings.get("RemainAfterExit", "").lower() in ("yes", "true", "on", "1"),
        reload="ExecReload" in settings,
    )


def is_enabled(state: State) -> bool:
    """Return True if the unit starts at boot, or has no wish of its own about that (static)."""
    return state["enabled"] in _ENABLED


def is_masked(state: State) -> bool:
    """Return True if the unit is linked to /dev/null."""
    return state["load"] == "masked" or str(state["enabled"]).startswith("masked")


def is_oneshot(state: State) -> bool:
    """Return True if the unit does its work and is inactive again afterwards (systemd.service(5))."""
    return bool(state["type"] == "oneshot" and not state["remain"])


def is_up(state: State) -> bool:
    """Return True if the unit does what `started` asks for; a crash loop is not up, a finished job is."""
    if state["active"] in ("active", "reloading"):
        return True
    if state["active"] == "activating":
        return bool(state["sub"] != "auto-restart")
    return is_oneshot(state) and bool(state.get("ran")) and state.get("result") == "success"


def is_down(state: State) -> bool:
    """Return True if nothing of the unit runs: a failed unit is down too."""
    return state["active"] in ("inactive", "failed")


def manager_state(system: System, scope: Scope = SYSTEM) -> State:
    """Return what earlier tasks of a plan have had systemd itself do; see modules/shapes.py."""
    return system.lookup(scope.manager, lambda: {"exists": True, "reloaded_at": 0.0, "read": ()})


def is_stale(system: System, state: State, scope: Scope = SYSTEM) -> bool:
    """Return True if the unit's files are newer than what systemd has loaded, or would be by now."""
    since = float(manager_state(system, scope)["reloaded_at"])
    if bool(state["stale"]) and not since:
        return True
    return _changed_on_disk(system, state.get("files", ()), max(since, state.get("read_at", 0.0)), scope)


def any_stale(system: System, scope: Scope = SYSTEM) -> bool:
    """Return True if `is_stale` holds for some unit that systemd has loaded."""
    properties = "Id,NeedDaemonReload,FragmentPath,DropInPaths"
    answer = scope.query(system, "show", "*", "--property", properties)
    if answer.exit_status != 0 or not answer.stdout:
        raise no_systemd(answer.stderr, answer.exit_status)
    files: list[str] = []
    manager = manager_state(system, scope)
    since = float(manager["reloaded_at"])
    for block in answer.stdout.split("\n\n"):
        shown = parse_properties(block)
        if shown.get("NeedDaemonReload") == "yes" and not since:
            return True
        files += [shown.get("FragmentPath", ""), *shown.get("DropInPaths", "").split()]
    if _changed_on_disk(system, [path for path in dict.fromkeys(files) if path], since, scope):
        return True
    new = (unit_state(system, unit, scope) for unit in manager.get("read", ()))
    return any(is_stale(system, state, scope) for state in new)


def _changed_on_disk(system: System, files: Sequence[str], since: float, scope: Scope) -> bool:
    """Return True if an earlier task of a plan has changed one of these files or put a drop-in beside them.

    systemd itself says so (NeedDaemonReload) of files that are really there; this compares what the task
    sees with what is on the disk, which differs in a plan alone.
    """
    if any(_mtime(system, path) > since for path in _new_drop_ins(system, files, scope)):
        return True
    own = [path for path in files if path.startswith((scope.directories[0], "/etc/", "/run/", "/usr/local/"))]
    if not own:
        return False
    answer = system.query(["stat", "--format", "%.9Y %n", "--", *own], ok=(0, 1))
    lines = (line.partition(" ") for line in answer.stdout.splitlines())
    on_disk = {path: float(modified) for modified, _, path in lines}
    seen = {path: _mtime(system, path) for path in own}
    return any(at > since and abs(at - on_disk.get(path, 0.0)) > 0.001 for path, at in seen.items())


def _new_drop_ins(system: System, files: Sequence[str], scope: Scope) -> list[str]:
    """Return the administrator's drop-ins for these unit files that systemd does not know yet."""
    there = system.listdir(scope.directories[0])
    found = []
    for fragment in files:
        name = fragment.rpartition("/")[2]
        if not fragment.endswith(".conf") and f"{name}.d" in there:
            directory = f"{scope.directories[0]}/{name}.d"
            found += [f"{directory}/{item}" for item in system.listdir(directory) if item.endswith(".conf")]
    return [path for path in found if path not in files]


def _mtime(system: System, path: str) -> float:
    found = system.stat(path, follow=True)
    return 0.0 if found is None else found.mtime


def no_such_unit(system: System, unit: str, scope: Scope = SYSTEM) -> TaskError:
    """Return the error for a unit that does not exist, with the nearest name."""
    answer = scope.query(system, "list-unit-files", "--no-legend", "--no-pager", "--full")
    known = [line.split()[0] for line in answer.stdout.splitlines() if line.split()]
    return TaskError(f"Could not find the requested service {unit!r}", hint=did_you_mean(unit, known))


def last_lines(system: System, unit: str, scope: Scope = SYSTEM, count: int = 10) -> str:
    """Return the last lines of the unit's journal; empty if there is none (journalctl(1))."""
    option = "--user-unit" if scope.environment else "--unit"
    answer = system.query(
        ["journalctl", option, unit, "--lines", str(count), "--no-pager", "--output", "short", "--quiet"],
        ok=_ANY,
    )
    return answer.stdout
