"""get_url."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.hosts.cases import Case
from tests.hosts.web import URL, WEB

HELLO = hashlib.sha256(b"hello\n").hexdigest()
HELLO_512 = hashlib.sha512(b"hello\n").hexdigest()
LATER = "known after"
NOT_YET = "is downloaded in the apply"


def _get(name: str, path: str, dest: str, **params: Any) -> tuple[str, str, dict[str, Any]]:
    return name, "get_url", {"url": URL + path, "dest": f"/srv/t/{dest}", **params}


def _sum(digest: str = HELLO) -> str:
    return f"sha256:{digest}"


CASES = {
    "a checksum": Case(
        (
            _get("new", "/hello", "new", checksum=_sum(), mode="0600", owner="worker"),
            _get("there", "/status/500", "there", checksum=f"SHA512: {HELLO_512.upper()}"),
            _get("offline", "/hello", "there", checksum=_sum(), mode="0640"),
            _get("other", "/hello", "other", checksum=_sum(), backup=True),
            _get("listed", "/hello", "listed", checksum=f"sha256:{URL}/SUMS"),
            _get("folder", "/moved/hello", "folder", checksum=_sum()),
            _get("wrong", "/hello", "wrong", checksum=_sum("0" * 64)),
            _get("unlisted", "/hello", "unlisted", checksum=f"sha256:{URL}/hello"),
        ),
        "cat new there other listed folder/hello; stat -c '%n %a %U' new there; cat other.*~; rm *~; ls",
        "hello\n" * 5 + "new 600 worker\nthere 640 root\nold\nfolder\nlisted\nnew\nother\nthere\nwww\n",
        WEB + f"echo hello > www/hello; echo hello > there; echo old > other; mkdir folder\n"
        f"printf 'x  y\\n{HELLO} *./hello\\n' > www/SUMS",
        frozenset({"there"}),
        fails={"unlisted": "has no checksum for 'hello'"},
        plan_blind={"wrong": f"has the checksum {HELLO}, not"},
        outputs={"new": {"status_code": 200, "size": 6, "mode": "0600"}, "there": {"dest": "/srv/t/there"}},
    ),
    "no checksum": Case(
        (
            _get("new", "/hello", "new", mode="0600"),
            _get("older", "/hello", "older", backup=True),
            _get("newer", "/hello", "newer"),
            _get("forced", "/hello", "forced", force=True),
            _get("same", "/hello", "same", mode="0640"),
            _get("large", "/large", "large", tmp_dest="/srv/t/tmp"),
            _get("named", "/named", "folder/"),
            _get("plain", "/hello", "folder"),
            ("reads", "copy", {"src": "/srv/t/new", "dest": "/srv/t/copy", "remote_src": True}),
        ),
        "cat new older newer forced same copy; cat older.*~; stat -c '%n %a' new same;"
        " find folder -type f | sort; cmp large www/large; ls -A tmp",
        "hello\nhello\nmine\nhello\nhello\nhello\nolder\nnew 600\nsame 640\nfolder/given.txt\nfolder/hello\n",
        WEB + "mkdir tmp folder; echo hello > www/hello; head -c 3000000 /dev/urandom > www/large;"
        " for n in older newer forced; do echo $n > $n; done; echo mine > newer; echo hello > same;"
        " touch -d 2001-01-01 older same; touch -d '1 hour' newer",
        frozenset({"newer"}),
        assumed=dict.fromkeys(("new", "older", "forced", "same", "large", "named", "plain"), "")
        | {"reads": NOT_YET},
    ),
    "another server": Case(
        (
            _get("basic", "/private/hello", "basic", username="ada", password="lovelace", checksum=_sum()),
            _get(
                "at once",
                "/private/hello",
                "once",
                url_username="ada",
                url_password="lovelace",
                force_basic_auth=True,
                checksum=_sum(),
            ),
            (
                "in the URL",
                "get_url",
                {
                    "url": URL.replace("//", "//ada:lovelace@") + "/private/hello",
                    "dest": "/srv/t/url",
                    "checksum": _sum(),
                },
            ),
        ),
        "cat basic once url; ls",
        "hello\nhello\nhello\nbasic\nonce\nurl\nwww\n",
        WEB + "echo hello > www/hello",
    ),
    "nothing to fetch": Case(
        (
            _get("nobody", "/private/hello", "nobody"),
            _get("lost", "/missing", "lost"),
            _get("circle", "/round/", "circle"),
            _get("lost already", "/missing", "old"),
            ("refused", "get_url", {"url": "http://127.0.0.1:9/x", "dest": "/srv/t/refused"}),
            ("no name", "get_url", {"url": "http://nothing.invalid/x", "dest": "/srv/t/refused"}),
            _get("folder", "/hello", "no/such"),
        ),
        "cat old; ls",
        "old\nold\nwww\n",
        WEB + "echo hello > www/hello; echo old > old",
        fails={
            "nobody": "status 401",
            "lost": "status 404",
            "lost already": "status 404",
            "circle": "more than 10 redirects",
            "refused": "connection refused",
            "no name": "the address of nothing.invalid cannot be found",
            "folder": "/srv/t/no does not exist",
        },
    ),
    "halfway": Case(
        (
            _get("silent", "/silent", "silent", timeout=1),
            _get("cut", "/cut", "cut"),
            _get("cut again", "/cut", "kept"),
        ),
        "cat kept; ls; ls -A /var/tmp | grep -v systemd-private; true",
        "kept\nkept\nwww\n",
        WEB + "echo kept > kept",
        fails={"silent": "no answer within 1 s"},
        plan_blind=dict.fromkeys(("cut", "cut again"), "the answer ended after 500 of 1000 bytes"),
    ),
    "what is sent": Case(
        (
            _get("headers", "/echo", "sent", headers={"X-One": "1", "X-Two": True}, http_agent="me"),
            _get(
                "redirected", "/moved/echo", "moved", headers={"X-One": "1"}, unredirected_headers=["X-One"]
            ),
            ("by proxy", "get_url", {"url": "http://nothing.invalid/hello", "dest": "/srv/t/proxied"}),
            (
                "not by proxy",
                "get_url",
                {"url": "http://nothing.invalid/hello", "dest": "/srv/t/x", "use_proxy": False},
            ),
        ),
        'python3 -c \'import json; a, b = (json.load(open(n))["headers"] for n in ("sent", "moved"));'
        ' print(a["X-One"], a["X-Two"], a["User-Agent"], b["User-Agent"], b.get("X-One"))\'; cat proxied',
        "1 true me configurator None\nhello\n",
        # Asked for `http://nothing.invalid/hello` the server looks below its folder for that very name.
        WEB + "mkdir -p www/http:/nothing.invalid; echo hello > www/http:/nothing.invalid/hello",
        plan_blind={"not by proxy": "the address of nothing.invalid cannot be found"},
        assumed=dict.fromkeys(("headers", "redirected", "by proxy"), ""),
        options={"environment": {"http_proxy": URL, "no_proxy": "127.0.0.1"}},
    ),
}
