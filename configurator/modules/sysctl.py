"""sysctl: a kernel parameter has its value, now and after the next boot.

Parameters are those of ansible.posix.sysctl. `sysctl_file` is /etc/sysctl.d/99-zz-configurator.conf unless
given: Ansible's /etc/sysctl.conf is not there in Debian 13, and in Debian 12 it is read as 99-sysctl.conf,
which must not come after ours (sysctl.d(5): the last file wins). The running kernel is set when `reload` or
`sysctl_set` is true, this parameter alone and not the whole file; its value is read back from /proc/sys.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import TaskError
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, did_you_mean, param
from configurator.modules.state import UNKNOWN, Change, Content, State
from configurator.modules.system import System

_FILE = "/etc/sysctl.d/99-zz-configurator.conf"
_ROOT = "/proc/sys"  # proc(5)
_TRUE = frozenset({"yes", "true", "on", "y", "t"})
_FALSE = frozenset({"no", "false", "off", "n", "f"})


@dataclass(frozen=True, slots=True)
class SysctlParams:
    """The parameters of ansible.posix.sysctl."""

    name: str = param("str", required=True, aliases=("key",))
    value: str | None = param("str", aliases=("val",))
    state: str = param("str", "present", choices=("present", "absent"))
    sysctl_file: str = param("str", _FILE)
    sysctl_set: bool = param("bool", False)
    reload: bool = param("bool", True)
    ignoreerrors: bool = param("bool", False)

    @property
    def key(self) -> str:
        """The parameter's path below /proc/sys."""
        return key_path(self.name)

    @property
    def text(self) -> str:
        """The value as the kernel shows it: booleans are numbers, blanks single."""
        word = " ".join((self.value or "").split())
        return "1" if word.lower() in _TRUE else "0" if word.lower() in _FALSE else word

    @property
    def live(self) -> bool:
        """True if the running kernel is to be set."""
        return self.state == "present" and (self.reload or self.sysctl_set)


class Sysctl(Module[SysctlParams]):
    """Keeps one line of a sysctl.d(5) file, and the kernel's value."""

    name = "sysctl"
    params = SysctlParams
    typical_s: ClassVar[float] = 0.05

    def check(self, params: SysctlParams) -> Sequence[ParamProblem]:
        """Return a missing value, and names that reach out of /proc/sys."""
        problems = []
        if params.state == "present" and not params.text:
            problems.append(ParamProblem("value", "missing required parameter 'value'"))
        if ".." in params.key.split("/") or not params.key or set(params.name) & set(" =\n\0"):
            problems.append(ParamProblem("name", f"{params.name!r} is not the name of a kernel parameter"))
        if not params.sysctl_file.startswith("/"):
            problems.append(ParamProblem("sysctl_file", "must be an absolute path"))
        return problems

    def subject(self, params: SysctlParams) -> str:
        """Return the parameter's key."""
        return f"sysctl:{params.key.replace('/', '.')}"

    def effects(self, params: SysctlParams) -> Effects:
        """The parameter; its file is shared by many tasks, whose lines do not contradict each other."""
        return effects(reads={f"path:{params.sysctl_file}"}, writes={self.subject(params)})

    def locks(self, params: SysctlParams) -> frozenset[str]:
        """Two tasks must not rewrite one file at once."""
        return frozenset({f"path:{params.sysctl_file}"})

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: SysctlParams) -> State:
        """Return the file's content and the kernel's value; refuse what the kernel does not know."""
        found = system.stat(params.sysctl_file, follow=True)
        content = None if found is None else Content(system.read(params.sysctl_file))
        state: State = {_field(params): content, "value": None, "settable": True}
        if params.live:
            self._look_at_kernel(system, params, state)
        return state

    def _look_at_kernel(self, system: System, params: SysctlParams, state: State) -> None:
        path = f"{_ROOT}/{params.key}"
        live = system.lookup(self.subject(params), lambda: _probe(system, path))
        if not live["exists"] and system.lookup("kernel_modules:", lambda: {"exists": False})["exists"]:
            state["value"] = UNKNOWN  # a module that the plan loads may bring it
            return
        if not live["exists"]:
            state["settable"] = False
            if params.ignoreerrors:
                system.notice(f"the kernel has no parameter {params.name!r}: only the file is kept")
                return
            names = system.listdir(posixpath.dirname(path))
            near = did_you_mean(posixpath.basename(path), names)
            raise TaskError(
                f"the kernel has no parameter {params.name!r}",
                hint=near or "it may belong to a kernel module that is not loaded",
            )
        state["value"] = live["value"]
        if live["value"] != params.text and is_read_only(system, path):
            state["settable"] = False
            message = f"the kernel parameter {params.name!r} cannot be set here: /proc/sys is read-only"
            if not params.ignoreerrors:
                raise TaskError(
                    message,
                    hint="a container shares its host's kernel; `ignoreerrors: true` keeps the file alone",
                )
            system.notice(message)

    def desired(self, params: SysctlParams, actual: State) -> State:
        """Return the file with the line in or out, and the kernel's value."""
        content = actual[_field(params)]
        old = content.data.decode(errors="surrogateescape") if isinstance(content, Content) else ""
        new = edit(old, params.name, params.text if params.state == "present" else None)
        wanted: State = {}
        if content is not None or new:
            wanted[_field(params)] = Content(new.encode(errors="surrogateescape"))
        if params.live and actual["settable"]:
            wanted["value"] = params.text
        return wanted

    def converge(self, system: System, params: SysctlParams, change: Change) -> State | None:
        """Set the kernel first: a value that it refuses must not be kept for the next boot."""
        refused = "value" in change and not self._set(system, params)
        if _field(params) in change:
            directory = posixpath.dirname(params.sysctl_file)
            if system.stat(directory, follow=True) is None:
                system.mkdir(directory, mode="0755")
            system.write(params.sysctl_file, change.after[_field(params)].data)
        return {"settable": False} if refused else None

    def _set(self, system: System, params: SysctlParams) -> bool:
        """Tell the kernel; return False if it refuses and that is to be ignored."""
        path = f"{_ROOT}/{params.key}"
        established = {self.subject(params): {"exists": True, "value": params.text}}
        # tee(1) writes where no file can be replaced, and needs no package such as procps.
        done = system.run(["tee", path], stdin=f"{params.text}\n", establishes=established, ok=(0, 1))
        if done.exit_status == 0:
            return True
        message = f"the kernel refused {params.name} = {params.text}"
        if params.ignoreerrors:
            system.notice(message)
            return False
        raise TaskError(
            f"{message}: {done.stderr.strip().rpartition(': ')[2]}",
            command=done.argv,
            exit_status=done.exit_status,
            output=done.stderr,
        )


