"""wait_for."""

from __future__ import annotations

from typing import Any

from tests.hosts.cases import Case
from tests.hosts.web import PORT, WEB


def _wait(name: str, **params: Any) -> tuple[str, str, dict[str, Any]]:
    return name, "wait_for", params


# A server that greets, on port 8097, and one that holds a connection to itself, on port 8098.
_SERVERS = r"""cat > /run/greets.py <<'END'
import socket, socketserver, threading
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"SSH-2.0-test_9\r\n")
held = socket.create_server(("127.0.0.1", 8098))
mine = socket.create_connection(("127.0.0.1", 8098))
theirs, _ = held.accept()
socketserver.ThreadingTCPServer(("127.0.0.1", 8097), Handler).serve_forever()
END
up() { python3 -c 'import socket; socket.create_connection(("127.0.0.1", 8097))' 2>/dev/null; }
up || setsid -f python3 /run/greets.py </dev/null >/dev/null 2>&1
until up; do :; done
"""

CASES = {
    "met already": Case(
        (
            _wait("port", port=PORT),
            _wait("stopped", port=9, state="stopped"),
            _wait("greeting", port=8097, search_regex=r"SSH-(?P<version>[\d.]+)-(\w+)"),
            _wait("not this one", port=8097, search_regex="FTP", state="stopped", connect_timeout=1),
            _wait("drained", port=8097, state="drained", active_connection_states=["ESTABLISHED"]),
            _wait("excluded", port=8098, state="drained", exclude_hosts=["localhost", "127.0.0.1"]),
            _wait("elsewhere", port=8098, host="127.0.0.2", state="drained"),
            _wait("file", path="/srv/t/log"),
            _wait("folder", path="/srv/t", state="present"),
            _wait("line", path="/srv/t/log", search_regex=r"^done (\d+)$"),
            _wait("no file", path="/srv/t/none", state="absent"),
            _wait("no line", path="/srv/t/log", state="absent", search_regex="failed"),
        ),
        prepare=WEB + _SERVERS + "printf 'begun\\ndone 42\\nend\\n' > log",
        idle=frozenset(
            {
                *("port", "stopped", "greeting", "not this one", "drained", "excluded", "elsewhere"),
                *("file", "folder", "line", "no file", "no line"),
            }
        ),
        outputs={
            "port": {"state": "started", "port": PORT, "elapsed": 0},
            "greeting": {"match_groups": ["2.0", "test_9"], "match_groupdict": {"version": "2.0"}},
            "line": {"match_groups": ["42"], "path": "/srv/t/log"},
        },
    ),
    "waiting": Case(
        (
            (
                "begins",
                "shell",
                {"cmd": "setsid -f sh -c 'sleep 2; echo up > /srv/t/late' >/dev/null 2>&1 </dev/null"},
            ),
            _wait("comes", path="/srv/t/late", search_regex="up", timeout=30),
            (
                "takes",
                "shell",
                {"cmd": "setsid -f sh -c 'sleep 2; rm /srv/t/late' >/dev/null 2>&1 </dev/null"},
            ),
            _wait("goes", path="/srv/t/late", state="absent", delay=1),
            _wait("only waits", timeout=1),
            _wait("too long", port=9, timeout=1),
            _wait("too long to tell", port=9, timeout=1, msg="nobody came"),
            _wait("not drained", port=8098, state="drained", timeout=1),
        ),
        "ls",
        "",
        _SERVERS,
        again=frozenset({"begins", "takes"}),
        assumed={"takes": ""},
        plan_blind={
            **dict.fromkeys(("comes", "goes", "only waits"), "ok"),
            "too long": "127.0.0.1:9 was not there within 1 s",
            "too long to tell": "nobody came",
            "not drained": "127.0.0.1:8098 was not free of connections within 1 s",
        },
    ),
}
