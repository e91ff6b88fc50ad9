"""The ready queue: who is picked, who waits for what; leaks, batches and exclusive tasks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from configurator.core._ready import ReadyQueue, State
from configurator.core.resources import ResourcePool
from configurator.core.task import Task
from tests.unit.core.graphs import never_called, task

APT = frozenset({"apt"})


def starts(_number: int) -> str | None:
    return ""


def ready_queue(
    tasks: Sequence[Task],
    keys: Sequence[float] | None = None,
    *,
    capacities: dict[str, float] | None = None,
    slots: int = 4,
    admits: Callable[[int], str | None] = starts,
    ready: Sequence[int] | None = None,
) -> ReadyQueue:
    """Return a queue of tasks that are all ready, or those named, equally urgent without keys."""
    urgency = dict(enumerate(keys or ()))
    pool = ResourcePool(capacities or {})
    queue = ReadyQueue(tasks, pool, slots, lambda number: urgency.get(number, -1.0), admits)
    queue.start(range(len(tasks)) if ready is None else ready)
    return queue


def alike(count: int, **options: Any) -> list[Task]:
    return [task(f"t{number}", **options) for number in range(count)]


def picks(queue: ReadyQueue) -> list[list[int]]:
    """Pick until nothing fits any more."""
    return list(iter(queue.pick, []))


def end(queue: ReadyQueue, number: int) -> None:
    """Do what the schedule does when a task has ended."""
    queue.release(number)
    queue.states[number] = State.ENDED


def skip(queue: ReadyQueue, number: int) -> None:
    """Do what the schedule does when a task ends without having run."""
    queue.states[number] = State.ENDED
    queue.forget([number])


def test_the_most_urgent_is_picked_first_whenever_it_became_ready() -> None:
    """What is ready at the start and what becomes ready later is one order; equals in declared order."""
    queue = ready_queue(alike(7), [-1, -3, -2, -3, -2, -1, -9], ready=[0, 2, 3])
    for number in (1, 4, 5):
        queue.push(number)
    assert picks(queue) == [[1], [3], [2], [4], [0], [5]]
    assert not queue
    queue.push(6)
    assert queue


def test_what_is_not_ready_any_more_is_not_picked() -> None:
    """An entry in the queue can be older than the end of its task."""
    queue = ready_queue(alike(3))
    skip(queue, 1)
    assert queue.ready() == [0, 2]
    assert picks(queue) == [[0], [2]]


def test_only_ready_tasks_are_ready() -> None:
    """Waiting, running, delayed and ended ones are not."""
    queue = ready_queue(alike(5), ready=[0, 1])
    queue.states[2], queue.states[3] = State.DELAYED, State.ENDED
    assert queue.pick() == [0]
    assert queue.ready() == [1]


# -- locks -----------------------------------------------------------------------------------------------


def test_a_free_lock_goes_to_the_most_urgent_that_waits() -> None:
    """One is brought back for it, not all; one that cannot use it passes the turn on."""
    both = frozenset({"apt", "db"})
    tasks = [*alike(3, locks=APT), task("both", locks=both), task("db", locks=frozenset({"db"}))]
    queue = ready_queue(tasks, [-9, -1, -2, -5, -8])
    assert picks(queue) == [[0], [4]]
    end(queue, 0)  # offered to `both`, which lacks `db`
    assert picks(queue) == [[2]]
    end(queue, 4)  # offered to `both`, which lacks `apt` now
    assert picks(queue) == []
    end(queue, 2)
    assert picks(queue) == [[3]]
    end(queue, 3)
    assert picks(queue) == [[1]]


def test_a_lock_is_offered_on_when_who_was_called_for_it_ends() -> None:
    """A skipped task must not take the turn at a lock with it into its grave."""
    queue = ready_queue(alike(3, locks=APT))
    assert picks(queue) == [[0]]
    end(queue, 0)
    skip(queue, 1)
    assert picks(queue) == [[2]]


def test_who_ended_while_it_waited_for_a_lock_is_not_called_for_it() -> None:
    """The lock goes to the next one that still waits."""
    queue = ready_queue(alike(3, locks=APT))
    assert picks(queue) == [[0]]
    skip(queue, 1)
    end(queue, 0)
    assert picks(queue) == [[2]]


def test_who_was_called_for_a_lock_waits_again_if_it_was_taken() -> None:
    """A more urgent task may be faster; the one that was called loses nothing but time."""
    queue = ready_queue(alike(3, locks=APT), [-1, -2, -9], ready=[0, 1])
    assert picks(queue) == [[1]]
    end(queue, 1)
    queue.push(2)
    assert queue.pick() == [2]
    assert picks(queue) == []
    end(queue, 2)
    assert picks(queue) == [[0]]


def test_a_lock_is_passed_on_by_who_lacks_resources() -> None:
    """It waits for them in the pool's queue, where it needs no lock; others may have it meanwhile."""
    greedy = {"locks": APT, "resources": {"cpu": 1.0}}
    tasks = [task("cpu", resources={"cpu": 1.0}), task("first", locks=APT), task("both", **greedy)]
    queue = ready_queue([*tasks, task("last", locks=APT)], [-9, -9, -5, -1], capacities={"cpu": 1.0})
    assert picks(queue) == [[0], [1]]
    end(queue, 1)
    assert picks(queue) == [[3]]
    end(queue, 3)
    assert picks(queue) == []
    end(queue, 0)
    assert picks(queue) == [[2]]


