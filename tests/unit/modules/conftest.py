"""A host for the tests of modules: this machine, in a directory of the test's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.modules.harness import Host


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.fixture
def root_only() -> None:
    if os.geteuid() != 0:
        pytest.skip("giving files away needs root")
