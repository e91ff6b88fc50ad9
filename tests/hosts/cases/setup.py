"""setup: facts as they are at the task's moment."""

from __future__ import annotations

from typing import Any

from tests.hosts.cases import Case

FOLDER = "/srv/t/facts.d"


def _facts(**facts: Any) -> dict[str, Any]:
    return {"ansible_facts": {f"ansible_{name}": value for name, value in facts.items()}}


CASES = {
    "subsets and filters": Case(
        tasks=(
            ("one", "setup", {"filter": "distribution"}),
            ("prefixed", "setup", {"filter": ["ansible_os_family", "ansible_distribution_rel*"]}),
            ("least", "setup", {"gather_subset": "!all,!min", "filter": "distribution"}),
            ("not computed", "setup", {"gather_subset": ["!hardware"], "filter": ["devices", "mounts"]}),
            ("nothing", "setup", {"filter": "no_such_fact"}),
            ("machine", "setup", {"gather_subset": ["!all", "machine"], "filter": ["userspace_bits"]}),
        ),
        idle=frozenset({"one", "prefixed", "least", "not computed", "nothing", "machine"}),
        outputs={
            "one": _facts(distribution="Debian"),
            "prefixed": _facts(distribution_release="bookworm", os_family="Debian"),
            "least": _facts(),
            "not computed": _facts(),
            "nothing": _facts(),
            "machine": _facts(userspace_bits="64"),
        },
        releases=("bookworm",),
    ),
    "facts that somebody keeps in files": Case(
        prepare=f"""
            mkdir {FOLDER}
            echo '{{"a": [1, 2]}}' > {FOLDER}/json.fact
            printf '[part]\\nkey = value %%(x)s\\n' > {FOLDER}/ini.fact
            printf '#!/bin/sh\\necho "{{\\\\"runs as\\\\": \\\\"$(id -un)\\\\"}}"\\n' > {FOLDER}/script.fact
            chmod +x {FOLDER}/script.fact
            echo 'neither' > {FOLDER}/broken.fact
            printf '#!/bin/sh\\nexit 3\\n' > {FOLDER}/failing.fact; chmod +x {FOLDER}/failing.fact
            echo '{{}}' > {FOLDER}/ignored.txt
            ln -s /nowhere {FOLDER}/dangling.fact
        """,
        tasks=(
            ("local", "setup", {"gather_subset": ["!all"], "fact_path": FOLDER, "filter": ["local"]}),
            ("none there", "setup", {"fact_path": "/srv/t/none", "filter": ["local"]}),
        ),
        idle=frozenset({"local", "none there"}),
        outputs={
            "local": _facts(
                local={
                    "json": {"a": [1, 2]},
                    "ini": {"part": {"key": "value %(x)s"}},
                    "script": {"runs as": "root"},
                }
            ),
            "none there": _facts(local={}),
        },
        warns={"local": "broken.fact is no fact: neither JSON nor INI"},
    ),
    "as another user": Case(
        tasks=(("who", "setup", {"filter": ["user_id", "user_dir"]}),),
        idle=frozenset({"who"}),
        outputs={"who": _facts(user_id="worker", user_dir="/home/worker")},
        options={"become_user": "worker"},
    ),
    "what an earlier task has changed": Case(
        tasks=(
            ("name", "hostname", {"name": "fresh.example.org"}),
            ("look", "setup", {"filter": ["hostname"]}),
            ("back", "hostname", {"name": "cases-bookworm"}),
        ),
        idle=frozenset({"look"}),
        again=frozenset({"name", "back"}),
        outputs={"look": _facts(hostname="fresh")},
        releases=("bookworm",),
    ),
}
