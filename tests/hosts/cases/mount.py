"""mount: tmpfs and bind mounts, read back with findmnt(8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case


def _tmpfs(name: str, path: str, state: str = "mounted", **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    given = {"path": f"/srv/t/{path}", "src": "tmpfs", "fstype": "tmpfs", "state": state}
    return name, "mount", {**given, "fstab": "/srv/t/fstab", **params}


def _bind(name: str, path: str, src: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return _tmpfs(name, path, src=f"/srv/t/{src}", fstype="none", **{"opts": "bind", **params})


PREPARE = "umount -q /srv/t/* 2>/dev/null; mkdir -p m b src other; echo here > src/file; echo x > other/x"
CLEAN = 'cd /; findmnt -lno TARGET | grep ^/srv/t/ | sort -r | while read -r m; do umount "$m"; done'
FSTAB = "printf '# by hand\\n\\ntmpfs\\t/srv/t/m  tmpfs size=1M\\nUUID=1 / ext4 defaults 0 1\\n# end' > fstab"

SWAP = {"path": "none", "src": "/srv/t/swap", "fstype": "swap", "opts": "sw", "state": "present"}
SWAP |= {"fstab": "/srv/t/fstab"}

CASES: dict[str, Case] = {
    "mounted": Case(
        (
            _tmpfs("new", "new dir/deep", opts="size=2M,mode=0750,noexec", dump=0, passno=0),
            _tmpfs("again", "new dir/deep", opts="size=2M,mode=0750,noexec"),
            _bind("bind", "b", "src", opts="bind,ro"),
            _bind("bind again", "b", "src", opts="bind,ro"),
            _tmpfs("only kept", "later", "present", boot=False),
            _tmpfs("as it stands", "m", opts="size=1M"),
            _tmpfs("written already", "m", "present", opts="size=1M"),
        ),
        "findmnt -rno SOURCE,FSTYPE '/srv/t/new dir/deep'; stat -c %a 'new dir/deep'; cat b/file;"
        " touch b/x 2>&1 | grep -c Read-only; findmnt -no OPTIONS m | grep -c size=1024k; ls -d later 2>&1 |"
        f" grep -c No; cat fstab; {CLEAN}",
        "tmpfs tmpfs\n750\nhere\n1\n1\n1\n# by hand\n\ntmpfs\t/srv/t/m  tmpfs size=1M\nUUID=1 / ext4"
        " defaults 0 1\n"
        "# end\ntmpfs /srv/t/new\\040dir/deep tmpfs size=2M,mode=0750,noexec 0 0\n"
        "/srv/t/src /srv/t/b none bind,ro 0 0\ntmpfs /srv/t/later tmpfs defaults,noauto 0 0\n",
        f"{PREPARE}; {FSTAB}",
        idle=frozenset({"again", "bind again", "written already"}),
    ),
    "changed": Case(
        (
            _tmpfs("options", "m", opts="size=3M,nosuid", backup=True),
            _bind("another source", "b", "other"),
            _tmpfs("drifted", "d", opts="ro,nodev"),
            _tmpfs("for the boot", "e", opts="nofail,x-systemd.automount", passno=2),
            _tmpfs("once more", "e", "remounted"),
        ),
        "findmnt -no OPTIONS m | grep -o 'size=[0-9]*k\\|nosuid\\|noexec'; ls b; findmnt -no OPTIONS d |"
        " cut -d, -f1;"
        f" cat fstab; ls fstab* | wc -l; {CLEAN}",
        "nosuid\nsize=3072k\nx\nro\n# by hand\n\ntmpfs /srv/t/m tmpfs size=3M,nosuid 0 0\n"
        "UUID=1 / ext4 defaults 0 1\ntmpfs /srv/t/d tmpfs ro,nodev\ntmpfs /srv/t/e tmpfs"
        " nofail,x-systemd.automount 0 2\n"
        "/srv/t/other /srv/t/b none bind 0 0\n2\n",
        f"{PREPARE}; {FSTAB}; sed -i 's/size=1M/size=1M,noexec/; s/^# end/tmpfs \\/srv\\/t\\/d tmpfs"
        " ro,nodev/' fstab;"
        " echo >> fstab; echo 'tmpfs /srv/t/e tmpfs defaults' >> fstab; mkdir d e;"
        " mount -t tmpfs -o size=1M,noexec tmpfs m; mount --bind src b; mount -t tmpfs tmpfs d;"
        " mount -t tmpfs tmpfs e",
        again=frozenset({"once more"}),
    ),
    "unmounted": Case(
        (
            _tmpfs("now", "m", "unmounted"),
            _tmpfs("never was", "src", "unmounted"),
            _tmpfs("forgotten", "b", "absent_from_fstab"),
            _tmpfs("all gone", "d", "absent"),
            _tmpfs("what it hid stays", "e", "absent"),
            _tmpfs("not mounted", "f", "absent"),
            _tmpfs("nothing at all", "g", "absent"),
            _tmpfs("something in it", "other", "absent"),
        ),
        f"findmnt -rno TARGET | grep ^/srv/t; ls; ls e; cat fstab; {CLEAN}",
        "/srv/t/b\nb\ne\nfstab\nm\nother\nsrc\nhidden\n# by hand\n\ntmpfs\t/srv/t/m  tmpfs size=1M\n"
        "UUID=1 / ext4 defaults 0 1\n# end\n",
        f"{PREPARE}; {FSTAB}; echo >> fstab; mkdir d e f; touch e/hidden; for n in b d e f; do"
        " echo tmpfs /srv/t/$n tmpfs defaults >> fstab; done; for n in m b d d e; do mount -t tmpfs tmpfs"
        " $n; done",
        idle=frozenset({"never was", "nothing at all", "something in it"}),
        assumed={"all gone": "", "what it hid stays": ""},
        warns={"what it hid stays": "it holds something"},
    ),
    "ephemeral": Case(
        (
            _tmpfs("new", "m", "ephemeral", opts="size=1M"),
            _tmpfs("again", "m", "ephemeral", opts="size=1M"),
            _bind("in the way", "b", "other", state="ephemeral"),
            _tmpfs("nothing there", "other", "remounted"),
        ),
        f"findmnt -rno TARGET | grep ^/srv/t; ls fstab 2>&1 | grep -c No; {CLEAN}",
        "/srv/t/b\n/srv/t/m\n1\n",
        f"{PREPARE}; mount --bind src b",
        idle=frozenset({"again"}),
        fails={"in the way": "is mounted at /srv/t/b already", "nothing there": "nothing is mounted"},
    ),
    "refused": Case(
        (
            _tmpfs("no such type", "m", fstype="nosuchfs"),
            _tmpfs("no such source", "b", src="/srv/t/nothing", fstype="none", opts="bind"),
            _tmpfs("helper", "src", src="server:/x", fstype="nfs"),
            _tmpfs("wrong option", "other", opts="size=much"),
            ("swap", "mount", SWAP),
        ),
        f"cat fstab; {CLEAN}",
        "/srv/t/swap none swap sw 0 0\n",
        PREPARE,
        fails={"no such source": "/srv/t/nothing, which is to be bound, does not exist"},
        plan_blind={
            "no such type": "/srv/t/m: ",
            "helper": "apt: {name: nfs-common}",
            "wrong option": "failed",
        },
    ),
    "the host's own fstab, and secrets": Case(
        (
            _tmpfs("kept", "m", fstab="/etc/fstab", opts="size=1M,mode=0700", opts_no_log=True),
            _tmpfs("same", "m", fstab="/etc/fstab", opts="size=1M,mode=0700", opts_no_log=True),
        ),
        "stat -c %a m; grep -c mode=0700 /run/systemd/generator/srv-t-m.mount; umount m;"
        " sed -i /srv.t.m/d /etc/fstab; systemctl daemon-reload",
        "700\n1\n",
        f"{PREPARE}; touch /etc/fstab",
        idle=frozenset({"same"}),
    ),
}
