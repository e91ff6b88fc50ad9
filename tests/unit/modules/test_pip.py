"""pip: requirements, what they mean, and what is asked of pip."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core.errors import TaskError
from configurator.modules.pip import Pip
from configurator.modules.pip_env import explain, listed, normal, wanted
from configurator.modules.state import UNKNOWN
from configurator.modules.system import CommandResult
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, params_of, problems_of

PIP = Pip()
V = "/srv/venv"


def host(*, venv: bool = True, managed: bool = False, pip: bool = True, **installs: str) -> RecordedSystem:
    """A host whose environment has flask 2.0, and where pip would install `installs`."""
    system = RecordedSystem()
    there = {"packages": {"Flask": "2.0"}, "editable": {}, "managed": managed, "pip": pip, "venv": True}
    told = {"install": [{"metadata": {"name": n, "version": v}} for n, v in installs.items()]}
    system.answers = {
        f"{V}/bin/python -c": json.dumps(there),
        "python3 -c": json.dumps(there),
        f"{V}/bin/python -m pip install --dry-run": "WARNING: x\n" + json.dumps(told),
        "python3 /usr/share/python-wheels/pip-1.whl/pip install --dry-run": json.dumps(told),
    }
    if venv:
        system.put(f"{V}/bin/python")
    return system


def test_requirements_are_understood_as_far_as_they_are_plain() -> None:
    """A name or an exact version is judged without pip; anything else is pip's."""
    there = {"flask": "2.0", "zope-interface": "5"}
    assert wanted("Flask").met_by(there)
    assert wanted("zope.interface == 5").met_by(there)
    assert not wanted("flask==2.1").met_by(there)
    assert not wanted("flask[async]").met_by(there)
    assert wanted("flask>=1").name == "flask"
    assert not wanted("flask>=1").met_by(there)
    for other in ("git+https://x/y", "./here", "/there", "https://x/y.whl", "a/b.whl"):
        assert wanted(other).name is None
    assert wanted("name @ https://x/y.whl").name == "name"
    assert normal("A_b.-C") == "a-b-c"


def test_a_file_of_requirements_with_options_is_for_pip() -> None:
    """Comments and continued lines are understood; another file or an index is not."""
    found = listed("# c\nflask==2.0 # pinned\n\nrequests\\\n>=2\n")
    assert found is not None
    assert [one.text for one in found] == ["flask==2.0", "requests>=2"]
    assert listed("-r other.txt\nflask") is None
    assert listed("") == []


@given(st.text())
def test_any_requirement_can_be_read(text: str) -> None:
    """What people write is pip's to refuse."""
    wanted(text)
    listed(text)


def test_what_is_there_needs_no_pip() -> None:
    """One look by the interpreter is all that a satisfied task costs."""
    system = host()
    assert not change_of(PIP, system, name=["flask", "Flask==2.0"], virtualenv=V)
    assert len(system.queried) == 1


def test_a_plan_shows_dependencies_and_remembers_them() -> None:
    """pip's own report says what would come; a later task of the plan finds it there."""
    system = host(requests="2.1", urllib3="1.0")
    change = change_of(PIP, system, name="requests", virtualenv=V)
    assert change.after == {
        "made": True,
        f"pip:{V}/requests|version": "2.1",
        f"pip:{V}/urllib3|version": "1.0",
    }
    assert not converge(PIP, system, name="requests", virtualenv=V)
    assert not change_of(PIP, system, name="urllib3==1.0", virtualenv=V)
    assert system.commands == [f"{V}/bin/python -m pip install requests"]


def test_an_environment_that_is_yet_to_be_made_is_predicted_by_the_pip_that_it_will_get() -> None:
    """Debian keeps that pip as a wheel, which can be run; without it the versions are not known."""
    system = host(venv=False, requests="2.1")
    change = change_of(PIP, system, name="requests", virtualenv=V)
    assert change.after == {"made": True, f"pip:{V}/requests|version": UNKNOWN}
    system.put("/usr/share/python-wheels/pip-1.whl")
    change = change_of(PIP, system, name="requests", virtualenv=V)
    assert change.after == {"made": True, f"pip:{V}/requests|version": "2.1"}
    converge(PIP, system, name="requests", virtualenv=V)
    assert system.commands == [f"python3 -m venv {V}", f"{V}/bin/python -m pip install requests"]


def test_debians_own_python_is_left_to_apt() -> None:
    """The refusal comes before anything is touched, and says what to do instead."""
    with pytest.raises(TaskError) as caught:
        change_of(PIP, host(managed=True), name="requests")
    assert "externally-managed-environment" in caught.value.message
    assert "virtualenv" in (caught.value.hint or "")
    with pytest.raises(TaskError, match="pip is not installed"):
        change_of(PIP, host(pip=False), name="requests")


def test_commas_of_versions_are_no_commas_of_the_list() -> None:
    """`a>1,<2,b` are two requirements, and the same environment has one key by any way to it."""
    params = params_of(PIP, name="a>1,<2,b", executable=f"{V}/bin/pip3")
    assert [wish.text for wish in params.wishes] == ["a>1,<2", "b"]
    assert PIP.subject(params) == f"pip:{V}" == PIP.subject(params_of(PIP, virtualenv=f"{V}/"))
    assert PIP.subject(params_of(PIP, name="a", executable="pip3")) == PIP.subject(params_of(PIP, name="a"))


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        (
            "ERROR: Could not find a version that satisfies the requirement x (from versions: none)",
            "requirement x",
            "",
        ),
        ("error: externally-managed-environment\nhint: x", "Debian manages", "virtualenv"),
        (
            "WARNING: Temporary failure in name resolution\nERROR: No matching distribution",
            "No match",
            "reach",
        ),
        ("", "no reason", ""),
    ],
)
def test_complaints_say_what_helps(said: str, message: str, hint: str) -> None:
    """pip's last error, or what it meant."""
    error = explain(CommandResult(("pip",), 1, "", said))
    assert message in error.message
    assert hint in (error.hint or "")


def test_combinations_that_mean_nothing_are_refused() -> None:
    """Before any host is touched."""
    wrong: list[dict[str, Any]] = [
        {},
        {"name": "a,b", "version": "1"},
        {"name": "a", "virtualenv": V, "executable": "pip3"},
        {"name": "a", "virtualenv": "relative"},
        {"name": "-r x"},
        {"name": "./x", "state": "absent"},
        {"requirements": "x", "state": "absent"},
        {"name": "a", "extra_args": "'"},
        {"name": "a", "umask": "u=rw"},
    ]
    assert [bool(problems_of(PIP, **params)) for params in wrong] == [True] * len(wrong)
