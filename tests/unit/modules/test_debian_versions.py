"""debian_versions: versions are ordered as dpkg orders them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from configurator.modules.debian_versions import compare_versions

# Each is older than the next; from deb-version(7), and what dpkg --compare-versions says.
RISING = (
    "~~",
    "~~a",
    "~",
    "0",
    "1.0~beta1~svn1245",
    "1.0~beta1",
    "1.0",
    "1.0-1",
    "1.0-1+b1",
    "1.0-1.1",
    "1.0-2",
    "1.0-10",
    "1.0a",
    "1.0+dfsg",
    "1.0.1",
    "1.09.1",
    "1.10",
    "9.9",
    "10",
    "1:0.1",
    "2:0",
)
VERSIONS = st.text("0123456789abzA.+~-:", max_size=12)


def test_versions_rise_as_the_manual_says() -> None:
    """`~` is older than nothing, letters than other signs, numbers go by their value, epochs before all."""
    for older, newer in pairwise(RISING):
        assert compare_versions(older, newer) < 0, (older, newer)
        assert compare_versions(newer, older) > 0, (older, newer)
    assert compare_versions("1.0", "0:1.0-0") == 0
    assert compare_versions("1.01", "1.1") == 0


@given(VERSIONS, VERSIONS, VERSIONS)
def test_any_texts_have_an_order(first: str, second: str, third: str) -> None:
    """It never raises, and is an order."""

    def sign(left: str, right: str) -> int:
        found = compare_versions(left, right)
        return (found > 0) - (found < 0)

    assert sign(first, first) == 0
    assert sign(first, second) == -sign(second, first)
    if sign(first, second) <= 0 and sign(second, third) <= 0:
        assert sign(first, third) <= 0
