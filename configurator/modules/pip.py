"""pip: Python packages are installed in a virtual environment or for the host's Python, or are not.

Parameters are those of ansible.builtin.pip. Different, on purpose:
- `virtualenv` is made with `python3 -m venv`, which Debian's python3-venv brings; `virtualenv_command` may
  name another program.
- Without `virtualenv` Debian's own Python is left alone, since it is apt's (PEP 668): the task is refused in
  the plan already, unless `break_system_packages` permits it.
- What is there is read without pip; what pip would install is asked of `pip install --dry-run` (pip 22.2), so
  that a plan shows names and versions, dependencies too. A package without a wheel runs its setup then.
- `latest` and `forcereinstall` ask the package index at each run.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import TaskError
from configurator.modules import pip_env
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, absolute, param
from configurator.modules.pip_env import ENVIRONMENT, Wanted
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import System

_VENV = "python3 -m venv"
_OPERATORS = ("<", ">", "=", "!", "~")
_WITH_UMASK = "import os, sys; os.umask(int(sys.argv[1], 8)); os.execvp(sys.argv[2], sys.argv[2:])"


@dataclass(frozen=True, slots=True)
class PipParams:
    """The parameters of ansible.builtin.pip."""

    name: tuple[str, ...] = param("list")
    version: str | None = param("str")
    requirements: str | None = param("str")
    virtualenv: str | None = param("str", path=True)
    virtualenv_command: str = param("str", _VENV)
    virtualenv_python: str | None = param("str")
    virtualenv_site_packages: bool = param("bool", False)
    state: str = param("str", "present", choices=("present", "absent", "latest", "forcereinstall"))
    editable: bool = param("bool", False)
    executable: str | None = param("str")
    extra_args: str | None = param("str")
    chdir: str | None = param("str", path=True)
    umask: str | None = param("str")
    break_system_packages: bool = param("bool", False)

    @property
    def wishes(self) -> tuple[Wanted, ...]:
        """The requirements in `name`; what a comma has cut off a version is put back."""
        texts: list[str] = []
        for part in self.name:
            if part.lstrip().startswith(_OPERATORS) and texts:
                texts[-1] += f",{part.strip()}"
            else:
                texts.append(part.strip())
        if self.version is not None:
            exact = self.version if self.version.startswith(_OPERATORS) else f"=={self.version}"
            texts = [text + exact for text in texts]
        return tuple(pip_env.wanted(text) for text in texts)

    @property
    def place(self) -> str:
        """What tells the environment from others: its directory, or the host's interpreter."""
        if self.virtualenv:
            return self.virtualenv.rstrip("/")
        base, name = posixpath.split(posixpath.dirname(self.executable or ""))
        return base if name == "bin" and base not in ("/", "/usr", "/usr/local") else self.python

    @property
    def python(self) -> str:
        """The interpreter of the environment."""
        if self.virtualenv:
            return f"{self.place}/bin/python"
        if self.executable and "/" in self.executable:
            return posixpath.join(posixpath.dirname(self.executable), "python3")
        return (self.executable or "pip3").replace("pip", "python", 1)

    @property
    def pip(self) -> list[str]:
        """How pip is run."""
        return [self.executable] if self.executable else [self.python, "-m", "pip"]


