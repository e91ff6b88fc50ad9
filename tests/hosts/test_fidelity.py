"""Plans of ordinary roles on fresh hosts: nothing exact is wrong, a deep plan assumes little, and rightly."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hosts.conftest import HostFactory
from tests.hosts.fidelity import NAMES, measure

pytestmark = pytest.mark.host


@pytest.mark.parametrize("release", ["bookworm", "trixie"])
@pytest.mark.parametrize(
    "role", [pytest.param(name, marks=[] if name == "redis" else pytest.mark.full) for name in NAMES]
)
def test_plans_of_ordinary_roles_are_true(
    host_factory: HostFactory, tmp_path: Path, role: str, release: str
) -> None:
    """With the packages looked into, no assumption is wrong either; `make fidelity` prints the shares."""
    found = measure(tmp_path, host_factory(release), role)
    exact = [line for line in found.wrong["plain"] if ": exact " in line]
    assert exact == []
    assert found.wrong["deep"] == []
    assert found.share("deep") <= found.share("plain")
