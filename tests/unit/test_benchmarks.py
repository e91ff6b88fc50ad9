"""The benchmarks measure what they say they measure; how long anything takes is never judged here."""

from __future__ import annotations

import gc
import io
import threading
from collections.abc import Callable
from functools import partial

import pytest

from benchmarks import (
    dags,
    engine,
    engine_cases,
    engine_overhead,
    engine_timers,
    ours,
    peers,
)
from benchmarks.calls import in_turn, peak_bytes, whole
from benchmarks.figures import Figure, print_figures, print_verdict
from configurator.core.status import Status

SIZE = 50
WORKERS = 3
GRAPHS: dict[str, ours.Requirements] = {
    "list": [()] * SIZE,
    "chain": dags.chain(SIZE),
    "graph": dags.window_dag(SIZE, window=10),
}


class Counter:
    """Stands in for the function that does nothing, and counts its calls from any thread."""

    def __init__(self) -> None:
        self.calls = 0
        self._lock = threading.Lock()

    def __call__(self, *_arguments: object) -> None:
        with self._lock:
            self.calls += 1


@pytest.mark.parametrize("shape", GRAPHS)
@pytest.mark.parametrize(
    "peer", ["bare_pool", "graphlib_pool", "joblib_threads", "dask_threads", "doit_threads"]
)
def test_every_peer_runs_every_task_once(peer: str, shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that skipped work would look quick, and make us look slow."""
    package = peer.partition("_")[0]
    if package in peers.OPTIONAL and not peers.installed(package):
        pytest.skip(f"{package} is not installed")
    counter = Counter()
    monkeypatch.setattr(peers, "noop", counter)
    getattr(peers, peer)(GRAPHS[shape], WORKERS)
    assert counter.calls == SIZE


@pytest.mark.parametrize("shape", GRAPHS)
def test_ours_runs_every_task_with_its_prerequisites_before_it(shape: str) -> None:
    """The graph that is timed is the one that was asked for."""
    order: list[str] = []
    graph = ours.build(GRAPHS[shape], lambda context: order.append(context.name))
    results = ours.check(ours.run(graph, WORKERS))
    assert [result.status for result in results] == [Status.SUCCESS] * SIZE
    place = {name: number for number, name in enumerate(order)}
    assert len(place) == SIZE
    for number, required in enumerate(GRAPHS[shape]):
        assert all(place[f"task-{one}"] < place[f"task-{number}"] for one in required)


def test_callables_are_run_as_tasks() -> None:
    """The same function many times over is as many tasks, each with a name of its own."""
    results = ours.run_callables(SIZE, WORKERS)
    assert len({result.task_name for result in results}) == SIZE


def test_a_failing_task_is_no_figure() -> None:
    """A run that fails early would be the quickest of all."""

    def fail(_context: object) -> None:
        raise ValueError("broken")

    with pytest.raises(RuntimeError, match="did not succeed"):
        ours.check(ours.run(ours.build([()], fail), 1))


def test_in_turn_alternates_with_the_collector_as_asked_for_all() -> None:
    """A B A B, a warm-up round that does not count, and the collector as it was afterwards."""
    seen: list[tuple[str, bool]] = []

    def note(name: str) -> Callable[[], object]:
        return lambda: seen.append((name, gc.isenabled()))

    before = gc.isenabled()
    timed = in_turn({"a": whole(note("a")), "b": whole(note("b"))}, runs=2)
    assert seen == [("a", True), ("b", True)] * 3
    assert [len(one.runs) for one in timed.values()] == [2, 2]
    assert gc.isenabled() is before
    in_turn({"a": whole(note("c"))}, runs=1, collector=False)
    assert seen[-1] == ("c", False)


def test_peak_bytes_sees_what_is_freed_again() -> None:
    """The peak counts, not what is left."""

    def grow_and_shrink() -> int:
        return len(bytearray(1_000_000))

    assert 1_000_000 <= peak_bytes(grow_and_shrink) < 1_100_000


def test_a_split_contender_has_all_laps() -> None:
    """Building, running and the statistics add up to the whole."""
    timed = in_turn({"ours": ours.split(GRAPHS["graph"], WORKERS)}, runs=1)["ours"]
    assert timed.median == pytest.approx(timed.lap(0) + timed.lap(1) + timed.lap(2))


def test_the_tools_run_in_two_levels() -> None:
    """Nine tools need nothing, six need one of those; all have a duration."""
    assert [len(level) for level in engine_cases.split_levels(engine_cases.TOOLS)] == [9, 6]
    assert engine_cases.UNEVEN.keys() == engine_cases.TOOLS.keys()
    no_time = dict.fromkeys(engine_cases.TOOLS, 0.0)
    assert engine_cases.engine(engine_cases.TOOLS, no_time, 9) == list(engine_cases.TOOLS)


@pytest.mark.parametrize(
    "part",
    [
        partial(engine_overhead.no_ops, "graph", GRAPHS["graph"], 1),
        partial(engine_overhead.optional, "list", GRAPHS["list"], tuple(peers.OPTIONAL), 1),
        partial(engine_overhead.no_ops, "list", GRAPHS["list"], 1),
        partial(engine_overhead.memory, SIZE),
        partial(engine_overhead.growth, (SIZE, 2 * SIZE), 1),
        partial(engine_timers.timeouts, SIZE, 1),
        partial(engine_cases.speed_up, 0.001, 1),
        partial(engine_cases.uneven, 0.001, 1),
    ],
)
def test_every_part_gives_figures(part: Callable[[], list[Figure]]) -> None:
    """Each has a name of its own, and a value unless something is not installed."""
    figures = part()
    assert len({figure.name for figure in figures}) == len(figures)
    assert all(figure.value is not None or figure.note == "not installed" for figure in figures)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them the row stays, and says why it is empty."""
    monkeypatch.setattr(peers, "installed", lambda _name: False)
    figures = engine_overhead.optional("list", GRAPHS["list"], ("joblib", "dask", "doit"), 1)
    assert [(figure.value, figure.note) for figure in figures] == [(None, "not installed")] * 3


def test_the_table_judges_both_kinds_of_limit() -> None:
    """On the limit is met; beyond it is missed; no limit and no value are not judged."""
    figures = [
        Figure("on it", 2.0, at_most=2.0),
        Figure("over", 2.1, at_most=2.0),
        Figure("enough", 7.2, at_least=7.2),
        Figure("short", 7.1, at_least=7.2),
        Figure("to compare", 1.0),
        Figure("not there", None, at_most=1.0, note="not installed"),
    ]
    assert [figure.verdict for figure in figures] == ["met", "MISSED", "met", "MISSED", "", ""]
    out = io.StringIO()
    print_figures("Title", figures, out)
    print_verdict(figures, out)
    assert "2 of 4 limits met" in out.getvalue()
    assert "  MISSED: over\n  MISSED: short\n" in out.getvalue()
    assert "not installed" in out.getvalue()


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A typo does not silently measure nothing."""
    with pytest.raises(SystemExit):
        engine.main(["overhed"])
    assert "no such part: overhed" in capsys.readouterr().err