def test_who_waits_for_a_lock_keeps_no_resource_from_others() -> None:
    """Its turn at the resources comes while the lock is held: it leaves their queue and is not in the way."""
    tasks = [
        task("cpu", resources={"cpu": 1.0}),
        task("both", locks=APT, resources={"cpu": 1.0}),
        task("lock", locks=APT),
        task("later", resources={"cpu": 1.0}),
    ]
    queue = ready_queue(tasks, [-9, -8, -7, -6], capacities={"cpu": 1.0})
    assert picks(queue) == [[0], [2]]
    end(queue, 0)
    assert picks(queue) == [[3]]
    end(queue, 2)
    assert picks(queue) == []
    end(queue, 3)
    assert picks(queue) == [[1]]


# -- exclusive tasks ---------------------------------------------------------------------------------------


def test_an_exclusive_task_waits_for_all_others_and_they_wait_for_it() -> None:
    """It goes last, however urgent, and `bool` says truly whether a worker is worth waking."""
    queue = ready_queue(
        [task("alone", exclusive=True), task("other"), task("late")], [-9, -1, -1], ready=[0, 1]
    )
    assert queue
    assert queue.pick() == [1]
    assert not queue
    assert picks(queue) == []
    end(queue, 1)
    assert queue
    assert queue.pick() == [0]
    queue.push(2)
    assert not queue
    assert picks(queue) == []
    end(queue, 0)
    assert picks(queue) == [[2]]


def test_an_exclusive_task_goes_after_those_that_wait_for_the_same_lock() -> None:
    """They can start before it, so they do; its urgency counts among exclusive tasks only."""
    tasks = [task("holder", locks=APT), task("alone", locks=APT, exclusive=True), task("other", locks=APT)]
    queue = ready_queue([*tasks, task("runs")], [-9, -8, -7, -9])
    queue.close("apt")
    assert picks(queue) == [[3]]
    queue.open("apt")
    assert picks(queue) == [[0]]
    end(queue, 0)
    assert picks(queue) == [[2]]
    end(queue, 2)
    end(queue, 3)
    assert picks(queue) == [[1]]


def test_exclusive_tasks_go_by_urgency_and_not_at_all_once_ended() -> None:
    """Among themselves they are ordered like all others."""
    queue = ready_queue(alike(3, exclusive=True), [-1, -2, -3])
    skip(queue, 1)
    assert queue.pick() == [2]
    end(queue, 2)
    assert queue.pick() == [0]


def test_what_a_refused_exclusive_task_releases_is_picked_at_once() -> None:
    """It was skipped by its breaker and nothing runs: nobody would ever ask again."""
    released: list[ReadyQueue] = []

    def admits(number: int) -> str | None:
        if number == 0:
            released[0].states[0] = State.ENDED
            released[0].push(1)
            return None
        return ""

    queue = ready_queue([task("alone", exclusive=True), task("next")], admits=admits, ready=[0])
    released.append(queue)
    assert queue.pick() == [1]


def test_an_exclusive_task_waits_for_a_held_lock() -> None:
    """The lock of a breaker's trial can be held while nothing runs here: another run has the trial."""
    queue = ready_queue([task("alone", exclusive=True, locks=APT)])
    queue.close("apt")
    assert picks(queue) == []
    queue.open("apt")
    assert picks(queue) == [[0]]


