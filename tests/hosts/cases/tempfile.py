"""tempfile: what is made, where, whose it is, and that it is made in each run."""

from __future__ import annotations

from tests.hosts.cases import Case

CASES = {
    "made each time": Case(
        (
            ("file", "tempfile", {"path": "/srv/t", "suffix": ".txt"}),
            ("folder", "tempfile", {"path": "/srv/t", "prefix": "x-", "state": "directory"}),
            ("in tmp", "tempfile", {"prefix": "case."}),
            ("nowhere", "tempfile", {"path": "/srv/t/none"}),
        ),
        "ls -A | sed -E 's/[0-9a-f]{16}/N/'; stat -c '%a %U:%G %s %F' ansible.*; stat -c '%a %F' x-*;"
        " ls /tmp | grep -c '^case\\.'; rm -f /tmp/case.*",
        "ansible.N.txt\nansible.N.txt\nx-N\nx-N\n600 root:root 0 regular empty file\n"
        "600 root:root 0 regular empty file\n700 directory\n700 directory\n2\n",
        "rm -f /tmp/case.*",
        again=frozenset({"file", "folder", "in tmp"}),
        outputs={
            "file": {"mode": "0600", "state": "file", "size": 0, "owner": "root"},
            "folder": {"mode": "0700", "state": "directory"},
        },
        fails={"nowhere": "the directory /srv/t/none does not exist"},
    ),
    "as another user": Case(
        (
            ("file", "tempfile", {"prefix": "case.worker."}),
            ("folder", "tempfile", {"prefix": "case.worker.", "state": "directory"}),
        ),
        "stat -c '%a %U:%G %F' /tmp/case.worker.* | sort; rm -rf /tmp/case.worker.*",
        "600 worker:worker regular empty file\n600 worker:worker regular empty file\n"
        "700 worker:worker directory\n700 worker:worker directory\n",
        "rm -rf /tmp/case.worker.*",
        again=frozenset({"file", "folder"}),
        options={"become_user": "worker"},
    ),
}
