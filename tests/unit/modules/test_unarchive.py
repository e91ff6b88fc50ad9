"""unarchive: names and patterns, tar's options, and links that would lead out."""

from __future__ import annotations

import os
import posixpath
import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.modules.archive_options import matches, parse
from configurator.modules.unarchive import _leads_out
from tests.unit.modules.harness import problems

PARTS = st.sampled_from(["..", ".", "a", "b", ""])


@pytest.mark.parametrize(
    ("words", "name", "becomes"),
    [
        (["--strip-components=1"], "a/b/c", "b/c"),
        (["--strip-components", "2"], "a/b/c", "c"),
        (["--strip-components 2"], "a/b", ""),
        (["--transform=s,^app-[0-9.]*,app,"], "app-1.0/x", "app/x"),
        (["--transform", "s/a/b/g"], "a/a", "b/b"),
        (["--xform=s/a/b/;s/b/c/"], "a/b", "c/b"),
        ([r"--transform=s/\(a\+\)(x)/\1-&/"], "aa(x)", "aa-aa(x)"),
        (["--transform=s/(a+)x/\\1/x"], "aax", "aa"),
        (["--transform=s/A/b/i"], "a", "b"),
        (["--transform=s,a[)+]b,c,"], "a+b", "c"),
        (["-q", "--no-same-owner"], "a", "a"),
        (["-j"], "a/b", "b"),
    ],
)
def test_options_rename_as_tar_does(words: list[str], name: str, becomes: str) -> None:
    """tar(1) and sed(1): basic expressions, unless the flag x says otherwise."""
    assert parse(words, zipped=words == ["-j"]).name(name) == becomes


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--to-command=sh"], "'--to-command' is not known"),
        (["--strip-components=x"], "needs a number, not 'x'"),
        (["--exclude"], "needs a value"),
        (["--transform=y/a/b/"], "no transformation"),
        (["--transform=s/a/b"], "no transformation"),
        (["--transform=s/a/b/z"], "the flags 'z'"),
        ([r"--transform=s/\(a/b/"], "is no expression"),
        ([r"--transform=s/a/\1/"], "is no replacement"),
    ],
)
def test_options_that_mean_nothing_here_are_refused(words: list[str], problem: str) -> None:
    """An option that is passed over would unpack something else than was asked for."""
    with pytest.raises(ValueError, match=re.escape(problem)):
        parse(words, zipped=False)


@given(st.text(alphabet="s/,ab\\()[]+*.&1gx;", max_size=20), st.text(alphabet="ab/", max_size=8))
def test_any_transformation_is_understood_or_refused(text: str, name: str) -> None:
    """Never another error than the one that names what is wrong."""
    with suppress(ValueError):
        parse([f"--transform={text}"], zipped=False).name(name)


@pytest.mark.parametrize(
    ("name", "pattern", "anchored", "anywhere"),
    [
        ("a/b/c", "a", True, True),
        ("a/b/c", "a/b", True, True),
        ("a/b/c", "b", False, True),
        ("a/b/c", "./a/", True, True),
        ("a/b/c.txt", "*.txt", True, True),
        ("a/b.txt/c", "b.*", False, True),
        ("ab", "a", False, False),
        ("a/b", "A", False, False),
    ],
)
def test_patterns_mean_entries_and_what_is_in_them(
    name: str, pattern: str, anchored: bool, anywhere: bool
) -> None:
    """`include` names from the top; `exclude` means a part of the name anywhere, as tar does."""
    assert matches(name, pattern, anywhere=False) is anchored
    assert matches(name, pattern, anywhere=True) is anywhere


@given(st.lists(PARTS, min_size=1, max_size=5), st.integers(0, 2))
def test_no_link_that_is_let_through_leads_out(parts: list[str], depth: int) -> None:
    """Taken word for word; what other links on its way do is in the test after this."""
    name, target = "d/" * depth + "link", "/".join(parts)
    reached = posixpath.normpath(posixpath.join("/top", posixpath.dirname(name), target))
    if not _leads_out(name, target):
        assert (reached + "/").startswith("/top/")


@given(st.data())
def test_links_that_lead_through_each_other_stay_inside(data: st.DataObject) -> None:
    """The kernel is asked: two links, one of which may go through the other."""
    import tempfile  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as directory:
        top = Path(directory).resolve() / "top"
        (top / "a" / "b").mkdir(parents=True)
        for name in ("a/l", "m"):
            target = "/".join(
                data.draw(st.lists(st.sampled_from(["..", "a", "b", "l", "m"]), min_size=1, max_size=4))
            )
            if not _leads_out(name, target):
                (top / name).symlink_to(target)
        for name in ("a/l", "m"):
            try:
                reached = os.path.realpath(top / name, strict=True)
            except OSError:
                continue
            assert Path(reached).is_relative_to(top)


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"src": None}, "missing required parameter 'src'"),
        ({"dest": "srv"}, "'dest' must be an absolute path"),
        ({"src": "a", "remote_src": True}, "'src' must be an absolute path of the host"),
        ({"src": "a", "copy": False}, "'src' must be an absolute path of the host"),
        ({"src": "http:///a"}, "'http:///a' is not a URL"),
        ({"include": ["a"], "exclude": ["b"]}, "'include' and 'exclude' exclude each other"),
        ({"creates": "a"}, "'creates' must be an absolute path"),
        ({"extra_opts": ["--to-command=sh"]}, "'extra_opts': '--to-command' is not known"),
    ],
)
def test_wrong_parameters_are_named_without_a_host(params: dict[str, object], problem: str) -> None:
    """What the compiler can see is not left to the host."""
    found = problems("unarchive", **{"src": "/a.tar", "dest": "/srv", **params})
    assert problem in "; ".join(found)
