"""synchronize: a tree of the controller, or of the host, is in a folder of the host as rsync sees it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

FRESH = "command -v rsync >/dev/null || apt-get install -y -qq rsync >/dev/null 2>&1;"
DAY = 86400 * 10**9
BIG = bytes(range(256)) * 64
DIGEST = hashlib.sha256(BIG).hexdigest()


def _entry(path: str | bytes, kind: str, /, **more: Any) -> dict[str, Any]:
    name = path if isinstance(path, str) else {"$base64": base64.b64encode(path).decode()}
    mode = 0o755 if kind == "directory" else 0o644
    return {"path": name, "kind": kind, "mode": mode, "mtime_ns": DAY, "uid": 0, "gid": 0, **more}


def _file(path: str | bytes, text: str = "text\n", /, **more: Any) -> dict[str, Any]:
    return _entry(path, "file", size=len(text.encode()), content=text, **more)


def _link(path: str, target: str) -> dict[str, Any]:
    return _entry(path, "link", target=target)


def _sync(
    task: str, dest: str, entries: list[dict[str, Any]], /, **params: Any
) -> tuple[str, str, Mapping[str, Any]]:
    name, inside = params.pop("name", "tree"), params.pop("inside", True)
    tree = {"name": name, "inside": inside, "entries": entries}
    return task, "synchronize", {"dest": dest, "_tree": tree, **params}


TOP = _entry("", "directory", mode=0o750)
TREE = [
    TOP,
    _file("a file", "new\n", mode=0o640, owner="worker", uid=4242, group="www-data", gid=4343),
    _link("absolute", "/nowhere/at all"),
    _link("relative", "sub/inner"),
    _entry("sub", "directory", mode=0o2775, uid=54321, gid=54321),
    _file("sub/inner", "", mtime_ns=DAY * 365 + 123456789),
]
LIST = "-printf '%y %m %u:%g %TY %p %l\\n' | LC_ALL=C sort -k5 | sed -E 's/ 202[0-9] / now /';"


CASES: dict[str, Case] = {
    "a tree with all that belongs to it": Case(
        (
            _sync("inside", "/srv/t/new", TREE),
            _sync("named", "/srv/t/there", TREE, inside=False, name="named tree"),
            _sync("one file", "/srv/t/renamed", [_file("", "one\n")], name="one", inside=False),
            _sync("into a folder", "/srv/t/sub/", [_file("", "two\n")], name="two", inside=False),
            _sync("over another", "/srv/t/old", [_file("", "new\n")], name="one", inside=False),
        ),
        f"find new there renamed sub old {LIST} cat 'new/a file' renamed sub/two old",
        "d 750 root:root 1970 new \n"
        "f 640 worker:www-data 1970 new/a file \n"
        "l 777 root:root 1970 new/absolute /nowhere/at all\n"
        "l 777 root:root 1970 new/relative sub/inner\n"
        "d 2775 54321:54321 1970 new/sub \n"
        "f 644 root:root 1971 new/sub/inner \n"
        "f 644 root:root 1970 old \n"
        "f 644 root:root 1970 renamed \n"
        "d 755 root:root now sub \n"
        "f 644 root:root 1970 sub/two \n"
        "d 755 root:root now there \n"
        "d 750 root:root 1970 there/named tree \n"
        "f 640 worker:www-data 1970 there/named tree/a file \n"
        "l 777 root:root 1970 there/named tree/absolute /nowhere/at all\n"
        "l 777 root:root 1970 there/named tree/relative sub/inner\n"
        "d 2775 54321:54321 1970 there/named tree/sub \n"
        "f 644 root:root 1971 there/named tree/sub/inner \n"
        "new\none\ntwo\nnew\n",
        FRESH + "mkdir sub there; echo old > old",
        outputs={"inside": {"rc": 0}},
    ),
    "names of any bytes": Case(
        (
            _sync(
                "odd",
                "/srv/t/a 'quoted' \"place\"",
                [
                    TOP,
                    _file("-n", "dash\n"),
                    _file("; touch x #", "shell\n"),
                    _file("back\\#012slash", "back\n"),
                    _file("n\new\n", "line\n"),
                    _file(b"not \xff\xfe UTF-8", "bytes\n"),
                    _file("ünï -> ç", "accents\n"),
                ],
            ),
        ),
        "cd 'a '*; python3 -c 'import os; print(*sorted(os.listdir(b\".\")), sep=chr(10))'; cat -- *",
        "b'-n'\nb'; touch x #'\nb'back\\\\#012slash'\nb'n\\new\\n'\nb'not \\xff\\xfe UTF-8'\n"
        "b'\\xc3\\xbcn\\xc3\\xaf -> \\xc3\\xa7'\ndash\nshell\nback\nline\nbytes\naccents\n",
        FRESH,
    ),
    "only what differs": Case(
        (
            _sync(
                "mended",
                "/srv/t/d",
                [
                    TOP,
                    _file("content", "new\n"),
                    _file("mode", mode=0o600),
                    _file("newer"),
                    _file("same"),
                    _entry("big", "file", size=len(BIG), content={"$blob": DIGEST}),
                    _entry("folder", "directory"),
                    _link("turned", "elsewhere"),
                ],
            ),
        ),
        f"find d {LIST} cat d/content; sha256sum < d/big",
        "d 750 root:root 1970 d \n"
        "f 644 root:root 1970 d/big \n"
        "f 644 root:root 1970 d/content \n"
        "d 755 root:root 1970 d/folder \n"
        "f 600 root:root 1970 d/mode \n"
        "f 644 root:root 1970 d/newer \n"
        "f 644 root:root 1970 d/same \n"
        "f 644 root:root 1970 d/theirs \n"
        "l 777 root:root 1970 d/turned elsewhere\n"
        f"new\n{DIGEST}  -\n",
        FRESH + "mkdir -m 700 d d/folder; cd d; echo old > content; for f in mode newer same theirs; do"
        " echo text > $f; done; touch -d @864000 mode same theirs; ln -s nowhere turned",
        blobs={DIGEST: BIG},
    ),
    "contents that nobody sends again": Case(
        (_sync("known", "/srv/t/d", [TOP, _entry("big", "file", size=len(BIG), content={"$blob": DIGEST})]),),
        f"find d {LIST}",
        "d 750 root:root 1970 d \nf 644 root:root 1970 d/big \n",
        FRESH + "mkdir -m 750 d; python3 -c \"open('d/big','wb').write(bytes(range(256))*64)\";"
        " touch -d @864000 d",
    ),
    "options": Case(
        (
            _sync("deleted", "/srv/t/deleted", TREE, delete=True, rsync_opts=["--exclude=kept *"]),
            _sync("existing", "/srv/t/existing", TREE, existing_only=True, owner=False, group=False),
            _sync(
                "plain",
                "/srv/t/plain",
                TREE,
                archive=False,
                recursive=True,
                rsync_opts=["--exclude", "sub", "--chmod=F600", "-v", "--stats"],
            ),
            _sync("by content", "/srv/t/content", TREE, checksum=True, times=False, owner=False, group=False),
            _sync("nothing", "/srv/t/nothing", TREE, rsync_opts=["--exclude=*"], times=False, perms=False),
            _sync("made", "/srv/t/far/away", TREE, rsync_opts=["--mkpath", "--exclude=*"]),
        ),
        f"find deleted existing plain content -mindepth 1 {LIST}",
        "f 640 root:root now content/a file \n"
        "l 777 root:root now content/absolute /nowhere/at all\n"
        "l 777 root:root now content/relative sub/inner\n"
        "d 2775 root:root now content/sub \n"
        "f 644 root:root now content/sub/inner \n"
        "f 640 worker:www-data 1970 deleted/a file \n"
        "l 777 root:root 1970 deleted/absolute /nowhere/at all\n"
        "f 644 root:root now deleted/kept one \n"
        "l 777 root:root 1970 deleted/relative sub/inner\n"
        "d 2775 54321:54321 1970 deleted/sub \n"
        "f 644 root:root 1971 deleted/sub/inner \n"
        "f 640 root:root 1970 existing/a file \n"
        "f 600 root:root now plain/a file \n",
        FRESH + "mkdir -p deleted/gone existing plain content/sub nothing;"
        " touch deleted/gone/too 'deleted/kept one';"
        " echo old > 'existing/a file'; echo new > 'content/a file'; chmod 640 'content/a file'",
        idle=frozenset({"nothing"}),
    ),
    "from the host": Case(
        (
            ("tree", "synchronize", {"src": "/srv/t/from/", "dest": "/srv/t/to", "remote_src": True}),
            (
                "one",
                "synchronize",
                {"src": "/srv/t/from/a file", "dest": "/srv/t/one", "remote_src": True, "compress": False},
            ),
            (
                "followed",
                "synchronize",
                {"src": "/srv/t/from", "dest": "/srv/t/all", "remote_src": True, "copy_links": True},
            ),
        ),
        f"find to one all {LIST} cat one",
        "d 755 root:root now all \n"
        "d 755 root:root 1970 all/from \n"
        "f 644 worker:root 1970 all/from/a file \n"
        "f 644 worker:root 1970 all/from/link \n"
        "d 755 root:root 1970 all/from/sub \n"
        "f 644 worker:root 1970 one \n"
        "d 755 root:root 1970 to \n"
        "f 644 worker:root 1970 to/a file \n"
        "l 777 root:root 1970 to/link a file\n"
        "d 755 root:root 1970 to/sub \n"
        "text\n",
        FRESH + "mkdir -p from/sub all; echo text > 'from/a file'; ln -s 'a file' from/link;"
        " chown worker 'from/a file'; touch -h -d @864000 from/link 'from/a file' from/sub;"
        " touch -d @864000 from",
    ),
    "after an earlier task": Case(
        (
            ("made", "file", {"path": "/srv/t/d", "state": "directory"}),
            _sync("into it", "/srv/t/d", [TOP, _file("x")]),
            ("looked at", "stat", {"path": "/srv/t/d/x"}),
            ("elsewhere", "copy", {"dest": "/srv/t/e", "content": "e"}),
        ),
        f"find d {LIST}",
        "d 750 root:root 1970 d \nf 644 root:root 1970 d/x \n",
        FRESH,
        idle=frozenset({"looked at"}),
        assumed={"into it": "/srv/t/d is changed by an earlier task"},
    ),
    "a host without rsync": Case(
        (_sync("early", "/srv/t/d", [TOP]),),
        prepare="apt-get remove -y -qq rsync >/dev/null 2>&1 || true",
        fails={"early": "install it first: `apt: {name: rsync}`"},
    ),
    "installed before": Case(
        (("rsync", "apt", {"name": "rsync"}), _sync("then", "/srv/t/d", [TOP, _file("x")])),
        "cat d/x",
        "text\n",
        "apt-get remove -y -qq rsync >/dev/null 2>&1 || true",
        assumed={"then": "rsync is not installed yet"},
    ),
    "what cannot be": Case(
        (
            _sync("no folder", "/srv/t/none/d", TREE),
            _sync("a file in the way", "/srv/t/file/d", TREE),
            ("no source", "synchronize", {"src": "/srv/t/none", "dest": "/srv/t/x", "remote_src": True}),
            _sync("option", "/srv/t/x", TREE, rsync_opts=["--no-such-option"]),
            _sync("not recursive", "/srv/t/x", TREE, delete=True, recursive=False),
        ),
        "find . -mindepth 1",
        "./file\n",
        FRESH + "touch file",
        fails={
            "no folder": "the directory /srv/t/none does not exist",
            "a file in the way": "the directory /srv/t/file is no directory",
            "no source": "/srv/t/none does not exist on the host",
            "option": "--no-such-option",
            "not recursive": "--delete does not work without --recursive",
        },
    ),
}
