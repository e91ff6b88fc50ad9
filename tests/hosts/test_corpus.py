"""Plans of random chains of tasks on random host states: what is called exact is what the apply then does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from configurator.agent.frames import Message
from configurator.sandbox import Lab, LabHost
from configurator.transport.session import HostSession
from tests.hosts.corpus import PREPARE_HOST, RESET, Corpus
from tests.hosts.on_host import agent, chain, files, run
from tests.hosts.test_agent import remote

pytestmark = pytest.mark.host

EACH = 20  # combinations in one test
USUAL, ALL = 2, 17  # tests: 40 combinations, and 340 in the full run


@pytest.fixture(scope="module")
def host(lab: Lab, shared_host: LabHost) -> LabHost:
    remote(lab, shared_host, PREPARE_HOST)
    return shared_host


@pytest.mark.parametrize(
    "first", [pytest.param(n * EACH, marks=[pytest.mark.full] if n >= USUAL else []) for n in range(ALL)]
)
def test_what_is_planned_is_what_is_done(lab: Lab, host: LabHost, first: int) -> None:
    """Status, fields and diffs of everything exact, the first and the second time; plans write nothing."""
    labels: Counter[str] = Counter()
    with agent(host) as session:
        for seed in range(first, first + EACH):
            try:
                _hold(lab, host, session, Corpus(seed), labels)
            except AssertionError as error:
                error.add_note(f"seed {seed}")
                raise
    assert labels["exact"] > labels["assumed"] + labels["unknown"], labels


def _hold(lab: Lab, host: LabHost, session: HostSession, corpus: Corpus, labels: Counter[str]) -> None:
    remote(lab, host, f"{RESET}cd /srv/t; {corpus.prepare}")
    specs = chain(*corpus.tasks)
    for turn in ("first", "second"):
        before = files(host)
        planned = run(session, "plan", specs)
        after = files(host)
        assert {path for path in before | after if before.get(path) != after.get(path)} == set(), corpus.tasks
        applied = run(session, "apply", specs)
        for name, module, params in corpus.tasks:
            told = (turn, module, params, planned[name], applied[name])
            _compare(planned[name], applied[name], told)
            labels.update(change["certainty"] for change in planned[name].get("changes", ()))
            if turn == "second" and len(corpus.tasks) == 1 and applied[name]["status"] != "failed":
                assert applied[name]["status"] == "ok", told


def _compare(planned: Message, applied: Message, told: tuple[object, ...]) -> None:
    certainties = {change["certainty"] for change in planned.get("changes", ())}
    if "unknown" in certainties:
        return
    assert planned["status"] == applied["status"], told
    if planned["status"] == "failed":
        assert planned["message"] == applied["message"], told
    assert list(map(_value, planned.get("changes", ()))) == list(map(_value, applied.get("changes", ()))), (
        told
    )


def _value(change: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in change.items() if key not in ("certainty", "because")}
