"""docker_compose: projects of a real daemon, by docker-compose of Debian 12 and `docker compose` of 13."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case
from tests.hosts.docker import runnable

Task = tuple[str, str, Mapping[str, Any]]


def _compose(name: str, folder: str = "shop", **params: Any) -> Task:
    return name, "docker_compose_v2", {"project_src": f"/srv/t/{folder}", "timeout": 1, **params}


_IMAGE = "image tbox:1 'STOPSIGNAL SIGKILL' 'CMD [\"/bin/sleep\", \"600\"]';"
_INSTALL = """
dpkg -s docker-compose >/dev/null 2>&1 \\
  || apt-get install -y -qq --no-install-recommends docker-compose >/dev/null 2>&1
"""
_SHOP = """version: "3.7"
services:
  web:
    image: tbox:1
    environment: {A: "${WORD:-none}"}
    volumes: ["tdata:/data"]
  other:
    image: tbox:1
  extra:
    image: tbox:1
    profiles: [more]
volumes:
  tdata:
"""
_UP = (
    "(docker compose version >/dev/null 2>&1 && c='docker compose' || c=docker-compose;"
    " $c up -d) >/dev/null 2>&1;"
)
_LIST = (
    "docker ps -a --filter label=com.docker.compose.project --format"
    " '{{.Label \"com.docker.compose.service\"}} {{.State}}' | sort"
)

_ONE = '{"version": "3.7", "services": {"a": {"image": "tbox:1"}}}'


def _project(script: str = "") -> str:
    write = f"mkdir shop; cat >shop/docker-compose.yml <<'END'\n{_SHOP}END\n"
    return runnable(f"{_INSTALL}{_IMAGE}\n{write}\n{script}")


CASES: dict[str, Case] = {
    "brought up": Case(
        (
            _compose("up", scale={"other": 2}),
            _compose("up already", scale={"other": 2}),
            _compose("one more", profiles=["more"], services=["extra"]),
            _compose("no service", services=["none"]),
            _compose("no folder", "nothing"),
            _compose("no file", files=["other.yml"]),
        ),
        _LIST,
        "extra running\nother running\nother running\nweb running\n",
        _project(),
        idle=frozenset({"up already"}),
        fails={
            "no service": "has no service 'none'",
            "no folder": "no file of a project in /srv/t/nothing",
            "no file": "no such file: /srv/t/shop/other.yml",
        },
    ),
    "stopped": Case(
        (
            _compose("stop one", state="stopped", services=["web"]),
            _compose("stopped already", state="stopped", services=["web"]),
            _compose("stop all", state="stopped"),
            _compose("started", services=["web"]),
        ),
        _LIST,
        "other exited\nweb running\n",
        _project(f"cd shop; {_UP}"),
        idle=frozenset({"stopped already"}),
        again=frozenset({"stop one", "started"}),
    ),
    "restarted": Case(
        (
            _compose("again", state="restarted", timeout=1),
            _compose("made again", recreate="always", services=["web"]),
        ),
        _LIST,
        "other running\nweb running\n",
        _project(f"cd shop; {_UP}"),
        again=frozenset({"again", "made again"}),
    ),
    "gone": Case(
        (
            _compose("down", state="absent", remove_volumes=True),
            _compose("down already", state="absent", remove_volumes=True),
        ),
        f"{_LIST}; docker volume ls -q; docker network ls -q -f label=com.docker.compose.project",
        "",
        _project(f"cd shop; {_UP}"),
        idle=frozenset({"down already"}),
    ),
    "changed": Case(
        (_compose("as it is now", remove_orphans=True), _compose("and stays", remove_orphans=True)),
        f"{_LIST}; docker inspect -f '{{{{index .Config.Env 0}}}}'"
        " $(docker ps -q -f label=com.docker.compose.service=web)",
        "web running\nA=two\n",
        _project(
            f"cd shop; {_UP} echo WORD=two >.env;"
            "sed -i '/other:/,/image/d; /extra:/,/profiles/d' docker-compose.yml"
        ),
        idle=frozenset({"and stays"}),
    ),
    "kept": Case(
        (_compose("kept", recreate="never"), _compose("never up", "second", state="stopped")),
        _LIST,
        "other running\nweb running\n",
        _project(f"cd shop; {_UP} echo WORD=two >.env; cd ..; cp -r shop second"),
        idle=frozenset({"kept", "never up"}),
    ),
    "written before": Case(
        (
            ("folder", "file", {"path": "/srv/t/new", "state": "directory"}),
            (
                "file",
                "copy",
                {
                    "dest": "/srv/t/new/compose.yaml",
                    "content": f"{_ONE}\n",
                },
            ),
            _compose("up", "new"),
        ),
        _LIST,
        "a running\n",
        _project(),
    ),
    "defined": Case(
        (
            (
                "inline",
                "docker_compose",
                {
                    "project_name": "shop",
                    "definition": json.loads(_ONE),
                },
            ),
        ),
        _LIST,
        "a running\n",
        _project(),
    ),
    "missing": Case(
        (_compose("asked"),),
        prepare=runnable("apt-get purge -y -qq docker-compose >/dev/null 2>&1; mkdir shop"),
        fails={"asked": "apt: {name: docker-compose}"},
    ),
}
