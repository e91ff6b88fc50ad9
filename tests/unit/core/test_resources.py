"""The resource pool: all or nothing, exact, in the order of asking; and which requests are impossible."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from configurator.core.resources import ResourcePool, impossible
from tests.unit.core.graphs import exact

CAPACITIES = {"cpu": 1.0, "memory": 0.7, "net": 2.0}
AMOUNTS = st.sampled_from([0.0, 0.1, 0.3, 0.7])
REQUESTS = st.dictionaries(st.sampled_from(sorted(CAPACITIES)), AMOUNTS, max_size=3)


class PoolMachine(RuleBasedStateMachine):
    """Does to a pool what the scheduler may do, and to the plainest model of the same promise.

    The model keeps everyone who waits in one list, in the order of asking, and adds up in exact decimals.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pool = ResourcePool(CAPACITIES)
        self.capacity = {name: exact(amount) for name, amount in CAPACITIES.items()}
        self.requests: list[Mapping[str, float]] = []  # by number
        self.tickets: dict[int, int] = {}
        self.asked = 0
        self.ended: set[int] = set()
        self.waiting: set[int] = set()
        self.offered: set[int] = set()
        self.away: set[int] = set()  # left the queue, and will be back
        self.held: dict[int, Mapping[str, Fraction]] = {}
        self.lost: dict[str, int] = {}

    # -- the model --------------------------------------------------------------------------------------

    def need(self, number: int) -> dict[str, Fraction]:
        return {name: exact(amount) for name, amount in self.requests[number].items() if amount}

    def free(self, name: str) -> Fraction:
        return self.capacity[name] - sum(held.get(name, 0) for held in self.held.values())

    def fits(self, number: int) -> bool:
        """Return True if what is free covers the request and those of all who asked before."""
        older = [other for other in self.waiting if self.tickets[other] < self.tickets[number]]
        return all(
            self.free(name) >= amount + sum(self.need(other).get(name, 0) for other in older)
            for name, amount in self.need(number).items()
        )

    def grant(self, number: int) -> None:
        for group in (self.waiting, self.offered, self.away):
            group.discard(number)
        del self.tickets[number]
        self.held[number] = self.need(number)

    def check_offers(self, returned: list[int]) -> None:
        fitting = [
            number for number in sorted(self.waiting, key=self.tickets.__getitem__) if self.fits(number)
        ]
        assert returned == [number for number in fitting if number not in self.offered]
        self.offered |= set(returned)

    # -- what the scheduler does ------------------------------------------------------------------------

    @rule(request=REQUESTS)
    def ask(self, request: dict[str, float]) -> None:
        """A new task comes after everybody who waits."""
        self.requests.append(request)
        self.try_to_get(len(self.requests) - 1)

    @precondition(lambda self: self.ended)
    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        """The next attempt of a task comes after everybody who waits, too."""
        number = data.draw(st.sampled_from(sorted(self.ended)))
        self.ended.discard(number)
        self.try_to_get(number)

    @precondition(lambda self: self.away)
    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        """A task that had to wait for a lock meanwhile has its old place."""
        self.try_to_get(data.draw(st.sampled_from(sorted(self.away))))

    def try_to_get(self, number: int) -> None:
        self.asked += 1
        self.tickets.setdefault(number, self.asked)
        granted = self.fits(number)
        assert self.pool.acquire(number, self.requests[number]) == granted
        if granted:
            self.grant(number)
        else:
            self.away.discard(number)
            self.waiting.add(number)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def take_turn(self, data: st.DataObject) -> None:
        """Only what was offered can be taken, and only while it is still there."""
        number = data.draw(st.sampled_from(sorted(self.waiting)))
        there = all(self.free(name) >= amount for name, amount in self.need(number).items())
        granted = number in self.offered and there
        assert self.pool.acquire(number, self.requests[number]) == granted
        self.offered.discard(number)
        if granted:
            self.grant(number)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.held)))
        del self.held[number]
        self.ended.add(number)
        self.check_offers(self.pool.release(number))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.waiting)))
        self.waiting.discard(number)
        self.offered.discard(number)
        self.away.add(number)
        self.check_offers(self.pool.withdraw(number))

    @precondition(lambda self: len(self.held) > 1)
    @rule(data=st.data())
    def hand_over(self, data: st.DataObject) -> None:
        """Nothing becomes free when a batch's task leaves its share to the others."""
        number, heir = data.draw(st.permutations(sorted(self.held)))[:2]
        own = self.held.pop(number)
        self.held[heir] = {
            name: self.held[heir].get(name, Fraction()) + own.get(name, Fraction()) for name in CAPACITIES
        }
        self.pool.hand_over(number, heir)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), kept=st.sampled_from(sorted(CAPACITIES)))
    def lose(self, data: st.DataObject, kept: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.held)))
        for name, amount in self.held.pop(number).items():
            if name != kept and amount:
                self.capacity[name] -= amount
                self.lost[name] = number
        self.check_offers(self.pool.lose(number, kept))

    @invariant()
    def nothing_is_overdrawn(self) -> None:
        assert all(self.free(name) >= 0 for name in CAPACITIES)

    @invariant()
    def hopeless_requests_are_known(self) -> None:
        """Exactly a request for more than will ever be there again names who lost it."""
        for number in range(len(self.requests)):
            gone = [n for n, amount in self.need(number).items() if amount > self.capacity[n]]
            loser = self.pool.loser(self.requests[number])
            assert loser == next((self.lost[n] for n in self.requests[number] if n in gone), None)


