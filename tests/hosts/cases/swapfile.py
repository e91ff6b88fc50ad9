"""swapfile: what a container can show, which is all but swapping itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case


def _swap(name: str, path: str = "swap", **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "swapfile", {"path": f"/srv/t/{path}", "fstab": "/srv/t/fstab", "active": False, **params}


CASES: dict[str, Case] = {
    "made and kept": Case(
        (
            _swap("made", "deep/swap", size="2M", priority=5),
            _swap("again", "deep/swap", size="2048k", priority=5),
            _swap("other size", "old", size="1M"),
            _swap("open to all", "open", size="1M"),
            _swap("made and gone", "short", size="1M"),
            _swap("gone", "short", state="absent"),
        ),
        "stat -c '%n %s %a %U' deep/swap old open; blkid -p -o value -s TYPE deep/swap; cat fstab",
        "deep/swap 2097152 600 root\nold 1048576 600 root\nopen 1048576 600 root\nswap\n"
        "# by hand\nUUID=1 / ext4 defaults 0 1\n/srv/t/deep/swap none swap sw,pri=5 0 0\n"
        "/srv/t/old none swap sw 0 0\n/srv/t/open none swap sw 0 0\n",
        "printf '# by hand\\nUUID=1 / ext4 defaults 0 1' > fstab; for f in old open; do"
        " truncate -s 1M $f; done; truncate -s 3M old; chmod 644 open; mkswap -q old; mkswap -q open",
        frozenset({"again"}),
        again=frozenset({"made and gone", "gone"}),
    ),
    "absent": Case(
        (_swap("gone", state="absent"), _swap("never there", "none", state="absent")),
        "ls swap 2>&1 | grep -c No; cat fstab",
        "1\n# kept\n",
        "dd if=/dev/zero of=swap bs=1M count=1 2>/dev/null; mkswap -q swap;"
        " printf '# kept\\n/srv/t/swap none swap sw 0 0\\n' > fstab",
        frozenset({"never there"}),
    ),
    "refused": Case(
        (
            _swap("a file of somebody's", "notes", size="1M"),
            _swap("a directory", "dir", size="1M"),
            _swap("in a container", "live", size="1M", active=True),
        ),
        "cat notes; ls fstab 2>&1 | grep -c No",
        "mine\n1\n",
        "echo mine > notes; mkdir dir",
        fails={"a file of somebody's": "is no swap file", "a directory": "is no file, but a directory"},
        plan_blind={"in a container": "cannot be swapped to"},
    ),
}
