"""docker_image: images of a real daemon: built, saved, loaded, tagged, pushed to a registry on the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case
from tests.hosts.docker import runnable

Task = tuple[str, str, Mapping[str, Any]]


def _image(name: str, image: str, **params: Any) -> Task:
    return name, "docker_image", {"name": image, **params}


_DOCKERFILE = """FROM scratch
LABEL test=1
ARG WHICH=none
LABEL which=$WHICH
COPY hello /hello
"""


def _build(**options: Any) -> dict[str, Any]:
    return {"source": "build", "build": {"path": "/srv/t/b", **options}}


def context(script: str = "") -> str:
    """Return what a case prepares: the folder `b` to build an image from, and what `script` does."""
    lines = "".join(f"echo '{line}' >>b/Dockerfile;" for line in _DOCKERFILE.splitlines())
    return runnable(f"mkdir b; echo hello >b/hello; {lines} {script}")


REGISTRY = r"""
command -v docker-registry >/dev/null \
  || apt-get install -y -qq --no-install-recommends docker-registry >/dev/null 2>&1
printf '%s\n' 'version: 0.1' 'storage: {filesystem: {rootdirectory: /var/lib/docker-registry}}' \
  'http: {addr: "127.0.0.1:5000"}' >/etc/docker/registry/config.yml
systemctl restart docker-registry
python3 - <<'END'
import socket, time
for _ in range(300):
    try:
        socket.create_connection(("127.0.0.1", 5000)).close()
        break
    except OSError:
        time.sleep(0.1)
