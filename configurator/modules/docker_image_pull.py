"""docker_image_pull: an image of Docker is there, as its registry has it.

Parameters are those of community.docker.docker_image_pull. With `pull: always`, the default, the registry is
asked each time; whether it has another image is known only afterwards, and a change only if it has. With
`pull: not_present` an image that is there is enough. Everything goes through the command docker(1), with the
logins that it has.

Otherwise than in Ansible: `platform` is no reason to pull an image that is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.modules.base import Module
from configurator.modules.docker import OMITTED, READS, Docker, DockerLogin
from configurator.modules.docker_image import pull, shown_image
from configurator.modules.docker_images import check_reference, image_key, image_state, new_image, reference
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import System


@dataclass(frozen=True, slots=True)
class DockerImagePullParams(DockerLogin):
    """The parameters of community.docker.docker_image_pull."""

    name: str = param("str", required=True)
    tag: str = param("str", "latest")
    platform: str | None = param("str")
    pull: str = param("str", "always", choices=("always", "not_present"))

    @property
    def ref(self) -> str:
        """The image's name with its tag."""
        return reference(self.name, self.tag)


class DockerImagePull(Module[DockerImagePullParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "docker_image_pull"
    params: ClassVar[type] = DockerImagePullParams
    omitted: ClassVar[Mapping[str, str]] = OMITTED
    timeout_s: ClassVar[float] = 3600.0
    typical_s: ClassVar[float] = 10.0

    def check(self, params: DockerImagePullParams) -> Sequence[ParamProblem]:
        return check_reference("name", params.name)

    def subject(self, params: DockerImagePullParams) -> str:
        return f"docker_image:{params.server}{params.ref}"

    def effects(self, params: DockerImagePullParams) -> Effects:
        return effects(reads=READS, writes={image_key(params, params.ref)})

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: DockerImagePullParams) -> State:
        return image_state(system, Docker(system, params), params, params.ref)

    def desired(self, params: DockerImagePullParams, actual: State) -> State:
        again = actual["exists"] and params.pull == "always" and "made" not in actual
        return {"exists": True, "id": UNKNOWN} if again else {"exists": True}

    def converge(
        self, system: System, params: DockerImagePullParams, change: Change  # noqa: ARG002
    ) -> State:  # fmt: skip
        after: State = {image_key(params, params.ref): new_image()}
        pull(Docker(system, params), params.ref, params.platform, after)
        return {"made": True}

    def outputs(self, params: DockerImagePullParams, actual: State) -> dict[str, object]:  # noqa: ARG002
        """Return a part of what Ansible does: id and names of the image."""
        return {"image": shown_image(actual)}
