"""resolv_conf: lines of three kinds are edited, all others stay."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from configurator.modules.resolv_conf import ResolvConf, edited
from tests.unit.modules.recorded_system import params_of

LINES = st.sampled_from(
    [
        "# why",
        "; x",
        "",
        "nameserver 192.0.2.9",
        "search a b",
        "domain c",
        "options rotate",
        "sortlist 1.2.3.4",
    ]
)
KINDS = ("nameserver", "search", "domain", "options")


@given(
    st.lists(LINES, max_size=6).map("\n".join), st.none() | st.lists(st.sampled_from(["x", "y"]), max_size=2)
)
def test_other_lines_stay_and_a_second_edit_changes_nothing(text: str, search: list[str]) -> None:
    """Without `search` that of the file stays."""
    params = params_of(ResolvConf(), nameservers=["192.0.2.1", "192.0.2.2"], search=search)
    once = edited(text, params)
    assert edited(once, params) == once
    found = [line for line in once.splitlines() if line.startswith("nameserver")]
    assert found == ["nameserver 192.0.2.1", "nameserver 192.0.2.2"]
    kept = [line for line in text.splitlines() if not line.startswith(KINDS)]
    assert [line for line in once.splitlines() if not line.startswith(KINDS)] == kept
    if search:
        lists = [line for line in once.splitlines() if line.startswith(("search", "domain"))]
        assert lists == [f"search {' '.join(search)}"]


@given(st.text())
def test_any_file_is_read(text: str) -> None:
    """People write it."""
    assert "nameserver 192.0.2.1\n" in edited(text, params_of(ResolvConf(), nameservers="192.0.2.1"))