# -- who is asked last ---------------------------------------------------------------------------------------


def test_a_task_that_is_sent_to_a_lock_waits_there_and_gives_everything_back() -> None:
    """Whoever is refused at last must not keep what it was granted before."""
    answers = {0: [""], 1: ["trial", ""], 2: [""]}
    queue = ready_queue(
        alike(3, resources={"cpu": 1.0}),
        [-9, -8, -7],
        capacities={"cpu": 2.0},
        admits=lambda number: answers[number].pop(0),
    )
    queue.close("trial")
    assert picks(queue) == [[0], [2]]
    end(queue, 0)
    end(queue, 2)
    assert picks(queue) == []
    queue.open("trial")
    assert picks(queue) == [[1]]


@pytest.mark.parametrize("locks", [APT, frozenset()], ids=["lock and resource", "resource"])
def test_a_task_that_is_ended_at_last_passes_on_what_it_was_granted(locks: frozenset[str]) -> None:
    """It never starts; who waits for the same does, though nothing has ended meanwhile."""
    queue = ready_queue(
        alike(3, locks=locks, resources={"cpu": 1.0}),
        capacities={"cpu": 1.0},
        admits=lambda number: None if number == 1 else "",
    )
    assert picks(queue) == [[0]]
    end(queue, 0)
    assert picks(queue) == [[2]]


# -- weights ---------------------------------------------------------------------------------------------


def test_weights_share_the_worker_slots() -> None:
    """Three of weight one and a half do not fit into four slots; a later light one does not overtake."""
    queue = ready_queue([*alike(3, weight=1.5), task("light", weight=0.5)])
    assert picks(queue) == [[0], [1]]
    end(queue, 0)
    assert picks(queue) == [[2], [3]]


def test_weights_that_join_count_what_runs_already() -> None:
    """The first weighted task comes late: what runs by then has a slot each, a batch one in all."""
    batch = {"batch_key": "b", "batch_func": never_called}
    tasks = [*alike(2, **batch), task("t2", resources={"cpu": 1.0})]
    queue = ready_queue(tasks, capacities={"cpu": 1.0})
    assert picks(queue) == [[0, 1], [2]]
    tasks += [task("heavy", weight=3.0), task("light", weight=2.0)]
    queue.grow(tasks)
    queue.push(3)
    queue.push(4)
    assert picks(queue) == []
    end(queue, 2)
    assert picks(queue) == [[3]]
    end(queue, 0)  # the batch still has its slot
    assert picks(queue) == []
    end(queue, 1)
    assert picks(queue) == []
    end(queue, 3)
    assert picks(queue) == [[4]]


def test_weights_that_join_also_count_who_waits_for_resources() -> None:
    """A task that asked before there were weights must not start without a slot."""
    tasks = [*alike(2, resources={"cpu": 1.0}), task("running")]
    queue = ready_queue(tasks, capacities={"cpu": 1.0}, slots=2)
    assert queue.pick() == [0]
    assert queue.pick() == [2]
    end(queue, 0)
    tasks.append(task("heavy", weight=2.0))
    queue.grow(tasks)
    queue.push(3)
    end(queue, 2)
    assert picks(queue) == [[1]]
    end(queue, 1)
    assert picks(queue) == [[3]]


def test_more_weights_that_join_change_nothing() -> None:
    """The slots are counted from the first weight on, not anew with each."""
    tasks = [task("heavy", weight=3.0)]
    queue = ready_queue(tasks)
    assert queue.pick() == [0]
    tasks += [task("other", weight=3.0), task("usual")]
    queue.grow(tasks)
    queue.push(1)
    assert picks(queue) == []
    tasks.append(task("light", weight=0.5))
    queue.grow(tasks)
    queue.push(2)
    end(queue, 0)
    assert picks(queue) == [[1], [2]]


def test_however_much_runs_counts_when_weights_join() -> None:
    """Each of a thousand running tasks has its slot."""
    tasks = alike(1000)
    queue = ready_queue(tasks, slots=1000)
    assert len(picks(queue)) == 1000
    tasks.append(task("heavy", weight=2.0))
    queue.grow(tasks)
    queue.push(1000)
    end(queue, 7)
    assert picks(queue) == []
    end(queue, 8)
    assert picks(queue) == [[1000]]


