"""What a view of the host is made of: mount points, accounts, and the files that a plan has in memory."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.agent.viewfiles import (
    documents,
    exclusions,
    mount_points,
    numbers,
    run_directories,
    with_accounts,
    write_nodes,
)

PASSWD = "root:x:0:0:root:/root:/bin/bash\nwww:x:33:33::/var/www:/bin/sh\n"
GROUP = "root:x:0:\nwww:x:33:\nnogroup:x:65534:\n"


def line(point: str, kind: str) -> str:
    return f"36 35 98:0 / {point} rw,noatime shared:1 master:2 - {kind} /dev/x rw\n"


def user(name: str, **fields: Any) -> dict[str, Any]:
    known = {"kind": "user", "exists": True, "group": name, "members": [], "home": "", "shell": ""}
    return {**known, "name": name, **fields}


def node(kind: str = "file", content: bytes | None = b"x", **fields: Any) -> dict[str, Any]:
    text = None if content is None or kind != "file" else base64.b64encode(content).decode()
    owner = {"uid": os.geteuid(), "gid": os.getegid(), "owner": "me", "group": "us"}
    return {"kind": kind, "mode": 0o640, "target": None, "fresh": False, "content": text, **owner, **fields}


def test_lasting_file_systems_are_part_of_a_view(tmp_path: Path) -> None:
    """What the kernel makes up, what is far away and what daemons keep in /run is not."""
    folder, spaced = tmp_path / "data", tmp_path / "with blank"
    folder.mkdir()
    spaced.mkdir()
    table = [line(str(folder), "ext4"), line(str(spaced).replace(" ", "\\040"), "xfs"), line("/", "btrfs")]
    table += [line("/proc", "proc"), line("/run/data", "ext4"), line("/srv", "nfs4"), line("/tmp", "tmpfs")]
    table += [line(f"{tmp_path}/a-file", "ext4"), line("/var/lib/docker/overlay2/x/merged", "overlay")]
    assert mount_points("".join(table)) == ["/", str(folder), str(spaced)]


def test_a_mount_point_that_overlay_cannot_name_is_refused(tmp_path: Path) -> None:
    """Its options are separated by commas: half a name would lead to another directory."""
    (tmp_path / "a,b").mkdir()
    with pytest.raises(OSError, match="comma"):
        mount_points(line(f"{tmp_path}/a,b", "ext4"))


def test_directories_of_daemons_are_known_with_their_owners(tmp_path: Path) -> None:
    """sshd demands /run/sshd; what leads to systemd and to people's sessions is left out, as are links."""
    for name in ("sshd", "systemd/private", "user/0", "lock/sub"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to("sshd")
    (tmp_path / "sshd").chmod(0o711)
    found = {path: mode for path, mode, _, _ in run_directories(str(tmp_path))}
    assert list(found) == ["/lock", "/sshd", "/lock/sub"]
    assert found["/sshd"] == 0o711


def test_documents_take_no_memory() -> None:
    """What is left out of the sum is what tar leaves out, and nothing else."""
    assert documents("/usr/share/doc/nginx/copyright")
    assert not documents("/usr/share/nginx/html/index.html")
    assert "--exclude=./usr/share/doc/*" in exclusions()


def test_accounts_of_packages_get_numbers_that_nobody_has() -> None:
    """Their groups come with them; a known number, home and shell are kept."""
    passwd, group = with_accounts(
        PASSWD, GROUP, [user("redis"), user("app", number=2000, home="/srv", group="www")]
    )
    assert passwd.splitlines()[2:] == [
        "redis:x:64000:64000::/nonexistent:/usr/sbin/nologin",
        "app:x:2000:33::/srv:/usr/sbin/nologin",
    ]
    assert group == GROUP + "redis:x:64000:\n"


def test_accounts_that_are_there_stay_and_others_go() -> None:
    """A plan that removes a user leaves none for a validator to find."""
    gone = user("www", exists=False)
    helpers = {"kind": "group", "name": "helpers", "exists": True, "number": 1500, "members": ["root"]}
    passwd, group = with_accounts(PASSWD, GROUP, [user("root", number=7), gone, helpers])
    assert passwd == PASSWD.splitlines(keepends=True)[0]
    assert group == GROUP + "helpers:x:1500:root\n"
    assert numbers(group)["helpers"] == 1500


@given(st.text(alphabet="abx:0123456789\n#", max_size=60), st.text(alphabet="abx:0123456789\n", max_size=60))
def test_no_file_of_accounts_is_too_odd(passwd: str, group: str) -> None:
    """Adding is done once however often it is asked for, and every line that was there stays."""
    once = with_accounts(passwd, group, [user("redis")])
    assert with_accounts(*once, [user("redis")]) == once
    assert once[0].startswith(passwd)
    assert once[1].startswith(group)
    assert numbers(once[0])["redis"] not in numbers(passwd).values()


def test_files_become_what_the_plan_made_of_them(tmp_path: Path) -> None:
    """New, changed, removed and replaced ones, and those of which only the attributes change."""
    for name in ("old", "kept", "link"):
        (tmp_path / name).write_text("before")
    (tmp_path / "tree" / "below").mkdir(parents=True)
    (tmp_path / "cleared").mkdir()
    (tmp_path / "cleared" / "rest").write_text("x")
    (tmp_path / "stays").mkdir()
    (tmp_path / "stays" / "rest").write_text("x")
    nodes = {
        f"{tmp_path}/old": node(content=b"after"),
        f"{tmp_path}/kept": node(content=None, mode=0o600),
        f"{tmp_path}/link": node("link", target="kept"),
        f"{tmp_path}/tree": None,
        f"{tmp_path}/cleared": node("directory", fresh=True, mode=0o700),
        f"{tmp_path}/cleared/new": node(content=b"", owner="new", group="new", uid=-1, gid=-1),
        f"{tmp_path}/stays": node("directory", mode=0o711),
        f"{tmp_path}/never": None,
    }
    me = {"new": os.geteuid()}, {"new": os.getegid()}
    for _ in range(2):  # each check begins with them anew
        write_nodes(nodes, *me)
    assert (tmp_path / "old").read_bytes() == b"after"
    assert ((tmp_path / "kept").read_text(), (tmp_path / "kept").stat().st_mode & 0o777) == ("before", 0o600)
    assert (tmp_path / "link").readlink() == Path("kept")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cleared", "kept", "link", "old", "stays"]
    assert [path.name for path in (tmp_path / "cleared").iterdir()] == ["new"]
    assert (tmp_path / "stays").stat().st_mode & 0o777 == 0o711
    assert (tmp_path / "stays" / "rest").exists()


@pytest.mark.parametrize(
    "lacking",
    [
        node(content=None),
        node(uid=-1, owner="nobody-knows"),
        node("directory", uid=-1, owner="nobody-knows"),
        node("other", content=None),
    ],
)
def test_what_a_view_lacks_is_an_error(tmp_path: Path, lacking: dict[str, Any]) -> None:
    """A validator must not be asked about less than what will be there."""
    with pytest.raises((OSError, KeyError)):
        write_nodes({f"{tmp_path}/a": lacking}, {}, {})
    with pytest.raises(OSError, match="no-such"):
        write_nodes({f"{tmp_path}/no-such/a": node()}, {}, {})
