"""copy and template: contents, destinations, links, trees of the host, and what is fetched for them."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from configurator.core.errors import TaskError
from configurator.modules.state import Content
from tests.unit.modules.harness import Host, mode_of, problems


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(("data", "size"), [(b"", "0 bytes"), (b"x", "1 byte"), (b"xy", "2 bytes")], ids=str)
def test_a_content_is_described_by_size_and_digest(data: bytes, size: str) -> None:
    assert Content(data).describe() == f"{size}, sha256 {digest_of(data)[:12]}"


@pytest.mark.parametrize(
    ("content", "written"),
    [("é\n", "é\n".encode()), ("", b""), ({"$base64": base64.b64encode(b"\0\xff").decode()}, b"\0\xff")],
)
def test_contents_arrive_byte_for_byte(host: Host, content: Any, written: bytes) -> None:
    host.take("copy", dest=host.path("f"), content=content)
    assert Path(host.path("f")).read_bytes() == written
    assert mode_of(host.path("f")) == "0644"


def test_a_large_content_is_fetched_only_if_it_differs(host: Host) -> None:
    """A second apply of a hundred files must not send them all again."""
    data = b"x" * 100_000
    host.blobs[digest_of(data)] = data
    host.take("copy", dest=host.path("f"), content={"$blob": digest_of(data)})
    assert Path(host.path("f")).read_bytes() == data
    host.asked.clear()
    assert not host.apply("copy", dest=host.path("f"), content={"$blob": digest_of(data)}).changed
    assert host.asked == []


def test_a_mapping_becomes_json(host: Host) -> None:
    host.take("copy", dest=host.path("f"), content={"a": [1, True]})
    assert Path(host.path("f")).read_text() == '{"a": [1, true]}'


def test_mode_alone_is_a_change_without_a_diff(host: Host) -> None:
    host.take("copy", dest=host.path("f"), content="a")
    done = host.take("template", dest=host.path("f"), content="a", mode="u=rw,g=,o=")
    assert [(change.field, change.after, change.diff) for change in done.changes] == [("mode", "0600", None)]


def test_what_a_file_has_stays_unless_it_is_given(host: Host) -> None:
    host.take("copy", dest=host.path("f"), content="a", mode="0600")
    host.take("copy", dest=host.path("f"), content="b")
    assert mode_of(host.path("f")) == "0600"


@pytest.mark.usefixtures("root_only")
def test_owner_and_group(host: Host) -> None:
    host.take("copy", dest=host.path("f"), content="a", owner="nobody", group="65534")
    host.take("copy", dest=host.path("f"), content="b")
    assert (Path(host.path("f")).owner(), Path(host.path("f")).group()) == ("nobody", "nogroup")


def test_force_false_keeps_what_is_there(host: Host) -> None:
    path = Path(host.path("f"))
    path.write_text("mine")
    assert not host.take("copy", dest=str(path), content="theirs", force=False, mode="0600").changed
    assert path.read_text() == "mine"
    path.unlink()
    assert host.take("copy", dest=str(path), content="theirs", force=False).changed


def test_a_directory_as_destination_takes_the_name_of_the_source(host: Host) -> None:
    os.mkdir(host.path("d"))
    done = host.take("copy", dest=host.path("d"), content="a", _original_basename="name.conf")
    assert Path(host.path("d/name.conf")).read_text() == "a"
    assert done.changes[0].subject == f"path:{host.path('d/name.conf')}"
    assert done.outputs["dest"] == host.path("d/name.conf")


def test_a_directory_and_a_content_without_a_name_is_an_error(host: Host) -> None:
    assert "has no name" in host.fails("copy", dest=str(host.root), content="a").message


def test_a_destination_with_a_slash_is_made_with_its_mode(host: Host) -> None:
    host.take(
        "copy",
        dest=host.path("x/y") + "/",
        content="a",
        _original_basename="n",
        directory_mode="0750",
        mode="0600",
    )
    assert [mode_of(host.path(name)) for name in ("x", "x/y", "x/y/n")] == ["0750", "0750", "0600"]


def test_a_missing_directory_is_an_error_and_makes_nothing(host: Host) -> None:
    error = host.fails("copy", dest=host.path("no/such/f"), content="a")
    assert f"the directory {host.path('no/such')} does not exist" in error.message


def test_without_follow_a_link_is_replaced_and_its_file_untouched(host: Host) -> None:
    Path(host.path("f")).write_text("old")
    os.symlink("f", host.path("link"))
    done = host.take("copy", dest=host.path("link"), content="new", mode="u=rw,go=")
    assert not os.path.islink(host.path("link"))
    assert mode_of(host.path("link")) == "0600"
    assert Path(host.path("f")).read_text() == "old"
    assert [(change.field, change.before) for change in done.changes if change.field == "kind"] == [
        ("kind", "link")
    ]


def test_with_follow_a_link_stays(host: Host) -> None:
    Path(host.path("f")).write_text("old")
    os.symlink("f", host.path("link"))
    host.take("copy", dest=host.path("link"), content="new", follow=True)
    assert os.readlink(host.path("link")) == "f"
    assert Path(host.path("f")).read_text() == "new"


def test_a_broken_link_is_replaced_or_with_follow_filled(host: Host) -> None:
    for follow, name in ((False, "one"), (True, "two")):
        os.symlink(f"target-{name}", host.path(name))
        host.take("copy", dest=host.path(name), content="new", follow=follow)
        assert os.path.islink(host.path(name)) == follow
        assert Path(host.path(name)).read_text() == "new"
    assert Path(host.path("target-two")).exists()
    assert not Path(host.path("target-one")).exists()


def test_the_backup_has_ansibles_name_and_the_old_owner(host: Host) -> None:
    path = Path(host.path("f"))
    path.write_text("old")
    path.chmod(0o640)
    done = host.take("copy", dest=str(path), content="new", backup=True)
    backup = Path(done.outputs["backup_file"])
    assert backup.read_text() == "old"
    assert mode_of(backup) == "0640"
    assert backup.match(f"f.{os.getpid()}.????-??-??@??:??:??~")
    assert "backup_file" not in host.apply("copy", dest=str(path), content="new", backup=True).outputs


def test_a_refused_content_leaves_the_old_file_and_names_the_validator(host: Host) -> None:
    path = Path(host.path("f"))
    path.write_text("old")
    with pytest.raises(TaskError) as caught:
        host.apply("copy", dest=str(path), content="bad line\n", validate="grep --with-filename -v bad %s")
    assert path.read_text() == "old"
    assert caught.value.command[0] == "grep"
    assert os.listdir(host.root) == ["f"]


def test_a_validator_sees_owner_mode_and_name_of_the_new_file(host: Host) -> None:
    """visudo and others look at the mode, systemd-analyze at the name."""
    host.apply(
        "copy",
        dest=host.path("x.service"),
        content="a",
        mode="0440",
        validate="find %s -name x.service -perm 0440 -fprint " + host.path("seen"),
    )
    assert Path(host.path("seen")).read_text().endswith("/x.service\n")


def test_a_wrong_checksum_changes_nothing(host: Host) -> None:
    good = hashlib.sha1(b"a").hexdigest()
    error = host.fails("copy", dest=host.path("f"), content="b", checksum=good)
    assert "checksum" in error.message
    host.take("copy", dest=host.path("f"), content="a", checksum=good)


def test_a_file_of_the_host_with_its_mode(host: Host) -> None:
    source = Path(host.path("src"))
    source.write_text("a")
    source.chmod(0o751)
    params: dict[str, Any] = {"src": str(source), "remote_src": True, "mode": "preserve"}
    host.take("copy", dest=host.path("dest"), **params)
    assert mode_of(host.path("dest")) == "0751"
    source.chmod(0o700)
    assert [change.field for change in host.take("copy", dest=host.path("dest"), **params).changes] == [
        "mode"
    ]


def tree(host: Host) -> str:
    os.makedirs(host.path("src/sub/empty"))
    Path(host.path("src/a")).write_text("a")
    Path(host.path("src/sub/b")).write_text("b")
    os.symlink("a", host.path("src/link"))
    return host.path("src")


def test_a_tree_of_the_host_goes_below_the_destination(host: Host) -> None:
    host.take(
        "copy", src=tree(host), dest=host.path("dest"), remote_src=True, directory_mode="0711", mode="0600"
    )
    assert Path(host.path("dest/src/sub/b")).read_text() == "b"
    assert Path(host.path("dest/src/link")).read_text() == "a"
    assert not os.path.islink(host.path("dest/src/link"))
    assert mode_of(host.path("dest/src/sub/empty")) == "0711"
    assert mode_of(host.path("dest/src/sub/b")) == "0600"


def test_with_a_slash_the_inside_of_a_tree_is_copied(host: Host) -> None:
    os.mkdir(host.path("dest"), 0o700)
    host.take(
        "copy",
        src=tree(host) + "/",
        dest=host.path("dest"),
        remote_src=True,
        local_follow=False,
        directory_mode="0711",
    )
    assert os.readlink(host.path("dest/link")) == "a"
    assert mode_of(host.path("dest")) == "0700"  # a mode for new directories alone, as in Ansible
    Path(host.path("src/sub/b")).write_text("B")
    done = host.take(
        "copy", src=host.path("src") + "/", dest=host.path("dest"), remote_src=True, local_follow=False
    )
    assert [change.subject for change in done.changes] == [f"path:{host.path('dest/sub/b')}"]


def test_what_is_new_in_a_copied_tree_has_the_mode_of_its_source(host: Host) -> None:
    """Else what was private is for all to read; what is there already keeps its own."""
    source = tree(host)
    os.chmod(host.path("src/sub"), 0o700)
    os.chmod(host.path("src/sub/b"), 0o640)
    os.chmod(host.path("src/a"), 0o755)
    os.makedirs(host.path("dest/src"))
    Path(host.path("dest/src/a")).write_text("old")
    os.chmod(host.path("dest/src/a"), 0o600)
    done = host.take("copy", src=source, dest=host.path("dest"), remote_src=True)
    modes = {
        change.subject.rpartition("/dest/")[2]: change.after
        for change in done.changes
        if change.field == "mode"
    }
    assert modes == {"src/link": "0755", "src/sub": "0700", "src/sub/b": "0640", "src/sub/empty": "0755"}
    assert [mode_of(host.path(f"dest/src/{name}")) for name in ("sub", "sub/b", "a")] == [
        "0700",
        "0640",
        "0600",
    ]
    assert not host.take("copy", src=source, dest=host.path("dest"), remote_src=True).changes


def test_a_missing_source_on_the_host_is_named(host: Host) -> None:
    error = host.fails("copy", src=host.path("none"), dest=host.path("x"), remote_src=True)
    assert "none does not exist" in error.message


def test_a_directory_is_never_replaced_by_a_file(host: Host) -> None:
    os.makedirs(host.path("d/sub"))
    error = host.fails("copy", dest=host.path("d"), content="a", _original_basename="sub")
    assert "is a directory" in error.message


def test_an_unknown_owner_writes_nothing(host: Host) -> None:
    error = host.fails("copy", dest=host.path("f"), content="a", owner="nosuchuser")
    assert "user 'nosuchuser' does not exist" in error.message


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"dest": "/f"}, "one of 'src' and 'content'"),
        ({"dest": "f", "content": "a"}, "absolute"),
        ({"dest": "/f", "content": "a", "validate": "true"}, "%s"),
        ({"dest": "/f", "src": "rel", "remote_src": True}, "absolute"),
        ({"dest": "/f", "content": "a", "checksum": "abc"}, "SHA-1"),
        ({"dest": "/f", "content": "a", "mode": "12345678"}, "octal"),
        ({"dest": "/f", "content": "a", "setype": "x"}, "unknown parameter"),
    ],
)
def test_wrong_parameters_are_told_without_a_host(params: dict[str, Any], said: str) -> None:
    found = problems("copy", **params)
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize("module", ["copy", "template"])
def test_a_device_a_pipe_or_a_socket_is_never_replaced(host: Host, module: str) -> None:
    """A mistaken `dest: /dev/null` would otherwise break the whole host."""
    os.mkfifo(host.path("pipe"))
    os.symlink("/dev/null", host.path("link"))
    assert "no file replaces it" in host.fails(module, dest=host.path("pipe"), content="x").message
    error = host.fails(module, dest=host.path("link"), content="x", follow=True)
    assert "is a device, a pipe or a socket" in error.message
