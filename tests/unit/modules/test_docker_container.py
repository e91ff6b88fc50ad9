"""docker_container: options in one form, and what is asked of docker, by recorded answers."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core.errors import TaskError
from configurator.modules import docker_values as values
from configurator.modules.docker_container import DockerContainer
from configurator.modules.state import UNKNOWN
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, params_of, problems_of

CONTAINER = DockerContainer()
ID = "sha256:" + "a" * 64
IMAGE = {
    "Id": ID,
    "RepoTags": ["app:1"],
    "RepoDigests": [],
    "Config": {"Env": ["PATH=/bin"], "Labels": {"i": "1"}},
}
THERE: dict[str, Any] = {
    "Id": "b" * 64, "Name": "/app", "Image": ID,
    "State": {"Running": True, "Paused": False, "ExitCode": 0},
    "Config": {"Image": "app:1", "Env": ["A=1", "PATH=/bin"], "Labels": {"i": "1"}, "Cmd": ["run"]},
    "HostConfig": {"NetworkMode": "default", "RestartPolicy": {"Name": "no"}, "Memory": 0},
    "NetworkSettings": {"Networks": {"bridge": {"IPAMConfig": None, "Aliases": None}}},
}  # fmt: skip


def host(*containers: dict[str, Any], image: bool = True) -> RecordedSystem:
    """Return a host whose docker knows these containers, and the image app:1."""
    none = (1, "[]", "Error: No such container: nothing\n")
    answers: dict[str, Any] = {
        "docker --version": "Docker version 20.10.24",
        "docker container inspect": none,
        "docker image inspect": (1, "[]", "Error: No such image: nothing\n"),
    }
    if image:
        answers["docker image inspect app:1"] = json.dumps([IMAGE])
    for one in containers:
        answers[f"docker container inspect {one['Name'].lstrip('/')}"] = json.dumps([one])
    return RecordedSystem(answers)


def there(**config: Any) -> dict[str, Any]:
    """Return the container with another state or configuration."""
    return {**THERE, **config}


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("80", [":->80/tcp"]),
        ("8080:80", [":8080->80/tcp"]),
        ("127.0.0.1:8080:80/udp", ["127.0.0.1:8080->80/udp"]),
        ("127.0.0.1::80", ["127.0.0.1:->80/tcp"]),
        ("[::1]:8080:80", ["::1:8080->80/tcp"]),
        ("8001-8002:81-82", [":8001->81/tcp", ":8002->82/tcp"]),
        ("9000-9009:80", [":9000-9009->80/tcp"]),
    ],
)
def test_ports_are_read_as_docker_reads_them(text: str, ports: list[str]) -> None:
    """What is given to the client means the same once more."""
    assert values.published(text) == ports
    again = [word.removeprefix("--publish=") for word in values.publishing(ports)]
    assert [port for word in again for port in values.published(word)] == ports


@given(st.text(alphabet="0123456789:-/[]tcp.", max_size=20))
def test_a_port_is_read_or_refused(text: str) -> None:
    """Any text is a port or a ValueError, nothing else."""
    with suppress(ValueError):
        assert all("->" in port for port in values.published(text))


@given(
    st.dictionaries(st.from_regex(r"[A-Z_]{1,8}", fullmatch=True), st.from_regex(r"[ -~]*", fullmatch=True))
)
def test_a_file_of_variables_is_read_back(variables: dict[str, str]) -> None:
    """Signs and blanks in values are theirs."""
    text = "".join(f"{name}={value}\n" for name, value in variables.items())
    assert values.environment("# a note\n\nNOTHING\n" + text) == variables


def test_options_have_one_form() -> None:
    """However they are written, the daemon's form is what they are compared in."""
    assert values.volume("/a:/b") == values.volume("/a:/b:rw") == "/a:/b:rw"
    assert values.volume("v:/b:z,ro") == "v:/b:ro,z"
    assert values.device("/dev/x:r") == "/dev/x:/dev/x:r"
    assert values.ulimit("nofile=10") == values.ulimit("nofile:10:10") == "nofile:10:10"
    assert values.security("label:user:x") == values.security("label=user:x") == "label=user:x"
    assert values.security("seccomp=/etc/profile.json") == values.security('seccomp={"a": 1}')
    assert values.capability("net_admin") == "CAP_NET_ADMIN"
    assert values.seconds("1h1m1.5s") == 3661.5


