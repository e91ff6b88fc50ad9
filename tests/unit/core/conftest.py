"""Fixtures for tests of the engine on real threads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from configurator.core import _run
from tests.unit.core.watch import Deaf


@pytest.fixture
def no_glances(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wake-up that nobody sends must show as a hang, not as half a second."""
    monkeypatch.setattr(_run, "GLANCE_S", 3600.0)


@pytest.fixture
def deaf() -> Iterator[Deaf]:
    """Work that ignores its token, let go at the end of the test."""
    work = Deaf()
    yield work
    work.release.set()
