"""modprobe: a module of the kernel is loaded or not, now and, if asked for, at every boot.

Parameters are those of community.general.modprobe. What is loaded is read back from /proc/modules; what is
built into the kernel (modules.builtin, /sys/module) counts as loaded and cannot be unloaded. `persistent:
present` keeps the name in /etc/modules-load.d and `params` in /etc/modprobe.d, in files named as the module;
`persistent: absent` comments out its lines in all files there; `disabled` leaves them alone. `params` matter
when a module is loaded: one that runs already keeps those it has.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import TaskError
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, State
from configurator.modules.system import CommandResult, System

_LOAD = "/etc/modules-load.d"  # modules-load.d(5)
_OPTIONS = "/etc/modprobe.d"  # modprobe.d(5)
_MISSING_PROGRAM = 127  # System.query
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]*")


@dataclass(frozen=True, slots=True)
class ModprobeParams:
    """The parameters of community.general.modprobe."""

    name: str = param("str", required=True)
    params: str = param("str", "")
    state: str = param("str", "present", choices=("present", "absent"))
    persistent: str = param("str", "disabled", choices=("disabled", "present", "absent"))

    @property
    def key(self) -> str:
        """The module's effect key."""
        return f"kernel_module:{_normal(self.name)}"

    @property
    def files(self) -> tuple[str, str]:
        """Where the name and the parameters are kept."""
        return f"{_LOAD}/{self.name}.conf", f"{_OPTIONS}/{self.name}.conf"

    @property
    def options(self) -> str:
        """The parameters with single blanks."""
        return " ".join(self.params.split())


