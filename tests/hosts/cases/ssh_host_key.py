"""ssh_host_key: keys of all types, on the disk and by ssh-keygen's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

SHOW = "for k in {}; do ssh-keygen -l -f $k | sed 's/ SHA256:[^ ]*//'; done; stat -c '%n %a %U' {}"


def _key(task: str, path: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return task, "ssh_host_key", {"path": f"/srv/t/{path}", **params}


CASES: dict[str, Case] = {
    "made, kept and replaced": Case(
        (
            _key("new", "ed", comment="our host"),
            _key("same", "ed"),
            _key("rsa", "rsa", type="rsa", bits=2048, comment="r"),
            _key("larger", "ecdsa", type="ecdsa", bits=521, comment="e"),
            _key("any size", "kept", type="ecdsa"),
            _key("no key", "text", comment="t"),
            _key("regenerated", "again", regenerate=True, comment="a"),
        ),
        SHOW.format("ed rsa ecdsa kept text again", "ed ed.pub kept")
        + "; cmp again.pub old.pub >/dev/null || echo new",
        "256 our host (ED25519)\n2048 r (RSA)\n521 e (ECDSA)\n256 k (ECDSA)\n256 t (ED25519)\n"
        "256 a (ED25519)\ned 600 root\ned.pub 644 root\nkept 600 root\nnew\n",
        "ssh-keygen -q -N '' -t ecdsa -b 256 -C e -f ecdsa; ssh-keygen -q -N '' -t ecdsa -C k -f kept;"
        " ssh-keygen -q -N '' -t ed25519 -C a -f again; cp again.pub old.pub; echo nothing > text",
        frozenset({"same", "any size"}),
        again=frozenset({"regenerated"}),
        outputs={"larger": {"type": "ecdsa", "bits": 521, "path": "/srv/t/ecdsa"}},
    ),
    "mended and removed": Case(
        (
            _key("open to all", "open"),
            _key("public lost", "lost"),
            _key("away", "away", state="absent"),
            _key("nothing", "nothing", state="absent"),
        ),
        "stat -c '%n %a %U' open lost.pub; ssh-keygen -y -f lost | diff - lost.pub; ls away*; true",
        "open 600 root\nlost.pub 644 root\n",
        "for k in open lost away; do ssh-keygen -q -N '' -t ed25519 -C '' -f $k; done;"
        " chmod 644 open; chown worker open; rm lost.pub",
        frozenset({"nothing"}),
    ),
    "the host's own": Case(
        (
            ("ecdsa goes", "ssh_host_key", {"type": "ecdsa", "state": "absent"}),
            ("ecdsa comes", "ssh_host_key", {"type": "ecdsa"}),
            ("other keys", "ssh_host_key", {"type": "rsa"}),
        ),
        "systemctl is-active ssh; ls /etc/ssh/ssh_host_ecdsa_key*",
        "active\n/etc/ssh/ssh_host_ecdsa_key\n/etc/ssh/ssh_host_ecdsa_key.pub\n",
        idle=frozenset({"other keys"}),
        again=frozenset({"ecdsa goes", "ecdsa comes"}),
    ),
    "the last one": Case(
        (("last", "ssh_host_key", {"type": "rsa", "state": "absent"}),),
        "mv /srv/keys/* /etc/ssh/; rmdir /srv/keys; ls /etc/ssh | grep -c _key",
        "6\n",
        "rm -rf /srv/keys; mkdir /srv/keys; mv /etc/ssh/ssh_host_e* /srv/keys/",
        fails={"last": "is the last key of the host"},
    ),
}
