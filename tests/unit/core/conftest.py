"""Fixtures for tests of the engine on real threads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from configurator.core import _places, _run
from tests.unit.core.watch import Deaf


@pytest.fixture
def no_glances(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wake-up that nobody sends must show as a hang, not as half a second."""
    for module in (_places, _run):
        monkeypatch.setattr(module, "GLANCE_S", 3600.0)


@pytest.fixture
def deaf() -> Iterator[Deaf]:
    """Work that ignores its token, let go at the end of the test."""
    work = Deaf()
    yield work
    work.release.set()
