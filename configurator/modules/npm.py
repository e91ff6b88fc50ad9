"""npm: Node packages are installed for a project or for all, or are not.

Parameters are those of community.general.npm. What is there is read from the package.json of each package,
and from package-lock.json for a project without `name`: npm itself is only started when something is to be
done, for it writes to its cache and its logs even where it only looks. The version that a name without
`version` gets is asked of the registry that npm is set to; where that does not answer it is known after the
apply.

Different, on purpose: `ci` does nothing where node_modules is what the lock file says; `latest` needs names;
and `version` is an exact version.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.attributes import make_parents
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects, parent_keys
from configurator.modules.params import ParamProblem, absolute, param
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import System

_NAME = re.compile(r"(?:@[a-z0-9~][a-z0-9._~-]*/)?[a-zA-Z0-9~][a-zA-Z0-9._~-]*")
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?")
# Nothing is to be told, kept or asked besides.
_ENVIRONMENT = {
    "npm_config_logs_max": "0",
    "npm_config_update_notifier": "false",
    "npm_config_fund": "false",
    "npm_config_audit": "false",
}
# Where nothing can be written: what only looks keeps no cache and no logs then.
_LOOKING = _ENVIRONMENT | {"npm_config_cache": "/dev/null/none"}
_HINTS = (
    ("EAI_AGAIN", "the host cannot reach the registry: look at its network and its DNS"),
    ("ECONNREFUSED", "the registry does not answer"),
    ("ENOTFOUND", "the host cannot reach the registry: look at its network and its DNS"),
    ("E404", "the registry has no such package or version"),
    ("ETARGET", "the registry has no such version"),
    ("ENOSPC", "free some space on the host"),
    ("EACCES", "`become: true` installs for all"),
    ("EBADENGINE", "the package wants another version of Node"),
)


@dataclass(frozen=True, slots=True)
class NpmParams:
    """The parameters of community.general.npm."""

    name: str | None = param("str")
    path: str | None = param("str", path=True)
    version: str | None = param("str")
    global_: bool = param("bool", False)
    state: str = param("str", "present", choices=("present", "absent", "latest"))
    ci: bool = param("bool", False)
    executable: str = param("str", "npm")
    registry: str | None = param("str")
    production: bool = param("bool", False)
    force: bool = param("bool", False)
    ignore_scripts: bool = param("bool", False)
    no_bin_links: bool = param("bool", False)
    no_optional: bool = param("bool", False)

    @property
    def place(self) -> str:
        """What tells the packages of one project from others."""
        return (self.path or "").rstrip("/") if not self.global_ else self.executable


class Npm(Module[NpmParams]):
    """Keeps Node packages."""

    name = "npm"
    params = NpmParams
    timeout_s: ClassVar[float] = 1800.0
    typical_s: ClassVar[float] = 5.0
    omitted: ClassVar[Mapping[str, str]] = {"unsafe_perm": "npm 7 and later have no such option"}

    def check(self, params: NpmParams) -> Sequence[ParamProblem]:
        """Return combinations that mean nothing."""
        problems = []
        if params.global_ == (params.path is not None):
            problems.append(ParamProblem("path", "give either 'path' or 'global: true'"))
        if params.path is not None and not absolute(params.path):
            problems.append(ParamProblem("path", f"must be an absolute path, not {params.path!r}"))
        if params.name is not None and _NAME.fullmatch(params.name) is None:
            problems.append(
                ParamProblem("name", f"{params.name!r} is not the name of a package in a registry")
            )
        if params.name is None and (params.global_ or params.state != "present"):
            problems.append(ParamProblem("name", f"'{params.state}' needs 'name'"))
        if params.version is not None and (params.name is None or params.state != "present"):
            problems.append(ParamProblem("version", "'version' needs 'name' and 'state: present'"))
        if params.version is not None and _VERSION.fullmatch(params.version) is None:
            problems.append(
                ParamProblem("version", f"{params.version!r} is not an exact version such as 1.2.3")
            )
        if params.ci and params.name is not None:
            problems.append(ParamProblem("ci", "'ci' installs what the lock file says, and takes no 'name'"))
        return problems

    def subject(self, params: NpmParams) -> str:
        """Return the package, or the project."""
        return f"npm:{params.place}" + (f"/{params.name}" if params.name else "")

    def effects(self, params: NpmParams) -> Effects:
        """The packages, and the files of the project that name them."""
        if params.global_:
            return effects(reads={"package:**"}, writes={self.subject(params), "path:/usr/local/**"})
        files = {
            f"path:{params.place}/{name}" for name in ("node_modules/**", "package.json", "package-lock.json")
        }
        makes = parent_keys(f"{params.place}/package.json")
        return effects(reads={"package:**"}, writes={f"npm:{params.place}/**", *files}, makes=makes)

    def locks(self, params: NpmParams) -> frozenset[str]:
        """npm works on a project for one at a time."""
        return frozenset({f"npm:{params.place}"})

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: NpmParams) -> State:
        """Return the versions that are there, and those that should be."""
        _need_npm(system, params)
        modules = _modules(system, params)
        wanted = _named(params) if params.name else _project(system, params)
        state: State = {"wanted": {}}
        for name, version in wanted.items():
            there = _installed(system, params, modules, name)
            state[_field(params, name)] = there
            state["wanted"][name] = version
            if params.name and params.version is None and (there is None or params.state == "latest"):
                state["wanted"][name] = None if params.state == "absent" else _newest(system, params, name)
            elif version is UNKNOWN and there is not None:
                state["wanted"][name] = there
        return state

    def desired(self, params: NpmParams, actual: State) -> State:
        """Return the versions; None is a package that is not there."""
        return {_field(params, name): version for name, version in actual["wanted"].items()}

    def converge(self, system: System, params: NpmParams, change: Change) -> None:
        """Have npm do it."""
        if params.path is not None and system.stat(params.path, follow=True) is None:
            make_parents(system, posixpath.join(params.path, "x").rpartition("/")[0])
        action = "uninstall" if params.state == "absent" else "ci" if params.ci else "install"
        argv = [params.executable, action, *_options(params)]
        wanted: dict[str, Any] = change.before["wanted"]
        if params.name:
            version = wanted[params.name]
            exact = isinstance(version, str) and params.state != "absent"
            argv.append(f"{params.name}@{version}" if exact else params.name)
        after: dict[str, State | None] = {
            f"npm:{params.place}/{name}": {"exists": version is not None, "version": version}
            for name, version in wanted.items()
        }
        env = _ENVIRONMENT | ({"npm_config_registry": params.registry} if params.registry else {})
        done = system.run(argv, establishes=after, ok=tuple(range(256)), env=env, cwd=params.path)
        if done.exit_status != 0:
            raise _explain(done.stdout + done.stderr, done.argv, done.exit_status)

    def outputs(self, params: NpmParams, actual: State) -> dict[str, object]:
        """Return the versions that are there."""
        return {"packages": {name: actual[_field(params, name)] for name in actual["wanted"]}}


def _field(params: NpmParams, name: str) -> str:
    return f"npm:{params.place}/{name}|version"


def _need_npm(system: System, params: NpmParams) -> None:
    coming = any(
        system.lookup(f"package:{name}", lambda: {"exists": False})["exists"] for name in ("npm", "nodejs")
    )
    if (
        not coming
        and system.query([params.executable, "--version"], ok=tuple(range(256)), env=_LOOKING).exit_status
    ):
        raise TaskError(f"{params.executable} is not installed", hint="the package npm brings it")


def _modules(system: System, params: NpmParams) -> str:
    """Return the directory of the installed packages."""
    if not params.global_:
        return f"{params.place}/node_modules"
    answer = system.query([params.executable, "root", "--global"], ok=tuple(range(256)), env=_LOOKING)
    return answer.stdout.strip() or "/usr/local/lib/node_modules"


def _installed(system: System, params: NpmParams, modules: str, name: str) -> Any:
    def probe() -> State:
        path = f"{modules}/{name}/package.json"
        if system.stat(path, follow=True) is None:
            return {"exists": False, "version": None}
        return {"exists": True, "version": str(_json(system, path).get("version", ""))}

    found = system.lookup(f"npm:{params.place}/{name}", probe)
    return found["version"] if found["exists"] else None


def _named(params: NpmParams) -> dict[str, Any]:
    assert params.name is not None
    return {params.name: None if params.state == "absent" else params.version or UNKNOWN}


def _project(system: System, params: NpmParams) -> dict[str, Any]:
    """Return the packages of a project with the versions of its lock file, or UNKNOWN where it has none."""
    manifest, lock = f"{params.place}/package.json", f"{params.place}/package-lock.json"
    if system.stat(manifest, follow=True) is None:
        raise TaskError(f"no such file: {manifest}", hint="it names what a project needs; or give `name`")
    if system.stat(lock, follow=True) is not None:
        return locked(_json(system, lock), dev=not params.production, optional=not params.no_optional)
    if params.ci:
        raise TaskError(f"no such file: {lock}", hint="`ci` installs what that file says")
    told = _json(system, manifest)
    kinds = ["dependencies", *([] if params.production else ["devDependencies"])]
    kinds += [] if params.no_optional else ["optionalDependencies"]
    return {name: UNKNOWN for kind in kinds for name in told.get(kind) or {}}


def locked(lock: Mapping[str, Any], *, dev: bool, optional: bool) -> dict[str, Any]:
    """Return the packages directly in node_modules that a lock file (version 2 and later) names."""
    found: dict[str, Any] = {}
    packages = lock.get("packages")
    for path, entry in packages.items() if isinstance(packages, dict) else ():
        name = path.removeprefix("node_modules/")
        if not path.startswith("node_modules/") or "/node_modules/" in name or not isinstance(entry, dict):
            continue
        # What is optional may be left out by npm for this kind of machine, too.
        skipped = entry.get("link") or entry.get("optional") or entry.get("peer") or entry.get("devOptional")
        if not (skipped or (entry.get("dev") and not dev) or (entry.get("optional") and not optional)):
            found[name] = entry.get("version", UNKNOWN)
    return found


def _newest(system: System, params: NpmParams, name: str) -> Any:
    """Return what the registry calls the latest version; UNKNOWN if it does not tell."""
    import json  # noqa: PLC0415

    from configurator.modules.web import Request  # noqa: PLC0415

    registry = params.registry
    if registry is None:
        argv = [params.executable, "config", "get", "registry"]
        registry = system.query(argv, ok=tuple(range(256)), env=_LOOKING).stdout.strip()
    if not registry.startswith(("http://", "https://")):
        return UNKNOWN
    url = f"{registry.rstrip('/')}/{name.replace('/', '%2f')}"
    headers = {"Accept": "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8"}
    try:
        answer = system.http(Request(url, headers=headers, timeout_s=20.0))
        return str(json.loads(answer.body)["dist-tags"]["latest"]) if answer.status == 200 else UNKNOWN
    except (TaskError, ValueError, KeyError, TypeError):
        return UNKNOWN


def _json(system: System, path: str) -> dict[str, Any]:
    import json  # noqa: PLC0415

    try:
        found = json.loads(system.read(path))
    except ValueError as error:
        raise TaskError(f"{path} is not JSON: {error}") from None
    return found if isinstance(found, dict) else {}


def _options(params: NpmParams) -> list[str]:
    flags = {
        "--global": params.global_,
        "--force": params.force,
        "--ignore-scripts": params.ignore_scripts,
        "--no-bin-links": params.no_bin_links,
        "--omit=dev": params.production,
        "--omit=optional": params.no_optional,
    }
    return [flag for flag, wanted in flags.items() if wanted]


def _explain(text: str, argv: Sequence[str], exit_status: int) -> TaskError:
    errors = re.findall(r"^npm (?:ERR!|error) (?!code|errno|A complete log)(.+)$", text, re.MULTILINE)
    hint = next((hint for sign, hint in _HINTS if sign in text), None)
    message = errors[0].strip() if errors else "npm gave no reason"
    return TaskError(message, command=argv, exit_status=exit_status, output=text, hint=hint)
