"""docker_volume: volumes of a real daemon, read back with docker(1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case
from tests.hosts.docker import prepared


def _volume(name: str, volume: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "docker_volume", {"name": volume, **params}


CASES: dict[str, Case] = {
    "kept": Case(
        (
            _volume("plain", "t1"),
            _volume("with all", "t2", driver_options={"type": "tmpfs", "device": "tmpfs"}, labels={"n": 1}),
            _volume("same", "t2", driver_options={"type": "tmpfs"}, labels={"n": "1"}),
            _volume("made again", "t3", labels={"new": True}, recreate="options-changed"),
            _volume("left alone", "t4", labels={"new": True}),
            _volume("removed", "t5", state="absent"),
            _volume("never there", "t6", state="absent"),
        ),
        "docker volume inspect -f '{{.Name}} {{json .Labels}} {{json .Options}}' $(docker volume ls -q)"
        " | sed 's/null/{}/g'",
        't1 {} {}\nt2 {"n":"1"} {"device":"tmpfs","type":"tmpfs"}\nt3 {"new":"true"} {}\nt4 {"old":"1"} {}\n',
        prepared(
            "docker volume create --label old=1 t3 >/dev/null;"
            "docker volume create --label old=1 t4 >/dev/null;"
            "docker volume create t5 >/dev/null"
        ),
        idle=frozenset({"same", "left alone", "never there"}),
        warns={"left alone": "is kept"},
    ),
    "no daemon": Case(
        (_volume("asked", "t1", docker_host="unix:///run/nothing.sock"),),
        prepare=prepared(),
        fails={"asked": "Cannot connect to the Docker daemon"},
    ),
}
