"""blockinfile on files: creation, takeover of blocks that Ansible wrote, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.modules.harness import Host, problems

MARKED = "# BEGIN ANSIBLE MANAGED BLOCK\n{}# END ANSIBLE MANAGED BLOCK\n"


def write(host: Host, text: str) -> str:
    path = Path(host.path("f"))
    path.write_bytes(text.encode())
    return str(path)


def test_a_block_that_ansible_wrote_is_taken_over(host: Host) -> None:
    path = write(host, "a\n" + MARKED.format("x\n") + "b\n")
    assert not host.take("blockinfile", path=path, block="x").changed
    host.take("blockinfile", path=path, block="y\n", backup=True)
    assert Path(path).read_text() == "a\n" + MARKED.format("y\n") + "b\n"


def test_a_missing_file_is_an_error_unless_it_may_be_created_or_nothing_is_wanted(host: Host) -> None:
    path = host.path("sub/f")
    assert "does not exist" in host.fails("blockinfile", path=path, block="x").message
    assert not host.take("blockinfile", path=path, state="absent").changed
    host.take("blockinfile", path=path, block="x", create=True)
    assert Path(path).read_text() == MARKED.format("x\n")


def test_a_marker_without_partner_is_told(host: Host) -> None:
    path = write(host, "# BEGIN ANSIBLE MANAGED BLOCK\nmine\n")
    done = host.take("blockinfile", path=path, block="x")
    assert "1 marker line without a partner" in done.warnings[0]
    assert Path(path).read_text().startswith("# BEGIN ANSIBLE MANAGED BLOCK\nmine\n# BEGIN")


def test_blank_lines_of_a_block_stay(host: Host) -> None:
    path = write(host, "")
    host.take("blockinfile", path=path, block="\n  x\n\n")
    assert Path(path).read_text() == MARKED.format("\n  x\n\n")


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"path": "/f", "block": "x", "marker": "# mine"}, "must contain {mark}"),
        ({"path": "/f", "block": "x", "marker": "{mark}\n"}, "line break"),
        ({"path": "/f", "block": "x", "marker_begin": "END"}, "must differ"),
        ({"path": "/f", "block": "x", "marker": "{mark}", "marker_end": ""}, "empty"),
        ({"path": "/f", "block": "a\n# END ANSIBLE MANAGED BLOCK\n"}, "its own marker"),
        ({"path": "/f", "block": "x", "insertafter": "a", "insertbefore": "b"}, "exclude each other"),
        ({"path": "/f", "block": "x", "insertafter": "("}, "no regular expression"),
        ({"path": "f", "block": "x"}, "absolute"),
    ],
)
def test_wrong_parameters_are_told_without_a_host(params: dict[str, Any], said: str) -> None:
    found = problems("blockinfile", **params)
    assert len(found) == 1
    assert said in found[0]