TestPool = PoolMachine.TestCase
TestPool.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


def test_ten_tenths_are_one() -> None:
    """In binary they are not: the tenth request would be refused, or an eleventh granted."""
    pool = ResourcePool({"cpu": 1.0})
    assert all(pool.acquire(number, {"cpu": 0.1}) for number in range(10))
    assert not pool.acquire(10, {"cpu": 0.1})
    for number in range(9):
        pool.release(number)
    assert pool.acquire(10, {"cpu": 0.1})
    assert pool.release(9) == []
    assert pool.acquire(11, {"cpu": 0.9})


def test_big_numbers_are_as_exact_as_small_ones() -> None:
    """Bytes of memory are big numbers, and one byte too many is too many."""
    pool = ResourcePool({"memory": 64 * 2**30})
    assert pool.acquire(0, {"memory": 64 * 2**30 - 1})
    assert not pool.acquire(1, {"memory": 2})
    assert pool.withdraw(1) == []
    assert pool.acquire(2, {"memory": 1})


def test_a_request_gets_all_or_nothing() -> None:
    """Refused, it has not taken the part that was free, so two cannot block each other half-way."""
    pool = ResourcePool({"cpu": 1, "net": 1})
    assert pool.acquire(0, {"net": 1})
    assert not pool.acquire(1, {"cpu": 1, "net": 1})
    assert pool.withdraw(1) == []
    assert pool.acquire(2, {"cpu": 1})


def test_what_a_waiting_task_asked_for_is_kept_from_later_ones() -> None:
    """A small request that would fit waits behind a big one of the same resource, not of another one."""
    pool = ResourcePool({"cpu": 4, "net": 1})
    assert pool.acquire(0, {"cpu": 2})
    assert not pool.acquire(1, {"cpu": 4})
    assert not pool.acquire(2, {"cpu": 1})
    assert pool.acquire(3, {"net": 1})
    assert pool.release(0) == [1]
    assert pool.acquire(1, {"cpu": 4})
    assert pool.release(1) == [2]


def test_every_waiting_task_of_a_kind_has_its_share_kept() -> None:
    """The second of two big ones is not overtaken because the first one already waits for the same."""
    pool = ResourcePool({"cpu": 4, "memory": 2})
    assert pool.acquire(0, {"cpu": 1})
    assert pool.acquire(9, {"cpu": 1})
    assert not pool.acquire(1, {"cpu": 4, "memory": 1})
    assert not pool.acquire(2, {"cpu": 4, "memory": 1})
    assert not pool.acquire(3, {"memory": 1})
    assert pool.release(0) == []
    assert pool.release(9) == [1]


def test_several_that_fit_are_returned_together_and_only_once() -> None:
    """In the order of asking, whatever their numbers are; all of them may start now."""
    pool = ResourcePool({"cpu": 3})
    assert pool.acquire(9, {"cpu": 2})
    assert pool.acquire(8, {"cpu": 1})
    for number in (5, 0, 7):
        assert not pool.acquire(number, {"cpu": 1})
    assert pool.release(9) == [5, 0]
    assert pool.release(8) == [7]
    assert all(pool.acquire(number, {}) for number in (7, 0, 5))


def test_the_oldest_is_served_first_whatever_it_asks_for() -> None:
    """Not the kind of request that somebody made first."""
    pool = ResourcePool({"cpu": 1, "net": 1})
    assert pool.acquire(0, {"cpu": 1})
    assert not pool.acquire(1, {"cpu": 1})
    assert not pool.acquire(2, {"cpu": 1, "net": 1})
    assert not pool.acquire(3, {"cpu": 1})
    assert pool.withdraw(1) == []
    assert pool.release(0) == [2]


def test_what_is_left_after_all_older_claims_can_be_had() -> None:
    """Whoever is refused for one resource keeps its share of the others, and not more than that."""
    pool = ResourcePool({"cpu": 2, "memory": 3})
    assert pool.acquire(0, {"cpu": 1})
    assert pool.acquire(1, {"memory": 3})
    for number in (2, 3):
        assert not pool.acquire(number, {"cpu": 2, "memory": 1})
    for number in (4, 5):
        assert not pool.acquire(number, {"memory": 1})
    assert pool.release(1) == [4]


