"""stat: all that is told of files of every kind, of what is not there, and of what a task has just made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case


def _stat(name: str, path: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "stat", {"path": path if path.startswith("/") else f"/srv/t/{path}", **params}


def _said(**fields: Any) -> dict[str, Any]:
    return {"stat": {"exists": True, **fields}}


_OTHER_KINDS = {"isreg": False, "isdir": False, "islnk": False}

CASES = {
    "kinds": Case(
        (
            _stat("file", "f"),
            _stat("folder", "d"),
            _stat("link", "l"),
            _stat("through", "l", follow=True),
            _stat("dangling", "n", follow=True),
            _stat("itself", "n"),
            _stat("pipe", "p"),
            _stat("device", "/dev/null"),
            _stat("disk", "b"),
            _stat("nothing", "none/at/all"),
            _stat("below a file", "f/x"),
        ),
        idle=frozenset(
            {"file", "folder", "link", "through", "dangling", "itself", "pipe", "device", "disk", "nothing"}
            | {"below a file"}
        ),
        prepare="printf 'x\\n' > f; chown worker:www-data f; chmod 6751 f; touch -d @1000.5 f;"
        " mkdir -m 1777 d; ln -s f l; ln -s none n; mkfifo p; mknod b b 7 3",
        outputs={
            "file": _said(
                path="/srv/t/f",
                mode="6751",
                isreg=True,
                isdir=False,
                islnk=False,
                size=2,
                pw_name="worker",
                gr_name="www-data",
                gid=33,
                nlink=1,
                mtime=1000.5,
                isuid=True,
                isgid=True,
                rusr=True,
                wusr=True,
                xusr=True,
                rgrp=True,
                wgrp=False,
                xgrp=True,
                roth=False,
                woth=False,
                xoth=True,
                readable=True,
                writeable=True,
                executable=True,
                device_type=0,
                mimetype=None,
                checksum=hashlib.sha1(b"x\n", usedforsecurity=False).hexdigest(),
            ),
            "folder": _said(mode="1777", isdir=True, isreg=False, checksum=None),
            "link": _said(islnk=True, isreg=False, lnk_target="f", lnk_source="/srv/t/f", checksum=None),
            "through": _said(islnk=False, isreg=True, size=2, lnk_target=None),
            "dangling": {"stat": {"exists": False}},
            "itself": _said(islnk=True, lnk_target="none"),
            "pipe": _said(isfifo=True, issock=False, ischr=False, **_OTHER_KINDS),
            "device": _said(ischr=True, isblk=False, device_type=259, **_OTHER_KINDS),
            "disk": _said(isblk=True, ischr=False, device_type=(7 << 8) + 3, **_OTHER_KINDS),
            "nothing": {"stat": {"exists": False}},
            "below a file": {"stat": {"exists": False}},
        },
    ),
    "asked for": Case(
        (
            _stat("sum", "f", checksum="sha256", get_mime=True),
            _stat("none", "f", get_checksum=False),
            _stat("picture", "i", get_mime=True),
            _stat("link", "l", get_mime=True),
            _stat("through", "l", get_mime=True, follow=True),
            _stat("large", "large", checksum_algorithm="md5"),
            _stat("flags", "/run", get_attributes=True),
        ),
        idle=frozenset({"sum", "none", "picture", "link", "through", "large", "flags"}),
        prepare="apt-get install -y -qq file >/dev/null 2>&1; printf 'hä\\n' > f; ln -s f l;"
        " printf 'GIF89a\\1\\0\\1\\0\\0\\0\\0;' > i; truncate -s 300M large",
        outputs={
            "sum": _said(
                checksum=hashlib.sha256("hä\n".encode()).hexdigest(), mimetype="text/plain", charset="utf-8"
            ),
            "none": _said(checksum=None, mimetype=None, attributes=None),
            "picture": _said(mimetype="image/gif", charset="binary"),
            "link": _said(mimetype="inode/symlink"),
            "through": _said(mimetype="text/plain"),
            "large": _said(
                size=300 << 20,
                checksum=hashlib.md5(bytes(300 << 20), usedforsecurity=False).hexdigest(),
            ),
            "flags": _said(isdir=True),
        },
    ),
    "what tasks have made": Case(
        (
            ("made", "copy", {"dest": "/srv/t/new/f", "content": "abc", "mode": "0640", "owner": "worker"}),
            _stat("file", "new/f"),
            ("gone", "file", {"path": "/srv/t/old", "state": "absent"}),
            _stat("no more", "old"),
            ("turned", "file", {"path": "/srv/t/l", "src": "new/f", "state": "link"}),
            _stat("link", "l", follow=True),
        ),
        idle=frozenset({"file", "no more", "link"}),
        prepare="mkdir new; echo x > old; ln -s old l",
        outputs={
            "file": _said(mode="0640", size=3, pw_name="worker", isreg=True),
            "no more": {"stat": {"exists": False}},
            "link": _said(size=3, mode="0640"),
        },
    ),
    "as another user": Case(
        (
            _stat("theirs", "f"),
            _stat("ours", "g"),
            _stat("hidden", "d/f"),
        ),
        idle=frozenset({"theirs", "ours"}),
        prepare="touch f g; mkdir -m 700 d; touch d/f; chmod 640 f; chown worker g; chmod 500 g",
        outputs={
            "theirs": _said(readable=False, writeable=False, executable=False, checksum=None),
            "ours": _said(readable=True, writeable=False, executable=True),
        },
        plan_blind={"hidden": "permission denied"},
        options={"become_user": "worker"},
    ),
}
