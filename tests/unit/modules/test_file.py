"""file: what it makes, what it replaces, and what it refuses to touch."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.unit.modules.harness import Host, mode_of, problems, snapshot


def fields(done: object) -> set[str]:
    return {change.field for change in done.changes}  # type: ignore[attr-defined]


def test_a_directory_gets_its_missing_parents_and_its_mode_alone(host: Host) -> None:
    """A private leaf must not make the directories on the way private too."""
    host.take("file", path=host.path("a/b/c"), state="directory", mode="0700")
    assert mode_of(host.path("a/b/c")) == "0700"
    assert mode_of(host.path("a/b")) == "0755"


@pytest.mark.usefixtures("root_only")
def test_missing_parents_get_the_owner(host: Host) -> None:
    host.take("file", path=host.path("a/b"), state="directory", owner="nobody", group="nogroup")
    assert Path(host.path("a")).owner() == "nobody"
    assert Path(host.path("a/b")).group() == "nogroup"


@pytest.mark.parametrize("written", ["0640", "640", 640, "0o640", "u=rw,g=r,o=", "u=rw,g=r,o-rwx"])
def test_a_mode_may_be_written_in_many_ways(host: Host, written: object) -> None:
    path = Path(host.path("f"))
    path.write_text("")
    path.chmod(0o600)
    done = host.take("file", path=str(path), mode=written)
    assert mode_of(path) == "0640"
    assert [(change.field, change.before, change.after) for change in done.changes] == [
        ("mode", "0600", "0640")
    ]


def test_recurse_with_x_lets_nobody_execute_plain_files(host: Host) -> None:
    os.makedirs(host.path("tree/sub"))
    Path(host.path("tree/plain")).write_text("")
    Path(host.path("tree/sub/script")).write_text("")
    for path, mode in (
        ("tree", 0o700),
        ("tree/sub", 0o700),
        ("tree/plain", 0o600),
        ("tree/sub/script", 0o700),
    ):
        os.chmod(host.path(path), mode)
    host.take("file", path=host.path("tree"), state="directory", recurse=True, mode="u=rwX,g=rX,o=rX")
    assert mode_of(host.path("tree/plain")) == "0644"
    assert mode_of(host.path("tree/sub/script")) == "0755"
    assert mode_of(host.path("tree/sub")) == "0755"


@pytest.mark.usefixtures("root_only")
def test_recurse_does_not_follow_the_links_in_a_tree(host: Host) -> None:
    """A link planted in a tree must not give a file elsewhere away."""
    os.mkdir(host.path("tree"))
    Path(host.path("secret")).write_text("")
    os.mkdir(host.path("elsewhere"))
    os.symlink("../secret", host.path("tree/link"))
    os.symlink("../elsewhere", host.path("tree/dir"))
    host.take("file", path=host.path("tree"), state="directory", recurse=True, owner="nobody", mode="0777")
    assert os.lstat(host.path("tree/link")).st_uid == 65534
    for path in ("secret", "elsewhere"):
        assert os.stat(host.path(path)).st_uid == 0
        assert mode_of(host.path(path)) != "0777"


def test_recurse_shows_a_bounded_number_of_entries(host: Host) -> None:
    """Ten thousand lines of plan help nobody, but the number of what is left out must be told."""
    os.mkdir(host.path("tree"))
    for number in range(120):
        Path(host.path(f"tree/{number}")).write_text("")
    done = host.take("file", path=host.path("tree"), state="directory", recurse=True, mode="0700")
    assert len(done.changes) < 60
    assert [change.before for change in done.changes if change.field == "others_below"] == [70]
    assert {mode_of(host.path(f"tree/{number}")) for number in range(120)} == {"0700"}


def test_a_link_is_made_changed_and_left_alone(host: Host) -> None:
    Path(host.path("one")).write_text("")
    Path(host.path("two")).write_text("")
    host.take("file", path=host.path("link"), src=host.path("one"), state="link")
    done = host.take("file", path=host.path("link"), src="two", state="link")
    assert fields(done) == {"target"}
    assert os.readlink(host.path("link")) == "two"


def test_a_link_to_nothing_needs_force(host: Host) -> None:
    error = host.fails("file", path=host.path("link"), src="missing", state="link")
    assert "does not exist" in error.message
    host.take("file", path=host.path("link"), src="missing", state="link", force=True)
    assert os.readlink(host.path("link")) == "missing"


def test_a_link_to_nothing_leaves_its_mode_and_says_so(host: Host) -> None:
    done = host.take("file", path=host.path("link"), src="gone", state="link", force=True, mode="0600")
    assert any("does not exist" in warning for warning in done.warnings)


def test_attributes_of_a_link_are_those_of_what_it_names(host: Host) -> None:
    """Roles write `state: link` with `mode: 0644` all the time, and mean the file."""
    path = Path(host.path("f"))
    path.write_text("")
    path.chmod(0o600)
    done = host.take("file", path=host.path("link"), src="f", state="link", mode="0644")
    assert fields(done) == {"kind", "target", "mode"}
    assert mode_of(path) == "0644"


@pytest.mark.usefixtures("root_only")
def test_without_follow_the_owner_is_that_of_the_link_itself(host: Host) -> None:
    Path(host.path("f")).write_text("")
    params: dict[str, Any] = {"path": host.path("link"), "src": "f", "state": "link"}
    host.take("file", **params)
    host.take("file", **params, follow=False, owner="nobody", mode="0600")
    assert os.lstat(host.path("link")).st_uid == 65534
    assert os.stat(host.path("f")).st_uid == 0
    assert mode_of(host.path("f")) == "0644"


def test_a_file_is_replaced_by_a_link_only_by_force(host: Host) -> None:
    Path(host.path("f")).write_text("keep me")
    Path(host.path("target")).write_text("")
    params: dict[str, Any] = {"path": host.path("f"), "src": "target", "state": "link"}
    assert "is a file" in host.fails("file", **params).message
    host.take("file", **params, force=True)
    assert os.readlink(host.path("f")) == "target"


def test_a_directory_is_replaced_by_a_link_only_by_force_and_only_if_empty(host: Host) -> None:
    os.makedirs(host.path("d"))
    Path(host.path("target")).write_text("")
    params: dict[str, Any] = {"path": host.path("d"), "src": "target", "state": "link"}
    assert "is a directory" in host.fails("file", **params).message
    Path(host.path("d/precious")).write_text("x")
    assert "not empty" in host.fails("file", **params, force=True).message
    os.remove(host.path("d/precious"))
    host.take("file", **params, force=True)


def test_a_directory_never_replaces_a_file(host: Host) -> None:
    Path(host.path("f")).write_text("x")
    assert "is a file" in host.fails("file", path=host.path("f"), state="directory", force=True).message


def test_a_hard_link_shares_the_file(host: Host) -> None:
    Path(host.path("f")).write_text("x")
    host.take("file", path=host.path("h"), src=host.path("f"), state="hard")
    assert os.stat(host.path("h")).st_ino == os.stat(host.path("f")).st_ino
    Path(host.path("other")).write_text("y")
    error = host.fails("file", path=host.path("other"), src=host.path("f"), state="hard")
    assert "another file" in error.message
    host.take("file", path=host.path("other"), src=host.path("f"), state="hard", force=True)
    assert Path(host.path("other")).read_text() == "x"
    assert not [name for name in os.listdir(host.root) if name.startswith(".configurator")]


def test_touch_makes_an_empty_file_and_then_changes_its_times(host: Host) -> None:
    path = host.path("f")
    host.take("file", path=path, state="touch", mode="0600", repeats=True)
    assert mode_of(path) == "0600"
    os.utime(path, (1, 1))
    assert fields(host.take("file", path=path, state="touch", repeats=True)) == {"touched"}
    assert os.stat(path).st_mtime > time.time() - 100


def test_touch_with_preserved_times_is_no_change(host: Host) -> None:
    path = Path(host.path("f"))
    params: dict[str, Any] = {
        "path": str(path),
        "state": "touch",
        "modification_time": "preserve",
        "access_time": "preserve",
    }
    assert host.take("file", **params).changed
    path.write_text("kept")
    assert not host.take("file", **params).changed
    assert path.read_text() == "kept"


def test_given_times_are_set_once(host: Host) -> None:
    path = Path(host.path("f"))
    path.write_text("")
    done = host.take(
        "file",
        path=str(path),
        modification_time="2020-02-03",
        modification_time_format="%Y-%m-%d",
        access_time="202101020304.05",
    )
    assert fields(done) == {"mtime", "atime"}
    assert time.localtime(os.stat(path).st_mtime)[:3] == (2020, 2, 3)


def test_absent_removes_a_tree_and_never_what_its_links_name(host: Host) -> None:
    os.makedirs(host.path("tree/a/b"))
    Path(host.path("keep")).write_text("x")
    os.mkdir(host.path("keepdir"))
    Path(host.path("keepdir/f")).write_text("x")
    os.symlink("../keep", host.path("tree/link"))
    os.symlink("../keepdir", host.path("tree/a/dir"))
    host.take("file", path=host.path("tree"), state="absent")
    assert not os.path.lexists(host.path("tree"))
    assert Path(host.path("keepdir/f")).exists()
    assert Path(host.path("keep")).exists()


def test_absent_of_nothing_is_no_change(host: Host) -> None:
    assert not host.take("file", path=host.path("nothing/at/all"), state="absent").changed


def test_absent_removes_a_link_and_not_its_target(host: Host) -> None:
    Path(host.path("f")).write_text("")
    os.symlink("f", host.path("link"))
    host.take("file", path=host.path("link"), state="absent")
    assert os.listdir(host.root) == ["f"]


def test_a_missing_file_is_an_error_that_names_what_makes_one(host: Host) -> None:
    error = host.fails("file", path=host.path("nothing"), mode="0600")
    assert "does not exist" in error.message
    assert "touch" in (error.hint or "")


def test_an_unknown_owner_is_named_and_nothing_changes(host: Host) -> None:
    Path(host.path("f")).write_text("")
    error = host.fails("file", path=host.path("f"), owner="nosuchuser", mode="0600")
    assert "user 'nosuchuser' does not exist" in error.message
    error = host.fails("file", path=host.path("new"), state="directory", group="nosuchgroup")
    assert "group 'nosuchgroup' does not exist" in error.message


@pytest.mark.usefixtures("root_only")
def test_a_numeric_owner_is_the_same_as_its_name(host: Host) -> None:
    Path(host.path("f")).write_text("")
    host.take("file", path=host.path("f"), owner="nobody", group="65534")
    assert not host.take("file", path=host.path("f"), owner="65534", group="nogroup").changed


@pytest.mark.usefixtures("root_only")
def test_a_new_owner_does_not_cost_the_set_id_bits(host: Host) -> None:
    """chown(2) clears them: the mode must be set again although it did not differ before."""
    path = Path(host.path("f"))
    path.write_text("")
    path.chmod(0o4755)
    host.take("file", path=str(path), owner="nobody", mode="4755")
    assert mode_of(path) == "4755"


@pytest.mark.usefixtures("root_only")
@pytest.mark.parametrize(("before", "after"), [(0o4755, "0755"), (0o6755, "0755"), (0o2644, "2644")])
def test_a_new_owner_shows_the_set_id_bits_that_it_costs(host: Host, before: int, after: str) -> None:
    """A user's set-user-ID program must not become root's by a new owner, and a plan tells of the loss."""
    tasks: list[tuple[str, dict[str, Any]]] = [
        ("file", {"path": host.path("f"), "owner": "nobody"}),
        ("copy", {"dest": host.path("f"), "content": "new", "owner": "nobody"}),
    ]
    for module, params in tasks:
        path = Path(host.path("f"))
        path.unlink(missing_ok=True)
        path.write_text("")
        path.chmod(before)
        done = host.take(module, **params)
        assert ("mode" in {change.field for change in done.changes}) == (f"{before:04o}" != after)
        assert mode_of(path) == after


def test_attributes_that_are_there_cost_no_set_id_bits(host: Host) -> None:
    """chown(2) clears them even where it changes nothing, so it is not called then."""
    path = Path(host.path("f"))
    path.write_text("")
    path.chmod(0o4755)
    os.symlink("g", host.path("link"))
    owner = str(os.geteuid())
    host.take("file", path=host.path("link"), src="f", state="link", owner=owner)
    assert mode_of(path) == "4755"


def test_a_followed_link_to_a_directory_is_a_directory(host: Host) -> None:
    os.mkdir(host.path("real"))
    os.symlink("real", host.path("link"))
    host.take("file", path=host.path("link"), state="directory", mode="0700")
    assert os.path.islink(host.path("link"))
    assert mode_of(host.path("real")) == "0700"
    assert "is a link" in host.fails("file", path=host.path("link"), state="directory", follow=False).message


@pytest.mark.usefixtures("root_only")
def test_root_does_not_write_through_a_users_link(host: Host) -> None:
    """A user who exchanges a directory for a link must not get root to change what it leads to."""
    os.makedirs(host.path("etc"))
    Path(host.path("etc/passwd")).write_text("root")
    os.symlink("etc", host.path("home"))
    os.lchown(host.path("home"), 65534, 65534)
    before = snapshot(host.root)
    attempts: list[dict[str, Any]] = [
        {"path": host.path("home/passwd"), "owner": "nobody"},
        {"path": host.path("home/passwd"), "state": "absent"},
        {"path": host.path("home/new"), "state": "touch"},
        {"path": host.path("home/new"), "state": "directory"},
        {"path": host.path("home/new"), "src": host.path("etc/passwd"), "state": "hard"},
        {"path": host.path("home"), "mode": "0700"},
    ]
    for params in attempts:
        error = host.fails("file", **params)
        assert "symbolic link" in error.message
    assert snapshot(host.root) == before


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"path": "relative"}, "absolute path"),
        ({"path": "x"}, "absolute path"),
        ({"path": "/x", "mode": "0999"}, "octal"),
        ({"path": "/x", "mode": "u=z"}, "file mode"),
        ({"path": "/x", "mode": "preserve"}, "file mode"),
        ({"path": "/x", "mode": "urw"}, "file mode"),
        ({"path": "/x", "state": "link", "recurse": True, "src": "/y"}, "recurse"),
        ({"path": "/x", "src": "/y"}, "src"),
        ({"path": "//", "state": "absent"}, "refusing"),
        ({"path": "/x", "state": "touch", "modification_time": "soon"}, "neither 'now'"),
        ({"path": "/x", "selevel": "s0"}, "unknown parameter"),
        ({"path": "/x", "state": "dir"}, "must be one of"),
    ],
)
def test_wrong_parameters_are_told_without_a_host(params: dict[str, Any], said: str) -> None:
    found = problems("file", **params)
    assert len(found) == 1
    assert said in found[0]


def test_the_mode_of_new_directories_is_not_that_of_old_ones(host: Host) -> None:
    """What `directory_mode` of copy comes to: those above that are missing have it, too."""
    os.mkdir(host.path("old"), 0o700)
    host.take("file", path=host.path("a/b"), state="directory", _directory_mode="0711")
    assert [os.stat(host.path(name)).st_mode & 0o777 for name in ("a", "a/b")] == [0o711, 0o711]
    assert not host.apply("file", path=host.path("old"), state="directory", _directory_mode="0711").changed