def test_a_mount_is_one_option_whatever_is_in_it() -> None:
    """Values with commas and quotation marks are quoted as in a table."""
    word = values.mount_word({"type": "bind", "source": '/a,"b', "target": "/c", "read_only": True})
    assert word == '--mount=type=bind,"source=/a,""b",target=/c,readonly'


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"memory": "much"}, "memory: 'much' is no size such as 64m or 1g"),
        ({"volumes": ["a/b:/c"]}, "volumes: 'a/b:/c' names neither an absolute path nor a volume"),
        ({"ports": ["x:80"]}, "'x' is no port or range of ports"),
        ({"healthcheck": {"test": "true", "interval": "soon"}}, "healthcheck: 'soon' is no duration"),
        ({"mounts": [{"source": "/x"}]}, "mounts: a mount needs 'target'"),
        ({"networks": [{"name": "n", "aliasses": []}]}, "unknown key 'aliasses'"),
        ({"networks": ["n"]}, "must be a list of mappings with 'name'"),
        ({"comparisons": {"envs": "strict"}}, "unknown option 'envs'"),
        ({"comparisons": {"*": "allow_more_present"}}, "'*' cannot be compared by 'allow_more_present'"),
        ({"command": "echo 'x"}, "No closing quotation"),
        ({"pull": "often"}, "'pull' must be never, missing or always"),
        ({"restart_retries": 3}, "'restart_retries' needs `restart_policy: on-failure`"),
    ],
)
def test_wrong_parameters_are_told_before_any_host(params: dict[str, Any], message: str) -> None:
    """Each with the name of what is wrong."""
    assert [problem.startswith(message) for problem in problems_of(CONTAINER, name="app", **params)] == [True]


def test_a_container_is_made_and_started() -> None:
    """Variables are no part of the command line, where everybody could read them."""
    system = host()
    assert not converge(
        CONTAINER, system, name="app", image="app:1", env={"KEY": "secret", "LINES": "a\nb"},
        networks=[{"name": "one", "aliases": ["x"], "ipv4_address": "10.0.0.2"}, {"name": "two"}],
        command="run 'a b'", entrypoint=["sh", "-c"], ports=["80"], memory="1m",
    )  # fmt: skip
    assert system.commands == [
        "docker container create --name=app --pull=never --memory=1048576 --network=one --publish=80/tcp"
        " --network-alias=x --ip=10.0.0.2 --env=LINES --env-file=/dev/stdin --entrypoint=sh app:1 -c run a b",
        "docker network connect two app",
        "docker container start app",
    ]
    assert system.ran[0][1] == "KEY=secret\n"


def test_what_is_there_is_compared_with_what_is_asked_for_alone() -> None:
    """More variables, labels, networks of others are no difference, unless that is asked for."""
    raw: dict[str, Any] = {"name": "app", "image": "app:1", "env": {"A": "1"}, "command": ["run"]}
    assert not change_of(CONTAINER, host(THERE), **raw, network_mode="default")
    assert not change_of(CONTAINER, host(THERE), **raw, comparisons={"env": "strict", "labels": "strict"})
    change = change_of(CONTAINER, host(THERE), **raw | {"env": {}}, comparisons={"env": "strict"})
    assert change.fields == ("env.A",)
    change = change_of(CONTAINER, host(THERE), **raw, labels={"x": "1"}, comparisons={"labels": "strict"})
    assert change.after["labels"] == {"i": "1", "x": "1"}


