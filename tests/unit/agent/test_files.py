"""Files of the real system: never half-written, never through another user's link, never a trace left."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from configurator.agent import files, replace, walk
from configurator.agent.system import HostContext, RealSystem
from configurator.core.cancel import CancelToken
from configurator.core.errors import ParameterError, TaskError

NOBODY = 65534


@pytest.fixture
def system() -> RealSystem:
    return HostContext().for_task(CancelToken())


@pytest.fixture
def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")


def names(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


# -- replacing ----------------------------------------------------------------------------------------


def test_readers_see_the_old_content_or_the_new_one(tmp_path: Path, system: RealSystem) -> None:
    """A service that rereads its file at any moment must never meet a half-written one."""
    path = tmp_path / "f"
    contents = {letter * 200_000 for letter in "ab"}
    path.write_text("a" * 200_000)
    seen: set[str] = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(40):
        system.write(str(path), ("ab"[number % 2] * 200_000).encode())
    stop.set()
    reader.join()
    assert seen <= contents


def test_mode_and_owner_are_set_before_the_content_can_be_seen(
    tmp_path: Path, system: RealSystem, monkeypatch: pytest.MonkeyPatch, as_root: None
) -> None:
    """A private key that is world-readable for a moment has been read by then."""
    at_rename: list[os.stat_result] = []
    real_rename = os.rename

    def rename(source: str, target: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        at_rename.append(os.stat(source, dir_fd=src_dir_fd))
        real_rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "rename", rename)
    system.write(f"{tmp_path}/key", b"secret", mode="0440", owner="nobody")
    assert [(stat.S_IMODE(found.st_mode), found.st_uid) for found in at_rename] == [(0o440, NOBODY)]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_failing_disk_leaves_the_old_file_and_no_other(
    tmp_path: Path, system: RealSystem, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = tmp_path / "f"
    path.write_text("old")

    def fsync(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(TaskError, match=f"cannot write {path}") as caught:
        system.write(str(path), b"new")
    if number == errno.ENOSPC:
        assert "no space left" in caught.value.message
    assert path.read_text() == "old"
    assert names(tmp_path) == ["f"]


def test_a_validator_that_fails_or_leaves_things_leaves_nothing(tmp_path: Path, system: RealSystem) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    with pytest.raises(TaskError):
        system.write(str(path), b"new", validate="false %s")
    system.write(str(path), b"new", validate="cp %s %s.copy")
    assert path.read_text() == "new"
    assert names(tmp_path) == ["f"]


def test_a_validators_output_speaks_of_the_real_path(tmp_path: Path, system: RealSystem) -> None:
    """The temporary path means nothing to anybody."""
    with pytest.raises(TaskError) as caught:
        system.write(f"{tmp_path}/f", b"new\n", validate="grep -v --with-filename x %s --nonsense")
    assert ".configurator" not in caught.value.output
    with pytest.raises(TaskError, match="not installed") as missing:
        system.write(f"{tmp_path}/f", b"new\n", validate="nosuchprogram %s")
    assert missing.value.exit_status == 127


def test_attributes_that_users_attached_survive(tmp_path: Path, system: RealSystem) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    try:
        os.setxattr(path, "user.note", b"kept")
    except OSError:
        pytest.skip("this file system has no attributes")
    system.write(str(path), b"new")
    assert os.getxattr(path, "user.note") == b"kept"


def test_two_backups_within_a_second_are_two_files(tmp_path: Path, system: RealSystem) -> None:
    path = tmp_path / "f"
    path.write_text("0")
    kept = {system.write(str(path), str(number).encode(), backup=True) for number in range(1, 6)}
    assert len(kept) == 5
    assert sorted(Path(str(name)).read_text() for name in kept) == ["0", "1", "2", "3", "4"]


def test_a_new_file_has_no_backup(tmp_path: Path, system: RealSystem) -> None:
    assert system.write(f"{tmp_path}/f", b"", backup=True) is None


def test_a_pipe_or_socket_is_replaced_and_never_opened(tmp_path: Path, system: RealSystem) -> None:
    """Opening a named pipe for reading waits for a writer, for ever."""
    os.mkfifo(tmp_path / "f")
    with pytest.raises(TaskError, match="no regular file"):
        system.read(f"{tmp_path}/f")
    system.write(f"{tmp_path}/f", b"x")
    assert (tmp_path / "f").read_text() == "x"


def test_reading_says_what_is_wrong(tmp_path: Path, system: RealSystem) -> None:
    with pytest.raises(TaskError, match="no such file"):
        system.read(f"{tmp_path}/none")
    with pytest.raises(TaskError, match="is a directory"):
        system.read(str(tmp_path))
    assert system.read("/proc/self/stat")  # which says that it has no bytes


# -- links of others ----------------------------------------------------------------------------------

Change = Callable[[RealSystem, str], object]
CHANGES: dict[str, Change] = {
    "write": lambda system, path: system.write(path, b"x"),
    "mkdir": lambda system, path: system.mkdir(path + "-new"),
    "symlink": lambda system, path: system.symlink("x", path),
    "hardlink": lambda system, path: system.hardlink(str(Path(__file__)), path),
    "mode": lambda system, path: system.set_attributes(path, mode="0777"),
    "owner": lambda system, path: system.set_attributes(path, owner="nobody", follow=False),
    "times": lambda system, path: system.set_times(path, mtime=1),
    "remove": lambda system, path: system.remove(path),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_root_changes_nothing_through_a_directory_link_of_a_user(
    tmp_path: Path, system: RealSystem, change: Change, as_root: None
) -> None:
    victim = tmp_path / "etc"
    victim.mkdir()
    (victim / "f").write_text("root's")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dir").symlink_to(victim)
    os.lchown(tmp_path / "home" / "dir", NOBODY, NOBODY)
    before = os.stat(victim / "f"), names(victim)
    with pytest.raises(TaskError, match="symbolic link"):
        change(system, f"{tmp_path}/home/dir/f")
    assert (os.stat(victim / "f"), names(victim)) == before


@pytest.mark.parametrize("verb", ["write", "mode", "times"])
def test_root_changes_nothing_through_a_file_link_of_a_user(
    tmp_path: Path, system: RealSystem, verb: str, as_root: None
) -> None:
    (tmp_path / "shadow").write_text("root's")
    (tmp_path / "f").symlink_to("shadow")
    os.lchown(tmp_path / "f", NOBODY, NOBODY)
    before = os.stat(tmp_path / "shadow")
    with pytest.raises(TaskError, match="symbolic link"):
        CHANGES[verb](system, f"{tmp_path}/f")
    assert os.stat(tmp_path / "shadow") == before


def test_roots_own_links_are_followed_wherever_they_stand(tmp_path: Path, system: RealSystem) -> None:
    """/var/run, /bin and a link to a release directory are links, too."""
    (tmp_path / "real").mkdir()
    (tmp_path / "relative").symlink_to("real")
    (tmp_path / "absolute").symlink_to(tmp_path / "relative")
    (tmp_path / "real" / "up").symlink_to("../absolute/../real")
    system.write(f"{tmp_path}/absolute/up/f", b"x")
    assert (tmp_path / "real" / "f").read_text() == "x"


def test_a_user_may_replace_a_link_of_their_own_with_nothing_but_itself(
    tmp_path: Path, system: RealSystem, as_root: None
) -> None:
    """Without following, a hostile link is only an entry that gives way."""
    (tmp_path / "shadow").write_text("root's")
    (tmp_path / "f").symlink_to("shadow")
    os.lchown(tmp_path / "f", NOBODY, NOBODY)
    system.write(f"{tmp_path}/f", b"x", follow=False)
    assert not (tmp_path / "f").is_symlink()
    assert (tmp_path / "shadow").read_text() == "root's"


def test_a_directory_exchanged_for_a_link_in_between_is_not_entered(
    tmp_path: Path, system: RealSystem, monkeypatch: pytest.MonkeyPatch, as_root: None
) -> None:
    """The race that a check before the use cannot win: the walk holds what it has checked."""
    victim = tmp_path / "etc"
    victim.mkdir()
    home = tmp_path / "home"
    (home / "dir").mkdir(parents=True)
    real_temporary = files.temporary_name

    def exchange() -> str:
        (home / "dir").rename(home / "moved")
        (home / "dir").symlink_to(victim)
        return real_temporary()

    monkeypatch.setattr(files, "temporary_name", exchange)
    system.write(f"{home}/dir/f", b"x")
    assert names(victim) == []
    assert (home / "moved" / "f").read_text() == "x"


def test_a_tree_is_removed_without_entering_its_links(tmp_path: Path, system: RealSystem) -> None:
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep" / "f").write_text("")
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "sub" / "link").symlink_to(tmp_path / "keep")
    (tmp_path / "tree" / "f").write_text("")
    system.remove(f"{tmp_path}/tree")
    assert names(tmp_path) == ["keep"]
    assert names(tmp_path / "keep") == ["f"]


def test_a_very_deep_tree_is_removed(tmp_path: Path, system: RealSystem) -> None:
    """Deeper than Python's recursion limit allows for one call per level."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    for _ in range(700):
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)
    system.remove(f"{tmp_path}/d")
    assert names(tmp_path) == []