END
"""

CASES: dict[str, Case] = {
    "built": Case(
        (
            _image("built", "tone", tag="1", **_build(args={"WHICH": "a b"}, labels={"n": 1})),
            _image("there", "tone:1", **_build(args={"WHICH": "c"})),
            _image("named", "tone:1", source="local", repository="tother/name"),
            _image("named already", "tone:1", source="local", repository="tother/name"),
            _image("not taken away", "tone:1", source="local", repository="ttaken:1"),
            _image("taken away", "ttaken", tag="2", source="local", repository="ttaken:1", force_tag=True),
            _image("saved", "tone:1", source="local", archive_path="/srv/t/one.tar"),
            _image("saved already", "tone:1", source="local", archive_path="/srv/t/one.tar"),
            _image("not there", "tnone", source="local"),
            _image("no context", "tnone", source="build", build={"path": "/srv/t/none"}),
            _image("no file", "tnone", **_build(dockerfile="none")),
        ),
        "docker image inspect -f '{{json .RepoTags}} {{json .Config.Labels}}' tone:1 ttaken:1;"
        " tar -xOf one.tar manifest.json | grep -o 'tone:1'",
        '["tone:1","tother/name:latest"] {"n":"1","test":"1","which":"a b"}\n'
        '["ttaken:1","ttaken:2"] {"n":"2","test":"1","which":"none"}\n'
        "tone:1\n",
        context(
            "docker build -q -t ttaken:1 b >/dev/null 2>&1;"
            "docker build -q -t ttaken:2 --label n=2 b >/dev/null 2>&1"
        ),
        idle=frozenset({"there", "named already", "not taken away", "saved already"}),
        fails={
            "not there": "there is no image 'tnone:latest'",
            "no context": "no such directory: /srv/t/none",
            "no file": "no such file: /srv/t/b/none",
        },
        outputs={"built": {"image": {"RepoTags": ["tone:1"]}}},
    ),
    "built again": Case(
        (
            (
                "changed context",
                "copy",
                {"dest": "/srv/t/b/hello", "content": "anew\n"},
            ),
            _image("again", "tone", **_build(), force_source=True),
            _image("named as before", "tone", source="local", repository="tname"),
        ),
        "docker create --name cc tone:latest /x >/dev/null && docker cp cc:/hello - | tar -xO",
        "anew\n",
        context("docker build -q -t tone b >/dev/null 2>&1; docker tag tone tname"),
        assumed={"again": ""},
        idle=frozenset({"named as before"}),
    ),
    "same again": Case(
        (_image("again", "tone", **_build(), force_source=True),),
        "docker images -q -f label=test | wc -l",
        "1\n",
        context("docker build -q -t tone b >/dev/null 2>&1"),
        plan_blind={"again": "ok"},  # what a build makes is known only afterwards
    ),
    "broken": Case(
        (_image("asked", "tone", **_build()),),
        prepare=context("echo 'COPY missing /x' >>b/Dockerfile"),
        plan_blind={"asked": "missing"},  # what is in the file, the builder alone knows
    ),
    "loaded": Case(
        (
            _image("loaded", "tone:1", source="load", load_path="/srv/t/two.tar"),
            _image("there", "tone:1", source="load", load_path="/srv/t/two.tar", force_source=True),
            _image("came along", "ttwo:1", source="load", load_path="/srv/t/two.tar", force_source=True),
            _image("untagged", "ttwo:1", state="absent"),
            _image("loaded by force", "ttwo:1", source="load", load_path="/srv/t/two.tar", force_source=True),
            _image("not in it", "tthree:1", source="load", load_path="/srv/t/two.tar"),
            _image("no archive", "tthree:1", source="load", load_path="/srv/t/b/hello"),
            _image("missing", "tthree:1", source="load", load_path="/srv/t/three.tar"),
        ),
        "docker image inspect -f '{{json .RepoTags}} {{json .Config.Labels}}' tone:1 ttwo:1",
        '["tone:1"] {"test":"1","which":"none"}\n["ttwo:1"] {"n":"2","test":"1","which":"none"}\n',
        context(
            "docker build -q -t tone:1 b >/dev/null 2>&1;"
            "docker build -q -t ttwo:1 --label n=2 b >/dev/null 2>&1;"
            "docker save -o two.tar tone:1 ttwo:1;"
            "docker rmi tone:1 ttwo:1 >/dev/null;"
            "docker build -q -t ttwo:1 --label n=3 b >/dev/null 2>&1"
        ),
        idle=frozenset({"there", "came along"}),
        again=frozenset({"untagged", "loaded by force"}),
        fails={
            "not in it": "it has tone:1, ttwo:1",
            "no archive": "is no archive",
            "missing": "no such file: /srv/t/three.tar",
        },
    ),
    "absent": Case(
        (
            _image("one name", "tone:1", state="absent"),
            _image("never there", "tone:2", state="absent"),
            _image("in use", "ttwo:1", state="absent"),
            _image("in use by force", "tthree:1", state="absent", force_absent=True),
        ),
        "docker images -f label=test --format '{{.Repository}}:{{.Tag}}' | grep -v none | sort",
        "tother:1\nttwo:1\n",
        context(
            "docker build -q -t tone:1 -t tother:1 b >/dev/null 2>&1;"
            "docker build -q -t ttwo:1 --label n=2 b >/dev/null 2>&1;"
            "docker build -q -t tthree:1 --label n=3 b >/dev/null 2>&1;"
            "docker create ttwo:1 /x >/dev/null; docker create tthree:1 /x >/dev/null"
        ),
        idle=frozenset({"never there"}),
        plan_blind={"in use": "force_absent"},  # which containers use it, is asked by the removal
    ),
    "registry": Case(
        (
            _image("pushed", "localhost:5000/tone", tag="1", source="local", push=True),
            _image("pushed already", "localhost:5000/tone:1", source="local", push=True),
            _image(
                "tagged and pushed", "ttwo", source="local", repository="localhost:5000/tnew/two", push=True
            ),
            _image("removed", "localhost:5000/tone:1", state="absent"),
            _image("pulled", "localhost:5000/tone:1", source="pull"),
            _image("there", "localhost:5000/tone:1", source="pull"),
            ("pulled as well", "docker_image_pull", {"name": "localhost:5000/tone:1", "pull": "not_present"}),
            _image("none", "localhost:5000/tnone", source="pull"),
        ),
        "docker images -f label=test --format '{{.Repository}}:{{.Tag}}' | sort",
        "localhost:5000/tnew/two:latest\nlocalhost:5000/tone:1\nttwo:latest\n",
        context(
            REGISTRY + "docker build -q -t localhost:5000/tone:1 b >/dev/null 2>&1;"
            "docker build -q -t ttwo --label n=2 b >/dev/null 2>&1"
        ),
        idle=frozenset({"pushed already", "there", "pulled as well"}),
        again=frozenset({"removed", "pulled"}),
        plan_blind={"none": "the registry has no such tag"},  # a plan asks no registry
    ),
}
