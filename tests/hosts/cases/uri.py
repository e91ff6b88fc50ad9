"""uri."""

from __future__ import annotations

from typing import Any

from tests.hosts.cases import Case
from tests.hosts.web import URL, WEB

Task = tuple[str, str, dict[str, Any]]


def _ask(name: str, path: str = "", **params: Any) -> Task:
    return name, "uri", {"url": URL + path, **params}


# A service on a Unix socket that answers with the path that it was asked for.
_SOCKET = r"""cat > /run/unix.py <<'END'
import os, socketserver
from http.server import BaseHTTPRequestHandler
class Handler(BaseHTTPRequestHandler):
    def address_string(self): return "-"
    def log_message(self, *said): pass
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Type", "text/plain"); self.end_headers()
        self.wfile.write(self.path.encode())
if os.path.exists("/run/unix.sock"): os.unlink("/run/unix.sock")
server = socketserver.ThreadingUnixStreamServer("/run/unix.sock", Handler)
os.rename("/run/unix.sock", "/run/ready.sock")
server.serve_forever()
END
if ! [ -S /run/ready.sock ]; then
    setsid -f python3 /run/unix.py </dev/null >/dev/null 2>&1
    until [ -S /run/ready.sock ]; do :; done
fi
"""

CASES = {
    "asking": Case(
        (
            _ask("plain", "/hello", return_content=True),
            _ask("json", "/data.json"),
            _ask("head", "/hello", method="HEAD"),
            _ask("moved", "/moved/hello", return_content=True),
            _ask("not moved", "/moved/hello", follow_redirects="none", status_code=302),
            _ask("expected", "/status/404", status_code=[200, 404]),
            _ask("basic", "/private/hello", user="ada", password="lovelace", force_basic_auth=True),
            _ask("headers", "/echo", headers={"X-One": 1}, return_content=True),
            (
                "socket",
                "uri",
                {"url": "http://any/where", "unix_socket": "/run/ready.sock", "return_content": True},
            ),
            _ask("done already", "/status/500", creates="/etc/hostname"),
            _ask("nothing to do", "/status/500", removes="/srv/t/nothing"),
        ),
        prepare=WEB + _SOCKET + "echo hello > www/hello; echo '{\"a\": [1]}' > www/data.json",
        idle=frozenset(
            {
                *("plain", "json", "head", "moved", "not moved", "expected", "basic", "headers", "socket"),
                *("done already", "nothing to do"),
            }
        ),
        outputs={
            "plain": {"status": 200, "content": "hello\n", "redirected": False, "msg": "OK (6 bytes)"},
            "json": {"json": {"a": [1]}, "content": None, "content_type": "application/json"},
            "head": {"status": 200, "content_length": "6"},
            "moved": {"content": "hello\n", "redirected": True, "url": URL + "/hello"},
            "not moved": {"status": 302, "location": URL + "/hello"},
            "expected": {"status": 404},
            "headers": {"cookies": {"a": "b"}, "cookies_string": "a=b"},
            "socket": {"content": "/where", "status": 200},
            "done already": {"skipped": True},
        },
    ),
    "sending": Case(
        (
            _ask("json", "/echo", method="POST", body={"a": 1}, body_format="json"),
            _ask("form", "/echo", method="put", body={"a": [1, "x y"]}, body_format="form-urlencoded"),
            _ask("parts", "/echo", method="POST", body={"f": {"content": "x"}}, body_format="form-multipart"),
            _ask("sent", "/echo", method="POST", _content="text", _original_basename="file"),
            _ask("of the host", "/echo", method="POST", src="/srv/t/file", remote_src=True),
            _ask("kept", "/echo", method="POST", body="x", dest="/srv/t/kept", mode="0600"),
            _ask("same", "/status/200", method="DELETE", dest="/srv/t/same"),
            _ask("refused", "/status/500", method="POST", body="x"),
        ),
        'stat -c %a kept; grep -o \'"method": "POST", "body": "x"\' kept; cat same',
        '600\n"method": "POST", "body": "x"\nbecause\n',
        WEB + "echo file > file; echo because > same",
        plan_blind={
            **dict.fromkeys(("json", "form", "parts", "sent", "of the host", "same"), "ok"),
            "refused": "status 500",
        },
        assumed={"kept": f"a plan sends no POST to {URL}/echo"},
    ),
    "keeping": Case(
        (
            _ask("new", "/hello", dest="/srv/t/new", mode="0640", owner="worker"),
            _ask("folder", "/hello", dest="/srv/t/folder", force=True),
            _ask("newer", "/hello", dest="/srv/t/newer", return_content=True),
            _ask("large", "/large", dest="/srv/t/large"),
        ),
        "cat new folder/hello newer; stat -c '%a %U' new; cmp large www/large",
        "hello\nhello\nmine\n640 worker\n",
        WEB + "echo hello > www/hello; mkdir folder; echo mine > newer; touch -d '1 hour' newer;"
        " head -c 3000000 /dev/urandom > www/large",
        frozenset({"newer"}),
        assumed=dict.fromkeys(("new", "folder", "large"), ""),
    ),
    "failing": Case(
        (
            _ask("status", "/status/503"),
            _ask("lost", "/missing", return_content=True),
            ("nobody", "uri", {"url": "http://127.0.0.1:9/"}),
            ("no socket", "uri", {"url": "http://any/", "unix_socket": "/run/nothing.sock"}),
            _ask("silent", "/silent", timeout=1),
            _ask("kept", "/missing", dest="/srv/t/kept"),
            _ask("named", "", dest="/srv/t"),
        ),
        "cat kept; ls",
        "kept\nkept\nwww\n",
        WEB + "echo kept > kept",
        fails={
            "status": "status 503 Service Unavailable, and not 200",
            "lost": "status 404",
            "nobody": "connection refused",
            "no socket": "there is no socket /run/nothing.sock",
            "silent": "no answer within 1 s",
            "kept": "status 404",
            "named": "/srv/t is a directory, and the URL has no name",
        },
    ),
    "after a change": Case(
        (
            ("page", "copy", {"dest": "/srv/t/www/page", "content": "here\n"}),
            _ask("there by then", "/page", return_content=True),
        ),
        prepare=WEB,
        plan_blind={"there by then": "ok"},
        outputs={"there by then": {"content": "here\n"}},
    ),
}
