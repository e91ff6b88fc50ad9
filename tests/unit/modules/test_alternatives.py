"""alternatives: what update-alternatives says, and what a plan makes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.modules.alternatives import Alternatives, parse
from tests.unit.modules.recorded_system import RecordedSystem, converge, problems_of

ALTERNATIVES = Alternatives()
QUERY = """\
Name: editor
Link: /usr/bin/editor
Slaves:
 editor.1.gz /usr/share/man/man1/editor.1.gz
Status: auto
Best: /usr/bin/vim.basic
Value: /usr/bin/vim.basic

Alternative: /bin/ed
Priority: -100
Slaves:
 editor.1.gz /usr/share/man/man1/ed.1.gz

Alternative: /usr/bin/vim.basic
Priority: 30
"""


def test_a_group_is_read() -> None:
    """Links of the group, programs with their own files."""
    group = parse(QUERY)
    assert group["links"] == {"editor.1.gz": "/usr/share/man/man1/editor.1.gz"}
    assert group["programs"]["/bin/ed"]["slaves"] == {"editor.1.gz": "/usr/share/man/man1/ed.1.gz"}
    assert group["programs"]["/usr/bin/vim.basic"] == {"priority": 30, "slaves": {}}
    assert (group["status"], group["value"]) == ("auto", "/usr/bin/vim.basic")


@given(st.text())
def test_no_output_is_an_accident(text: str) -> None:
    """A broken answer ends in a state, or in a ValueError for a priority that is no number."""
    try:
        assert parse(text)["exists"]
    except ValueError:
        assert "Priority" in text


def test_a_new_priority_keeps_the_subcommands() -> None:
    """`--install` would drop what it is not told."""
    system = RecordedSystem({"update-alternatives --query editor": QUERY})
    system.put("/bin/ed")
    assert not converge(ALTERNATIVES, system, name="editor", path="/bin/ed", priority=40, state="present")
    slave = "--slave /usr/share/man/man1/editor.1.gz editor.1.gz /usr/share/man/man1/ed.1.gz"
    assert system.commands == [
        f"update-alternatives --install /usr/bin/editor editor /bin/ed 40 {slave}",
    ]
    group = system.established["alternatives:editor"]
    assert group is not None
    assert group["value"] == "/bin/ed"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": "a/b"}, "is not a generic name"),
        ({"path": "x"}, "'path' must be an absolute path"),
        ({"link": "x"}, "'link' must be an absolute path"),
        ({"subcommands": "x"}, "must be a list"),
        ({"subcommands": [{"name": "x", "path": "/x"}]}, "each subcommand has"),
    ],
)
def test_wrong_parameters_are_named(wrong: dict[str, object], message: str) -> None:
    """Before any host is asked."""
    found = problems_of(ALTERNATIVES, **({"name": "a", "path": "/x"} | wrong))
    assert any(message in problem for problem in found), found
