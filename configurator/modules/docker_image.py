"""docker_image: an image of Docker is there, built, loaded or pulled where it was not, or is gone.

Parameters are those of community.docker.docker_image. An image that is there stays as it is, whatever it was
made of, unless `force_source` has it built, loaded or pulled again; what comes of that is known only
afterwards, and is a change only if it is another image. Everything goes through the command docker(1), with
the builder and the logins that it has.

Otherwise than in Ansible: `push` does nothing where Docker knows that the registry has the image; an archive
is compared by the image's id and name; `build.http_timeout` does nothing.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.attributes import clean
from configurator.modules.base import Module
from configurator.modules.docker import OMITTED, READS, Docker, DockerLogin, flags, texts
from configurator.modules.docker_images import (
    archived,
    check_keys,
    check_reference,
    image_key,
    image_state,
    is_id,
    new_image,
    reference,
    repository_of,
    size_of,
)  # fmt: skip
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import System

_OPTIONS = {
    "network": "network", "platform": "platform", "shm_size": "shm-size", "target": "target",
}  # fmt: skip
_LIMITS = {
    "cpusetcpus": "cpuset-cpus", "cpushares": "cpu-shares", "memory": "memory", "memswap": "memory-swap",
}  # fmt: skip
_BUILD = dict.fromkeys(
    (
        *_OPTIONS, "args", "cache_from", "container_limits", "dockerfile", "etc_hosts", "http_timeout",
        "labels", "nocache", "path", "pull", "rm", "use_config_proxy",
    )
)  # fmt: skip
_CLIENT = ("PATH", "HOME", "LC_ALL", "LANG", "TMPDIR")  # variables that the command itself goes by


@dataclass(frozen=True, slots=True)
class DockerImageParams(DockerLogin):
    """The parameters of community.docker.docker_image."""

    name: str = param("str", required=True)
    tag: str = param("str", "latest")
    state: str = param("str", "present", choices=("present", "absent"))
    source: str | None = param("str", choices=("build", "load", "pull", "local"))
    build: dict[str, Any] = param("dict", {})
    pull: dict[str, Any] = param("dict", {})
    load_path: str | None = param("str")
    repository: str | None = param("str")
    archive_path: str | None = param("str")
    push: bool = param("bool", False)
    force_source: bool = param("bool", False)
    force_tag: bool = param("bool", False)
    force_absent: bool = param("bool", False)

    @property
    def ref(self) -> str:
        """The image's name with its tag."""
        return reference(self.name, self.tag)

    @property
    def other(self) -> str | None:
        """The other name that it gets."""
        return reference(self.repository, self.tag) if self.repository else None