def test_waiting_tasks_keep_nothing_from_who_wants_other_resources() -> None:
    """However many there are: only what they asked for themselves is kept."""
    pool = ResourcePool({"cpu": 2, "net": 2})
    assert pool.acquire(0, {"cpu": 1})
    assert pool.acquire(1, {"net": 2})
    for number in (2, 3, 4):
        assert not pool.acquire(number, {"cpu": 2})
    assert not pool.acquire(5, {"net": 1})
    assert pool.release(1) == [5]


def test_who_comes_back_has_the_old_turn_at_once() -> None:
    """It had to wait for a lock: what younger ones asked for meanwhile is not kept from it."""
    pool = ResourcePool({"cpu": 2})
    assert pool.acquire(0, {"cpu": 1})
    assert not pool.acquire(1, {"cpu": 2})
    assert not pool.acquire(2, {"cpu": 1})
    assert pool.withdraw(1) == [2]
    assert pool.withdraw(2) == []
    assert not pool.acquire(3, {"cpu": 2})
    assert pool.acquire(2, {"cpu": 1})
    assert pool.release(0) == []
    assert pool.release(2) == [3]


def test_who_came_back_later_is_still_served_in_the_old_order() -> None:
    """Several that return in any order are offered their turns in the order of their first asking."""
    pool = ResourcePool({"cpu": 1})
    assert pool.acquire(0, {"cpu": 1})
    for number in (1, 2, 3, 4):
        assert not pool.acquire(number, {"cpu": 1})
    for number in (1, 2, 3):
        pool.withdraw(number)
    for number in (2, 3, 1):
        assert not pool.acquire(number, {"cpu": 1})
    assert pool.withdraw(3) == []
    served = []
    holder = 0
    while offered := pool.release(holder):
        (holder,) = offered
        assert pool.acquire(holder, {"cpu": 1})
        served.append(holder)
    assert served == [1, 2, 4]


def test_asking_for_nothing_never_waits() -> None:
    """Zero of a resource is there, whoever waits for it."""
    pool = ResourcePool({"cpu": 1})
    assert pool.acquire(0, {"cpu": 1})
    assert not pool.acquire(1, {"cpu": 1})
    assert pool.acquire(2, {"cpu": 0.0})
    assert pool.acquire(3, {})


def test_everyone_who_waits_can_be_made_to_ask_for_more() -> None:
    """They keep their order, and those whose new request fits are returned."""
    pool = ResourcePool({"cpu": 2})
    pool.acquire(0, {"cpu": 1})
    pool.seize(0, (("cpu", 1_000_000),))
    assert not pool.acquire(1, {"cpu": 2})
    assert not pool.acquire(2, {"cpu": 1})
    pool.add("slots", 2)
    assert pool.ask_more("slots", 2) == []
    assert pool.release(0) == [1]
    assert pool.acquire(1, {})
    assert pool.release(1) == [2]
    assert pool.acquire(2, {})
    assert not pool.acquire(3, {"slots": 1})


def test_seizing_comes_on_top_of_what_a_task_has() -> None:
    """A running task that begins to count for a new capacity gives everything back at its end."""
    pool = ResourcePool({"cpu": 1, "slots": 1})
    assert pool.acquire(0, {"cpu": 1})
    pool.seize(0, (("slots", 1_000_000),))
    assert not pool.acquire(1, {"cpu": 1, "slots": 1})
    assert pool.release(0) == [1]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"cpu": 2.5}, "asks for 2.5 of resource 'cpu', which has 2"),
        ({"cpu": -1.0}, "asks for -1 of resource 'cpu'"),
        ({"cpu": math.nan}, "asks for nan of resource 'cpu'"),
        ({"cpu": math.inf}, "asks for inf of resource 'cpu', which has 2"),
        ({"gpu": 0.0}, "asks for unknown resource 'gpu' (known: cpu, net)"),
    ],
)
def test_an_impossible_request_is_explained(request_: dict[str, float], reason: str) -> None:
    """It is refused before anything runs, by amounts and names that people know."""
    assert list(impossible(request_, {"net": 1, "cpu": 2})) == [reason]


def test_every_reason_is_given_at_once() -> None:
    """Nobody should have to mend one resource to learn of the next."""
    assert len(list(impossible({"cpu": 3, "gpu": 1}, {"cpu": 2}))) == 2
    assert list(impossible({"gpu": 1}, {})) == ["asks for unknown resource 'gpu' (known: none)"]


def test_a_request_for_all_of_a_capacity_is_possible() -> None:
    """The bound itself is not too much."""
    assert list(impossible({"cpu": 2, "net": 0.0}, {"cpu": 2, "net": 0})) == []
