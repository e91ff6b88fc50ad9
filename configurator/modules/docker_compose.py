"""docker_compose: the services of a project of Docker Compose run, or are stopped, or are gone.

Parameters are those of community.docker.docker_compose_v2, which is an alias. What is to run, and whether a
container is as its file says, is asked of Compose itself: `config` reads the files, and tells the same digest
of a service that its containers are marked with. `docker compose` is taken, or docker-compose(1) where the
host has nothing newer, as in Debian 12.

Otherwise than in Ansible: a project whose containers are as they should be is left alone. With `pull: always`
or `build: always` Compose does its work each time, which is a change only if containers change; a plan cannot
tell whether they will, nor what is in files of which earlier tasks write several, and says so. The old
docker-compose of Debian 12 knows neither `wait` nor `pull: never`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.attributes import clean
from configurator.modules.base import Module
from configurator.modules.docker import OMITTED, READS, Docker, DockerLogin
from configurator.modules.docker_compose_project import NAMES, Compose, project_name
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, absolute, param
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import System


@dataclass(frozen=True, slots=True)
class DockerComposeParams(DockerLogin):
    """The parameters of community.docker.docker_compose_v2."""

    project_src: str | None = param("str", path=True)
    project_name: str | None = param("str")
    files: tuple[str, ...] = param("list")
    definition: dict[str, Any] = param("dict", {}, secret=True)
    env_files: tuple[str, ...] = param("list")
    profiles: tuple[str, ...] = param("list")
    check_files_existing: bool = param("bool", True)
    state: str = param("str", "present", choices=("present", "stopped", "restarted", "absent"))
    services: tuple[str, ...] = param("list")
    scale: dict[str, Any] = param("dict", {})
    dependencies: bool = param("bool", True)
    pull: str = param("str", "policy", choices=("always", "missing", "never", "policy"))
    build: str = param("str", "policy", choices=("always", "never", "policy"))
    recreate: str = param("str", "auto", choices=("always", "never", "auto"))
    renew_anon_volumes: bool = param("bool", False)
    remove_orphans: bool = param("bool", False)
    remove_images: str | None = param("str", choices=("all", "local"))
    remove_volumes: bool = param("bool", False)
    wait: bool = param("bool", False)
    wait_timeout: int | None = param("int")
    timeout: int | None = param("int")
    assume_yes: bool = param("bool", False)
    ignore_build_events: bool = param("bool", True)

    @property
    def place(self) -> str:
        """The directory that relative paths belong to."""
        return clean(self.project_src or "/")

    @property
    def project(self) -> str:
        """The project's name."""
        return self.project_name or project_name(self.place)

    @property
    def counts(self) -> dict[str, int]:
        """How many containers the services are to have that are named in `scale`."""
        return {str(name): int(count) for name, count in self.scale.items()}


