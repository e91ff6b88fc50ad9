"""sysctl: the kernel's value, read back, and the line that keeps it; all in the host's own network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

_OWN = "/etc/sysctl.d/99-zz-configurator.conf"
_FILE = "/srv/t/own.conf"


def _set(task: str, name: str, value: Any = None, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return task, "sysctl", {"name": name, **({} if value is None else {"value": value}), **params}


CASES: dict[str, Case] = {
    "values": Case(
        (
            _set("number", "net.ipv4.tcp_keepalive_time", 601),
            _set("same", "net.ipv4.tcp_keepalive_time", "601"),
            _set("boolean", "net.ipv4.conf.all.log_martians", True),
            _set("blanks", "net.ipv4.ip_local_port_range", "20000   50000"),
            _set("slashes", "net/ipv4/conf/default/rp_filter", 2),
            _set("set", "net.ipv4.tcp_keepalive_intvl", 31, sysctl_set=True, reload=False),
        ),
        "cd /proc/sys/net/ipv4; cat tcp_keepalive_time conf/all/log_martians ip_local_port_range"
        f" conf/default/rp_filter tcp_keepalive_intvl; cat {_OWN}; rm {_OWN}",
        "601\n1\n20000\t50000\n2\n31\nnet.ipv4.tcp_keepalive_time=601\nnet.ipv4.conf.all.log_martians=1\n"
        "net.ipv4.ip_local_port_range=20000 50000\nnet/ipv4/conf/default/rp_filter=2\n"
        "net.ipv4.tcp_keepalive_intvl=31\n",
        f"rm -f {_OWN}; cd /proc/sys/net/ipv4; echo 7200 > tcp_keepalive_time; echo 75 > tcp_keepalive_intvl;"
        " echo 0 > conf/all/log_martians; echo 32768 60999 > ip_local_port_range;"
        " echo 0 > conf/default/rp_filter",
        frozenset({"same"}),
    ),
    "a file of one's own": Case(
        (
            _set("last line wins", "net.ipv4.tcp_fin_timeout", 41, sysctl_file=_FILE),
            _set("added", "net.ipv4.tcp_syncookies", 1, sysctl_file=_FILE),
            _set("absent", "net.ipv4.ip_forward", state="absent", sysctl_file=_FILE),
            _set("absent again", "net.ipv4.ip_forward", state="absent", sysctl_file=_FILE),
            _set("file alone", "net.ipv4.tcp_fin_timeout", 42, sysctl_file="/srv/t/x/new.conf", reload=False),
        ),
        "cat own.conf x/new.conf; cat /proc/sys/net/ipv4/tcp_fin_timeout",
        "# kept: net.ipv4.ip_forward=1\n; kept too\nnet.core.somaxconn = 1000\n\n"
        "-net.ipv4.tcp_fin_timeout=41\nnet.ipv4.tcp_syncookies=1\nnet.ipv4.tcp_fin_timeout=42\n41\n",
        "printf '# kept: net.ipv4.ip_forward=1\\n; kept too\\nnet.ipv4.tcp_fin_timeout = 30\\n"
        "net.core.somaxconn = 1000\\n\\nnet/ipv4/ip_forward=1\\n-net.ipv4.tcp_fin_timeout = 31' > own.conf;"
        " echo 60 > /proc/sys/net/ipv4/tcp_fin_timeout",
        frozenset({"absent again"}),
    ),
    "drift": Case(
        (_set("kernel", "net.ipv4.tcp_fin_timeout", 44),),
        f"cat /proc/sys/net/ipv4/tcp_fin_timeout {_OWN}; rm {_OWN}",
        "44\nnet.ipv4.tcp_fin_timeout=44\n",
        f"echo net.ipv4.tcp_fin_timeout=44 > {_OWN}; echo 60 > /proc/sys/net/ipv4/tcp_fin_timeout",
    ),
    "refused": Case(
        (
            _set("misspelt", "net.ipv4.tcp_fin_timeou", 1),
            _set("read-only", "vm.swappiness", 17),
            _set("nonsense", "net.ipv4.tcp_fin_timeout", "soon"),
            _set("ignored", "net.ipv4.nosuch", 1, ignoreerrors=True, sysctl_file=_FILE),
        ),
        f"cat own.conf; ls {_OWN}; true",
        "net.ipv4.nosuch=1\n",
        f"rm -f {_OWN}",
        fails={"misspelt": "did you mean 'tcp_fin_timeout'?", "read-only": "/proc/sys is read-only"},
        plan_blind={"nonsense": "the kernel refused net.ipv4.tcp_fin_timeout = soon: Invalid argument"},
        warns={"ignored": "the kernel has no parameter 'net.ipv4.nosuch'"},
    ),
}
