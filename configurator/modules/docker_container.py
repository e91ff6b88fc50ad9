"""docker_container: a container of Docker exists as it is asked for and runs, or is stopped, or is gone.

Parameters are those of community.docker.docker_container. Only what is given is compared with what `docker
inspect` says, as `comparisons` has it: of sets and mappings (environment, labels, ports, volumes...) more may
be there. Limits, the restart policy and networks are changed in place; for anything else the container is
removed and made again, without its anonymous volumes. A container whose image is another one by now is made
again, too. Everything goes through the command docker(1); environment variables are given to it on its
standard input, and their values are not shown.

Otherwise than in Ansible: a container that has failed right after its start is a failure, with the end of its
log; a health check that is a list of words is given to the image's shell; `cleanup` and
`output_logs` matter with `detach: false` only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.attributes import clean
from configurator.modules.base import Module
from configurator.modules.docker import OMITTED, READS, Docker
from configurator.modules.docker_container_params import DockerContainerParams
from configurator.modules.docker_container_state import (
    created,
    desired_options,
    found_state,
    imagined_state,
    network_words,
)  # fmt: skip
from configurator.modules.docker_image import pull
from configurator.modules.docker_images import image_key, image_state, new_image
from configurator.modules.docker_options import OPTIONS
from configurator.modules.docker_values import environment
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem
from configurator.modules.state import UNKNOWN, Change, State, compare
from configurator.modules.system import System

_EVENTS = ("recreated", "restarted", "ran", "healthy")
_NAMESPACES = ("network_mode", "pid_mode", "ipc_mode")
_LOG_LINES = 20


class DockerContainer(Module[DockerContainerParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "docker_container"
    params: ClassVar[type] = DockerContainerParams
    omitted: ClassVar[Mapping[str, str]] = OMITTED | {
        "command_handling": "the old way of splitting words is gone from Ansible's defaults, too",
        "container_default_behavior": "the defaults are those of `no_defaults`, which is Ansible's default",
        "device_requests": "is for graphics cards, which the docker of Debian cannot hand out",
        "kernel_memory": "Docker has given it up",
        "pull_check_mode_behavior": "what a pull would bring is shown as unknown",
    }
    timeout_s: ClassVar[float] = 1800.0
    typical_s: ClassVar[float] = 2.0

    def check(self, params: DockerContainerParams) -> Sequence[ParamProblem]:
        return params.problems()

    def subject(self, params: DockerContainerParams) -> str:
        return f"docker_container:{params.server}{params.name}"

    def effects(self, params: DockerContainerParams) -> Effects:
        reads, writes = set(READS), {self.subject(params)}
        if params.state == "absent":
            return effects(reads=reads, writes=writes)
        if params.ref is not None:
            (reads if params.pulls == "never" else writes).add(image_key(params, params.ref))
        reads |= {f"docker_network:{params.server}{name}" for name in params.joined}
        others = [name.partition(":")[0] for name in (*params.links, *params.volumes_from)]
        modes = (getattr(params, mode) or "" for mode in _NAMESPACES)
        others += [mode.removeprefix("container:") for mode in modes if mode.startswith("container:")]
        reads |= {f"docker_container:{params.server}{name}" for name in others}
        sources = [str(volume).partition(":")[0] for volume in params.volumes if ":" in str(volume)]
        sources += [str(one.get("source") or "") for one in params.mounts if isinstance(one, Mapping)]
        sources += [params.env_file or ""]
        for source in sources:
            if source.startswith("/"):
                path = clean(source)
                reads |= {f"path:{path}", f"path:{path.rstrip('/')}/**"}
            elif source:
                reads.add(f"docker_volume:{params.server}{source}")
        return effects(reads=reads, writes=writes)

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: DockerContainerParams) -> State:
        """The container, option by option; `wanted` is the image that it is to have."""
        docker = Docker(system, params)

        def probe() -> State:
            found = docker.inspect("container", params.name)
            return {"exists": False} if found is None else found_state(found)

        state = dict(system.lookup(self.subject(params), probe))
        if params.state == "absent":
            return state
        if params.ref is not None:
            state["wanted"] = image_state(system, docker, params, params.ref)
        elif not state["exists"]:
            raise TaskError(f"there is no container {params.name!r}", hint="`image` says what to make it of")
        if params.image_comparison == "current-image" and state.get("image_id") not in (None, UNKNOWN):
            state["base"] = image_state(system, docker, params, state["image_id"])
        if not state.get("wanted", {"exists": True})["exists"] and params.pulls == "never":
            raise TaskError(
                f"there is no image {params.ref!r} on the host", hint="`pull: missing` fetches it"
            )
        state["variables"] = _variables(system, params)
        for mode in _NAMESPACES:
            value = getattr(params, mode) or ""
            if value.startswith("container:"):  # the daemon keeps the other's id
                other = docker.inspect("container", value.removeprefix("container:"))
                state |= {f"{mode}_id": f"container:{other['Id']}"} if other else {}
        return state

    def desired(self, params: DockerContainerParams, actual: State) -> State:
        if params.state == "absent":
            return {"exists": False}
        wanted: State = {"exists": True, **desired_options(params, actual)}
        if params.recreate and actual["exists"]:
            wanted["recreated"] = True
        if params.state == "stopped":
            return wanted | {"running": False}
        if params.state == "present":
            return wanted
        if not params.detach:
            return wanted | {"ran": True}
        wanted["running"] = True
        if params.restart and (actual.get("running") or "restarted" in actual):
            wanted["restarted"] = True
        if params.paused is not None:
            wanted["paused"] = params.paused
        if params.state == "healthy":
            wanted["healthy"] = True
        return wanted

    def converge(self, system: System, params: DockerContainerParams, change: Change) -> State | None:
        docker = Docker(system, params)
        if params.state == "absent":
            self._remove(system, docker, params, change.before)
            return None
        proof: State = {}
        known = change.before.get("wanted", {"exists": True, "id": ""})
        if params.ref is not None and (not known["exists"] or params.pulls == "always"):
            pull(docker, params.ref, params.platform, {image_key(params, params.ref): new_image()})
            proof["pulled"] = True
            actual = self.observe(system, params) | proof
            change = compare(change.subject, actual, self.desired(params, actual))
        wanted, before = change.after, change.before
        state = before
        if before["exists"] and any(_remakes(name, change) for name in change.fields):
            self._remove(system, docker, params, before)
            state = {"exists": False}
            proof["recreated"] = True
        if not state["exists"]:
            state = self._create(docker, params, before, wanted)
        else:
            state = self._update(docker, params, change)
        if params.restart:
            proof["restarted"] = True
        return proof | self._bring(system, docker, params, state, change)

    def _create(
        self, docker: Docker, params: DockerContainerParams, before: State, wanted: State
    ) -> State:  # fmt: skip
        words, stdin, env = created(params, before)
        state = imagined_state(params, before, wanted)
        docker.run(words, {self.subject(params): state}, stdin=stdin, env=env)
        for name, asked in params.joined.items():
            if name != params.first and f"network.{name}" in wanted:
                state |= {f"network.{name}": wanted[f"network.{name}"]}
                words = ["network", "connect", *network_words(asked, at_creation=False), name, params.name]
                docker.run(words, {self.subject(params): state})
        return state

    def _update(self, docker: Docker, params: DockerContainerParams, change: Change) -> State:
        state, key = dict(change.before), self.subject(params)
        words: list[str] = []
        for name in change.fields:
            if name in OPTIONS:
                words += OPTIONS[name].words(change.after[name])
                state[name] = change.after[name]
        if "memory" in change and params.memory_swap is None:  # as docker has it where none is asked for
            words.append(f"--memory-swap={2 * change.after['memory']}")
            state["memory_swap"] = 2 * change.after["memory"]
        if words:
            docker.run(["container", "update", *words, params.name], {key: state})
        for name in change.fields:
            network, value = name.removeprefix("network."), change.after[name]
            if network == name:
                continue
            if state.get(name) is not None:
                state[name] = None
                docker.run(["network", "disconnect", network, params.name], {key: state})
            if value is not None:
                state[name] = value
                asked = network_words(params.joined[network], at_creation=False)
                docker.run(["network", "connect", *asked, network, params.name], {key: state})
        return state

    def _bring(
        self, system: System, docker: Docker, params: DockerContainerParams, state: State, change: Change
    ) -> State:
        """Start, stop, pause... the container; return proof of what the next look does not show."""
        key, wanted, proof = self.subject(params), change.after, State()
        if "ran" in wanted:
            return self._run_to_end(docker, params, state)
        if "running" not in wanted:
            return proof
        if not wanted["running"]:
            if state["running"]:
                self._stop(docker, params, state)
            return proof
        if state.get("paused") and params.paused is not True:
            state = state | {"paused": False}
            docker.run(["container", "unpause", params.name], {key: state})
        if not state["running"]:
            # That it gets healthy is waited for below.
            state = state | {"running": True, "paused": False, "healthy": "healthy" in wanted}
            docker.run(["container", "start", params.name], {key: state})
            proof = self._started(system, docker, params)
        elif "restarted" in change:
            time = [] if params.stop_timeout is None else ["-t", str(params.stop_timeout)]
            docker.run(["container", "restart", *time, params.name], {key: state})
        if params.paused and not state["paused"]:
            docker.run(["container", "pause", params.name], {key: state | {"paused": True}})
        if "healthy" in change:
            self._wait_for_health(system, params)
        return proof

    def _started(self, system: System, docker: Docker, params: DockerContainerParams) -> State:
        """Return proof of a start that has ended well already; TaskError if it has not ended well."""
        state = self.observe(system, params)
        if not state["exists"] and params.auto_remove:
            return {"exists": True, "running": True}
        if state.get("running") or not state["exists"]:
            return {}
        if state["exit_status"]:
            raise TaskError(
                f"the container {params.name!r} has ended with status {state['exit_status']}",
                exit_status=state["exit_status"], output=self._log(docker, params, state),
            )  # fmt: skip
        return {"running": True}

    def _run_to_end(self, docker: Docker, params: DockerContainerParams, state: State) -> State:
        key, ended = self.subject(params), state | {"running": False}
        docker.run(["container", "start", params.name], {key: state | {"running": True}})
        status = docker.run(["container", "wait", params.name], {key: ended}).stdout.strip() or "0"
        said = self._log(docker, params, ended) if not params.auto_remove else ""
        if status != "0":
            raise TaskError(
                f"the container {params.name!r} has ended with status {status}",
                exit_status=int(status) if status.isdigit() else None, output=said,
            )  # fmt: skip
        proof: State = {"ran": True, "output": said}
        if params.cleanup:
            docker.run(["container", "rm", params.name], {key: {"exists": False}})
            proof |= {name: value for name, value in ended.items() if value is not None} | {"exists": True}
        return proof

    def _log(self, docker: Docker, params: DockerContainerParams, state: State) -> str:
        """Return the end of what the container has said; nothing in a plan, in which it has not."""
        words = ["container", "logs", f"--tail={_LOG_LINES}", params.name]
        done = docker.run(words, {self.subject(params): state})
        return done.stdout + done.stderr

    def _wait_for_health(self, system: System, params: DockerContainerParams) -> None:
        def healthy() -> bool:
            state = self.observe(system, params)
            if not state.get("running") or state["health"] is None:
                raise TaskError(
                    f"the container {params.name!r} "
                    + ("has no health check" if state.get("running") else "does not run any more")
                )
            return bool(state["healthy"])

        limit = params.healthy_wait_timeout if params.healthy_wait_timeout > 0 else self.timeout_s
        if not system.wait_until(healthy, every_s=0.5, timeout_s=limit):
            raise TaskError(f"the container {params.name!r} is not healthy after {limit:g} s")

    def _stop(self, docker: Docker, params: DockerContainerParams, state: State) -> None:
        after = {self.subject(params): state | {"running": False, "paused": False, "healthy": False}}
        if params.force_kill:
            signal = [f"--signal={params.kill_signal}"] if params.kill_signal else []
            docker.run(["container", "kill", *signal, params.name], after)
        else:
            time = [] if params.stop_timeout is None else ["-t", str(params.stop_timeout)]
            docker.run(["container", "stop", *time, params.name], after)

    def _remove(self, system: System, docker: Docker, params: DockerContainerParams, state: State) -> None:
        gone: State = {"exists": False}
        if state["running"] and state["auto_remove"]:
            self._stop(docker, params, gone)
            if self.observe(system, params)["exists"]:  # the daemon removes it by itself, a moment later
                limit = params.removal_wait_timeout or 60.0
                system.wait_until(
                    lambda: docker.inspect("container", params.name) is None, every_s=0.1, timeout_s=limit
                )
            return
        if state["running"]:
            self._stop(docker, params, state)
        volumes = [] if params.keep_volumes else ["--volumes"]
        docker.run(["container", "rm", *volumes, params.name], {self.subject(params): gone})

    def outputs(self, params: DockerContainerParams, actual: State) -> dict[str, Any]:
        """Return a part of what Ansible does: `container` with its id, name and state, and `status`."""
        if not actual["exists"]:
            return {"container": {}}
        found: dict[str, Any] = {"Name": f"/{params.name}", "State": {"Running": bool(actual.get("running"))}}
        for theirs, ours in (("Id", "id"), ("Image", "image_id"), ("NetworkSettings", "addresses")):
            if actual.get(ours) not in (None, UNKNOWN):
                found[theirs] = actual[ours]
        if "output" in actual:
            found["Output"] = actual["output"] if params.output_logs else ""
            return {"container": found, "status": 0}
        return {"container": found}


def _remakes(name: str, change: Change) -> bool:
    """Return True if a difference can be mended only in another container."""
    if name in ("exists", "running", "paused", "restarted", "ran", "healthy") or name.startswith("network."):
        return False
    known = OPTIONS.get(name)
    # To these commands 0 means no change.
    return known is None or not known.update or not change.after[name]


def _variables(system: System, params: DockerContainerParams) -> dict[str, str]:
    """Return the environment that is asked for; what is in the file comes second."""
    from configurator.modules.docker import texts  # noqa: PLC0415

    found = {}
    if params.env_file is not None:
        found = environment(system.read(params.env_file).decode(errors="replace"))
    return dict(sorted((found | texts(params.env)).items()))
