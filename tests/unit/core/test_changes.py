"""The atom of plans, diffs and the JSON output; and errors that carry their data."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core.changes import Certainty, FieldChange
from configurator.core.errors import (
    BreakerOpenError,
    ConfiguratorError,
    HostSetupError,
    InputError,
    TaskError,
    UnreachableError,
)

JSON = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2)


@given(
    st.builds(
        FieldChange,
        st.text(),
        st.text(),
        JSON,
        JSON,
        st.sampled_from(Certainty),
        st.none() | st.text(),
        st.none() | st.text(),
    )
)
def test_a_change_travels_as_json(change: FieldChange) -> None:
    """What the host found is what the controller shows."""
    assert FieldChange.from_json(json.loads(json.dumps(change.to_json()))) == change


def test_absent_keys_mean_null() -> None:
    """The JSON output says so, and scripts rely on it."""
    assert FieldChange("path:/x", "mode", "0644", "0600").to_json() == {
        "subject": "path:/x",
        "field": "mode",
        "before": "0644",
        "after": "0600",
        "certainty": "exact",
    }


@pytest.mark.parametrize("data", [{}, {"subject": "x"}, {"subject": "x", "field": "y", "certainty": "sure"}])
def test_malformed_data_is_refused(data: dict[str, str]) -> None:
    """What a host sends is data from a stranger."""
    with pytest.raises((KeyError, ValueError)):
        FieldChange.from_json(data)


def test_errors_carry_data_and_the_exit_code_of_the_command_line() -> None:
    """The text for people is composed in report/, from these."""
    errors: list[ConfiguratorError] = [
        InputError("wrong", ["a problem"], hint="look"),
        UnreachableError("web1", "gone"),
        HostSetupError("web1", "no sudo", output="sorry"),
        TaskError("failed", command=["apt-get", "update"], exit_status=100, output="E:"),
        BreakerOpenError("mirror", 3.0),
    ]
    assert [error.exit_code for error in errors] == [1, 4, 3, 3, 3]
    wrong, gone, setup, task, refused = errors
    assert isinstance(wrong, InputError)
    assert (wrong.diagnostics, wrong.hint) == (("a problem",), "look")
    assert isinstance(gone, UnreachableError)
    assert (gone.host, gone.message, gone.hint) == ("web1", "gone", None)
    assert isinstance(setup, HostSetupError)
    assert (setup.host, setup.output) == ("web1", "sorry")
    assert isinstance(task, TaskError)
    assert (task.command, task.exit_status, task.output) == (("apt-get", "update"), 100, "E:")
    assert isinstance(refused, BreakerOpenError)
    assert (refused.breaker, refused.retry_in_s) == ("mirror", 3.0)
