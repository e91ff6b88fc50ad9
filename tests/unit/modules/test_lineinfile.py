"""lineinfile on files: creation, links, validation, attributes and what is reported."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.unit.modules.harness import Host, mode_of, problems


def write(host: Host, text: str, name: str = "f") -> Path:
    path = Path(host.path(name))
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path


def test_a_change_is_shown_as_a_diff(host: Host) -> None:
    path = write(host, "Port 22\nx\n")
    done = host.take("lineinfile", path=str(path), regexp="^#?Port", line="Port 2222")
    assert [change.field for change in done.changes] == ["content"]
    assert "-Port 22\n+Port 2222\n" in str(done.changes[0].diff)
    assert done.warnings == ()


def test_mode_and_owner_alone_are_a_change_without_a_diff(host: Host) -> None:
    path = write(host, "a\n")
    done = host.take("lineinfile", path=str(path), line="a", mode="0600")
    assert [(change.field, change.diff) for change in done.changes] == [("mode", None)]
    assert mode_of(path) == "0600"


def test_a_missing_file_is_an_error_unless_it_may_be_created(host: Host) -> None:
    params: dict[str, Any] = {"path": host.path("sub/dir/f"), "line": "a"}
    assert "does not exist" in host.fails("lineinfile", **params).message
    host.take("lineinfile", **params, create=True, mode="0640")
    assert Path(host.path("sub/dir/f")).read_text() == "a\n"
    assert mode_of(host.path("sub/dir/f")) == "0640"


def test_nothing_to_remove_from_a_missing_file(host: Host) -> None:
    assert not host.take("lineinfile", path=host.path("f"), line="a", state="absent").changed


def test_a_validator_that_refuses_leaves_the_file_untouched(host: Host) -> None:
    path = write(host, "a\n")
    with pytest.raises(Exception, match="refused") as caught:
        host.apply("lineinfile", path=str(path), line="b", validate="grep nothing %s")
    assert caught.value.exit_status == 1  # type: ignore[attr-defined]
    assert path.read_text() == "a\n"
    assert os.listdir(host.root) == ["f"]
    assert host.apply("lineinfile", path=str(path), line="b", validate="grep b %s").changed


def test_a_link_stays_and_its_file_is_edited(host: Host) -> None:
    path = write(host, "a\n")
    os.symlink("f", host.path("link"))
    host.take("lineinfile", path=host.path("link"), line="b")
    assert os.path.islink(host.path("link"))
    assert path.read_text() == "a\nb\n"


def test_bytes_that_are_no_utf8_stay_as_they_are(host: Host) -> None:
    path = write(host, "caf\udce9\n")
    host.take("lineinfile", path=str(path), line="é")
    assert path.read_bytes() == b"caf\xe9\n\xc3\xa9\n"


def test_the_backup_is_the_old_file_and_its_name_is_reported(host: Host) -> None:
    path = write(host, "a\n")
    path.chmod(0o600)
    done = host.take("lineinfile", path=str(path), line="b", backup=True)
    assert Path(done.outputs["backup"]).read_text() == "a\n"
    assert mode_of(done.outputs["backup"]) == "0600"


def test_an_expression_that_does_not_know_its_own_line_warns(host: Host) -> None:
    path = write(host, "#Port 22\n")
    done = host.take("lineinfile", path=str(path), regexp="^#Port", line="Port 22")
    assert len(done.warnings) == 1
    assert "added a second time" in done.warnings[0]


def test_several_matches_are_changed_run_by_run_and_told(host: Host) -> None:
    """As in Ansible only the last match is replaced; the task has done its work, and says what remains."""
    path = write(host, "x1\nx2\n")
    done = host.apply("lineinfile", path=str(path), regexp="x", line=r"y", search_string=None)
    assert done.changed
    assert path.read_text() == "x1\ny\n"
    path.write_text("a a\n")
    done = host.apply("lineinfile", path=str(path), regexp="^(.*)$", line=r"\1!", backrefs=True)
    assert path.read_text() == "a a!\n"
    assert "again" in done.warnings[0]


def test_an_empty_expression_warns_that_it_matches_everything(host: Host) -> None:
    path = write(host, "a\n")
    assert any(
        "every line" in text
        for text in host.apply("lineinfile", path=str(path), regexp="", line="a").warnings
    )


def test_a_group_that_is_not_there_is_an_error_and_not_a_crash(host: Host) -> None:
    path = write(host, "a\n")
    error = host.fails("lineinfile", path=str(path), regexp="^a", line=r"\3", backrefs=True)
    assert "cannot be filled" in error.message


def test_a_directory_is_refused(host: Host) -> None:
    assert "is a directory" in host.fails("lineinfile", path=str(host.root), line="a").message


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"path": "/f"}, "'line' is required"),
        ({"path": "/f", "state": "absent"}, "to remove lines"),
        ({"path": "/f", "line": "a", "backrefs": True}, "needs 'regexp'"),
        ({"path": "/f", "line": "a", "regexp": "a", "search_string": "a"}, "exclude each other"),
        ({"path": "/f", "line": "a", "insertafter": "a", "insertbefore": "a"}, "exclude each other"),
        ({"path": "/f", "line": "a", "regexp": "("}, "no regular expression"),
        ({"path": "/f", "line": "a", "validate": "visudo -c"}, "%s"),
        ({"path": "f", "line": "a"}, "absolute"),
    ],
)
def test_wrong_parameters_are_told_without_a_host(params: dict[str, Any], said: str) -> None:
    found = problems("lineinfile", **params)
    assert len(found) == 1
    assert said in found[0]
