"""npm: what is there and what should be, from files alone."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from configurator.modules.npm import Npm, locked
from configurator.modules.state import UNKNOWN
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, problems_of

NPM = Npm()
LOCK = {
    "lockfileVersion": 3,
    "packages": {
        "": {"dependencies": {"a": "1"}},
        "node_modules/a": {"version": "1.0.0"},
        "node_modules/@s/b": {"version": "2.0.0", "dev": True},
        "node_modules/a/node_modules/c": {"version": "3.0.0"},
        "node_modules/d": {"version": "4.0.0", "optional": True},
        "node_modules/e": {"link": True},
    },
}


def host() -> RecordedSystem:
    system = RecordedSystem()
    system.answers = {"npm --version": "9.2.0\n", "npm root": "/usr/local/lib/node_modules\n"}
    system.put(
        "/app/package.json", json.dumps({"dependencies": {"a": "1", "x": "2"}, "devDependencies": {"b": "1"}})
    )
    system.put("/app/node_modules/a/package.json", json.dumps({"name": "a", "version": "1.0.0"}))
    return system


def test_a_lock_file_names_what_stands_directly_in_node_modules() -> None:
    """Nested ones are npm's affair, optional ones may be missing, development counts where it is wanted."""
    assert locked(LOCK, dev=True, optional=True) == {"a": "1.0.0", "@s/b": "2.0.0"}
    assert locked(LOCK, dev=False, optional=True) == {"a": "1.0.0"}
    assert locked({}, dev=True, optional=True) == {}


values = st.recursive(st.none() | st.booleans() | st.text(), lambda inner: st.dictionaries(st.text(), inner))


@given(st.dictionaries(st.sampled_from(["packages", "x"]), values))
def test_any_lock_file_can_be_read(lock: dict[str, Any]) -> None:
    """Somebody may have edited it."""
    locked(lock, dev=True, optional=False)


def test_a_project_without_a_lock_file_wants_what_it_names() -> None:
    """Versions are npm's to choose; what is there stays."""
    system = host()
    change = change_of(NPM, system, path="/app", production=True)
    assert change.after == {"npm:/app/a|version": "1.0.0", "npm:/app/x|version": UNKNOWN}
    assert change.fields == ("npm:/app/x|version",)
    assert not change_of(NPM, system, path="/app", name="a", version="1.0.0")
    assert not change_of(NPM, system, path="/app", name="nothing", state="absent")


def test_a_lock_file_makes_the_plan_exact_and_ci_idle_afterwards() -> None:
    """A second task of the plan finds what the first would install."""
    system = host()
    system.put("/app/package-lock.json", json.dumps(LOCK))
    assert not converge(NPM, system, path="/app", ci=True)
    assert system.commands == ["npm ci"]
    assert not change_of(NPM, system, path="/app")
    assert not change_of(NPM, system, path="/app", name="@s/b", version="2.0.0")


def test_combinations_that_mean_nothing_are_refused() -> None:
    """Before any host is touched; a name is one of a registry and never an option."""
    wrong: list[dict[str, Any]] = [
        {},
        {"path": "/app", "global": True, "name": "a"},
        {"global": True},
        {"path": "relative"},
        {"path": "/app", "name": "--unsafe"},
        {"path": "/app", "name": "../x"},
        {"path": "/app", "state": "latest"},
        {"path": "/app", "name": "a", "version": "^1"},
        {"path": "/app", "name": "a", "ci": True},
    ]
    assert [bool(problems_of(NPM, **params)) for params in wrong] == [True] * len(wrong)
