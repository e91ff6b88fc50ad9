"""Joining fragments, on the host; on the controller it is in tests/unit/compiler."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.modules.fragments import chosen, joined
from tests.unit.modules.harness import Host, problems


@given(st.lists(st.binary(max_size=8)), st.none() | st.sampled_from(["", "#", "a\\n", "\\t\n"]))
def test_every_fragment_is_there_and_begins_a_line(fragments: list[bytes], delimiter: str | None) -> None:
    whole = joined(fragments, delimiter)
    at = 0
    for fragment in fragments:
        found = whole.index(fragment, at)
        at = found + len(fragment)
    if not delimiter:
        endings = sum(1 for one in fragments if one and not one.endswith(b"\n"))
        assert 0 <= len(whole) - sum(map(len, fragments)) <= endings
    assert joined(fragments[:1], delimiter) == b"".join(fragments[:1])


def test_delimiters_stand_between_fragments_on_lines_of_their_own() -> None:
    assert joined([b"a", b"b\n", b"c"], None) == b"a\nb\nc"
    assert joined([b"a", b"b\n", b"c"], "--") == b"a\n--\nb\n--\nc"
    assert joined([b"a", b"b"], r"\t\x23 ü\\\n") == "a\n\t# ü\\\nb".encode()
    assert joined([b"a", b"b"], r"\q") == b"a\n\\q\nb"
    assert joined([], "--") == b""


def test_names_are_sorted_and_chosen() -> None:
    names = ["b.conf", "10", ".hid", "a.conf"]
    assert chosen(names, None, ignore_hidden=False) == [".hid", "10", "a.conf", "b.conf"]
    assert chosen(names, r"\.conf$", ignore_hidden=True) == ["a.conf", "b.conf"]


def test_fragments_of_the_host(host: Host) -> None:
    os.makedirs(host.path("d/sub"))
    for name, text in (("b", "2\n"), ("a", "1"), (".h", "0\n")):
        Path(host.path(f"d/{name}")).write_text(text)
    os.symlink("a", host.path("d/c"))
    os.symlink("none", host.path("d/e"))
    dest = host.path("f")
    host.take("assemble", src=host.path("d"), dest=dest, ignore_hidden=True, mode="0600")
    assert Path(dest).read_text() == "1\n2\n1"
    assert "does not exist" in host.fails("assemble", src=host.path("x"), dest=dest).message
    assert "is no directory" in host.fails("assemble", src=dest, dest=dest).message
    assert "is a directory" in host.fails("assemble", src=host.path("d"), dest=host.path("d")).message


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"src": "/d", "dest": "/f/"}, "must name a file"),
        ({"src": "d", "dest": "/f"}, "absolute"),
        ({"src": "/d", "dest": "f"}, "absolute"),
        ({"src": "/d", "dest": "/f", "regexp": "("}, "no regular expression"),
        ({"src": "/d", "dest": "/f", "validate": "true"}, "%s"),
    ],
)
def test_wrong_parameters_are_told_without_a_host(params: dict[str, Any], said: str) -> None:
    found = problems("assemble", **params)
    assert len(found) == 1
    assert said in found[0]