def test_limits_are_changed_in_place() -> None:
    """Twice the memory with swap, as docker has it where nothing else is asked for."""
    system = host(THERE)
    assert not converge(CONTAINER, system, name="app", memory="1m", cpus=0.5, restart_policy="always")
    assert system.commands == [
        "docker container update --cpus=0.5 --memory=1048576 --restart=always --memory-swap=2097152 app"
    ]


def test_anything_else_needs_another_container() -> None:
    """The old one is stopped first, and its anonymous volumes may go with it."""
    system = host(THERE)
    raw: dict[str, Any] = {
        "name": "app",
        "image": "app:1",
        "user": "1",
        "stop_timeout": 3,
        "keep_volumes": False,
    }
    assert not converge(CONTAINER, system, **raw)
    assert system.commands == [
        "docker container stop -t 3 app",
        "docker container rm --volumes app",
        "docker container create --name=app --pull=never --user=1 --stop-timeout=3 app:1",
        "docker container start app",
    ]


def test_a_container_is_paused_and_goes_on() -> None:
    """A paused container runs, in docker's words."""
    system = host(THERE)
    assert not converge(CONTAINER, system, name="app", paused=True)
    assert system.commands == ["docker container pause app"]
    system = host(there(State={"Running": True, "Paused": True}))
    assert not converge(CONTAINER, system, name="app", paused=False)
    assert system.commands == ["docker container unpause app"]


def test_an_image_that_is_missing_is_pulled_or_asked_for() -> None:
    """What a pull brings cannot be known before: only whether there is a container."""
    change = change_of(CONTAINER, host(image=False), name="app", image="app:1")
    assert UNKNOWN not in change.after.values()
    change = change_of(CONTAINER, host(THERE), name="app", image="app:1", pull=True)
    assert change.fields == ("image_id",)
    assert change.after["image_id"] is UNKNOWN
    with pytest.raises(TaskError, match="there is no image 'app:1'"):
        change_of(CONTAINER, host(image=False), name="app", image="app:1", pull="never")


def test_a_container_of_another_image_is_made_again() -> None:
    """Be it another name, or another image by now; `ignore` leaves it alone."""
    other = there(Image="sha256:" + "c" * 64)
    assert change_of(CONTAINER, host(other), name="app", image="app:1").fields == ("image_id",)
    ignored = change_of(CONTAINER, host(other), name="app", image="app:1", comparisons={"image": "ignore"})
    assert not ignored
    renamed = there(Config=THERE["Config"] | {"Image": "old:1"})
    assert change_of(CONTAINER, host(renamed), name="app", image="app:1").fields == ("image",)
    kept = change_of(CONTAINER, host(renamed), name="app", image="app:1", image_name_mismatch="ignore")
    assert not kept


def test_a_namespace_of_another_container_is_known_by_its_id() -> None:
    """The daemon keeps the id, people write the name."""
    other = there(Name="/vpn", Id="d" * 64)
    mine = there(HostConfig=THERE["HostConfig"] | {"NetworkMode": "container:" + "d" * 64})
    assert not change_of(CONTAINER, host(mine, other), name="app", network_mode="container:vpn")
    assert change_of(CONTAINER, host(THERE, other), name="app", network_mode="container:vpn")


def test_what_a_container_uses_is_made_before_it() -> None:
    """Files that it mounts, its volumes and networks, other containers."""
    raw: dict[str, Any] = {"name": "app", "image": "app:1", "volumes": ["/etc/app:/etc:ro", "data:/data"]}
    found = CONTAINER.effects(
        params_of(CONTAINER, **raw, networks=[{"name": "n"}], links=["db:d"], env_file="/etc/env")
    )
    wanted = {
        "path:/etc/app/**", "path:/etc/env", "docker_volume:data", "docker_network:n", "docker_container:db"
    }  # fmt: skip
    assert wanted <= found.reads
    assert found.writes == {"docker_container:app", "docker_image:app:1"}
