"""The chain of edges between two tasks is there exactly if one waits for the other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from configurator.app.why import why
from configurator.compiler.order import Edge
from configurator.compiler.order_edges import EdgeKind

PAIRS = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda pair: pair[0] < pair[1]))


def reachable(pairs: set[tuple[int, int]], start: int, end: int) -> bool:
    found, last = {start}, 0
    while len(found) != last:
        last = len(found)
        found |= {later for earlier, later in pairs if earlier in found}
    return end in found


@given(PAIRS, PAIRS, st.integers(0, 7), st.integers(0, 7))
def test_the_chain_leads_from_one_task_to_the_other(
    hard: set[tuple[int, int]], soft: set[tuple[int, int]], one: int, other: int
) -> None:
    """Of hard edges alone where there is such a chain: only that says that success is needed."""
    if one == other:
        return
    edges = [Edge(str(a), str(b), EdgeKind.DECLARED, (a, b) in hard) for a, b in hard | soft]
    names = {str(n): f"task {n}" for n in range(8)}
    found = why(str(one), str(other), [], edges, names)
    first, second = min(one, other), max(one, other)
    assert bool(found.chain) == reachable(hard | soft, first, second)
    assert found.hard == reachable(hard, first, second)
    if found.chain:
        assert (found.chain[0].before, found.chain[-1].after) == (f"task {first}", f"task {second}")
        assert all(a.after == b.before for a, b in zip(found.chain, found.chain[1:], strict=False))


def test_two_tasks_without_an_order_that_share_a_lock_never_run_at_once() -> None:
    from configurator.agent.protocol import TaskSpec  # noqa: PLC0415

    specs = [TaskSpec(id=name, name=name, role="r", module="x", locks=("apt", name)) for name in "ab"]
    assert why("a", "b", specs, [], {"a": "a", "b": "b"}).locks == ("apt",)
