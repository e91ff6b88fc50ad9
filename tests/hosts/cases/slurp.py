"""slurp: bytes of the host, as base64."""

from __future__ import annotations

import base64

from tests.hosts.cases import Case
from tests.hosts.file_cases import EVERY_BYTE

CASES = {
    "contents": Case(
        (
            ("bytes", "slurp", {"src": "/srv/t/f"}),
            ("through a link", "slurp", {"path": "/srv/t/l"}),
            ("empty", "slurp", {"src": "/srv/t/e"}),
            ("kernel", "slurp", {"src": "/proc/sys/kernel/ostype"}),
            ("missing", "slurp", {"src": "/srv/t/none"}),
            ("folder", "slurp", {"src": "/srv/t"}),
            ("large", "slurp", {"src": "/srv/t/large"}),
            ("changed", "copy", {"dest": "/srv/t/e", "content": "new"}),
            ("again", "slurp", {"src": "/srv/t/e"}),
        ),
        prepare=f"echo {EVERY_BYTE} | base64 -d > f; ln -s f l; touch e; truncate -s 33M large",
        idle=frozenset({"bytes", "through a link", "empty", "kernel", "again"}),
        outputs={
            "bytes": {"content": EVERY_BYTE, "encoding": "base64", "source": "/srv/t/f"},
            "through a link": {"content": EVERY_BYTE, "source": "/srv/t/l"},
            "empty": {"content": ""},
            "kernel": {"content": base64.b64encode(b"Linux\n").decode()},
            "again": {"content": base64.b64encode(b"new").decode()},
        },
        fails={
            "missing": "no such file: /srv/t/none",
            "folder": "is a directory",
            "large": "too large to be carried whole (over 32 MiB)",
        },
    ),
}