def _probe(system: System, path: str) -> State:
    found = system.stat(path)
    if found is None or found.kind == "directory":
        return {"exists": False}
    return {"exists": True, "value": " ".join(system.read(path).decode(errors="replace").split())}


def _field(params: SysctlParams) -> str:
    return f"path:{params.sysctl_file}|content"


def key_path(name: str) -> str:
    """Return the path below /proc/sys: the first separator decides whether dots or slashes part the words.

    sysctl(8): `net.ipv4.conf.eth0/100.rp_filter` and `net/ipv4/conf/eth0.100/rp_filter` are the same.
    """
    first = next((sign for sign in name if sign in "./"), ".")
    return name if first == "/" else name.translate(str.maketrans("./", "/."))


def edit(text: str, name: str, value: str | None) -> str:
    """Return the file's text with one line `name=value`, or none if `value` is None; all else stays."""
    lines = text.splitlines()
    numbers = [number for number, line in enumerate(lines) if _assigned(line) == key_path(name)]
    if value is None:
        kept = [line for number, line in enumerate(lines) if number not in numbers]
        return "".join(f"{line}\n" for line in kept) if numbers else text
    if numbers:
        last = lines[numbers[-1]]
        # sysctl.d(5): a `-` before the name means that a failure does not matter.
        mark = "-" if last.lstrip().startswith("-") else ""
        if len(numbers) == 1 and " ".join(last.partition("=")[2].split()) == value:
            return text
        lines[numbers[-1]] = f"{mark}{name}={value}"
        lines = [line for number, line in enumerate(lines) if number not in numbers[:-1]]
    else:
        lines.append(f"{name}={value}")
    return "".join(f"{line}\n" for line in lines)


def _assigned(line: str) -> str | None:
    """Return the parameter that a line sets, as its path; None for comments and other lines."""
    text = line.strip()
    if not text or text[0] in "#;" or "=" not in text:
        return None
    return key_path(text.partition("=")[0].strip().removeprefix("-").strip())


def is_read_only(system: System, path: str) -> bool:
    """Return True if the mount that holds `path` is read-only (proc(5), /proc/PID/mountinfo)."""
    best, read_only = "", False
    for line in system.read("/proc/self/mountinfo").decode(errors="replace").splitlines():
        words = line.split()
        if len(words) < 6:
            continue
        point = words[4].replace("\\040", " ")
        if (path == point or path.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, read_only = point, "ro" in words[5].split(",")
    return read_only
