"""What a lab owns is on record, and what is left over is decided from it and from living processes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from configurator.core.errors import SandboxError
from configurator.sandbox import records
from configurator.sandbox.processes import ProcessId, alive, identify, kill, myself, parse_stat
from configurator.sandbox.records import HostRecord, LabRecord, Leftovers

LIVING, DEAD = ProcessId(10, 1000), ProcessId(11, 1000)


def lab(*hosts: HostRecord, owner: ProcessId | None = None) -> LabRecord:
    return LabRecord("abcdef", "this-boot", "198.18.0.0/24", owner, {host.name: host for host in hosts})


def host(name: str, number: int = 1, starter: ProcessId | None = None) -> HostRecord:
    return HostRecord(name, number, f"cabcdef-{number}", f"198.18.0.{number + 1}", "bookworm", "1G", starter)


def left(record: LabRecord, managers: dict[str, ProcessId | None], boot: str = "this-boot") -> Leftovers:
    return records.leftovers(
        record,
        boot=boot,
        alive=lambda process: process == LIVING,
        manager_of=lambda host: managers.get(host.name),
    )


def test_a_record_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    """Including the nested identities of processes."""
    record = lab(host("a", starter=LIVING), host("b", 2), owner=DEAD)
    records.save(str(tmp_path / "lab.json"), record)
    assert records.load(str(tmp_path / "lab.json")) == record
    assert (tmp_path / "lab.json").stat().st_mode & 0o777 == 0o600


def test_a_damaged_or_foreign_record_is_an_error_not_an_empty_lab(tmp_path: Path) -> None:
    """Taking it for empty would forget what is still running."""
    path = tmp_path / "lab.json"
    for text in ("{", '{"format": 99}', "[]"):
        path.write_text(text)
        with pytest.raises(SandboxError):
            records.load(str(path))


def test_numbers_are_used_again_so_that_addresses_are() -> None:
    """A removed host's number goes to the next one."""
    record = lab(host("a", 1), host("b", 2))
    assert record.next_number() == 3
    assert record.without_host("a").next_number() == 1


def test_running_hosts_are_kept() -> None:
    """A user's sandbox outlives the command that made it."""
    assert left(lab(host("a")), {"a": LIVING}) == Leftovers((), whole_lab=False)


def test_a_host_whose_container_died_is_left_over_alone() -> None:
    """The others run on; with the last one the network goes too."""
    record = lab(host("a"), host("b", 2))
    assert left(record, {"a": DEAD, "b": LIVING}) == Leftovers(("a",), whole_lab=False)
    assert left(record, {"a": DEAD, "b": None}) == Leftovers(("a", "b"), whole_lab=True)


def test_a_host_in_the_making_belongs_to_its_maker() -> None:
    """While `up` lives nobody touches it, even before its container exists; when `up` was killed it is left
    over.
    """
    assert left(lab(host("a", starter=LIVING)), {"a": None}) == Leftovers((), whole_lab=False)
    assert left(lab(host("a", starter=DEAD)), {"a": LIVING}) == Leftovers(("a",), whole_lab=True)


def test_a_lab_ends_with_its_owner_although_its_hosts_run() -> None:
    """kill -9 of a test run leaves containers running, which the next run removes."""
    assert left(lab(host("a"), owner=DEAD), {"a": LIVING}).whole_lab
    assert not left(lab(host("a"), owner=LIVING), {"a": LIVING}).whole_lab


def test_after_a_reboot_everything_is_left_over() -> None:
    """Pids of another boot say nothing, even if some process has them now."""
    assert left(lab(host("a"), owner=LIVING), {"a": LIVING}, boot="another").whole_lab


def test_a_lab_without_hosts_is_left_over_only_when_its_owner_died() -> None:
    """`up` records the network before the first host."""
    assert not left(lab(owner=LIVING), {}).whole_lab
    assert left(lab(owner=DEAD), {}).whole_lab


def test_a_recycled_pid_is_another_process() -> None:
    """A pid counts with its start time only: neither alive nor killed otherwise."""
    me = myself()
    assert alive(me)
    stranger = replace(me, started=me.started - 1)
    assert not alive(stranger)
    assert kill(stranger, 0) is False
    assert kill(me, 0) is True


def test_stat_of_a_command_with_blanks_and_parentheses() -> None:
    """proc(5): the command is whatever the process calls itself."""
    tail = " ".join(str(number) for number in range(4, 60))
    assert parse_stat(f"42 (a) b (c) S {tail}") == ProcessId(42, 22)
    assert parse_stat(f"42 (gone) Z {tail}") is None
    assert parse_stat("") is None
    assert identify(2**22 + 1) is None