def test_weights_that_join_leave_a_batch_alone_that_has_lent_its_slot() -> None:
    """Whichever of its tasks lent it: with a slot taken for it besides, its own would never be free again."""
    for lender in (0, 1):
        tasks = alike(2, batch_key="b", locks=APT)
        queue = ready_queue(tasks, slots=1)
        assert queue.pick() == [0, 1]
        queue.lend(queue.holder(lender))
        tasks += [task("heavy", weight=0.5)]
        queue.grow(tasks)
        queue.push(2)
        assert queue.pick() == [2]
        assert not queue.take_back(queue.holder(lender))
        end(queue, 2)
        assert queue.take_back(queue.holder(lender))


def test_weights_that_join_do_not_count_a_batch_that_was_partly_given_up() -> None:
    """What is left of it runs in a thread that is no worker's any more."""
    tasks = alike(2, batch_key="b", locks=APT)
    queue = ready_queue(tasks, slots=1)
    assert queue.pick() == [0, 1]
    queue.leak(1)
    queue.states[1] = State.ENDED
    tasks += [task("heavy", weight=0.5), task("next", weight=1.0)]
    queue.grow(tasks)
    queue.push(2)
    assert queue.pick() == [2]
    end(queue, 2)
    end(queue, 0)
    queue.push(3)
    assert queue.pick() == [3]


def test_tasks_of_the_usual_weight_may_join() -> None:
    """They make nothing dearer for the others, and can be picked."""
    tasks = alike(1)
    queue = ready_queue(tasks)
    tasks.append(task("joined"))
    queue.grow(tasks)
    queue.push(1)
    assert picks(queue) == [[0], [1]]


# -- rooms -----------------------------------------------------------------------------------------------

ROOM = frozenset({"room"})


def with_room(*tasks: Task, places: int, keys: Sequence[float] | None = None, slots: int = 4) -> ReadyQueue:
    queue = ready_queue(tasks, keys, slots=slots)
    queue.add_room("room", places)
    return queue


def test_a_room_is_a_lock_for_so_many() -> None:
    """Each place that becomes free brings back one task, the most urgent."""
    queue = with_room(*alike(5, locks=ROOM), task("outside"), places=2, keys=[-1, -2, -3, -4, -5, 0])
    assert picks(queue) == [[4], [3], [5]]
    end(queue, 3)
    assert picks(queue) == [[2]]
    end(queue, 4)
    end(queue, 2)
    assert picks(queue) == [[1], [0]]


def test_a_task_that_leaks_leaves_its_place_in_a_room() -> None:
    """A place stands for running, like a worker; only real locks are lost."""
    queue = with_room(task("deaf", locks=ROOM | APT), *alike(2, locks=ROOM), places=1)
    assert picks(queue) == [[0]]
    queue.leak(0)
    assert queue.leaker(1) is None
    assert picks(queue) == [[1]]
    end(queue, 1)
    assert picks(queue) == [[2]]


def test_a_place_that_was_lent_is_kept_for_who_comes_back() -> None:
    """It is not given to the next one in the queue, but nobody is put out for it."""
    queue = with_room(
        task("waits", locks=ROOM | APT), *alike(3, locks=ROOM), task("lock", locks=APT), places=1
    )
    assert picks(queue) == [[0]]
    queue.lend(0)
    assert picks(queue) == [[1]]  # the lock is not lent
    assert not queue.take_back(0)
    assert not queue.take_back(0)
    end(queue, 1)
    assert picks(queue) == []
    assert queue.take_back(0)
    assert picks(queue) == []
    end(queue, 0)
    assert picks(queue) == [[2], [4]]


def test_who_waits_again_has_no_place_kept() -> None:
    """What it waits for now may need the place itself."""
    queue = with_room(*alike(4, locks=ROOM), places=1)
    assert picks(queue) == [[0]]
    queue.lend(0)
    assert picks(queue) == [[1]]
    assert not queue.take_back(0)
    queue.wait_again(0)
    queue.wait_again(0)
    end(queue, 1)
    assert picks(queue) == [[2]]
    end(queue, 2)
    assert queue.take_back(0)
    assert picks(queue) == []


