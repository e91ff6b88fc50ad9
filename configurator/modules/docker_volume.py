"""docker_volume: a volume of Docker exists with its driver, or does not.

Parameters are those of community.docker.docker_volume. A volume cannot be changed: one that is there stays,
with a warning if it is different, unless `recreate: options-changed` has it removed and made again, with all
that is in it. Everything goes through the command docker(1).

Otherwise than in Ansible: `recreate: always` is not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.modules.base import Module
from configurator.modules.docker import OMITTED, READS, Docker, DockerLogin, check_name, flags, texts
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, State
from configurator.modules.system import System


@dataclass(frozen=True, slots=True)
class DockerVolumeParams(DockerLogin):
    """The parameters of community.docker.docker_volume."""

    volume_name: str = param("str", required=True, aliases=("name",))
    state: str = param("str", "present", choices=("present", "absent"))
    driver: str = param("str", "local")
    driver_options: dict[str, Any] = param("dict", {})
    labels: dict[str, Any] = param("dict", {})
    recreate: str = param("str", "never", choices=("never", "options-changed"))


class DockerVolume(Module[DockerVolumeParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "docker_volume"
    params: ClassVar[type] = DockerVolumeParams
    omitted: ClassVar[Mapping[str, str]] = OMITTED
    typical_s: ClassVar[float] = 0.3

    def check(self, params: DockerVolumeParams) -> Sequence[ParamProblem]:
        return check_name("volume_name", params.volume_name)

    def subject(self, params: DockerVolumeParams) -> str:
        return f"docker_volume:{params.server}{params.volume_name}"

    def effects(self, params: DockerVolumeParams) -> Effects:
        return effects(reads=READS, writes={self.subject(params)})

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: DockerVolumeParams) -> State:
        docker = Docker(system, params)

        def probe() -> State:
            found = docker.inspect("volume", params.volume_name)
            if found is None:
                return {"exists": False}
            return {
                "exists": True,
                "driver": found["Driver"],
                "driver_options": texts(found.get("Options") or {}),
                "labels": texts(found.get("Labels") or {}),
            }

        state = system.lookup(self.subject(params), probe)
        different = [
            field for field, value in self._asked(params, state).items() if state.get(field) != value
        ]
        if state["exists"] and different and params.state == "present" and params.recreate == "never":
            system.notice(
                f"the volume {params.volume_name!r} has another {' and '.join(different)}, and is kept:"
                " `recreate: options-changed` makes it again, with nothing in it"
            )
        return state

    def _asked(self, params: DockerVolumeParams, actual: State) -> State:
        """Return what the volume is to be made with; labels that others have set do not matter."""
        asked: State = {"driver": params.driver}
        if params.driver_options:
            asked["driver_options"] = texts(params.driver_options)
        if params.labels:
            labels, there = texts(params.labels), actual.get("labels", {})
            asked["labels"] = there if labels.items() <= there.items() else labels
        return asked

    def desired(self, params: DockerVolumeParams, actual: State) -> State:
        if params.state == "absent":
            return {"exists": False}
        if actual["exists"] and params.recreate == "never":
            return {"exists": True}
        return {"exists": True, **self._asked(params, actual)}

    def converge(self, system: System, params: DockerVolumeParams, change: Change) -> None:
        docker, key = Docker(system, params), self.subject(params)
        if change.before["exists"]:
            docker.run(["volume", "rm", params.volume_name], {key: {"exists": False}})
        if params.state == "absent":
            return
        made = {"driver_options": texts(params.driver_options), "labels": texts(params.labels)}
        words = [f"--driver={params.driver}", *flags("opt", made["driver_options"])]
        words += flags("label", made["labels"])
        after = {"exists": True, "driver": params.driver, **made}
        docker.run(["volume", "create", *words, params.volume_name], {key: after})

    def outputs(self, params: DockerVolumeParams, actual: State) -> dict[str, object]:
        """Return a part of what Ansible does: name, driver, options and labels."""
        if not actual["exists"]:
            return {"volume": {}}
        fields = {"Driver": "driver", "Options": "driver_options", "Labels": "labels"}
        return {"volume": {"Name": params.volume_name} | {k: actual.get(f) for k, f in fields.items()}}