class DockerCompose(Module[DockerComposeParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "docker_compose"
    params: ClassVar[type] = DockerComposeParams
    omitted: ClassVar[Mapping[str, str]] = {
        name: reason for name, reason in OMITTED.items() if name not in ("debug", "timeout", "use_ssh_client")
    } | {
        "cli_context": "`docker_host` says which daemon is meant",
        "docker_cli": "the command is docker, wherever PATH has it",
    }
    timeout_s: ClassVar[float] = 3600.0
    typical_s: ClassVar[float] = 5.0

    def check(self, params: DockerComposeParams) -> Sequence[ParamProblem]:
        problems = []
        if (params.project_src is None) == (not params.definition):
            problems.append(ParamProblem("", "one of 'project_src' and 'definition' is needed"))
        if params.project_src is not None and not absolute(params.project_src):
            problems.append(ParamProblem("project_src", "'project_src' must be an absolute path"))
        if params.definition and not params.project_name:
            problems.append(ParamProblem("project_name", "'project_name' is needed with 'definition'"))
        if params.definition and params.files:
            problems.append(ParamProblem("files", "'files' and 'definition' exclude each other"))
        if project_name(params.project) != params.project:
            hint = "lower case letters, digits, `_` and `-` after the first"
            problems.append(ParamProblem("project_name", f"{params.project!r} is no project's name", hint))
        if params.services and params.state == "absent":
            problems.append(
                ParamProblem("services", "'services' and `state: absent`: the whole project goes")
            )
        for name in (*params.services, *params.scale, *params.profiles):
            if not str(name) or str(name).startswith("-"):
                problems.append(ParamProblem("services", f"{name!r} is no name"))
        for count in params.scale.values():
            if not str(count).isdigit():
                problems.append(ParamProblem("scale", f"{count!r} is no number of containers"))
        return problems

    def subject(self, params: DockerComposeParams) -> str:
        return f"docker_compose:{params.server}{params.project}"

    def effects(self, params: DockerComposeParams) -> Effects:
        server = params.server
        reads = {*READS, *(f"package:{name}" for name in NAMES), f"docker_image:{server}**"}
        reads |= {f"docker_{kind}:{server}**" for kind in ("network", "volume")}
        if params.project_src is not None:
            reads.add(f"path:{params.place}/**")
        return effects(reads=reads, writes={self.subject(params)})

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: DockerComposeParams) -> State:
        """The containers by service; `services` is what the files say, None if nobody can read them yet."""
        compose = Compose(system, Docker(system, params), params)
        state = dict(system.lookup(self.subject(params), compose.probe))
        if params.state != "absent":
            state["services"] = compose.services()
        if params.state == "present" and params.remove_orphans and state["services"] is not None:
            state["known"] = compose.known()
        if params.state == "restarted" and not any(name.startswith("service.") for name in state):
            raise TaskError(
                f"the project {params.project!r} has no containers", hint="`state: present` makes them"
            )
        return state

    def desired(self, params: DockerComposeParams, actual: State) -> State:
        if params.state == "absent":
            wanted: State = {"exists": False}
            wanted |= {"volumes": False} if params.remove_volumes else {}
            return wanted | {name: None for name in actual if name.startswith("service.")}
        if params.state == "restarted":
            return {"restarted": True}
        services: Mapping[str, Any] | None = actual["services"]
        if services is None:
            return {"exists": True, "running": UNKNOWN}
        wanted = {}
        for name, service in services.items():
            wanted |= self._wanted(params, name, service, actual)
        if params.remove_orphans and params.state == "present":
            for field in actual:
                name = field.removeprefix("service.")
                if name != field and name not in actual["known"]:
                    wanted[field] = None
        return wanted

    def _wanted(
        self, params: DockerComposeParams, name: str, service: Mapping[str, Any], actual: State
    ) -> State:  # fmt: skip
        """Return what is wanted of one service: how many containers run, and whether they are made again."""
        there = actual.get(f"service.{name}")
        if params.state == "stopped":
            return {} if there is None else {f"service.{name}": there | {"running": 0}}
        count = service["count"]
        if count is None:  # what the old Compose has in the file, it does not tell
            count = 1 if there is None else there["containers"]
        wanted: State = {f"service.{name}": {"containers": count, "running": count} if count else None}
        if there is None or "done" in actual:
            return wanted
        anew, marks = f"recreated.{name}", actual.get(f"marks.{name}", ())
        if params.recreate == "always":
            return wanted | {anew: True}
        built = params.build == "always" and service["built"]
        if params.recreate == "never":
            return wanted
        if params.pull == "always" or built or UNKNOWN in (service["mark"], *marks):
            return wanted | {anew: UNKNOWN}
        return wanted | ({anew: True} if any(mark != service["mark"] for mark in marks) else {})

    def converge(self, system: System, params: DockerComposeParams, change: Change) -> State:
        docker = Docker(system, params)
        compose = Compose(system, docker, params)
        after = {self.subject(params): compose.after(change)}
        if params.state == "present":
            compose.up(after)
        elif params.state == "absent":
            compose.down(after)
        else:
            compose.do(["stop" if params.state == "stopped" else "restart"], after)
        proof: State = {"done": True, "restarted": True}
        now = system.lookup(self.subject(params), compose.probe)
        for name, old in change.before.items():
            service = name.removeprefix("ids.")
            if service != name:
                proof[f"recreated.{service}"] = True if set(now.get(name, ())) - set(old) else None
        return proof

    def outputs(self, params: DockerComposeParams, actual: State) -> dict[str, Any]:  # noqa: ARG002
        """Return a part of what Ansible does: the names of the containers."""
        return {"containers": [{"Name": name} for name in actual["names"]]}
