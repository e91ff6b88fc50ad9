"""unarchive."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case
from tests.hosts.web import URL, WEB


def _tar(*entries: tuple[str, Mapping[str, Any], bytes], mode: str = "w:gz") -> bytes:
    """Return an archive of entries: name, what differs from a plain file of root, content."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]
        for name, more, content in entries:
            info = tarfile.TarInfo(name)
            for key, value in {"mode": 0o644, "mtime": 1000, "size": len(content), **more}.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def _zip(**names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in names.items():
            info = zipfile.ZipInfo(name.replace("__", "/"), (2020, 2, 2, 2, 2, 2))
            info.external_attr = (0o750 if name == "run" else 0o644) << 16
            archive.writestr(info, content)
    return packed.getvalue()


LINK = {"type": tarfile.SYMTYPE}
FOLDER = {"type": tarfile.DIRTYPE, "mode": 0o750}
BIG = bytes(range(256)) * 4000
APP = _tar(
    ("app-1.0/", FOLDER, b""),
    (
        "./app-1.0/bin/run",
        {"mode": 0o755, "uname": "daemon", "gname": "daemon", "uid": 4711, "gid": 4711},
        b"#!\n",
    ),
    ("app-1.0/conf", {"mode": 0o600, "uname": "nobody here", "uid": 4711, "gid": 33}, b"a = 1\n"),
    ("app-1.0/big", {}, BIG),
    ("app-1.0/link", {**LINK, "linkname": "bin/run"}, b""),
    ("app-1.0/hard", {"type": tarfile.LNKTYPE, "linkname": "app-1.0/conf", "mode": 0o600}, b""),
)
DIGEST = hashlib.sha256(APP).hexdigest()
BLOB = {"$blob": DIGEST}
MANY = _tar(*((f"many/{number}", {}, b"x\n") for number in range(60)))
EVIL = {
    "up": _tar(("../evil", {}, b"x")),
    "deep": _tar(("a/../../evil", {}, b"x")),
    "absolute": _tar(("/srv/t/evil", {}, b"x")),
    "link": _tar(("away", {**LINK, "linkname": "/etc"}, b""), ("away/evil", {}, b"x")),
    "outward": _tar(("a/away", {**LINK, "linkname": "../../etc"}, b"")),
    "crooked": _tar(("a/l", {**LINK, "linkname": ".."}, b""), ("m", {**LINK, "linkname": "a/l/.."}, b"")),
    "through": _tar(("d", {}, b"x"), ("m", {**LINK, "linkname": "n"}, b""), ("m/evil", {}, b"x")),
    "hard": _tar(("h", {"type": tarfile.LNKTYPE, "linkname": "../../etc/shadow"}, b"")),
    "device": _tar(("null", {"type": tarfile.CHRTYPE}, b"")),
    "damaged": APP[:-3000],
    "nothing": b"no archive at all\n",
}
ZIP = _zip(run="r\n", sub__file="f\n")
_BLOBS = {hashlib.sha256(data).hexdigest(): data for data in (APP, MANY, ZIP, *EVIL.values())}


def _blob(data: bytes) -> dict[str, str]:
    return {"$blob": hashlib.sha256(data).hexdigest()}


def _sent(name: str, data: bytes, dest: str = "", **params: Any) -> tuple[str, str, dict[str, Any]]:
    given = {"dest": f"/srv/t/{dest}".rstrip("/"), "_content": _blob(data), "_original_basename": "a.tar.gz"}
    return name, "unarchive", {**given, **params}


def _there(name: str, src: str, dest: str = "", **params: Any) -> tuple[str, str, dict[str, Any]]:
    given = {"dest": f"/srv/t/{dest}".rstrip("/"), "src": f"/srv/t/{src}", "remote_src": True}
    return name, "unarchive", {**given, **params}


def _fetched(name: str, path: str, dest: str = "", **params: Any) -> tuple[str, str, dict[str, Any]]:
    return name, "unarchive", {"dest": f"/srv/t/{dest}".rstrip("/"), "src": URL + path, **params}


CASES = {
    "whole": Case(
        (
            _sent("new", APP, list_files=True),
            _sent("same", APP),
            ("reads", "lineinfile", {"path": "/srv/t/app-1.0/conf", "line": "b = 2"}),
            _sent("many", MANY),
        ),
        "stat -c '%n %A %U:%G' app-1.0 app-1.0/bin app-1.0/*; cat app-1.0/link; stat -c %Y app-1.0/big;"
        " sha256sum app-1.0/big | cut -c1-16;"
        " stat -c %h app-1.0/hard; ls many | wc -l",
        "app-1.0 drwxr-x--- root:root\napp-1.0/bin drwxr-xr-x root:root\napp-1.0/big -rw-r--r-- root:root\n"
        "app-1.0/bin drwxr-xr-x root:root\napp-1.0/conf -rw------- UNKNOWN:www-data\n"
        "app-1.0/hard -rw------- UNKNOWN:www-data\napp-1.0/link lrwxrwxrwx root:root\n"
        f"#!\n1000\n{hashlib.sha256(BIG).hexdigest()[:16]}\n1\n60\n",
        idle=frozenset({"same"}),
        again=frozenset({"new", "reads"}),
        outputs={
            "new": {
                "files": [f"app-1.0{name}" for name in ("/", "/bin/run", "/conf", "/big", "/link", "/hard")],
                "src": "a.tar.gz",
                "dest": "/srv/t",
                "mode": "0755",
            }
        },
        blobs=_BLOBS,
    ),
    "kinds": Case(
        (
            *(_there(kind, f"a.{kind}", kind) for kind in ("tar", "tbz", "txz", "tzst")),
            _there("zip", "a.bin", "zip", mode="u=rwX,g=rX,o="),
            _sent("junk", ZIP, "junk", extra_opts=["-j"]),
            _fetched("fetched", "/a.tgz", "fetched", owner="worker", group="www-data", mode="0700"),
            _there("not needed", "nothing", "no", creates="/srv/t/tar/app/co*"),
        ),
        """for d in tar tbz txz tzst; do diff -r $d fetched && cat $d/app/conf; done
        find zip -printf '%p %m\\n' | sort
        ls junk; cat zip/sub/file
        stat -c '%n %a %U:%G' fetched/app fetched/app/conf""",
        "a = 1\n" * 4
        + "zip 755\nzip/run 750\nzip/sub 750\nzip/sub/file 640\nfile\nrun\nf\n"
        + "fetched/app 700 worker:www-data\nfetched/app/conf 700 worker:www-data\n",
        WEB
        + """apt-get install -y -qq zstd bzip2 xz-utils zip >/dev/null 2>&1
        mkdir -p tar tbz txz tzst zip junk fetched s/app z/sub
        echo a = 1 > s/app/conf
        tar -C s -cf a.tar app; tar -C s -cjf a.tbz app; tar -C s -cJf a.txz app
        tar -C s --zstd -cf a.tzst app; tar -C s -czf www/a.tgz app
        echo r > z/run; echo f > z/sub/file; chmod 750 z/run
        (cd z; zip -qr ../a.zip run sub/file); mv a.zip a.bin""",
        frozenset({"not needed"}),
        assumed={"fetched": "known once it is downloaded"},
        blobs=_BLOBS,
    ),
    "what is there": Case(
        (
            _sent("mended", APP, exclude=["app-1.0/big", "hard"]),
            _sent("newer", APP, "newer", keep_newer=True, include=["app-1.0/conf", "app-1.0/b*"]),
            _sent("kept", APP, "kept", extra_opts=["--strip-components=1", "--skip-old-files"]),
            _sent(
                "renamed",
                APP,
                "renamed",
                extra_opts=["--transform=s,^app-[0-9.]*,app,", "--exclude=big", "--no-same-owner"],
            ),
            _sent("owned", APP, "owned", owner="worker", group="worker", include=["app-1.0/conf"]),
        ),
        """cat app-1.0/conf; stat -c '%n %a %U' app-1.0 app-1.0/bin/run; readlink app-1.0/link; cat target
        find newer kept renamed owned | sort | tr '\\n' ' '; echo
        cat newer/app-1.0/conf kept/conf; stat -c '%U' renamed/app/conf owned/app-1.0/conf""",
        "a = 1\napp-1.0 711 root\napp-1.0/bin/run 755 daemon\nbin/run\nmine\n"
        "kept kept/big kept/bin kept/bin/run kept/conf kept/hard kept/link "
        "newer newer/app-1.0 newer/app-1.0/big newer/app-1.0/bin newer/app-1.0/bin/run newer/app-1.0/conf "
        "owned owned/app-1.0 owned/app-1.0/conf "
        "renamed renamed/app renamed/app/bin renamed/app/bin/run renamed/app/conf renamed/app/hard"
        " renamed/app/link \nnewer\nkept\nroot\nworker\n",
        """mkdir -p app-1.0/bin newer/app-1.0 kept renamed owned; chmod 711 app-1.0
        echo a = 2 > app-1.0/conf; echo newer > newer/app-1.0/conf; echo kept > kept/conf
        echo mine > target; ln -s ../../target app-1.0/bin/run; ln -s nowhere app-1.0/link""",
        blobs=_BLOBS,
    ),
    "refused": Case(
        (
            *(_sent(name, data) for name, data in EVIL.items()),
            _there("missing", "missing.tar"),
            _sent("no folder", APP, "none"),
            _sent("no such entry", APP, include=["app-1.0/none"]),
            _sent("in the way", APP, "way"),
            _fetched("lost", "/lost.tgz"),
        ),
        "ls; ls -A / | grep -c evil; cat way/app-1.0",
        "way\nwww\n0\nfile\n",
        WEB + "mkdir way; echo file > way/app-1.0",
        fails={
            "up": "'../evil' is not a name below",
            "deep": "is not a name below",
            "absolute": "'/srv/t/evil' is not a name below",
            "link": "the link 'away' leads out of it, to '/etc'",
            "outward": "leads out of it, to '../../etc'",
            "crooked": "leads out of it, to 'a/l/..'",
            "through": "'m/evil' would be unpacked through the link 'm'",
            "hard": "names no file of it, but '../../etc/shadow'",
            "device": "'null' is a device or a pipe",
            "damaged": "is damaged",
            "nothing": "is no archive that is known here",
            "missing": "/srv/t/missing.tar does not exist on the host",
            "no folder": "the directory /srv/t/none does not exist",
            "no such entry": "'app-1.0/none' is not in the archive",
            "in the way": "/srv/t/way/app-1.0 is no directory, but in the archive it is one",
            "lost": "status 404",
        },
        blobs=_BLOBS,
    ),
    "what a download leaves open": Case(
        (
            _fetched("fetched", "/b.tgz", "fetched"),
            ("edit", "lineinfile", {"path": "/srv/t/fetched/app/conf", "line": "b = 2"}),
            ("mode", "file", {"path": "/srv/t/fetched/app/conf", "mode": "0600"}),
            ("add", "copy", {"dest": "/srv/t/fetched/app/new", "content": "new\n"}),
            ("as it is", "copy", {"dest": "/srv/t/fetched/old", "content": "old\n"}),
            ("look", "stat", {"path": "/srv/t/fetched/app/conf"}),
            ("beside", "copy", {"dest": "/srv/t/beside", "content": "x\n"}),
        ),
        "cat fetched/app/conf fetched/app/new fetched/old beside; stat -c %a fetched/app/conf",
        "a = 1\nb = 2\nnew\nold\nx\n600\n",
        WEB + "mkdir -p fetched s/app; echo a = 1 > s/app/conf; tar -C s -czf www/b.tgz app;"
        " echo old > fetched/old",
        plan_blind={"as it is": "ok", "look": "ok"},
        assumed=dict.fromkeys(("fetched", "edit", "mode", "add"), "known once it is downloaded"),
        again=frozenset({"fetched", "edit", "mode"}),
    ),
    "as another user": Case(
        (_sent("mine", APP, "home", extra_opts=["--strip-components", "1"]),),
        "stat -c '%n %a %U:%G' home/conf home/bin/run",
        "home/conf 600 worker:worker\nhome/bin/run 755 worker:worker\n",
        "install -d -o worker home",
        options={"become_user": "worker"},
        blobs=_BLOBS,
    ),
}
