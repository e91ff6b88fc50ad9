"""modprobe: files and refusals; a sandbox host shares this machine's kernel, which loads nothing for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case


def _module(name: str, module: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "modprobe", {"name": module, **params}


PREPARE = (
    "apt-get install -y -qq kmod >/dev/null 2>&1; rm -f /etc/modules-load.d/t* /etc/modprobe.d/t*;"
    " d=/lib/modules/$(uname -r); mkdir -p $d; echo kernel/t-built/t-in.ko > $d/modules.builtin"
)
CLEAN = "rm -f /etc/modules-load.d/t* /etc/modprobe.d/t*"

CASES: dict[str, Case] = {
    "kept for the boot": Case(
        (
            _module("built in", "t_in"),
            _module("at boot", "t_in", persistent="present", params="a=1  b=2"),
            _module("same", "t_in", persistent="present", params="a=1 b=2"),
            _module("other options", "t-one", state="absent", persistent="present", params="new=1"),
            _module("spelt otherwise", "t_two", state="absent", persistent="present"),
            _module("no more", "t-three", state="absent", persistent="absent"),
            _module("never there", "t-four", state="absent", persistent="absent"),
            _module("left alone", "t-five", state="absent"),
        ),
        f"cd /etc/modules-load.d; head -50 t*; cd ../modprobe.d; head -50 t*; {CLEAN}",
        "==> t-five.conf <==\nt-five\n\n==> t-one.conf <==\nt-one\n\n"
        "==> t.conf <==\n# by hand\nt-two\n#t_three\n==> t_in.conf <==\nt_in\n"
        "==> t-one.conf <==\noptions t-one new=1\n\n==> t.conf <==\n#options t_one old=1\n#options t-three"
        " x=1\n"
        "blacklist t_one\n"
        "\n==> t_in.conf <==\noptions t_in a=1 b=2\n",
        f"{PREPARE}; mkdir -p /etc/modules-load.d /etc/modprobe.d; printf '# by hand\\nt-two\\nt_three' >"
        " /etc/modules-load.d/t.conf; echo t-five > /etc/modules-load.d/t-five.conf;"
        " printf 'options t_one old=1\\noptions t-three x=1\\nblacklist t_one\\n' > /etc/modprobe.d/t.conf",
        idle=frozenset({"built in", "same", "spelt otherwise", "never there", "left alone"}),
    ),
    "refused": Case(
        (
            _module("unknown", "no-such-module", persistent="present"),
            _module("not to be unloaded", "t_in", state="absent"),
        ),
        "ls /etc/modules-load.d | grep -c no-such || :",
        "0\n",
        PREPARE,
        fails={
            "unknown": "a container shares its host's kernel",
            "not to be unloaded": "is built into the kernel",
        },
    ),
}
