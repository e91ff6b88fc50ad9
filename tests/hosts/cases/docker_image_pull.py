"""docker_image_pull: images of a registry on the host, when they are missing or each time."""

from __future__ import annotations

from tests.hosts.cases import Case
from tests.hosts.cases.docker_image import REGISTRY, context

IMAGE = "localhost:5000/tone:1"
PUSHED = (
    f"docker build -q -t {IMAGE} b >/dev/null 2>&1; docker push -q {IMAGE} >/dev/null;"
    f" docker rmi {IMAGE} >/dev/null"
)

CASES = {
    "from a registry": Case(
        (
            ("missing", "docker_image_pull", {"name": IMAGE, "pull": "not_present"}),
            (
                "there",
                "docker_image_pull",
                {"name": "localhost:5000/tone", "tag": "1", "pull": "not_present"},
            ),
            ("the same", "docker_image_pull", {"name": IMAGE}),
            ("none", "docker_image_pull", {"name": "localhost:5000/tnone"}),
        ),
        "docker images -f label=test --format '{{.Repository}}:{{.Tag}}'",
        f"{IMAGE}\n",
        context(REGISTRY + PUSHED),
        idle=frozenset({"there"}),
        plan_blind={"none": "the registry has no such tag", "the same": "ok"},  # a plan asks no registry
    ),
}
