"""modprobe: a kernel that does load modules, which a container's does not."""

from __future__ import annotations

from typing import Any

import pytest

from configurator.core.errors import TaskError
from configurator.modules.modprobe import Modprobe
from configurator.modules.state import UNKNOWN
from configurator.modules.sysctl import Sysctl
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, problems_of

MODPROBE = Modprobe()
DEPENDS = (
    "insmod /lib/modules/6.1/kernel/net/llc/llc.ko\ninsmod /lib/modules/6.1/kernel/br-netfilter.ko.xz a=1\n"
)


def host(*, loaded: str = "", depends: Any = DEPENDS) -> RecordedSystem:
    system = RecordedSystem({"modprobe --show-depends": depends, "modprobe": ""})
    system.facts["kernel"] = "6.1"
    system.put("/proc/modules", f"llc 16384 1 br, Live 0x0\n{loaded}")
    system.put("/lib/modules/6.1/modules.builtin", "kernel/fs/ext4/ext4.ko\nkernel/a-b.ko\n")
    return system


def test_a_module_is_loaded_with_its_parameters() -> None:
    """And in the plan a sysctl that it may bring is not refused, but unknown."""
    system = host()
    system.put("/proc/self/mountinfo", "")
    system.put_directory("/etc/sysctl.d")
    with pytest.raises(TaskError, match="has no parameter"):
        change_of(Sysctl(), system, name="net.bridge.x", value=1)
    assert not converge(MODPROBE, system, name="br_netfilter", params="a=1 b=2")
    assert system.commands == ["modprobe br_netfilter a=1 b=2"]
    change = change_of(Sysctl(), system, name="net.bridge.x", value=1)
    assert "value" in change
    assert change.before["value"] is UNKNOWN


@pytest.mark.parametrize("name", ["llc", "ext4", "a_b", "a-b"])
def test_what_is_loaded_or_built_in_is_left_alone(name: str) -> None:
    """By either spelling of its name."""
    assert not change_of(MODPROBE, host(), name=name)


def test_an_alias_is_known_by_what_it_stands_for() -> None:
    """Only modprobe can tell; otherwise it would be loaded for ever."""
    assert not change_of(MODPROBE, host(loaded="br_netfilter 1 0 - Live 0x0\n"), name="bridge-nf")
    assert not change_of(MODPROBE, host(depends="builtin ext4\n"), name="fs-ext4")


def test_a_module_is_unloaded() -> None:
    """Without asking what it would depend on."""
    system = host(loaded="br_netfilter 1 0 - Live 0x0\n")
    assert not converge(MODPROBE, system, name="br-netfilter", state="absent")
    assert system.commands == ["modprobe --remove br-netfilter"]


def test_what_is_missing_says_how_to_get_it() -> None:
    """modprobe itself, and a module of a kernel that is not running any more."""
    with pytest.raises(TaskError) as missing:
        change_of(MODPROBE, host(depends=(127, "", "")), name="x")
    assert missing.value.hint == "install it first: `apt: {name: kmod}`"
    said = "modprobe: FATAL: Module x not found in directory /lib/modules/6.1\n"
    with pytest.raises(TaskError) as unknown:
        change_of(MODPROBE, host(depends=(1, "", said)), name="x")
    assert unknown.value.message == "modprobe: Module x not found in directory /lib/modules/6.1"
    assert "reboot" in str(unknown.value.hint)


def test_wrong_parameters_are_named() -> None:
    """Before any host is asked."""
    assert problems_of(MODPROBE, name="../x") == ["'../x' is not the name of a kernel module"]
    assert problems_of(MODPROBE, name="x", params="a\nb") == ["'params' must be one line"]
