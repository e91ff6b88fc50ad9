"""A script of the controller stands in a private file, and is run as execve(2) would run it."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.agent import scripts


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"#!/bin/sh\n", ["/bin/sh"]),
        (b"#! /usr/bin/env -S python3 -I \nx", ["/usr/bin/env", "-S python3 -I"]),
        (b"#!\necho", ["/bin/sh"]),
        (b"echo", ["/bin/sh"]),
        (b"", ["/bin/sh"]),
        (b"\x7fELF\x02", []),
    ],
)
def test_the_interpreter_is_the_first_lines(content: bytes, words: list[str]) -> None:
    """One word and at most one argument, as the kernel reads it; a program needs none."""
    assert scripts.interpreter(content) == words


@given(st.binary())
def test_no_content_is_too_strange(content: bytes) -> None:
    """Whatever was sent, it is the interpreter's or the kernel's to refuse."""
    assert scripts.command("/x", content, ["a"], None)[-2:] == ["/x", "a"]


def test_the_file_is_private_and_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after an error, and whatever the name says."""
    monkeypatch.setattr(scripts, "_FOLDER", str(tmp_path / "scripts"))
    seen = ""
    with pytest.raises(RuntimeError), scripts.written("../../a b.sh", b"x") as path:
        seen = path
        assert os.path.basename(path) == "a b.sh"
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o700
        assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
        raise RuntimeError
    assert not os.path.exists(os.path.dirname(seen))


def test_only_what_is_old_is_taken_for_left_over(tmp_path: Path) -> None:
    """An agent that was killed leaves its script; another one's may be running right now."""
    old, fresh = tmp_path / "old", tmp_path / "fresh"
    for place in (old, fresh):
        place.mkdir()
        (place / "x.sh").write_text(sys.executable)
    os.utime(old, (1000, 1000))
    scripts.forget_old(folder=str(tmp_path))
    assert [place.name for place in tmp_path.iterdir()] == ["fresh"]
    scripts.forget_old(folder=str(tmp_path / "none"))
