"""hosts_entry: editing the lines of an address, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from configurator.modules.hosts_lines import elsewhere, named, with_names, without

ADDRESSES = st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"])
NAMES = st.lists(st.sampled_from(["a", "b", "c.example.org"]), min_size=1, max_size=3, unique=True)
LINES = st.one_of(
    st.sampled_from(["", "# a comment", "   "]),
    st.builds(lambda address, names: f"{address}  {' '.join(names)} # why", ADDRESSES, NAMES),
)
FILES = st.lists(LINES, max_size=6).map("\n".join)


def others(text: str, address: str) -> list[str]:
    return [line for line in text.splitlines() if line.partition("#")[0].split()[:1] != [address]]


@given(FILES, ADDRESSES, NAMES, st.booleans())
def test_an_address_gets_its_names_and_other_lines_stay(
    text: str, address: str, names: list[str], exclusive: bool
) -> None:
    """One line has them, first of all; doing it again changes nothing."""
    edited = with_names(text, address, names, exclusive=exclusive)
    found = named(edited, address)
    assert found is not None
    assert found[: len(names)] == names
    assert not exclusive or found == names
    assert others(edited, address) == others(text, address)
    assert with_names(edited, address, names, exclusive=exclusive) == edited


@given(FILES, ADDRESSES, NAMES)
def test_names_go_and_other_lines_stay(text: str, address: str, names: list[str]) -> None:
    """A line without any name left goes, too."""
    edited = without(text, address, names)
    assert not set(named(edited, address) or ()) & set(names)
    assert others(edited, address) == others(text, address)
    assert without(edited, address, names) == edited
    assert named(without(text, address, []), address) is None


@given(st.text(), st.text())
def test_any_file_is_read(text: str, address: str) -> None:
    """People write it."""
    named(text, address)
    elsewhere(text, address, ["a"])


def test_a_comment_and_the_address_as_written_stay() -> None:
    """They are somebody's."""
    text = "2001:DB8::1 old # why\n"
    assert with_names(text, "2001:db8::1", ["new"], exclusive=True) == "2001:DB8::1\tnew # why\n"