class Pip(Module[PipParams]):
    """Keeps Python packages."""

    name = "pip"
    params = PipParams
    timeout_s: ClassVar[float] = 1800.0  # some packages are compiled
    typical_s: ClassVar[float] = 5.0

    def check(self, params: PipParams) -> Sequence[ParamProblem]:
        """Return combinations that mean nothing."""
        problems = []
        if not (params.name or params.requirements or params.virtualenv):
            problems.append(ParamProblem("", "give name, requirements or virtualenv"))
        if params.version is not None and len(params.wishes) != 1:
            problems.append(ParamProblem("version", "'version' needs one 'name'"))
        if params.virtualenv and params.executable:
            problems.append(ParamProblem("executable", "'executable' and 'virtualenv' exclude each other"))
        if params.virtualenv and not absolute(params.virtualenv):
            problems.append(ParamProblem("virtualenv", "must be an absolute path"))
        if params.editable and len(params.wishes) != 1:
            problems.append(ParamProblem("editable", "'editable' needs one 'name': a folder or a repository"))
        if params.state == "absent" and params.requirements:
            problems.append(ParamProblem("requirements", "'absent' takes names, no file"))
        if params.state == "absent" and any(wish.name is None for wish in params.wishes):
            problems.append(ParamProblem("name", "'absent' takes the names of packages"))
        if any(text.startswith("-") for text in params.name):
            problems.append(ParamProblem("name", "takes no options", "`extra_args` does"))
        for name in ("extra_args", "virtualenv_command"):
            try:
                shlex.split(getattr(params, name) or "")
            except ValueError as error:
                problems.append(ParamProblem(name, f"{name!r} cannot be taken apart: {error}"))
        if params.umask is not None and (set(params.umask) - set("01234567") or not params.umask):
            problems.append(ParamProblem("umask", "must be octal digits"))
        return problems

    def subject(self, params: PipParams) -> str:
        """Return the environment's key."""
        return f"pip:{params.place}"

    def effects(self, params: PipParams) -> Effects:
        """The environment, and the files that requirements are read from."""
        files = f"path:{params.place}/**" if params.virtualenv else "path:/usr/local/**"
        reads = {"package:**"}
        if params.requirements:
            reads.add(f"path:{posixpath.join(params.chdir or '/', params.requirements)}")
        if params.chdir:
            reads.add(f"path:{params.chdir}/**")
        return effects(reads=reads, writes={self.subject(params), files})

    def locks(self, params: PipParams) -> frozenset[str]:
        """pip works on an environment for one at a time."""
        return frozenset({self.subject(params)})

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: PipParams) -> State:
        """Return what is installed, and what pip would install; refuse what cannot work."""
        found = system.lookup(self.subject(params), lambda: _probe(system, params))
        state: State = {"found": found, "made": found["exists"], "installs": {}}
        if params.virtualenv and not found["exists"]:
            _need_venv(system, params)
        if not params.virtualenv:
            _need_pip(system, params, found)
        packages: dict[str, str] = found["packages"]
        if params.state == "absent":
            names = [wish.name for wish in params.wishes if wish.name in packages]
            state["installs"] = dict.fromkeys(names)
        elif not self._settled(system, params, found):
            state["installs"] = _asked(system, params, found)
        for name in state["installs"]:
            state[_field(params, name)] = packages.get(name)
        if params.state == "forcereinstall":
            state["reinstalled"] = None
        if params.editable:
            state["editable"] = _is_editable(params, found)
        return state

    def _settled(self, system: System, params: PipParams, found: State) -> bool:
        """Return True if nothing has to be asked of pip."""
        if params.state != "present" or params.editable or not found["exists"]:
            return not (params.wishes or params.requirements) or _is_editable(params, found)
        wishes: list[Wanted] | None = list(params.wishes)
        if params.requirements and wishes is not None:
            more = pip_env.listed(_requirements(system, params))
            wishes = None if more is None else wishes + more
        return wishes is not None and all(wish.met_by(found["packages"]) for wish in wishes)

    def desired(self, params: PipParams, actual: State) -> State:
        """Return the environment, and the versions that pip would install (None: not at all)."""
        wanted: State = {"made": True} if params.virtualenv and params.state != "absent" else {}
        installs: Mapping[str, object] = actual["installs"]
        wanted |= {_field(params, name): version for name, version in installs.items()}
        if params.editable and params.state != "absent":
            wanted["editable"] = True
        if params.state == "forcereinstall":
            wanted["reinstalled"] = True
        return wanted

    def converge(self, system: System, params: PipParams, change: Change) -> State | None:
        """Make the environment where it is missing, then have pip do the rest."""
        found: State = dict(change.before["found"])
        if "made" in change:
            found |= {"exists": True, "pip": True, "new": True}
            _make(system, params, {self.subject(params): found})
        installs: dict[str, object] = change.before["installs"]
        packages = {**found["packages"], **installs}
        if params.state == "absent":
            argv = [*params.pip, "uninstall", "-y", *_permission(params), *installs]
            left = {name: version for name, version in packages.items() if name not in installs}
            _run(system, params, argv, {self.subject(params): found | {"packages": left}})
            return None
        if installs or "editable" in change or params.state == "forcereinstall":
            argv = [*params.pip, "install", *_options(params)]
            argv += ["--requirement", params.requirements] if params.requirements else []
            _run(system, params, argv, {self.subject(params): found | {"packages": packages}})
        return {"reinstalled": True, "installs": {}} if params.state == "forcereinstall" else None

    def outputs(self, params: PipParams, actual: State) -> dict[str, object]:
        """Return Ansible's names, and the packages of the environment."""
        return {
            "name": [wish.text for wish in params.wishes],
            "requirements": params.requirements,
            "state": params.state,
            "version": params.version,
            "virtualenv": params.virtualenv,
            "packages": actual["found"]["packages"],
        }


def _field(params: PipParams, name: str) -> str:
    return f"pip:{params.place}/{name}|version"


def _probe(system: System, params: PipParams) -> State:
    if params.virtualenv and system.stat(params.python, follow=True) is None:
        return {"exists": False, "packages": {}, "editable": {}, "managed": False, "pip": False}
    return pip_env.look(system, params.python)


