"""tempfile: made anew each time, private, under a name that nobody can foresee."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.unit.modules.harness import Host, mode_of, problems


def test_each_run_makes_another_one(host: Host) -> None:
    done = host.take("tempfile", repeats=True, path=str(host.root), prefix="a.", suffix=".d")
    assert [change.field for change in done.changes] == ["made"]
    path = done.outputs["path"]
    assert mode_of(path) == done.outputs["mode"] == "0600"
    assert Path(path).read_bytes() == b""
    names = os.listdir(host.root)
    assert len(names) == 2
    assert all(name.startswith("a.") and name.endswith(".d") and len(name) == 20 for name in names)


def test_a_folder_is_private_too(host: Host) -> None:
    done = host.take("tempfile", repeats=True, path=str(host.root), state="directory")
    assert (done.outputs["state"], mode_of(done.outputs["path"])) == ("directory", "0700")
    assert os.path.isdir(done.outputs["path"])


def test_where_no_folder_is_none_is_made(host: Host) -> None:
    assert "does not exist" in host.fails("tempfile", path=host.path("none")).message


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"path": "x"}, "absolute"),
        ({"prefix": "../x"}, "cannot contain a slash"),
        ({"suffix": "/x"}, "cannot contain a slash"),
        ({"state": "link"}, "must be one of"),
    ],
)
def test_wrong_parameters_are_told_without_a_host(params: dict[str, Any], said: str) -> None:
    found = problems("tempfile", **params)
    assert len(found) == 1
    assert said in found[0]
