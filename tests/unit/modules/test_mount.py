"""mount: editing fstab(5), what the kernel says of a mount, and a plan that stays true."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.modules import fstab
from configurator.modules.fstab import Entry
from configurator.modules.mount import Mount
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, params_of, problems_of

MOUNT = Mount()
DISK = {"path": "/data", "src": "/dev/disk/by-id/x", "fstype": "ext4", "state": "mounted", "opts": "noexec"}
WANTED = Entry("tmpfs", "/data", "tmpfs", "ro")
LINES = st.lists(
    st.sampled_from(
        [
            "",
            "# x",
            "a /data ext4 defaults",
            "tmpfs /data/ tmpfs ro",
            "b /else ext4 ro 0 1",
            "junk",
            "c none swap sw",
        ]
    )
)
INFO = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n30 22 8:16 / /data {} - ext4 {} rw\n"


@given(LINES, st.booleans())
def test_the_entry_is_there_and_other_lines_stay(lines: list[str], ended: bool) -> None:
    """Stable; what is about other mount points, or about none, keeps its order and bytes."""
    text = "\n".join(lines) + ("\n" if ended and lines else "")
    new = fstab.with_entry(text, WANTED)
    assert WANTED in [entry for _, entry in fstab.find(new, WANTED)]
    assert fstab.with_entry(new, WANTED) == new
    gone = fstab.without_entry(text, WANTED)
    assert fstab.find(gone, WANTED) == []
    for edited in (new, gone):
        others = [line for line in lines if line and "/data" not in line]
        assert [line for line in edited.split("\n") if line and "/data" not in line] == others


@given(st.builds(Entry, *[st.text("a \\\t#0", min_size=1)] * 4, st.just("0"), st.just("1")))
def test_blanks_are_escaped(entry: Entry) -> None:
    """A path with a blank is one word, and comes back as it was."""
    assert entry.src.startswith("#") or fstab.parse_line(entry.line()) == entry


def test_swaps_are_told_apart_by_their_source() -> None:
    """None of them has a mount point."""
    text = "a none swap sw 0 0\nb none swap sw 0 0\n"
    assert fstab.without_entry(text, Entry("a", "none", "swap", "")) == "b none swap sw 0 0\n"
    assert fstab.with_entry(text, Entry("c", "none", "swap", "sw")) == f"{text}c none swap sw 0 0\n"


def test_what_can_be_read_back() -> None:
    """Flags and sizes in the kernel's words; what it does not say is not asked for."""
    assert fstab.claims("defaults,noexec,exec,size=1M,uid=0,nofail", "tmpfs") == ("exec", "size=1M", "uid=0")
    live = ("ro", "relatime", "rw", "size=2048k", "mode=750")
    assert fstab.in_force(("mode=0750", "size=2M"), live) == ("mode=0750", "size=2M")
    assert fstab.in_force(("noexec", "rw", "size=1M", "uid=5"), live) == (
        "exec",
        "no uid",
        "ro",
        "size=2048k",
    )
    assert fstab.dropped("ro,noexec,nosuid", "suid,size=1M") == ["rw", "exec"]


def host(live: str | None = None, options: str = "rw,noexec") -> RecordedSystem:
    system = RecordedSystem({"mount": "", "umount": ""})
    system.put("/etc/fstab", "/dev/disk/by-id/x /data ext4 noexec 0 0\n")
    system.put("/proc/self/mountinfo", INFO.format(options, live) if live else "")
    system.put_directory("/data")
    for name in ("/dev/sdb", "/dev/sdc"):
        system.put(name)
        system.files[name].stat = _device(name)
    system.put_link("/dev/disk/by-id/x", "/dev/sdb")
    return system


def _device(name: str) -> Any:
    from configurator.modules.system import FileStat  # noqa: PLC0415

    return FileStat("other", 0o660, 0, 0, "root", "disk", 0, special="block", special_device=ord(name[-1]))


def test_a_device_is_known_by_any_of_its_names() -> None:
    """The kernel names the device, fstab a link to it."""
    assert not change_of(MOUNT, host("/dev/sdb"), **DISK)
    other = change_of(MOUNT, host("/dev/sdc"), **DISK)
    assert (other.fields, other.before["source"]) == (("source",), "/dev/sdc")


def test_a_plan_remembers_what_it_has_mounted() -> None:
    """Mounted, drifted, of another device: after the plan's own step nothing is left to do."""
    system = host()
    assert not converge(MOUNT, system, **DISK)
    assert system.commands == ["mount -t ext4 -o noexec /dev/disk/by-id/x /data"]
    system = host("/dev/sdb", "rw")
    assert not converge(MOUNT, system, **DISK)
    assert system.commands == ["mount -t ext4 -o remount,noexec /dev/sdb /data"]
    system = host("/dev/sdc")
    assert not converge(MOUNT, system, **DISK)
    assert system.commands == ["umount /data", "mount -t ext4 -o noexec /dev/disk/by-id/x /data"]


def test_a_mount_over_our_home_is_guarded() -> None:
    """Keys that are hidden let nobody in."""
    system: Any = host()
    system.put("/etc/passwd", "me:x:1:1::/home/me:/bin/sh\n")
    system.facts["login_user"] = "me"
    over = MOUNT.guard(params_of(MOUNT, **(DISK | {"path": "/home"})), system)
    assert over is not None
    assert over.restores == (("umount", "--lazy", "/home"),)
    assert MOUNT.guard(params_of(MOUNT, **DISK), system) is None


def test_secret_options_are_on_no_command_line() -> None:
    """They go through fstab, and are not shown."""
    system = host()
    change = change_of(MOUNT, system, **(DISK | {"opts": "password=hush", "opts_no_log": True}))
    assert "hush" not in str([record.to_json() for record in change.records()])
    converge(MOUNT, system, **(DISK | {"opts": "password=hush", "opts_no_log": True}))
    assert system.commands == ["mount --fstab /etc/fstab /data"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"path": "data"}, "must be an absolute path"),
        ({"src": None}, "'src' is required"),
        ({"fstype": "swap", "path": "none"}, "swap is not mounted"),
        ({"path": "/", "state": "absent"}, "the root file system is not unmounted"),
        ({"opts": "a b"}, "'opts' must be one word"),
        ({"src": "a\nb"}, "'src' must be one line"),
        ({"passno": "x"}, "must be numbers"),
        ({"opts_no_log": True, "state": "ephemeral"}, "cannot be hidden"),
    ],
)
def test_wrong_parameters_are_named(wrong: dict[str, object], message: str) -> None:
    """Before any host is asked."""
    found = problems_of(MOUNT, **(DISK | wrong))
    assert any(message in problem for problem in found), found
