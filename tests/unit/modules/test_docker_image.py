"""docker_image: names of images, and what is asked of docker, by recorded answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core.errors import TaskError
from configurator.modules.docker_image import DockerImage
from configurator.modules.docker_image_pull import DockerImagePull
from configurator.modules.docker_images import reference, repository_of, size_of
from configurator.modules.state import UNKNOWN
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, problems_of

IMAGE = DockerImage()
ID = "sha256:" + "a" * 64


def host(*refs: str) -> RecordedSystem:
    """Return a host whose docker knows these images, which are one."""
    none = (1, "[]", "Error response from daemon: No such image: nothing\n")
    answers: dict[str, Any] = {"docker --version": "Docker version 20.10.24", "docker image inspect": none}
    for ref in refs:
        found = {"Id": ID, "RepoTags": list(refs), "RepoDigests": [], "Config": {}}
        answers[f"docker image inspect {ref}"] = json.dumps([found])
    system = RecordedSystem(answers)
    system.put("/srv/app/Dockerfile")
    return system


@pytest.mark.parametrize(
    ("name", "wanted", "repository"),
    [
        ("nginx", "nginx:1", "nginx"),
        ("nginx:2", "nginx:2", "nginx"),
        ("localhost:5000/nginx", "localhost:5000/nginx:1", "localhost:5000/nginx"),
        ("localhost:5000/a/b:2", "localhost:5000/a/b:2", "localhost:5000/a/b"),
        (f"nginx@{ID}", f"nginx@{ID}", "nginx"),
        (ID, ID, "sha256"),
    ],
)
def test_a_tag_is_added_where_there_is_none(name: str, wanted: str, repository: str) -> None:
    """The colon of a registry's port is none of a tag."""
    assert reference(name, "1") == wanted
    assert repository_of(wanted) == repository


@given(st.text())
def test_any_text_is_a_name_or_a_problem(name: str) -> None:
    """Nothing that begins with a dash, or has blanks, gets to the command line."""
    problems = problems_of(IMAGE, name=name, source="local")
    assert bool(problems) or not (name.startswith("-") or any(sign.isspace() for sign in name))


@pytest.mark.parametrize(
    ("text", "size"),
    [("64m", 64 << 20), ("1.5GiB", 3 << 29), ("512", 512), ("2KB", 2048), ("unlimited", -1), ("x", None)],
)
def test_sizes_are_those_of_docker(text: str, size: int | None) -> None:
    """Units are powers of 1024, with or without B."""
    assert size_of(text) == size


def test_an_image_is_built_with_all_that_is_asked_for() -> None:
    """Arguments of a build may be secrets: they are in no list of processes."""
    system = host()
    build = {
        "path": "/srv/app", "args": {"KEY": "secret", "PATH": "/x"}, "labels": {"n": 1}, "nocache": True,
        "pull": True, "rm": False, "target": "web", "container_limits": {"memory": "1g"},
        "etc_hosts": {"db": "10.0.0.1"}, "cache_from": ["old:1"], "http_timeout": 600,
    }  # fmt: skip
    assert not change_of(IMAGE, system, name="app", source="build", build=build).before["exists"]
    converge(IMAGE, system, name="app", source="build", build=build)
    assert system.commands == [
        "docker build --tag=app:latest --file=/srv/app/Dockerfile --target=web --memory=1073741824"
        " --cache-from=old:1 --add-host=db:10.0.0.1 --label=n=1 --build-arg=KEY --build-arg=PATH=/x"
        " --no-cache --pull --rm=false /srv/app"
    ]


def test_what_is_there_is_enough_unless_it_is_made_anew() -> None:
    """What comes of a build cannot be known before."""
    raw = {"name": "app", "source": "build", "build": {"path": "/srv/app"}}
    assert not change_of(IMAGE, host("app:latest"), **raw)
    change = change_of(IMAGE, host("app:latest"), **raw, force_source=True)
    assert change.fields == ("id",)
    assert change.after["id"] is UNKNOWN


def test_an_image_that_is_always_pulled_may_be_the_same() -> None:
    """The registry is asked only by the apply."""
    system = host("app:latest")
    assert change_of(DockerImagePull(), system, name="app").after["id"] is UNKNOWN
    assert not change_of(DockerImagePull(), system, name="app", pull="not_present")
    assert not converge(DockerImagePull(), host("app:latest"), name="app", platform="linux/arm64")


def test_a_registry_out_of_reach_is_a_failure_with_a_hint() -> None:
    """The message is docker's, without what goes before it."""
    system = host()
    system.plan = False
    said = 'Error response from daemon: Get "https://r/v2/": dial tcp: lookup r: no such host\n'
    system.answers["docker image pull"] = (1, "", said)
    with pytest.raises(TaskError, match="docker: Get ") as caught:
        converge(IMAGE, system, name="r/app", source="pull")
    assert "can the host reach it" in (caught.value.hint or "")


def test_wrong_parameters_are_told_before_any_host() -> None:
    """What is needed by a source, and typing errors in it."""
    assert problems_of(IMAGE, name="a") == ["'source' is needed: build, load, pull or local"]
    assert problems_of(IMAGE, name="a", source="load") == ["'load_path' is needed with `source: load`"]
    assert problems_of(IMAGE, name="a", source="build", build={"pth": "/x"}) == [
        "unknown key 'pth'", "'build.path' is needed with `source: build`"
    ]  # fmt: skip
    assert problems_of(IMAGE, name="a", source="build", build={"path": "x", "args": 1}) == [
        "'build.path' must be an absolute path", "'build.args' must be a mapping"
    ]  # fmt: skip