def _need_venv(system: System, params: PipParams) -> None:
    """Refuse where no environment can be made, unless an earlier task of the plan brings what it takes."""
    if params.virtualenv_command != _VENV or _coming(system, "python3-venv"):
        return
    if not pip_env.look(system, params.virtualenv_python or "python3").get("venv"):
        raise TaskError(
            "no virtual environment can be made here", hint="install the package python3-venv first"
        )


def _need_pip(system: System, params: PipParams, found: State) -> None:
    if found["managed"] and not params.break_system_packages:
        raise TaskError(
            "Debian manages the packages of this Python (externally-managed-environment)",
            hint="`virtualenv` keeps yours apart; apt has many as python3-NAME;"
            " `break_system_packages: true` forces it",
        )
    if not found["pip"] and not params.executable and not _coming(system, "python3-pip"):
        raise TaskError("pip is not installed", hint="install the package python3-pip, or give `virtualenv`")


def _coming(system: System, package: str) -> bool:
    return bool(system.lookup(f"package:{package}", lambda: {"exists": False})["exists"])


def _requirements(system: System, params: PipParams) -> str:
    assert params.requirements is not None
    path = posixpath.join(params.chdir or "/", params.requirements)
    if system.stat(path, follow=True) is None:
        raise TaskError(
            f"no such file: {path}", hint="`requirements` is a file on the host; copy it there first"
        )
    return system.read(path).decode(errors="replace")


def _asked(system: System, params: PipParams, found: State) -> dict[str, object]:
    """Return what pip would install, less what is there in that version."""
    packages: dict[str, str] = found["packages"]
    pip: list[str] | None = params.pip
    options = _options(params)
    if params.virtualenv and (not found["exists"] or found.get("new")):  # new: in a plan alone
        pip = pip_env.own_pip(system, params.virtualenv_python or "python3")
        options = ["--ignore-installed", *options]
    elif not found["pip"] and not params.executable:
        pip = None
    names = [wish.name for wish in params.wishes if wish.name is not None]
    if pip is None:
        return {name: UNKNOWN for name in names if name not in packages} or {"*": UNKNOWN}
    stdin = None
    if params.requirements:
        text = _requirements(system, params)
        simple = pip_env.listed(text) is not None  # else it names other files, from where it stands
        stdin = text if simple else None
        options = [*options, "--requirement", "/dev/stdin" if simple else params.requirements]
    told = pip_env.report(system, pip, options, stdin or None, params.chdir)
    return {name: version for name, version in told.items() if packages.get(name) != version}


def _options(params: PipParams) -> list[str]:
    options = [*_permission(params), *shlex.split(params.extra_args or "")]
    options += ["--upgrade"] if params.state == "latest" else []
    options += ["--force-reinstall"] if params.state == "forcereinstall" else []
    options += ["--editable"] if params.editable else []
    return [*options, *(wish.text for wish in params.wishes)]


def _permission(params: PipParams) -> list[str]:
    return ["--break-system-packages"] if params.break_system_packages else []


def _is_editable(params: PipParams, found: State) -> bool:
    if not params.editable:
        return False
    text = params.wishes[0].text
    path = posixpath.normpath(posixpath.join(params.chdir or "/", text))
    places = {f"file://{path}", text}
    return any(url.rstrip("/") in places for url in found["editable"].values())


def _make(system: System, params: PipParams, establishes: dict[str, State | None]) -> None:
    command = shlex.split(params.virtualenv_command)
    if params.virtualenv_python:
        plain = params.virtualenv_command == _VENV
        command = (
            [params.virtualenv_python, *command[1:]] if plain else [*command, "-p", params.virtualenv_python]
        )
    command += ["--system-site-packages"] if params.virtualenv_site_packages else []
    directory: dict[str, State | None] = {
        f"path:{params.place}": {"exists": True, "kind": "directory", "mode": "0755"},
        f"path:{params.place}/**": None,
    }
    existed = system.stat(params.place) is not None
    try:
        _run(system, params, [*command, params.place], establishes | directory)
    except TaskError:
        if not existed:
            system.remove(params.place)  # half of an environment would pass for a whole one
        raise


def _run(
    system: System, params: PipParams, argv: Sequence[str], establishes: dict[str, State | None]
) -> None:
    if params.umask is not None:
        argv = ["python3", "-c", _WITH_UMASK, params.umask, *argv]
    done = system.run(
        argv,
        establishes=establishes,
        ok=tuple(range(256)),
        env={key: value for key, value in ENVIRONMENT.items() if key.startswith("PIP_")},
        cwd=params.chdir,
    )
    if done.exit_status != 0:
        raise pip_env.explain(done)
