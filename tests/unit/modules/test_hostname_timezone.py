"""hostname and timezone: what is in use and what the next boot will bring."""

from __future__ import annotations

import pytest

from configurator.core.errors import TaskError
from configurator.modules.hostname import Hostname
from configurator.modules.timezone import Timezone
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, problems_of

HOSTNAME = Hostname()
TIMEZONE = Timezone()


def host() -> RecordedSystem:
    system = RecordedSystem()
    system.put("/etc/hostname", "# set at install\ndebian\n")
    system.put("/proc/sys/kernel/hostname", "debian\n")
    for zone in ("Etc/UTC", "Europe/Berlin", "Europe/Paris"):
        system.put(f"/usr/share/zoneinfo/{zone}", "TZif")
    system.put_link("/etc/localtime", "/usr/share/zoneinfo/Etc/UTC")
    system.put("/etc/timezone", "Etc/UTC\n")
    return system


def test_the_name_is_set_now_and_for_the_next_boot() -> None:
    """Both differ, both are changed, and a later task of the plan sees it."""
    system = host()
    assert not change_of(HOSTNAME, system, name="debian")
    assert not converge(HOSTNAME, system, name="web1.example.org")
    assert system.read("/etc/hostname") == b"web1.example.org\n"
    assert system.commands == ["hostname web1.example.org"]
    assert not change_of(HOSTNAME, system, name="web1.example.org")


def test_a_name_in_use_that_the_next_boot_would_lose_is_a_change() -> None:
    """Somebody ran hostname(1): the file is still to be written."""
    system = host()
    system.put("/proc/sys/kernel/hostname", "web1\n")
    assert len(change_of(HOSTNAME, system, name="web1").fields) == 1


@pytest.mark.parametrize("name", ["", "a_b", "-a", "a-", "a..b", "x" * 65, "a b", "ä", "a\n"])
def test_names_that_the_kernel_or_dns_refuse(name: str) -> None:
    """Without a host, and before anything is half changed."""
    assert problems_of(HOSTNAME, name=name)


def test_the_zone_is_a_link_and_a_name() -> None:
    """Relative links, as timedatectl makes them, mean the same."""
    system = host()
    assert not change_of(TIMEZONE, system, name="Etc/UTC")
    system.put_link("/etc/localtime", "../usr/share/zoneinfo/Etc/UTC")
    assert not change_of(TIMEZONE, system, name="Etc/UTC")
    assert not converge(TIMEZONE, system, name="Europe/Berlin")
    link = system.stat("/etc/localtime")
    assert link is not None
    assert link.target == "/usr/share/zoneinfo/Europe/Berlin"
    assert system.read("/etc/timezone") == b"Europe/Berlin\n"


def test_a_copied_zone_file_becomes_a_link() -> None:
    """A copy does not follow the updates of tzdata."""
    system = host()
    system.remove("/etc/localtime")
    system.put("/etc/localtime", "TZif")
    assert change_of(TIMEZONE, system, name="Etc/UTC")


def test_an_unknown_zone_is_named_with_the_nearest() -> None:
    """In the plan already; a host without tzdata is told so."""
    with pytest.raises(TaskError) as caught:
        change_of(TIMEZONE, host(), name="Europe/Berlinn")
    assert caught.value.hint == "did you mean 'Europe/Berlin'?"
    with pytest.raises(TaskError):
        change_of(TIMEZONE, host(), name="Europe")
    bare = RecordedSystem()
    with pytest.raises(TaskError) as caught:
        change_of(TIMEZONE, bare, name="Etc/UTC")
    assert "tzdata" in str(caught.value.hint)


def test_a_zone_must_not_reach_out_of_its_directory() -> None:
    """The name becomes the target of a link."""
    assert problems_of(TIMEZONE, name="../../../etc/shadow")
    assert problems_of(TIMEZONE, name="/etc/shadow")
