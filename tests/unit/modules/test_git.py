"""git: what a version means by the other side's list, how ssh is called, and what parameters may not be."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.modules.git import GitParams
from configurator.modules.git_remote import Target, failure, patterns, ssh_command, understand
from configurator.modules.git_repository import submodules
from configurator.modules.system import CommandResult
from tests.unit.modules.harness import problems

A, B, C = "a" * 40, "b" * 40, "c" * 40
LISTING = f"""ref: refs/heads/main\tHEAD
{A}\tHEAD
{B}\trefs/heads/both
{C}\trefs/tags/both
{C}\trefs/tags/v1
{A}\trefs/tags/v1^{{}}
{B}\trefs/tags/light
{C}\trefs/changes/1
"""


@pytest.mark.parametrize(
    ("version", "target"),
    [
        ("HEAD", Target("branch", "main", A, "refs/heads/main")),
        ("both", Target("branch", "both", B, "refs/heads/both")),
        ("v1", Target("tag", "v1", A, "refs/tags/v1")),
        ("light", Target("tag", "light", B, "refs/tags/light")),
        ("refs/changes/1", Target("ref", "refs/changes/1", C, "refs/changes/1")),
        (B, Target("hash", B, B)),
        ("abc123", Target("hash", "abc123", None)),
        ("unknown", None),
        ("refs/heads/none", None),
    ],
)
def test_a_version_is_a_branch_before_it_is_a_tag_or_a_hash(version: str, target: Target | None) -> None:
    """A tag with an object of its own means the commit that it points to."""
    assert understand(version, LISTING) == target


def test_a_repository_without_commits_has_no_version() -> None:
    """Its list is empty; a detached HEAD has a commit and no branch."""
    assert understand("HEAD", "") is None
    assert understand("HEAD", f"{A}\tHEAD\n") == Target("hash", A, A)


def test_only_what_is_needed_is_asked_for() -> None:
    """A large repository has many thousands of refs."""
    assert patterns("v1") == ["HEAD", "refs/heads/v1", "refs/tags/v1", "refs/tags/v1^{}"]
    assert patterns(A) == patterns("HEAD") == ["HEAD"]


@given(st.text(min_size=1), st.text())
def test_any_list_is_understood_or_not(version: str, listing: str) -> None:
    """It comes from a stranger."""
    understand(version, listing)


def test_ssh_is_called_without_asking_and_with_the_key_alone() -> None:
    """A name with a blank stays one word; without any wish git's own settings count."""
    found = ssh_command(key_file="/a b", accept_new=True, accept_any=False, options="-p 23") or ""
    assert shlex.split(found) == [
        *("ssh", "-o", "BatchMode=yes", "-i", "/a b", "-o", "IdentitiesOnly=yes"),
        *("-o", "StrictHostKeyChecking=accept-new", "-p", "23"),
    ]
    anything = ssh_command(key_file=None, accept_new=True, accept_any=True, options=None) or ""
    assert "StrictHostKeyChecking=no" in anything
    assert ssh_command(key_file=None, accept_new=False, accept_any=False, options=None) is None


def test_a_failure_says_what_git_said_and_what_may_help() -> None:
    """The last word of git alone (`and the repository exists`) would help nobody."""
    said = "a@b: Permission denied (publickey).\nfatal: Could not read from remote repository.\n\nPlease\n"
    error = failure(CommandResult(("git",), 128, "", said), "cannot read x")
    assert error.message == "cannot read x: Could not read from remote repository."
    assert "key_file" in (error.hint or "")
    assert failure(CommandResult(("git",), 1, "", ""), "x").message == "x: exit status 1"


def test_submodules_that_are_not_as_recorded_are_told_by_their_mark() -> None:
    """git-submodule(1): `-` is missing, `+` another commit, `U` in conflict."""
    status = f" {A} same (v1)\n-{B} missing\n+{C} other (heads/x)\n"
    params = GitParams("/x", "/y")
    assert submodules(status, params) == ("missing", "other")
    tracked = GitParams("/x", "/y", track_submodules=True)
    assert submodules(status, tracked) == (f"{A} same", f"{B} missing", f"{C} other")


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"dest": None}, "missing required parameter 'dest'"),
        ({"dest": "app"}, "'dest' must be an absolute path"),
        ({"repo": "--upload-pack=sh"}, "'repo' must not begin with a dash"),
        ({"version": "-x"}, "'version' must not begin with a dash"),
        ({"repo": "ext::sh -c x"}, "'repo' must not be a command"),
        ({"depth": 0}, "'depth' must be at least 1"),
        ({"bare": True, "separate_git_dir": "/x"}, "'separate_git_dir' and 'bare' exclude each other"),
        ({"archive": "/a.rar"}, "'archive' must end in .zip"),
        ({"archive_prefix": "x"}, "'archive_prefix' needs 'archive'"),
        ({"key_file": ".ssh/id"}, "'key_file' must be an absolute path"),
    ],
)
def test_wrong_parameters_are_named_without_a_host(params: dict[str, object], problem: str) -> None:
    """What the compiler can see is not left to the host; nothing reaches git as an option."""
    found = problems("git", **{"repo": "https://one.test/x.git", "dest": "/srv/app", **params})
    assert problem in "; ".join(found)
