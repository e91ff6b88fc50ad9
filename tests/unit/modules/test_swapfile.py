"""swapfile: what only a kernel of its own could show, by recorded answers."""

from __future__ import annotations

from typing import Any

import pytest

from configurator.core.errors import TaskError
from configurator.modules.swapfile import SwapFile
from tests.unit.modules.recorded_system import RecordedSystem, change_of, params_of, problems_of

SWAP = SwapFile()
SWAPS = "Filename\tType\tSize\tUsed\tPriority\n/dev/vda2 partition 9 0 -2\n/swap\\040file file 2048 0 7\n"


def host() -> RecordedSystem:
    system = RecordedSystem(plan=False)
    system.put("/proc/swaps", SWAPS)
    system.put("/swap file", b"x" * (1 << 20), mode=0o600)
    system.put("/etc/fstab", "/swap\\040file none swap sw,pri=7 0 0\n")
    system.answers |= {"swapoff": "", "swapon": "", "mkswap": "", "dd": ""}
    return system


def _do(system: RecordedSystem, **raw: Any) -> None:
    SWAP.converge(system, params_of(SWAP, **raw), change_of(SWAP, system, **raw))


def test_a_file_in_use_is_known_by_its_line_of_proc_swaps() -> None:
    """Blanks in its name are escaped there."""
    given = {"path": "/swap file", "size": "1M"}
    assert not change_of(SWAP, host(), **given, priority=7)
    assert change_of(SWAP, host(), **given, priority=8).fields == ("fstab", "priority")


def test_another_size_takes_it_out_of_use_and_back() -> None:
    """The kernel must not swap to a file that is being replaced."""
    system = host()
    _do(system, path="/swap file", size="2M", priority=7)
    assert [argv[0] for argv, _ in system.ran] == ["swapoff", "dd", "mkswap", "swapon"]
    assert system.ran[-1][0] == ("swapon", "--priority", "7", "/swap file")
    assert system.ran[1][0][-2:] == (f"count={2 << 20}", "iflag=count_bytes")


def test_an_absent_one_is_taken_out_of_use_first() -> None:
    """A file that is swapped to can be unlinked, and would then use the disk until the next boot."""
    system = host()
    _do(system, path="/swap file", state="absent")
    assert [argv[0] for argv, _ in system.ran] == ["swapoff"]
    assert "/swap file" not in system.files
    assert system.read("/etc/fstab") == b""


def test_a_full_disk_leaves_no_half_of_a_file() -> None:
    """It would be in the way of everything else that needs the space."""
    system = host()
    system.answers["dd"] = (1, "", "dd: error writing: No space left on device\n")
    with pytest.raises(TaskError):
        _do(system, path="/new", size="9T")
    assert "/new" not in system.files


def test_what_cannot_be_is_said_before_any_host_is_touched() -> None:
    """Sizes, priorities and names."""
    assert problems_of(SWAP, size="10") and problems_of(SWAP, size="much") and problems_of(SWAP)
    assert problems_of(SWAP, size="1M", priority=40000) and problems_of(SWAP, size="1M", path="swap")
    assert not problems_of(SWAP, state="absent")