@pytest.mark.parametrize("claims", [False, True], ids=["waiting", "coming back"])
@pytest.mark.parametrize("leaks", [False, True], ids=["ended", "leaked"])
def test_who_ends_while_its_place_is_lent_keeps_nothing(claims: bool, leaks: bool) -> None:
    """Given up while it waits, or ended by a callback: neither place nor claim stays behind."""
    queue = with_room(*alike(4, locks=ROOM, weight=2.0), places=1, slots=2)
    assert picks(queue) == [[0]]
    queue.lend(0)
    assert picks(queue) == [[1]]
    if claims:
        assert not queue.take_back(0)
    if leaks:
        queue.leak(0)
    else:
        end(queue, 0)
    assert picks(queue) == []
    end(queue, 1)
    assert picks(queue) == [[2]]
    end(queue, 2)
    assert picks(queue) == [[3]]


def test_worker_slots_are_lent_and_kept_too() -> None:
    """A heavy task comes back when there are slots for all of its weight, before any that is new."""
    queue = ready_queue([task("waits", weight=2.0), *alike(4, weight=1.0)], slots=2)
    assert picks(queue) == [[0]]
    queue.lend(0)
    assert picks(queue) == [[1], [2]]
    assert not queue.take_back(0)
    end(queue, 1)
    assert picks(queue) == []
    assert not queue.take_back(0)
    end(queue, 2)
    assert picks(queue) == []
    assert queue.take_back(0)
    assert picks(queue) == []
    end(queue, 0)
    assert picks(queue) == [[3], [4]]


def test_slots_are_kept_as_long_as_somebody_comes_back_to_them() -> None:
    """The first of two that has its slots again does not open the way for new tasks."""
    queue = ready_queue([*alike(2, weight=2.0), *alike(5)], slots=4)
    assert picks(queue) == [[0], [1]]
    queue.lend(0)
    queue.lend(1)
    assert picks(queue) == [[2], [3], [4], [5]]
    assert not queue.take_back(0)
    assert not queue.take_back(1)
    end(queue, 2)
    end(queue, 3)
    assert queue.take_back(0)
    end(queue, 4)
    assert picks(queue) == []
    assert not queue.take_back(1)
    end(queue, 5)
    assert queue.take_back(1)
    assert picks(queue) == []
    end(queue, 0)
    assert picks(queue) == [[6]]


def test_who_waits_when_the_first_weight_joins_has_its_slot_to_come_back_to() -> None:
    """It holds none meanwhile, and needs one again like all that were running."""
    tasks = alike(2)
    queue = ready_queue(tasks, slots=2)
    assert picks(queue) == [[0], [1]]
    queue.lend(0)
    tasks += [task("light", weight=0.5), task("heavy", weight=1.5)]
    queue.grow(tasks)
    queue.push(2)
    assert picks(queue) == [[2]]
    queue.push(3)
    assert not queue.take_back(0)
    end(queue, 2)
    assert queue.take_back(0)
    end(queue, 0)
    assert picks(queue) == []
    end(queue, 1)
    assert picks(queue) == [[3]]


# -- batches ---------------------------------------------------------------------------------------------


def test_a_batch_takes_what_is_alike_and_about_as_urgent() -> None:
    """A quarter of the picked one's remaining path is the bound; others of the key are left for later."""
    batch = {"batch_key": "apt", "locks": APT}
    tasks = [*alike(4, **batch), task("unlocked", batch_key="apt"), task("other", batch_key="pip", locks=APT)]
    queue = ready_queue(tasks, [-8.0, -2.0, -1.99, -4.0, -8.0, -8.0])
    assert queue.pick() == [0, 3, 1]
    assert picks(queue) == [[4]]
    for number in (0, 1, 3):
        end(queue, number)
    assert picks(queue) == [[5]]
    end(queue, 5)
    assert picks(queue) == [[2]]


@pytest.mark.parametrize(
    "differs",
    [
        {"locks": frozenset({"db"})},
        {"resources": {"cpu": 0.5}},
        {"breaker": "mirror"},
        {"weight": 2.0},
        {"exclusive": True},
    ],
    ids=str,
)
def test_tasks_that_hold_different_things_are_not_joined(differs: dict[str, Any]) -> None:
    """A batch holds what its first task was granted, and for all of it."""
    tasks = [task("a", batch_key="b"), task("b", batch_key="b", **differs)]
    queue = ready_queue(tasks, capacities={"cpu": 1.0})
    assert queue.pick() == [0]
    end(queue, 0)
    assert queue.pick() == [1]


