"""copy; the cases of the modules that write files share what is in file_cases.py."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from hashlib import md5, sha1
from typing import Any

from tests.hosts.cases import Case
from tests.hosts.file_cases import COPY


def _copy(name: str, dest: str, content: Any = None, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    given = {} if content is None else {"content": content}
    return name, "copy", {"dest": f"/srv/t/{dest}", **given, **params}


_SHA1 = hashlib.sha1(b"text\n", usedforsecurity=False).hexdigest()

CASES = {
    **{name: case for name, case in COPY.items() if name != "templates"},
    "modes": Case(
        (
            _copy("new", "new", "x", mode="u=rw,g=r,o="),
            _copy("added", "old", "x", mode="g+w,o-r"),
            _copy("octal", "text", "x", mode="0o600"),
            _copy("number", "number", "x", mode=640),
            _copy("execute", "script", "x", mode="a+X"),
            _copy("kept", "kept", "other"),
            _copy("numeric owner", "numeric", "x", owner="33", group=33),
            _copy("same by name", "numeric", "x", owner="www-data", group="www-data"),
        ),
        "stat -c '%n %a %U:%G' new old text number script kept numeric",
        "new 640 root:root\nold 660 root:root\ntext 600 root:root\nnumber 640 root:root\n"
        "script 755 root:root\n"
        "kept 604 worker:root\nnumeric 644 www-data:www-data\n",
        "printf y > old; chmod 644 old; printf y > script; chmod 744 script; touch kept; chmod 604 kept;"
        " chown worker kept",
        idle=frozenset({"same by name"}),
    ),
    "checked": Case(
        (
            _copy("right", "a", "text\n", checksum=_SHA1),
            _copy("right there", "b", src="/srv/t/source", remote_src=True, checksum=_SHA1.upper()),
            _copy("wrong", "a", "other\n", checksum=_SHA1),
            _copy("wrong there", "b", src="/srv/t/other", remote_src=True, checksum=_SHA1),
        ),
        "cat a b",
        "text\ntext\n",
        "echo text > source; echo other > other",
        fails={"wrong": f"not {_SHA1} as `checksum` says", "wrong there": "has the checksum"},
    ),
    "refused": Case(
        (
            _copy("no folder", "no/such/f", "x"),
            _copy("a folder", "d", "x"),
            _copy("below a file", "f/x", "x"),
            _copy("file for folder", "f/", "x", _original_basename="y"),
            _copy("no source", "g", src="/srv/t/none", remote_src=True),
            _copy("into itself", "d/e", src="/srv/t/d", remote_src=True),
            _copy("dangling inside", "g", src="/srv/t/links", remote_src=True),
            _copy("device", "null", "x"),
            _copy("unknown owner", "f", "x", owner="nosuch"),
            _copy("unknown group", "g", "x", group="nosuch"),
            _copy("not valid", "f", "root ALL=(ALL\n", validate="visudo -cf %s"),
            _copy("no validator", "f", "x", validate="nosuchprogram %s"),
        ),
        "cat f; ls",
        "old\nd\nf\nlinks\nnull\n",
        "mkdir d links; echo old > f; ln -s nowhere links/l; mknod null c 1 3",
        fails={
            "no folder": "the directory /srv/t/no/such does not exist",
            "a folder": "is a directory, and the content has no name",
            "below a file": "/srv/t/f",
            "file for folder": "/srv/t/f",
            "no source": "/srv/t/none does not exist on the host",
            "into itself": "into itself",
            "dangling inside": "leads nowhere",
            "device": "no file replaces it",
            "unknown owner": "user 'nosuch' does not exist",
            "unknown group": "group 'nosuch' does not exist",
            "not valid": "was refused, the old one stays",
        },
        plan_blind={"no validator": "nosuchprogram is not installed"},
    ),
    "private tree": Case(
        (_copy("copied", "new", src="/srv/t/old", remote_src=True),),
        "cd new/old; stat -c '%n %a' . secret secret/key run",
        ". 755\nsecret 700\nsecret/key 640\nrun 755\n",
        "umask 022; mkdir -p new old/secret; touch old/secret/key old/run;"
        " chmod 700 old/secret; chmod 640 old/secret/key; chmod 755 old/run",
    ),
    "returned": Case(
        (
            ("content", "copy", {"dest": "/srv/t/new", "content": "hello\n", "mode": "0600"}),
            ("named", "copy", {"dest": "/srv/t", "content": "hello\n", "_original_basename": "named"}),
            ("there", "copy", {"dest": "/srv/t/old", "content": "hello\n"}),
            ("template", "template", {"dest": "/srv/t/made", "content": "hello\n"}),
            ("of the host", "copy", {"src": "/srv/t/old", "dest": "/srv/t/copied", "remote_src": True}),
            ("joined", "assemble", {"src": "/srv/t/parts", "dest": "/srv/t/joined"}),
        ),
        prepare="echo hello > old; mkdir parts; echo hello > parts/1",
        idle=frozenset({"there"}),
        outputs={
            name: {
                "checksum": sha1(b"hello\n", usedforsecurity=False).hexdigest(),
                "md5sum": md5(b"hello\n", usedforsecurity=False).hexdigest(),
                "dest": f"/srv/t/{dest}",
                "size": 6,
                "state": "file",
                **more,
            }
            for name, dest, more in (
                ("content", "new", {"mode": "0600"}),
                ("named", "named", {}),
                ("there", "old", {}),
                ("template", "made", {}),
                ("of the host", "copied", {"src": "/srv/t/old"}),
                ("joined", "joined", {}),
            )
        },
    ),
}
