"""file; the cases of the modules that write files share what is in file_cases.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case
from tests.hosts.file_cases import FILE


def _file(name: str, path: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "file", {"path": f"/srv/t/{path}", **params}


CASES = {
    **FILE,
    "modes": Case(
        (
            _file("text", "a", mode="0640"),
            _file("short", "b", mode="640"),
            _file("number", "c", mode=640),
            _file("prefixed", "d", mode="0o640"),
            _file("symbolic", "e", mode="u=rwX,g=u,o-rwx"),
            _file("folder", "f", mode="u=rwX,g=rX,o="),
            _file("copied", "g", mode="o=g,+t"),
            _file("same", "a", mode="u=rw,g=r,o="),
            _file("more digits", "a", mode="12345"),
        ),
        "stat -c '%n %a' a b c d e f g",
        "a 640\nb 640\nc 640\nd 640\ne 660\nf 750\ng 1755\n",
        "touch a b c d e; chmod 644 a b c d e; mkdir f g; chmod 700 f; chmod 750 g",
        idle=frozenset({"same"}),
        fails={"more digits": "octal"},
    ),
    "needs force": Case(
        (
            _file("missing target", "l1", src="nowhere", state="link"),
            _file("over a file", "f", src="real", state="link"),
            _file("over a folder", "empty", src="real", state="link"),
            _file("over a full folder", "full", src="real", state="link", force=True),
            _file("hard over a file", "g", src="/srv/t/real", state="hard"),
            _file("hard to nothing", "h", src="/srv/t/nowhere", state="hard"),
            _file("hard over a folder", "empty", src="/srv/t/real", state="hard", force=True),
            _file("folder over a file", "g", state="directory"),
            _file("forced", "forced", src="real", state="link", force=True),
        ),
        "ls -p; readlink forced",
        "empty/\nf\nforced\nfull/\ng\nreal\nreal\n",
        "touch f g forced real; mkdir empty full; touch full/x",
        fails={
            "missing target": "`force: true` makes the link all the same",
            "over a file": "`force: true` replaces it",
            "over a folder": "`force: true` replaces it",
            "over a full folder": "not empty",
            "hard to nothing": "does not exist on the host",
            "hard over a folder": "is a directory",
            "hard over a file": "`force: true` replaces it",
            "folder over a file": "is a file, not a directory",
        },
    ),
    "what is there": Case(
        (
            _file("missing", "none"),
            _file("missing file", "none", state="file"),
            _file("folder as file", "d", state="file"),
            _file("unknown owner", "f", owner="nosuch"),
            _file("unknown group", "f", group="nosuch"),
            _file("no link yet", "none", state="link"),
            _file("pipe", "p", mode="0600"),
            _file("through a link", "l", mode="0600"),
            _file("folder through a link", "dl", state="directory", mode="0700"),
            _file("kept link", "l", follow=False, owner="worker"),
            _file("dangling", "n", state="absent"),
            _file("slash", "e/", state="directory", mode="0711"),
        ),
        "stat -c '%n %a %U' f d e p; stat -c '%U' l; ls",
        "f 600 root\nd 700 root\ne 711 root\np 600 root\nworker\nd\ndl\ne\nf\nl\np\n",
        "mkdir d e; touch f; mkfifo p; ln -s f l; ln -s d dl; ln -s none n",
        fails={
            "missing": "`state: touch` makes an empty file",
            "missing file": "does not exist",
            "folder as file": "is a directory",
            "unknown owner": "user 'nosuch' does not exist",
            "unknown group": "group 'nosuch' does not exist",
            "no link yet": "'src' does not say where it leads",
        },
    ),
    "touched": Case(
        (
            _file("now", "a", state="touch"),
            _file("made", "b", state="touch", owner="worker", mode="0640"),
            _file("preserved", "c", state="touch", access_time="preserve", modification_time="preserve"),
            _file(
                "one of them", "d", state="touch", access_time="preserve", modification_time="200001010000.00"
            ),
            _file("folder", "e", state="touch", modification_time="preserve", access_time="preserve"),
            _file("with format", "f", state="file", access_time="2001-02-03", access_time_format="%Y-%m-%d"),
        ),
        "test $(stat -c %Y a) -gt 2000 && echo touched; stat -c '%n %a %U %s' b; stat -c '%n %Y' c e f;"
        " date -d @$(stat -c %Y d) +%F",
        "touched\nb 640 worker 0\nc 1000\ne 1000\nf 1000\n2000-01-01\n",
        "mkdir e; touch a c d f; touch -d @1000 a c d e f",
        idle=frozenset({"preserved", "folder"}),
        again=frozenset({"now", "made"}),
    ),
    "returned": Case(
        (
            (
                "touched",
                "file",
                {"path": "/srv/t/new", "state": "touch", "mode": "u=rws,go=", "owner": "worker"},
            ),
            ("folder", "file", {"path": "/srv/t/folder", "state": "directory"}),
            ("link", "file", {"path": "/srv/t/link", "src": "old", "state": "link"}),
            ("hard", "file", {"path": "/srv/t/hard", "src": "/srv/t/old", "state": "hard"}),
            ("attributes", "file", {"path": "/srv/t/other", "mode": "0600"}),
            ("gone", "file", {"path": "/srv/t/gone", "state": "absent"}),
            ("never was", "file", {"path": "/srv/t/never", "state": "absent"}),
        ),
        prepare="echo hello > old; echo hello > other; touch gone",
        idle=frozenset({"never was"}),
        again=frozenset({"touched"}),
        outputs={
            "touched": {
                "dest": "/srv/t/new",
                "state": "file",
                "mode": "04600",
                "size": 0,
                "owner": "worker",
                "gid": 0,
            },
            "folder": {"path": "/srv/t/folder", "state": "directory", "mode": "0755", "owner": "root"},
            "link": {"dest": "/srv/t/link", "state": "link", "mode": "0777", "size": 3},
            "hard": {"dest": "/srv/t/hard", "state": "hard", "size": 6},
            "attributes": {"path": "/srv/t/other", "state": "file", "mode": "0600", "uid": 0, "gid": 0},
            "gone": {"path": "/srv/t/gone", "state": "absent", "mode": None},
            "never was": {"path": "/srv/t/never", "state": "absent"},
        },
    ),
}
