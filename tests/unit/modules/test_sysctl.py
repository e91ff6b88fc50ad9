"""sysctl: the kernel's value and the line that brings it back at the next boot."""

from __future__ import annotations

from typing import Any

import pytest

from configurator.core.errors import TaskError
from configurator.modules.sysctl import Sysctl, edit, key_path
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, params_of, problems_of

SYSCTL = Sysctl()
FILE = "/etc/sysctl.d/99-zz-configurator.conf"
MOUNTS = """\
25 30 0:23 / /proc rw,nosuid - proc proc rw
26 25 0:23 /sys /proc/sys ro,nosuid - proc proc rw
27 26 0:23 /sys/net /proc/sys/net rw,nosuid - proc proc rw
"""


def host(*, plan: bool = True, file: str | None = None) -> RecordedSystem:
    system = RecordedSystem({"tee": ""}, plan=plan)
    system.put("/proc/sys/net/ipv4/ip_forward", "0\n")
    system.put("/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n")
    system.put("/proc/sys/net/ipv4/conf/eth0.100/rp_filter", "2\n")
    system.put("/proc/sys/vm/swappiness", "60\n")
    system.put("/proc/self/mountinfo", MOUNTS)
    system.put_directory("/etc/sysctl.d")
    if file is not None:
        system.put(FILE, file)
    return system


def test_value_and_file_are_kept() -> None:
    """Both are set, and a later task of the plan finds both."""
    system = host()
    change = change_of(SYSCTL, system, name="net.ipv4.ip_forward", value=True)
    assert set(change.fields) == {"value", f"path:{FILE}|content"}
    assert not converge(SYSCTL, system, name="net.ipv4.ip_forward", value=True)
    assert system.ran == [(("tee", "/proc/sys/net/ipv4/ip_forward"), "1\n")]
    assert system.read(FILE) == b"net.ipv4.ip_forward=1\n"
    assert not change_of(SYSCTL, system, name="net/ipv4/ip_forward", value="yes")


def test_blanks_between_numbers_do_not_matter() -> None:
    """The kernel answers with tabs."""
    text = "net.ipv4.tcp_rmem = 4096  131072 6291456\n"
    assert not change_of(SYSCTL, host(file=text), name="net.ipv4.tcp_rmem", value="4096 131072\t6291456")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        ("net.ipv4.conf.eth0/100.rp_filter", "net/ipv4/conf/eth0.100/rp_filter"),
        ("net/ipv4/conf/eth0.100/rp_filter", "net/ipv4/conf/eth0.100/rp_filter"),
        ("printk", "printk"),
    ],
)
def test_both_spellings_mean_the_same_file(name: str, path: str) -> None:
    """The first separator decides, so that interface names with dots can be written."""
    assert key_path(name) == path


def test_comments_and_other_lines_stay() -> None:
    """Only the parameter's own lines change; the last one counted, the others go."""
    text = "# forward\nnet.ipv4.ip_forward = 0\n; x\n-net.ipv4.ip_forward=0\nvm.swappiness=10\n"
    new = edit(text, "net.ipv4.ip_forward", "1")
    assert new == "# forward\n; x\n-net.ipv4.ip_forward=1\nvm.swappiness=10\n"
    assert edit(new, "net.ipv4.ip_forward", "1") == new
    assert edit(new, "net.ipv4.ip_forward", None) == "# forward\n; x\nvm.swappiness=10\n"
    assert edit("a.b=1", "c.d", "2") == "a.b=1\nc.d=2\n"
    assert edit("a.b=1", "c.d", None) == "a.b=1"


def test_absent_leaves_the_running_kernel_alone() -> None:
    """As in Ansible: the line goes, the value stays until the next boot."""
    system = host(file="net.ipv4.ip_forward=1\n")
    assert not converge(SYSCTL, system, name="net.ipv4.ip_forward", state="absent")
    assert system.read(FILE) == b""
    assert not system.ran
    assert not change_of(SYSCTL, host(), name="net.ipv4.ip_forward", state="absent")


def test_without_reload_only_the_file_is_kept() -> None:
    """Unless `sysctl_set` asks for the kernel as well."""
    raw: dict[str, Any] = {"name": "net.ipv4.ip_forward", "value": 1, "reload": False}
    assert change_of(SYSCTL, host(), **raw).fields == (f"path:{FILE}|content",)
    assert "value" in change_of(SYSCTL, host(), **raw, sysctl_set=True)


def test_an_unknown_parameter_is_named_with_the_nearest() -> None:
    """In the plan already; with `ignoreerrors` the file is kept for a module that comes later."""
    with pytest.raises(TaskError) as caught:
        change_of(SYSCTL, host(), name="net.ipv4.ip_forwrd", value=1)
    assert caught.value.hint == "did you mean 'ip_forward'?"
    system = host()
    assert not converge(SYSCTL, system, name="net.bridge.x", value=1, ignoreerrors=True)
    assert system.read(FILE) == b"net.bridge.x=1\n"
    assert "no parameter" in system.notices[0]


def test_a_container_says_what_it_may_not_set() -> None:
    """/proc/sys is mounted read-only there, but for the network's part."""
    with pytest.raises(TaskError, match="read-only"):
        change_of(SYSCTL, host(), name="vm.swappiness", value=10)
    assert not change_of(SYSCTL, host(file="vm.swappiness=60\n"), name="vm.swappiness", value=60)
    assert change_of(SYSCTL, host(), name="net.ipv4.ip_forward", value=1)
    system = host()
    assert not converge(SYSCTL, system, name="vm.swappiness", value=10, ignoreerrors=True)
    assert system.read(FILE) == b"vm.swappiness=10\n"


def test_a_value_that_the_kernel_refuses_is_not_kept() -> None:
    """Or every boot would complain of it."""
    system = host(plan=False)
    system.answers["tee"] = (1, "", "tee: /proc/sys/net/ipv4/ip_forward: Invalid argument\n")
    with pytest.raises(TaskError, match=r"refused net\.ipv4\.ip_forward = zz: Invalid argument"):
        converge(SYSCTL, system, name="net.ipv4.ip_forward", value="zz")
    assert system.stat(FILE) is None
    assert not converge(SYSCTL, system, name="net.ipv4.ip_forward", value="zz", ignoreerrors=True)


def test_names_that_reach_elsewhere_are_refused() -> None:
    """The name becomes a path below /proc/sys."""
    assert problems_of(SYSCTL, name="net/../../etc/passwd", value=1)
    assert problems_of(SYSCTL, name="a=b", value=1)
    assert problems_of(SYSCTL, name="vm.swappiness") == ["missing required parameter 'value'"]
    assert SYSCTL.subject(params_of(SYSCTL, name="vm/swappiness", value=1)) == "sysctl:vm.swappiness"