def test_a_batch_takes_tasks_that_wait_for_locks_and_resources_too() -> None:
    """They need none of their own any more, and their places in the queues go to others."""
    cpu = {"resources": {"cpu": 1.0}}
    tasks = [task("cpu", **cpu), *alike(2, locks=APT, batch_key="b", **cpu), task("lock", locks=APT)]
    tasks += [task("t2", locks=APT, batch_key="b", **cpu), task("last", **cpu)]
    queue = ready_queue(tasks, [-9, -8, -8, -7, -6, -5], capacities={"cpu": 1.0})
    assert picks(queue) == [[0], [3]]
    end(queue, 3)
    end(queue, 0)
    assert queue.pick() == [1, 2, 4]
    for number in (1, 2):
        end(queue, number)
        assert picks(queue) == []
    end(queue, 4)
    assert picks(queue) == [[5]]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_a_batch_holds_its_lock_until_the_last_of_it_has_ended(order: Sequence[int]) -> None:
    """Any of it may be settled early, its first task as well; the others work on under the same lock."""
    tasks = [*alike(4, locks=APT, resources={"cpu": 1.0}, batch_key="b"), task("next", locks=APT)]
    queue = ready_queue(tasks, capacities={"cpu": 1.0})
    assert queue.pick() == [0, 1, 2, 3]
    for number in order:
        assert picks(queue) == []
        end(queue, number)
    assert picks(queue) == [[4]]
    assert queue.running == 1


def test_those_that_were_not_urgent_enough_for_a_batch_make_the_next_one() -> None:
    """They are still known to be alike."""
    queue = ready_queue(alike(4, batch_key="b"), [-8.0, -1.0, -1.0, -1.0])
    assert picks(queue) == [[0], [1, 2, 3]]


# -- leaks -----------------------------------------------------------------------------------------------


def test_what_leaks_stays_held_and_is_named() -> None:
    """Locks and resources of a task that was given up never come back; its worker's slot does."""
    tasks = [
        task("deaf", locks=APT, resources={"cpu": 0.6}, weight=2.0),
        task("lock", locks=frozenset({"aaa", "apt"})),
        task("much", resources={"cpu": 0.5}),
        task("little", resources={"cpu": 0.4}, weight=2.0),
        task("free"),
    ]
    queue = ready_queue(tasks, [-9, -8, -7, -6, -5], capacities={"cpu": 1.0}, slots=2)
    assert queue.pick() == [0]
    assert [queue.leaker(number) for number in range(1, 5)] == [None] * 4
    queue.leak(0)
    assert [queue.leaker(number) for number in range(1, 5)] == [0, 0, None, None]
    skip(queue, 1)
    skip(queue, 2)
    assert picks(queue) == [[3]]
    end(queue, 3)
    assert picks(queue) == [[4]]


def test_who_needs_other_locks_than_the_leaked_ones_is_not_lost() -> None:
    """Only what needs that very lock is."""
    queue = ready_queue([task("deaf", locks=APT), task("other", locks=frozenset({"db"}))])
    assert queue.pick() == [0]
    queue.leak(0)
    assert queue.leaker(1) is None
    assert picks(queue) == [[1]]


def test_a_leaked_exclusive_task_holds_nobody_up() -> None:
    """Its thread is lost, the run goes on."""
    queue = ready_queue([task("alone", exclusive=True), task("next")], ready=[0])
    assert queue.pick() == [0]
    queue.push(1)
    queue.leak(0)
    assert picks(queue) == [[1]]


def test_a_leaked_task_does_not_count_as_running() -> None:
    """An exclusive task waits for those that run, not for those that were given up."""
    queue = ready_queue([task("deaf"), task("alone", exclusive=True)])
    assert queue.pick() == [0]
    queue.leak(0)
    assert picks(queue) == [[1]]


def test_a_leaked_task_of_a_batch_takes_their_lock_with_it() -> None:
    """They are done in one thread, which is deaf: one of them can end early in it, and work goes on there."""
    queue = ready_queue([*alike(2, locks=APT, batch_key="b"), task("next", locks=APT)])
    assert queue.pick() == [0, 1]
    queue.leak(1)
    assert queue.leaker(2) == 1
    end(queue, 0)
    assert queue.leaker(2) == 1
