"""Modules that need the content of a file of the controller, whatever kind of file it is."""

from __future__ import annotations

import hashlib

import pytest

from configurator.agent.protocol import INLINE_BYTES
from tests.unit.compiler.projects import role_problems, tasks_of


def test_a_file_of_the_controller_travels_as_its_content() -> None:
    """The host cannot read it; it is told the name, since that may tell what the content is."""
    large = "x" * (INLINE_BYTES + 1)
    files = {"roles/r/files/body": "text", "roles/r/files/a/b.tar.gz": large}
    tasks = """
- uri: {url: 'http://one.test', method: POST, src: body}
- uri: {url: 'http://one.test', method: POST, src: a/b.tar.gz}
"""
    sent, big = tasks_of(tasks, files)
    assert sent.params["_content"] == "text"
    assert sent.params["_original_basename"] == "body"
    assert "src" not in sent.params
    assert big.params["_content"] == {"$blob": hashlib.sha256(large.encode()).hexdigest()}
    assert big.params["_original_basename"] == "b.tar.gz"


def test_a_file_of_the_host_is_left_to_it() -> None:
    """It need not exist here."""
    [found] = tasks_of("- uri: {url: 'http://one.test', method: POST, src: /srv/body, remote_src: true}")
    assert found.params["src"] == "/srv/body"
    assert "_content" not in found.params


@pytest.mark.parametrize(
    ("src", "problem"), [("nothing", "there is no file 'nothing'"), ("folder", "is a directory")]
)
def test_what_cannot_be_sent_is_an_error_with_its_place(src: str, problem: str) -> None:
    """Found before any host is asked."""
    task = f"uri: {{url: 'http://one.test', method: POST, src: {src}}}"
    found = role_problems(f"- {task}", {"roles/r/files/folder/x": "x"})
    assert problem in str(found)
