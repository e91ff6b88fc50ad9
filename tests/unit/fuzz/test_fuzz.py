"""Whatever is in a file: no traceback, no hang, a place for every problem. `full` tries 100,000 inputs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from configurator.core.errors import InputError
from tests.unit.compiler.projects import graph_of
from tests.unit.fuzz.readers import READERS, content, held, tasks
from tests.unit.fuzz.strategies import PROJECTS, TASKS, TEXTS, dumped

USUAL = 60
CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def trying(count: int) -> settings:
    """The usual run tries the same inputs each time, the full one others each time."""
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=count == USUAL,
        suppress_health_check=CHECKS,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )


def runs(count: int) -> list[object]:
    return [USUAL, pytest.param(count, marks=pytest.mark.full)]


@pytest.mark.parametrize("count", runs(10_000))
@pytest.mark.parametrize("reader", READERS)
def test_texts_of_known_words(reader: str, count: int) -> None:
    """Seven readers, 10,000 inputs each."""

    @trying(count)
    @given(TEXTS[reader])
    def run(text: str) -> None:
        held(text, READERS[reader](text))

    run()


@pytest.mark.parametrize("count", runs(10_000))
def test_bytes(count: int) -> None:
    """Also those that are no text."""

    @trying(count)
    @given(st.binary(max_size=60))
    def run(data: bytes) -> None:
        held(data.decode("utf-8", "replace") + "\n" * data.count(b"\n"), content(data))

    run()


@pytest.mark.parametrize("count", runs(12_000))
def test_task_files_of_known_keywords_and_parameters(count: int) -> None:
    """Any value at any known place."""

    @trying(count)
    @given(TASKS)
    def run(value: object) -> None:
        text = dumped(value)
        held(text, tasks(text))

    run()


@pytest.mark.parametrize("count", runs(8_000))
def test_whole_projects(count: int) -> None:
    """Read, checked, compiled for a host: settings, inventory, variables, tasks, templates in all of them."""
    before = os.getcwd()

    @trying(count)
    @given(PROJECTS)
    def run(files: Mapping[str, str]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                graph_of({name: text.encode("utf-8", "surrogatepass") for name, text in files.items()})
            except InputError as error:
                for problem in error.diagnostics:
                    assert problem.message
                    assert len(str(problem)) < 2000
            finally:
                os.chdir(before)

    run()