class Modprobe(Module[ModprobeParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "modprobe"
    params: ClassVar[type] = ModprobeParams

    def check(self, params: ModprobeParams) -> Sequence[ParamProblem]:
        problems = []
        if not _NAME.fullmatch(params.name):
            problems.append(ParamProblem("name", f"{params.name!r} is not the name of a kernel module"))
        if set(params.params) & set("\r\n\0#"):
            problems.append(ParamProblem("params", "'params' must be one line"))
        return problems

    def subject(self, params: ModprobeParams) -> str:
        return params.key

    def effects(self, params: ModprobeParams) -> Effects:
        # A module brings parameters of its own (`net.bridge...`), which tasks after this one may set.
        writes = {params.key} | ({"sysctl:**"} if params.state == "present" else set())
        kept = params.persistent != "disabled"
        writes |= {f"path:{path}" for path in params.files} if kept else set()
        reads = {"package:kmod"} | ({f"path:{_LOAD}/**", f"path:{_OPTIONS}/**"} if kept else set())
        return effects(reads=reads, writes=writes)

    def locks(self, params: ModprobeParams) -> frozenset[str]:
        """Modules depend on each other, and taking lines out may touch any file there."""
        return frozenset({"kernel_modules"} if params.persistent != "disabled" else ())

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: ModprobeParams) -> State:
        state = {"loaded": system.lookup(params.key, lambda: _probe(system, params))["loaded"]}
        if params.state == "absent" and state["loaded"] == "built in":
            raise TaskError(f"{params.name} is built into the kernel, so it cannot be unloaded")
        if params.persistent != "disabled":
            state["at boot"] = any(_names(system, path, params) for path in _files(system, _LOAD))
            given = [words for path in _files(system, _OPTIONS) for words in _given(system, path, params)]
            state["options"] = " ".join(given)
        return state

    def desired(self, params: ModprobeParams, actual: State) -> State:
        wanted: State = {"loaded": "no"}
        if params.state == "present":
            wanted["loaded"] = actual["loaded"] if actual["loaded"] != "no" else "yes"
        if params.persistent == "present":
            wanted |= {"at boot": True} | ({"options": params.options} if params.options else {})
        elif params.persistent == "absent":
            wanted |= {"at boot": False, "options": ""}
        return wanted

    def converge(self, system: System, params: ModprobeParams, change: Change) -> None:
        """Load first: a module that the kernel refuses must not be kept for the next boot."""
        if "loaded" in change:
            _load(system, params)
        load, options = params.files
        if "at boot" in change:
            if params.persistent == "present":
                _append(system, load, params.name)
            else:
                _silence(system, _LOAD, params, lambda words: words[:1])
        if "options" in change:
            _silence(system, _OPTIONS, params, lambda words: words[1:2] if words[0] == "options" else [])
            if params.persistent == "present":
                _append(system, options, f"options {params.name} {params.options}")


def _normal(name: str) -> str:
    """Return a module's name as the kernel lists it: a hyphen and an underscore are the same."""
    return name.replace("-", "_")


def _probe(system: System, params: ModprobeParams) -> State:
    """Return `loaded`: `yes`, `no` or `built in`; TaskError if it is to be loaded and is nowhere."""
    name = _normal(params.name)
    running = _running(system)
    if name in running:
        return {"exists": True, "loaded": "yes"}
    release = str(system.fact("kernel") or "")
    listed = f"/lib/modules/{release}/modules.builtin"
    if system.stat(listed, follow=True) is not None:
        files = system.read(listed).decode(errors="replace").split()
        if name in {_normal(posixpath.basename(file).partition(".")[0]) for file in files}:
            return {"exists": True, "loaded": "built in"}
    if system.stat(f"/sys/module/{name}", follow=True) is not None:
        return {"exists": True, "loaded": "built in"}
    if params.state == "absent":
        return {"exists": True, "loaded": "no"}
    return {"exists": True, "loaded": _resolved(system, params, running)}


def _running(system: System) -> set[str]:
    """Return the loaded modules (proc(5)); none for a kernel without modules."""
    if system.stat("/proc/modules") is None:
        return set()
    lines = system.read("/proc/modules").decode(errors="replace").splitlines()
    return {line.split()[0] for line in lines if line.strip()}


def _resolved(system: System, params: ModprobeParams, running: set[str]) -> str:
    """Ask modprobe, which knows aliases, and whether there is such a module at all."""
    answer = system.query(["modprobe", "--show-depends", params.name], ok=range(256))
    if answer.exit_status == _MISSING_PROGRAM:
        if not system.lookup("package:kmod", lambda: {"exists": False}).get("exists"):
            raise TaskError(
                "modprobe is not installed on the host", hint="install it first: `apt: {name: kmod}`"
            )
        return "no"
    if answer.exit_status != 0:
        raise _refused(system, answer)
    last = answer.stdout.strip().splitlines()[-1:] or [""]
    kind, _, rest = last[0].partition(" ")
    if kind == "builtin":
        return "built in"
    file = posixpath.basename(rest.split()[0]) if rest.split() else ""
    return "yes" if _normal(file.partition(".")[0]) in running else "no"


def _load(system: System, params: ModprobeParams) -> None:
    present = params.state == "present"
    argv = ["modprobe", *([] if present else ["--remove"]), params.name]
    argv += params.params.split() if present else []
    establishes: dict[str, State | None] = {
        params.key: {"exists": True, "loaded": "yes" if present else "no"}
    }
    if present:
        establishes["kernel_modules:"] = {"exists": True, "loading": params.name}
    done = system.run(argv, establishes=establishes, ok=range(256))
    if done.exit_status != 0:
        raise _refused(system, done)


def _refused(system: System, answer: CommandResult) -> TaskError:
    lines = answer.stderr.strip().splitlines()
    said = lines[-1].removeprefix("modprobe: ").partition(": ")[2] if lines else ""
    hint = None
    if "in use" in answer.stderr:
        hint = "something still uses it: see lsmod(8)"
    elif system.fact("is_container"):
        hint = "a container shares its host's kernel: load the module there"
    elif "not found" in answer.stderr:
        hint = "is the name right? After an upgrade of the kernel, its modules are there only after a reboot"
    return TaskError(
        f"modprobe: {said or 'it gave no reason'}",
        command=answer.argv,
        exit_status=answer.exit_status,
        output=answer.stderr,
        hint=hint,
    )


# -- what is kept for the next boot ---------------------------------------------------------------------


def _files(system: System, directory: str) -> list[str]:
    return [f"{directory}/{name}" for name in system.listdir(directory) if name.endswith(".conf")]


def _lines(system: System, path: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the lines of a file, with the words of each that is no comment."""
    if system.stat(path, follow=True) is None:
        return
    for line in system.read(path).decode(errors="surrogateescape").split("\n"):
        yield line, [] if line.lstrip()[:1] in ("", "#", ";") else line.split()


def _names(system: System, path: str, params: ModprobeParams) -> bool:
    return any(words[:1] and _normal(words[0]) == _normal(params.name) for _, words in _lines(system, path))


def _given(system: System, path: str, params: ModprobeParams) -> list[str]:
    return [
        " ".join(words[2:])
        for _, words in _lines(system, path)
        if words[:1] == ["options"] and len(words) > 2 and _normal(words[1]) == _normal(params.name)
    ]


def _append(system: System, path: str, line: str) -> None:
    directory = posixpath.dirname(path)
    if system.stat(directory, follow=True) is None:
        system.mkdir(directory, mode="0755")
    there = system.stat(path, follow=True) is not None
    old = system.read(path).decode(errors="surrogateescape") if there else ""
    new = old + ("" if not old or old.endswith("\n") else "\n") + f"{line}\n"
    system.write(path, new.encode(errors="surrogateescape"))


def _silence(
    system: System, directory: str, params: ModprobeParams, about: Callable[[list[str]], list[str]]
) -> None:
    """Comment out the lines that are about the module, in all files of a directory."""
    for path in _files(system, directory):
        old = list(_lines(system, path))
        new = [
            f"#{line}"
            if words and [_normal(word) for word in about(words)] == [_normal(params.name)]
            else line
            for line, words in old
        ]
        if new != [line for line, _ in old]:
            system.write(path, "\n".join(new).encode(errors="surrogateescape"))
