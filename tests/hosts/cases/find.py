"""find: what is found by name, kind, age, size, mode and content, how deep, and what was changed before."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

_TREE = (
    "mkdir -p tree/d/e tree/.h; printf 10bytes... > tree/a.log; head -c 2000 /dev/zero > tree/b.txt;"
    " printf x > tree/.hid; printf 'one\\ntwo\\n' > tree/d/c.log; printf y > tree/d/e/f.log;"
    " touch tree/.h/in; ln -s d tree/link; ln -s ../.. tree/d/up; touch -d '2 days ago' tree/a.log;"
    " chown worker tree/d/c.log; chmod 4750 tree/d/c.log; printf 'gr\\344\\n' > tree/d/latin"
)


def _find(name: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "find", {"paths": "/srv/t/tree", **params}


def _files(*names: str) -> dict[str, Any]:
    return {"files": [{"path": f"/srv/t/tree/{name}"} for name in names], "matched": len(names)}


_QUESTIONS: tuple[tuple[str, dict[str, Any], tuple[str, ...]], ...] = (
    ("plain", {}, ("a.log", "b.txt")),
    ("hidden", {"hidden": True}, (".hid", "a.log", "b.txt")),
    (
        "patterns",
        {"recurse": True, "patterns": "*.log,b*", "excludes": ["f*"]},
        ("a.log", "b.txt", "d/c.log"),
    ),
    ("expressions", {"recurse": True, "patterns": ["^[ac]\\."], "use_regex": True}, ("a.log", "d/c.log")),
    ("depth", {"recurse": True, "depth": 2, "patterns": "*.log"}, ("a.log", "d/c.log")),
    ("folders", {"recurse": True, "file_type": "directory"}, ("d", "d/e")),
    ("links", {"recurse": True, "file_type": "link"}, ("d/up", "link")),
    ("any", {"file_type": "any"}, ("a.log", "b.txt", "d", "link")),
    ("large", {"recurse": True, "size": "1k"}, ("b.txt",)),
    ("small", {"recurse": True, "size": "-1b"}, (".h/in", "d/e/f.log")),
    ("old", {"recurse": True, "age": "1d"}, ("a.log",)),
    ("young", {"age": "-2h"}, ("b.txt",)),
    ("mode", {"recurse": True, "mode": "4750"}, ("d/c.log",)),
    ("some bits", {"recurse": True, "mode": "4000", "exact_mode": False}, ("d/c.log",)),
    ("line", {"recurse": True, "contains": "two$"}, ("d/c.log",)),
    ("whole", {"recurse": True, "contains": "e\\ntw", "read_whole_file": True}, ("d/c.log",)),
    ("latin", {"recurse": True, "contains": "grä", "encoding": "latin-1"}, ("d/latin",)),
    ("followed", {"recurse": True, "follow": True, "patterns": "f.*"}, ("d/e/f.log",)),
    ("limit", {"recurse": True, "hidden": True, "limit": 2}, (".h/in", ".hid")),
)

CASES = {
    "questions": Case(
        tuple(_find(name, **params) for name, params, _ in _QUESTIONS),
        prepare=_TREE,
        idle=frozenset(name for name, _, _ in _QUESTIONS),
        outputs={name: _files(*names) for name, _, names in _QUESTIONS},
    ),
    "what is told": Case(
        (
            _find("file", patterns="b.txt", get_checksum=True, checksum="sha256"),
            ("made", "copy", {"dest": "/srv/t/tree/new.log", "content": "n"}),
            ("gone", "file", {"path": "/srv/t/tree/d", "state": "absent"}),
            _find("after", recurse=True, patterns="*.log"),
            ("several", "find", {"paths": ["/srv/t/tree", "/srv/t/none"], "patterns": "b*"}),
        ),
        prepare=_TREE,
        idle=frozenset({"file", "after", "several"}),
        outputs={
            "file": {
                "files": [
                    {
                        "path": "/srv/t/tree/b.txt",
                        "size": 2000,
                        "isreg": True,
                        "mode": "0644",
                        "checksum": hashlib.sha256(bytes(2000)).hexdigest(),
                    }
                ],
                "examined": 6,
            },
            "after": _files("a.log", "new.log"),
            "several": {"matched": 1, "skipped_paths": {"/srv/t/none": "/srv/t/none is not a directory"}},
        },
        warns={"several": "/srv/t/none is not a directory"},
    ),
}
