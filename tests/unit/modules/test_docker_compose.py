"""docker_compose: what is asked of either Compose, by recorded answers."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core.errors import TaskError
from configurator.modules.docker_compose import DockerCompose
from configurator.modules.docker_compose_project import project_name
from configurator.modules.params import specs
from configurator.modules.state import UNKNOWN
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, problems_of
from tools.reference import EVERYWHERE, published

COMPOSE = DockerCompose()
ID = "sha256:" + "a" * 64
FILE = "services: {web: {image: app}}\n"
ROOT = "--ansi=never --project-name=shop --project-directory=/srv/shop --file=/srv/shop/compose.yaml"
OLD, NEW = f"docker-compose {ROOT}", f"docker compose {ROOT}"


def host(
    *, old: bool = False, running: bool | None = None, mark: str = "h1", disk: str = FILE
) -> RecordedSystem:
    """Return a host with a project of one service; `running` is None where it has no container."""
    digest = hashlib.sha256(disk.encode(), usedforsecurity=False).hexdigest()
    labels = {"com.docker.compose.service": "web", "com.docker.compose.config-hash": mark}
    labels |= {} if old else {"com.docker.compose.image": ID}
    one = {"Id": "c" * 64, "Name": "/shop-web-1", "Config": {"Labels": labels}, "State": {"Running": running}}
    line = OLD if old else NEW
    said = {"services": {"web": {"image": "app"}}}
    system = RecordedSystem({
        "docker --version": "Docker version 20.10.24",
        "docker compose version": (1, "", "docker: 'compose' is not a docker command") if old else "v2.26",
        "docker-compose version --short": "1.29.2" if old else (127, "", ""),
        "docker container ls": "" if running is None else "cccc\n",
        "docker container inspect": json.dumps([one]),
        "docker network ls": "", "docker volume ls": "",
        "docker image inspect app": json.dumps([{"Id": ID}]),
        "sha256sum": f"{digest}  /srv/shop/compose.yaml\n",
        f"{line} config --hash=*": "web h1\n",
        f"{line} config --format=json": json.dumps(said),
    })  # fmt: skip
    system.put("/srv/shop/compose.yaml", FILE)
    return system


@given(st.text())
def test_a_projects_name_is_one_of_compose(name: str) -> None:
    """It is what Compose makes of the directory's name, and stays what it is."""
    found = project_name(f"/srv/{name}")
    assert project_name(found) == found
    assert not found.startswith(("-", "_"))


@pytest.mark.parametrize("old", [True, False])
def test_services_are_brought_up_and_then_left_alone(old: bool) -> None:
    """By whichever Compose the host has: the digests of services tell that nothing is to be done."""
    system = host(old=old)
    assert not converge(COMPOSE, system, project_src="/srv/shop")
    assert system.commands == [f"{OLD if old else NEW} up --detach"]
    assert not change_of(COMPOSE, host(old=old, running=True), project_src="/srv/shop")


def test_what_differs_is_made_again() -> None:
    """Another digest, or a container that does not run; `never` looks at the latter alone."""
    raw = {"project_src": "/srv/shop"}
    assert change_of(COMPOSE, host(running=True, mark="h0"), **raw).fields == ("recreated.web",)
    assert not change_of(COMPOSE, host(running=True, mark="h0"), **raw, recreate="never")
    assert change_of(COMPOSE, host(running=False), **raw).fields == ("service.web",)
    assert change_of(COMPOSE, host(running=True), **raw, recreate="always").after["recreated.web"] is True
    assert change_of(COMPOSE, host(running=True), **raw, pull="always").after["recreated.web"] is UNKNOWN


def test_a_file_that_is_not_on_the_disk_yet_is_read_by_compose_all_the_same() -> None:
    """In a plan an earlier task writes it; the old Compose cannot tell digests then."""
    system = host(running=True, disk="something else")
    line = f"{NEW.rpartition(' ')[0]} --file=- config"
    system.answers |= {
        f"{line} --hash=*": lambda _argv, stdin: f"web {'h1' if stdin == FILE else '?'}\n",
        f"{line} --format=json": json.dumps({"services": {"web": {"image": "app"}}}),
    }
    assert not change_of(COMPOSE, system, project_src="/srv/shop")
    system = host(running=True, disk="something else", old=True)
    system.answers[f"{OLD.rpartition(' ')[0]} --file=- config --services"] = "web\n"
    assert change_of(COMPOSE, system, project_src="/srv/shop").after["recreated.web"] is UNKNOWN


def test_a_project_goes_with_what_it_uses() -> None:
    """Volumes only if that is asked for."""
    system = host(running=True)
    assert not converge(
        COMPOSE, system, project_src="/srv/shop", state="absent", remove_images="local", timeout=3
    )
    assert system.commands == [f"{NEW} down --rmi=local --timeout=3"]
    assert not change_of(COMPOSE, host(), project_src="/srv/shop", state="absent", remove_volumes=True)


def test_options_of_up_are_handed_over() -> None:
    """Those that the old Compose does not know are a failure there."""
    system = host()
    raw: dict[str, Any] = {
        "project_src": "/srv/shop",
        "services": ["web"],
        "scale": {"web": 2},
        "pull": "never",
    }
    assert not converge(COMPOSE, system, **raw, build="never", dependencies=False, wait=True, wait_timeout=9)
    assert system.commands == [
        f"{NEW} up --detach --no-build --no-deps --wait --wait-timeout=9 --scale=web=2 --pull=never web"
    ]
    with pytest.raises(TaskError, match="docker-compose 1 does not know what 'pull' asks for"):
        converge(COMPOSE, host(old=True), **raw)


def test_without_compose_it_is_said_what_to_install() -> None:
    """In a plan in which the package comes first, nobody can read the files yet."""
    system = host()
    system.answers |= {"docker compose version": (1, "", ""), "docker-compose version --short": (127, "", "")}
    with pytest.raises(TaskError, match="not installed") as caught:
        change_of(COMPOSE, system, project_src="/srv/shop")
    assert "apt: {name: docker-compose}" in (caught.value.hint or "")
    system.established["package:docker-compose"] = {"exists": True}
    assert change_of(COMPOSE, system, project_src="/srv/shop").after["running"] is UNKNOWN


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "one of 'project_src' and 'definition' is needed"),
        ({"project_src": "shop"}, "'project_src' must be an absolute path"),
        ({"definition": {"services": {}}}, "'project_name' is needed with 'definition'"),
        ({"project_src": "/srv/shop", "project_name": "Shop"}, "'Shop' is no project's name"),
        ({"project_src": "/srv/shop", "services": ["--all"]}, "'--all' is no name"),
        ({"project_src": "/srv/shop", "scale": {"web": "many"}}, "'many' is no number of containers"),
    ],
)
def test_wrong_parameters_are_told_before_any_host(params: dict[str, Any], message: str) -> None:
    """Each with the name of what is wrong."""
    assert message in problems_of(COMPOSE, **params)


def test_every_argument_of_ansibles_module_is_there_or_left_out_for_a_reason() -> None:
    """It has another name there, by which the reference does not look for it."""
    ours = {word for name, spec in specs(COMPOSE.params).items() for word in (name, *spec.aliases)}
    theirs = published()["docker_compose_v2"]["arguments"]
    missing = {name for name, aliases in theirs.items() if not {name, *aliases} & ours}
    assert missing - set(EVERYWHERE) == set(COMPOSE.omitted) - set(EVERYWHERE)
