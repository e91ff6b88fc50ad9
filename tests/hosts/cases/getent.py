"""getent: what name services answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case


def _get(
    name: str, database: str, key: str | None = None, **params: Any
) -> tuple[str, str, Mapping[str, Any]]:
    return name, "getent", {"database": database, "key": key, **params}


def _facts(database: str, **entries: Any) -> Mapping[str, Any]:
    return {"ansible_facts": {f"getent_{database}": entries}}


CASES: dict[str, Case] = {
    "entries": Case(
        (
            _get("user", "passwd", "root"),
            _get("port", "services", "ssh"),
            _get("none", "group", "nobodys", fail_key=False),
            _get("split", "services", "ssh", split="/"),
            _get("files", "passwd", "root", service="files"),
            _get("missing", "passwd", "nobodys"),
            _get("wrong", "paswd"),
            _get("whole", "initgroups"),
        ),
        idle=frozenset({"user", "port", "none", "split", "files"}),
        outputs={
            "user": _facts("passwd", root=["x", "0", "0", "root", "/root", "/bin/bash"]),
            "port": _facts("services", ssh=["22/tcp"]),
            "none": _facts("group", nobodys=None),
            "files": _facts("passwd", root=["x", "0", "0", "root", "/root", "/bin/bash"]),
        },
        fails={
            "missing": "'nobodys' is not in passwd",
            "wrong": "did you mean 'passwd'?",
            "whole": "give `key`",
        },
        prepare="apt-get install -y -qq netbase >/dev/null 2>&1",
    ),
    "a user to come": Case(
        (
            ("group", "group", {"name": "gang", "gid": 4711}),
            ("user", "user", {"name": "gangster", "group": "gang", "groups": ["gang"], "create_home": False}),
            _get("its entry", "passwd", "gangster"),
            _get("its group", "group", "gang"),
        ),
        "userdel gangster; groupdel gang",
        "",
        idle=frozenset({"its entry", "its group"}),
        outputs={"its group": _facts("group", gang=["x", "4711", ""])},
    ),
}
