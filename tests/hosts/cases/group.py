"""group: numbers and existence, read back with getent(1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case


def _group(name: str, group: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "group", {"name": group, **params}


CLEAN = "for g in t1 t2 t3 t4 t5; do groupdel -f $g 2>/dev/null; done; :"

CASES: dict[str, Case] = {
    "numbers": Case(
        (
            _group("given", "t1", gid=5001),
            _group("any", "t2"),
            _group("of the system", "t3", system=True),
            _group("changed", "t4", gid=5004),
            _group("shared", "t5", gid=5001, non_unique=True),
            _group("same", "t4", gid="5004"),
            _group("there", "t1"),
            _group("taken", "t2", gid=5001),
        ),
        "getent group t1 t4 t5; test $(getent group t2 | cut -d: -f3) -ge 1000 && echo user;"
        f" test $(getent group t3 | cut -d: -f3) -lt 1000 && echo system; {CLEAN}",
        "t1:x:5001:\nt4:x:5004:worker\nt5:x:5001:\nuser\nsystem\n",
        f"{CLEAN}; groupadd -g 5044 t4; usermod -aG t4 worker",
        idle=frozenset({"same", "there"}),
        fails={"taken": "`non_unique: true` permits that"},
        outputs={"given": {"gid": 5001, "name": "t1", "state": "present"}, "there": {"gid": 5001}},
    ),
    "gone": Case(
        (
            _group("unused", "t1", state="absent"),
            _group("with members", "t2", state="absent"),
            _group("never there", "t3", state="absent"),
            _group("somebody's own", "worker", state="absent"),
            _group("forced", "t4", state="absent", force=True),
        ),
        f"getent group t1 t2 t4 worker | cut -d: -f1; userdel t4user; {CLEAN}",
        "worker\n",
        f"{CLEAN}; groupadd t1; groupadd t2; usermod -aG t2 worker; groupadd t4; useradd -M -g t4 t4user",
        idle=frozenset({"never there"}),
        fails={"somebody's own": "is the primary group of user 'worker'"},
    ),
}