@pytest.mark.parametrize("path", ["/", "//", "///", "/.", "/./", "/..", "/tmp/..", "relative", "", "."])
def test_the_root_directory_is_never_removed(
    system: RealSystem, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Under whatever name. The removal itself is taken out first: this test must not be able to do it."""
    removed: list[object] = []
    monkeypatch.setattr(files, "_remove_tree", removed.append)
    monkeypatch.setattr(os, "unlink", lambda *args, **options: removed.append(args))
    monkeypatch.setattr(os, "rmdir", lambda *args, **options: removed.append(args))
    with pytest.raises(ParameterError):
        system.remove(path)
    assert removed == []


# -- finding ------------------------------------------------------------------------------------------


def test_too_many_links_and_loops_end(tmp_path: Path, system: RealSystem) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(TaskError, match="too many symbolic links"):
        system.write(f"{tmp_path}/loop/f", b"")


def test_a_missing_directory_and_a_file_in_its_place_are_named(tmp_path: Path, system: RealSystem) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ParameterError, match=f"the directory {tmp_path}/a/b does not exist"):
        system.write(f"{tmp_path}/a/b/c", b"")
    with pytest.raises(ParameterError, match=f"the directory {tmp_path}/file is no directory"):
        system.write(f"{tmp_path}/file/c", b"")
    with pytest.raises(ParameterError, match="absolute"):
        system.write("relative", b"")


def test_no_descriptor_is_left_open(tmp_path: Path, system: RealSystem) -> None:
    """An agent that runs thousands of tasks would run out of them."""
    (tmp_path / "link").symlink_to("f")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        system.write(f"{tmp_path}/link", b"x", backup=True, validate="true %s")
        system.mkdir(f"{tmp_path}/d", mode="0700")
        system.set_attributes(f"{tmp_path}/d", mode="0755")
        system.remove(f"{tmp_path}/d")
        for bad in ("none/f", "f/g"):
            with pytest.raises(TaskError):
                system.write(f"{tmp_path}/{bad}", b"")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_place_keeps_meaning_the_directory_that_was_found(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with walk.find(f"{tmp_path}/a/f", follow=True) as place:
        (tmp_path / "a").rename(tmp_path / "b")
        assert place.real_path() == f"{tmp_path}/b/f"


def test_replacing_is_what_the_system_does(tmp_path: Path) -> None:
    """A fault injected into the very last step still leaves nothing behind."""
    target = tmp_path / "f"

    def refuse(path: str) -> None:
        assert Path(path).read_bytes() == b"x"
        raise TaskError("no")

    with pytest.raises(TaskError, match="no"):
        replace.write(
            str(target),
            b"x",
            mode=None,
            owner=None,
            group=None,
            backup=True,
            follow=True,
            validator=refuse,
        )
    assert names(tmp_path) == []
