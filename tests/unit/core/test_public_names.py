"""What `import configurator` offers, and what it and the host's agent never load."""

from __future__ import annotations

import subprocess
import sys

import pytest

import configurator


def modules_after(statement: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after a statement."""
    script = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", configurator.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """And is the thing itself: the same object each time, under its own name."""
    value = getattr(configurator, name)
    assert value is getattr(configurator, name)
    assert name == "__version__" or value.__name__ == name


def test_the_list_of_names_is_the_list_of_homes() -> None:
    """A name in one list alone would be missing, or hidden from `import *`."""
    assert configurator.__all__ == sorted({*configurator._HOMES, "__version__"})


def test_all_names_can_be_imported_at_once() -> None:
    """`from configurator import *` finds every lazy one."""
    names: dict[str, object] = {}
    exec("from configurator import *", names)
    assert set(configurator.__all__) <= names.keys()


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As of any module, so that hasattr() and did-you-mean work."""
    with pytest.raises(AttributeError, match="module 'configurator' has no attribute 'ParallelExecuter'"):
        getattr(configurator, "ParallelExecuter")  # noqa: B009  (mypy knows that it is not there)


def test_importing_the_package_loads_nothing_of_it() -> None:
    """Every start of the command line, and of the agent on a host, pays for what is loaded here."""
    loaded = {name for name in modules_after("import configurator") if name.startswith("configurator.")}
    assert loaded == set()


def test_a_name_loads_its_home_alone() -> None:
    """Whoever only wants a Status does not get threads, asyncio and all the rest."""
    loaded = modules_after("from configurator import Status")
    assert {name for name in loaded if name.startswith("configurator.")} == {
        "configurator.core",
        "configurator.core.status",
    }


@pytest.mark.parametrize("entrance", ["configurator.agent.main", "configurator.agent.host_run"])
def test_the_agent_loads_nothing_that_only_programs_need(entrance: str) -> None:
    """On a host each of them costs time in every run: asyncio alone 60 ms."""
    loaded = modules_after(f"import {entrance}")
    assert entrance in loaded
    unwanted = ("aio", "analysis", "groups", "inputs", "profiles", "simulation", "snapshot")
    core = {f"configurator.core.{name}" for name in (*unwanted, "statistics", "visualize")}
    assert loaded & (core | {"asyncio", "random"}) == set()