class DockerImage(Module[DockerImageParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "docker_image"
    params: ClassVar[type] = DockerImageParams
    omitted: ClassVar[Mapping[str, str]] = OMITTED
    timeout_s: ClassVar[float] = 3600.0
    typical_s: ClassVar[float] = 10.0

    def check(self, params: DockerImageParams) -> Sequence[ParamProblem]:
        problems = check_reference("name", params.name)
        if params.repository is not None:
            problems += check_reference("repository", params.repository)
        if params.state == "present":
            if params.source is None:
                problems.append(ParamProblem("source", "'source' is needed: build, load, pull or local"))
            if params.source == "load" and params.load_path is None:
                problems.append(ParamProblem("load_path", "'load_path' is needed with `source: load`"))
            if params.source == "build":
                problems += _check_build(params.build)
        problems += check_keys("pull", params.pull, {"platform": None})
        for field in ("load_path", "archive_path"):
            if not (getattr(params, field) or "/").startswith("/"):
                problems.append(ParamProblem(field, f"{field!r} must be an absolute path"))
        return problems

    def subject(self, params: DockerImageParams) -> str:
        return f"docker_image:{params.server}{params.ref}"

    def effects(self, params: DockerImageParams) -> Effects:
        reads, writes = set(READS), {image_key(params, params.ref)}
        if params.state == "absent":
            return effects(reads=reads, writes=writes)
        if params.source == "build":
            # What it is built from may be another image.
            reads |= {f"docker_image:{params.server}**", f"path:{clean(str(params.build['path']))}/**"}
        if params.source == "load":
            reads.add(f"path:{clean(params.load_path or '/')}")
            writes.add(f"docker_image:{params.server}**")
        if params.other is not None:
            writes.add(image_key(params, params.other))
        if params.archive_path is not None:
            reads |= set(path_keys(params.archive_path))
            writes.add(f"path:{clean(params.archive_path)}")
        return effects(reads=reads, writes=writes)

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: DockerImageParams) -> State:
        """The image; whether the other name is its own, the archive holds it, and the registry has it."""
        docker = Docker(system, params)
        state = dict(image_state(system, docker, params, params.ref))
        if params.state == "absent":
            return state
        if not state["exists"] and params.source == "local":
            raise TaskError(
                f"there is no image {params.ref!r} on the host",
                hint="`source: local` takes one that is there: build, load or pull it first",
            )
        if not state["exists"] or params.force_source:
            state["held"] = _find_source(system, params)
        if params.other is not None:
            state["tagged"] = _is_tagged(
                state, image_state(system, docker, params, params.other), force=params.force_tag
            )
        if params.archive_path is not None:
            state["archived"] = _is_archived(system, params, state)
        if params.push:
            state["in_registry"] = repository_of(params.other or params.ref) in state.get("pushed", ())
        return state

    def desired(self, params: DockerImageParams, actual: State) -> State:
        if params.state == "absent":
            return {"exists": False}
        wanted: State = {"exists": True}
        if actual["exists"] and params.force_source and params.source != "local" and "made" not in actual:
            wanted["id"] = actual["held"].get(params.ref) or UNKNOWN
        for field in ("tagged", "archived", "in_registry"):
            wanted |= {field: True} if field in actual else {}
        return wanted

    def converge(self, system: System, params: DockerImageParams, change: Change) -> State | None:
        docker, key = Docker(system, params), image_key(params, params.ref)
        if params.state == "absent":
            force = ["--force"] if params.force_absent else []
            docker.run(["image", "rm", *force, params.ref], {key: {"exists": False}})
            return None
        if "exists" in change or "id" in change:
            self._make(docker, params, change)
        state = image_state(system, docker, params, params.ref)
        if not state["exists"]:
            raise TaskError(f"docker has made no image {params.ref!r}")
        if params.other is not None:
            other = image_state(system, docker, params, params.other)
            if _is_tagged(state, other, force=params.force_tag) is not True:
                docker.run(
                    ["image", "tag", params.ref, params.other], {image_key(params, params.other): state}
                )
        if params.archive_path is not None and _is_archived(system, params, state) is not True:
            path = clean(params.archive_path)
            after = {f"path:{path}": None, f"docker_archive:{path}": {"held": {params.ref: state["of"]}}}
            docker.run(["image", "save", f"--output={path}", params.ref], after)
        if params.push and repository_of(params.other or params.ref) not in state["pushed"]:
            ref = params.other or params.ref
            pushed = state | {"pushed": (*state["pushed"], repository_of(ref))}
            docker.run(["image", "push", ref], {key: pushed})
        return {"made": True}

    def _make(self, docker: Docker, params: DockerImageParams, change: Change) -> None:
        after = {image_key(params, params.ref): new_image()}
        if params.source == "build":
            words, env = _build(params)
            docker.run(words, after, env=env)
        elif params.source == "load":
            # All that is in the archive comes along, whatever had these names before.
            after = {image_key(params, name): new_image(of) for name, of in change.before["held"].items()}
            docker.run(["image", "load", f"--input={params.load_path}"], after)
        else:
            pull(docker, params.ref, params.pull.get("platform"), after)

    def outputs(self, params: DockerImageParams, actual: State) -> dict[str, object]:  # noqa: ARG002
        """Return a part of what Ansible does: id and names of the image."""
        return {"image": shown_image(actual)}


def shown_image(state: State) -> dict[str, object]:
    """Return what a task returns of an image."""
    if not state["exists"]:
        return {}
    fields = {"Id": "id", "RepoTags": "tags", "Config": "config"}
    return {name: state[field] for name, field in fields.items() if state[field] is not UNKNOWN}


def pull(docker: Docker, ref: str, platform: str | None, after: Mapping[str, State | None]) -> None:
    """Have an image fetched from its registry."""
    words = [f"--platform={platform}"] if platform else []
    docker.run(["image", "pull", "--quiet", *words, ref], after)


def _same(state: State, of: object) -> object:
    """Return whether an image is the one with this id; UNKNOWN if one of them has yet to be made."""
    if state["of"] == of:
        return True
    return False if isinstance(of, str) and isinstance(state["of"], str) else UNKNOWN


def _is_tagged(state: State, other: State, *, force: bool) -> object:
    """Return whether the other name is the image's, or anybody's where it is not to be taken away."""
    if not other["exists"] or not state["exists"]:
        return bool(other["exists"]) and not force
    if not force:
        return True
    return _same(state, other["of"])


def _is_archived(system: System, params: DockerImageParams, state: State) -> object:
    """Return whether the archive holds the image under its name."""
    path = params.archive_path or ""

    def probe() -> State:
        found = system.stat(path, follow=True)
        try:
            held = archived(system, path) if found is not None and found.kind == "file" else {}
        except TaskError:  # something else: it is written anew
            held = {}
        return {"exists": bool(held), "held": held}

    held = system.lookup(f"docker_archive:{clean(path)}", probe)["held"]
    if not state["exists"] or not held:
        return False
    known = state["id"] if is_id(params.ref) and state["id"] in held.values() else held.get(params.ref)
    return known is not None and _same(state, known)


def _find_source(system: System, params: DockerImageParams) -> dict[str, str]:
    """Return the ids of the images that are to be loaded by their names; TaskError if there is no source."""
    if params.source == "load" and params.load_path is not None:
        _need(system, params.load_path, "file")
        held = archived(system, params.load_path)
        if params.ref not in held and not is_id(params.ref):
            raise TaskError(
                f"{params.load_path} has no image {params.ref!r}",
                hint=f"it has {', '.join(sorted(held)[:8])}" if held else "images in it have no names",
            )
        return held
    if params.source == "build":
        path = str(params.build["path"])
        _need(system, path, "directory")
        _need(system, _dockerfile(params), "file")
    return {}


def _need(system: System, path: str, kind: str) -> None:
    found = system.stat(path, follow=True)
    if found is None:
        raise TaskError(f"no such {kind}: {path}")
    if found.kind != kind:
        raise TaskError(f"is no {kind}: {path}")


def _dockerfile(params: DockerImageParams) -> str:
    return posixpath.join(str(params.build["path"]), str(params.build.get("dockerfile") or "Dockerfile"))


def _build(params: DockerImageParams) -> tuple[list[str], dict[str, str]]:
    """Return the words of `docker build`, and what it is given in the environment."""
    build = params.build
    words = ["build", f"--tag={params.ref}", f"--file={_dockerfile(params)}"]
    words += [f"--{option}={build[key]}" for key, option in _OPTIONS.items() if build.get(key) is not None]
    limits = build.get("container_limits") or {}
    words += [f"--{option}={_limit(limits[key])}" for key, option in _LIMITS.items() if key in limits]
    words += [f"--cache-from={name}" for name in build.get("cache_from") or ()]
    words += [f"--add-host={name}:{address}" for name, address in texts(build.get("etc_hosts") or {}).items()]
    words += flags("label", texts(build.get("labels") or {}))
    env = {}
    for key, value in texts(build.get("args") or {}).items():
        if key in _CLIENT or key.startswith("DOCKER_"):
            words.append(f"--build-arg={key}={value}")
        else:
            words.append(f"--build-arg={key}")
            env[key] = value
    for key, word in (("nocache", "--no-cache"), ("pull", "--pull")):
        words += [word] if build.get(key) else []
    words += [] if build.get("rm", True) else ["--rm=false"]
    return [*words, str(build["path"])], env


def _limit(value: Any) -> str:
    size = size_of(str(value))
    return str(value if size is None else size)


def _check_build(build: Mapping[str, Any]) -> list[ParamProblem]:
    problems = check_keys("build", build, _BUILD)
    path = build.get("path")
    if path is None:
        problems.append(ParamProblem("build", "'build.path' is needed with `source: build`"))
    elif not str(path).startswith("/"):
        problems.append(ParamProblem("build", "'build.path' must be an absolute path"))
    for key in ("args", "labels", "etc_hosts", "container_limits"):
        if not isinstance(build.get(key) or {}, Mapping):
            problems.append(ParamProblem("build", f"'build.{key}' must be a mapping"))
    limits = build.get("container_limits") or {}
    if isinstance(limits, Mapping):
        problems += check_keys("build", limits, _LIMITS)
    if build.get("use_config_proxy") is False:
        problems.append(ParamProblem("build", "docker always goes by its configured proxy when it builds"))
    return problems
