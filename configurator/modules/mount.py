"""mount: a file system is mounted or not, now, by fstab(5) at the next boot, or both.

Parameters are those of ansible.posix.mount. Lines of fstab that are not about the mount point stay byte for
byte, and so does one that says the same. What is mounted, whence and with which flags, is read back from
/proc/self/mountinfo: a mount of something else is replaced, and lost flags (`ro`, `noexec`..., size and mode
of a tmpfs) are set again. systemd is told when /etc/fstab has changed.

`mounted` makes a missing mount point; `absent` removes an empty one, and leaves one that holds something.
`ephemeral` refuses to hide another mount, and is no change if the same is mounted already. What cannot be
mounted is not written to fstab, and `/` is not unmounted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import ParameterError, TaskError
from configurator.modules import fstab
from configurator.modules.account_files import home_of
from configurator.modules.attributes import clean, make_parents
from configurator.modules.base import Guard, Module
from configurator.modules.effects import Effects, effects, parent_keys, path_keys
from configurator.modules.fstab import Entry, Mounted
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import UNKNOWN, Change, SecretValue, State
from configurator.modules.system import CommandResult, System

_FSTAB = "/etc/fstab"
_MOUNTS = "/proc/self/mountinfo"
_STATES = ("mounted", "present", "unmounted", "remounted", "absent", "absent_from_fstab", "ephemeral")
_WRITES = ("mounted", "present")  # states that keep a line in fstab
_ERASES = ("absent", "absent_from_fstab")
_DEVICES = {name: f"by-{name.lower()}" for name in ("UUID", "LABEL", "PARTUUID", "PARTLABEL", "ID")}
_HELPERS = {"nfs": "nfs-common", "nfs4": "nfs-common", "cifs": "cifs-utils", "smb3": "cifs-utils"}
_OURS = ("/etc/ssh", "/usr/sbin", "/run", "/var/lib")  # who hides these may lock us out


@dataclass(frozen=True, slots=True)
class MountParams:
    """The parameters of ansible.posix.mount."""

    path: str = param("str", required=True, aliases=("name",))
    state: str = param("str", required=True, choices=_STATES)
    src: str | None = param("str")
    fstype: str | None = param("str")
    opts: str | None = param("str")
    opts_no_log: bool = param("bool", False)
    dump: str = param("str", "0")
    passno: str = param("str", "0")
    boot: bool = param("bool", True)
    fstab: str = param("str", _FSTAB)
    backup: bool = param("bool", False)

    @property
    def point(self) -> str:
        """The mount point, or `none` of a swap."""
        return clean(self.path) if self.path.startswith("/") else self.path

    @property
    def options(self) -> str:
        """The options, as they stand in fstab."""
        words = [word for word in (self.opts or "defaults").split(",") if word]
        return ",".join([*words, *([] if self.boot or "noauto" in words else ["noauto"])])

    @property
    def entry(self) -> Entry:
        """The line of fstab."""
        return Entry(self.src or "", self.point, self.fstype or "", self.options, self.dump, self.passno)

    @property
    def binds(self) -> bool:
        """True if a part of another mount is to be seen here, too."""
        return bool({"bind", "rbind"} & set(self.options.split(",")))


class Mount(Module[MountParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "mount"
    params: ClassVar[type] = MountParams
    typical_s: ClassVar[float] = 0.2

    def check(self, params: MountParams) -> Sequence[ParamProblem]:
        problems = []
        swap = params.fstype == "swap"
        if not params.path.startswith("/") and not (swap and params.path in ("none", "swap")):
            problems.append(ParamProblem("path", f"'path' must be an absolute path, not {params.path!r}"))
        if swap and params.state not in ("present", *_ERASES):
            hint = "`state: present` keeps it in fstab"
            problems.append(ParamProblem("state", "swap is not mounted", hint))
        if params.state in (*_WRITES, "ephemeral"):
            problems += [
                ParamProblem(name, f"{name!r} is required with 'state: {params.state}'")
                for name in ("src", "fstype")
                if not getattr(params, name)
            ]
        if params.point == "/" and params.state in ("unmounted", "absent"):
            problems.append(ParamProblem("path", "the root file system is not unmounted"))
        if params.state == "ephemeral" and params.opts_no_log:
            hint = "without a line in fstab they stand in the list of processes"
            message = "options of an ephemeral mount cannot be hidden"
            problems.append(ParamProblem("opts_no_log", message, hint))
        for name in ("path", "src", "fstype", "opts", "dump", "passno"):
            if set(getattr(params, name) or "") & set("\r\n\0"):
                problems.append(ParamProblem(name, f"{name!r} must be one line"))
        for name in ("fstype", "opts"):
            if len((getattr(params, name) or "x").split()) != 1:
                problems.append(ParamProblem(name, f"{name!r} must be one word"))
        if not all(value.isdecimal() for value in (params.dump, params.passno)):
            problems.append(ParamProblem("passno", "'dump' and 'passno' must be numbers"))
        return problems

    def subject(self, params: MountParams) -> str:
        return f"mount:{params.point if params.point.startswith('/') else params.src}"

    def effects(self, params: MountParams) -> Effects:
        writes = {self.subject(params)}
        makes: set[str] = set()
        if params.state in ("mounted", "ephemeral"):
            # What stands below it is another thing from now on; the directory itself may be another task's.
            makes = {f"path:{params.point}", *parent_keys(params.point)}
        elif params.state == "absent":
            writes.add(f"path:{params.point}")
        reads = {f"path:{params.fstab}", *path_keys(params.point)}
        source = params.src or ""
        reads |= {f"path:{clean(source)}"} if source.startswith("/") else set()
        reads |= {f"package:{_HELPERS[params.fstype]}"} if params.fstype in _HELPERS else set()
        return effects(reads=reads, writes=writes, makes=makes)

    def locks(self, params: MountParams) -> frozenset[str]:
        """Two tasks must not rewrite one fstab at once."""
        return frozenset({f"path:{params.fstab}"})

    def guard(self, params: MountParams, system: System) -> Guard | None:
        """Return how to undo what hides our home, our keys or sshd itself."""
        home = home_of(system, str(system.fact("login_user") or "root"))
        ours = (*_OURS, *([home] if isinstance(home, str) else []))
        if not any(path == params.point or path.startswith(params.point.rstrip("/") + "/") for path in ours):
            return None
        if params.state in ("present", "absent_from_fstab") or params.point == "/":
            return Guard(saves=(params.fstab,))
        there = _live(system, params) is not None
        back = ("mount", params.point) if there else ("umount", "--lazy", params.point)
        return Guard(saves=(params.fstab,), restores=(back,))

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: MountParams) -> State:
        text = _text(system, params.fstab)
        found = fstab.find(text, params.entry)
        state: State = {"text": text, "old": found[0][1].opts if found else ""}
        exact = any(entry == params.entry for _, entry in found)
        line = params.entry.line() if exact else found[0][0] if found else None
        state["fstab"] = _shown(params, line)
        binding = params.binds and params.state in ("mounted", "ephemeral")
        if binding and system.stat(params.src or "", follow=True) is None:
            raise ParameterError(f"{params.src}, which is to be bound, does not exist on the host")
        live = _live(system, params)
        state |= {"mounted": live is not None, "mount point": None}
        if params.point.startswith("/"):
            point = system.stat(params.point, follow=True)
            state["mount point"] = None if point is None else "present"
            state["directory"] = point is not None and point.kind == "directory"
            state["empty"] = state["directory"] and not system.listdir(params.point)
        if live is None:
            if params.state == "remounted":
                raise TaskError(f"nothing is mounted at {params.point}", hint="`state: mounted` mounts it")
            return state
        same = params.src is None or _same(system, params, live)
        if params.state == "ephemeral" and not same:
            raise ParameterError(
                f"{live.source} is mounted at {params.point} already", hint="`state: unmounted` makes room"
            )
        state["source"] = params.src if same else live.source
        state["flags"] = fstab.in_force(fstab.claims(params.options, live.fstype), live.options)
        return state

    def desired(self, params: MountParams, actual: State) -> State:
        wanted: State = {}
        if params.state in _WRITES:
            wanted["fstab"] = _shown(params, params.entry.line())
        elif params.state in _ERASES:
            wanted["fstab"] = _shown(params, None)
        if params.state in ("mounted", "ephemeral"):
            wanted |= {"mounted": True, "mount point": "present"}
            if actual["mounted"]:
                wanted["source"] = params.src
                wanted["flags"] = fstab.claims(params.options, params.fstype or "")
        elif params.state in ("unmounted", "absent"):
            wanted["mounted"] = False
        elif params.state == "remounted":
            wanted["remounted"] = True
        if params.state == "absent" and actual.get("directory"):
            # What stands in the directory below a mount is not known before.
            wanted |= {"mount point": UNKNOWN} if actual["mounted"] else {}
            wanted |= {"mount point": None} if actual["empty"] and not actual["mounted"] else {}
        return wanted

    def converge(self, system: System, params: MountParams, change: Change) -> State | None:
        """Mount before fstab is written: what cannot be mounted must not stop the next boot."""
        proof: State = {}
        if "mounted" in change and params.state in ("unmounted", "absent"):
            _unmount(system, params)
        if params.state in ("mounted", "ephemeral") and not params.opts_no_log:
            _have_mounted(system, params, change)
        if "fstab" in change:
            proof = _write(system, params, str(change.before["text"]))
        if params.state == "mounted" and params.opts_no_log:
            _have_mounted(system, params, change)
        if params.state == "remounted":
            _remount(system, params, params.opts or "")
            return {"remounted": True}
        if "mount point" in change and params.state == "absent":
            _remove_point(system, params)
        return proof

    def outputs(self, params: MountParams, actual: State) -> dict[str, Any]:
        """Return what was asked for, as Ansible does, and the backup of fstab if one was made."""
        found = {"name": params.point, "src": params.src, "fstype": params.fstype, "dump": params.dump}
        found |= {"passno": params.passno, "fstab": params.fstab, "backup_file": actual.get("backup_file")}
        found |= {} if params.opts_no_log else {"opts": params.options}
        return {name: value for name, value in found.items() if value is not None}


def _shown(params: MountParams, line: str | None) -> Any:
    return SecretValue(line) if params.opts_no_log and line is not None else line


def _text(system: System, path: str) -> str:
    if system.stat(path, follow=True) is None:
        return ""
    return system.read(path).decode(errors="surrogateescape")


# -- what is mounted --------------------------------------------------------------------------------------


def _live(system: System, params: MountParams) -> Mounted | None:
    """Return the mount on top at the mount point, as a plan will have it; None if there is none."""
    state = system.lookup(f"mount:{params.point}", lambda: _probe(system, params.point))
    return state["mount"] if state["exists"] else None


def _probe(system: System, point: str) -> State:
    found = [mount for mount in fstab.mounts(_text(system, _MOUNTS)) if mount.path == point]
    return {"exists": True, "mount": found[-1]} if found else {"exists": False}


def _same(system: System, params: MountParams, live: Mounted) -> bool:
    """Return True if what is mounted is what was asked for, as far as that can be told."""
    src = params.src or ""
    if live.source == src:
        return True
    if params.binds:
        one, other = system.stat(src, follow=True), system.stat(params.point, follow=True)
        return one is None or other is None or (one.device, one.inode) == (other.device, other.inode)
    if params.fstype not in (None, "auto", live.fstype):
        return False
    label, equals, value = src.partition("=")
    path = f"/dev/disk/{_DEVICES[label]}/{value.strip(chr(34))}" if equals and label in _DEVICES else src
    if not path.startswith("/"):
        # The name that a file system without a device is mounted by means nothing.
        return "/" not in live.source and ":" not in live.source
    asked, mounted = system.stat(path, follow=True), system.stat(live.source, follow=True)
    if asked is None or mounted is None or asked.kind == "file":
        return asked is not None  # an image behind a loop device
    return asked.special_device == mounted.special_device


def _have_mounted(system: System, params: MountParams, change: Change) -> None:
    if "mount point" in change:
        make_parents(system, params.point)
    if "mounted" not in change and "source" not in change:
        old = str(change.before["old"])
        if "flags" in change or ("fstab" in change and _options_differ(old, params.options)):
            back = ",".join(fstab.dropped(old, params.options))
            _remount(system, params, ",".join(word for word in (params.options, back) if word))
        return
    if "source" in change:
        _unmount(system, params)
    if params.opts_no_log:
        argv = ["mount", "--fstab", params.fstab, params.point]
    else:
        argv = ["mount", "-t", str(params.fstype), "-o", params.options, str(params.src), params.point]
    _run(system, params, argv, _mounted(params, params.options))


def _options_differ(old: str, new: str) -> bool:
    """Return True if the kernel may mind: what begins with `x-`, or is for the boot, is not its affair."""
    quiet = {"auto", "noauto", "nofail", "_netdev", "user", "users", "owner", "group", "defaults"}

    def minded(opts: str) -> set[str]:
        return {word for word in opts.split(",") if word and word not in quiet and not word.startswith("x-")}

    return minded(old) != minded(new)


def _mounted(params: MountParams, options: str) -> Mounted:
    """Return what a plan takes to be mounted from now on."""
    words = [word for word in options.split(",") if word]
    words += [] if "ro" in words else ["rw"]
    return Mounted(params.point, "/", params.src or "", params.fstype or "", tuple(words), "")


def _remount(system: System, params: MountParams, options: str) -> None:
    live = _live(system, params)
    words = ",".join(["remount", *([options] if options else [])])
    if params.opts_no_log:
        argv = ["mount", "--fstab", params.fstab, "-o", "remount", params.point]
    elif params.src is None or live is None:
        argv = ["mount", "-o", words, params.point]
    else:
        argv = ["mount", "-t", live.fstype, "-o", words, live.source, params.point]
    _run(system, params, argv, _mounted(params, options))


def _unmount(system: System, params: MountParams) -> None:
    """Unmount all that is mounted there, one above the other."""
    times = sum(mount.path == params.point for mount in fstab.mounts(_text(system, _MOUNTS)))
    for _ in range(max(times, 1)):
        _run(system, params, ["umount", params.point], None)


def _run(system: System, params: MountParams, argv: Sequence[str], mount: Mounted | None) -> None:
    state: Mapping[str, State] = {
        f"mount:{params.point}": {"exists": mount is not None, "mount": mount},
    }
    done = system.run(argv, establishes=state, ok=range(256))
    if done.exit_status != 0:
        raise _refused(system, params, done)


def _refused(system: System, params: MountParams, done: CommandResult) -> TaskError:
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["it gave no reason"]
    hint = None
    if "busy" in done.stderr:
        hint = f"`fuser -vm {params.point}` names who uses it"
    elif "helper program" in done.stderr or "unknown filesystem type" in done.stderr:
        package = _HELPERS.get(params.fstype or "")
        hint = f"install it first: `apt: {{name: {package}}}`" if package else "is 'fstype' right?"
    elif system.fact("is_container") and ("permi" in done.stderr or "denied" in done.stderr):
        hint = "a container may not mount everything"
    message = said[0].removeprefix("mount: ").removeprefix("umount: ").rstrip(".")
    return TaskError(message, command=done.argv, exit_status=done.exit_status, output=done.stderr, hint=hint)


# -- fstab and the mount point ----------------------------------------------------------------------------


def _write(system: System, params: MountParams, old: str) -> State:
    new = (fstab.without_entry if params.state in _ERASES else fstab.with_entry)(old, params.entry)
    backup = system.write(params.fstab, new.encode(errors="surrogateescape"), backup=params.backup)
    if params.fstab == _FSTAB and system.stat("/run/systemd/system") is not None:
        # systemd.mount(5): its units are made from fstab when it is reloaded; until then the old ones hold.
        system.run(["systemctl", "daemon-reload"], establishes={})
    return {"backup_file": backup}


def _remove_point(system: System, params: MountParams) -> None:
    gone: State = {"exists": False, "kind": "directory"}
    argv = ["rmdir", "--ignore-fail-on-non-empty", params.point]
    system.run(argv, establishes={f"path:{params.point}": gone})
    if system.stat(params.point) is not None:
        system.notice(f"{params.point} stays: it holds something, which the mount had hidden")
