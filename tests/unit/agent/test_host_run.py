"""The loop on the host: blocks, late tasks, handlers, throttles and ends, with a made-up taker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from configurator.agent.delegated import delegated
from configurator.agent.host_run import HostRun
from configurator.agent.notifications import Notifications
from configurator.agent.protocol import TaskSpec
from configurator.agent.verdicts import Ask, Verdicts
from configurator.agent.work import Done
from configurator.core.cancel import CancelToken
from configurator.core.changes import FieldChange
from configurator.core.errors import TaskError
from configurator.core.task import SettleEarly, TaskContext

PATIENCE_S = 30.0
CHANGED = Done((FieldChange("a:b", "c", 1, 2),))
Do = Callable[[TaskContext], Done]


def change(_context: TaskContext) -> Done:
    return CHANGED


def fail(_context: TaskContext) -> Done:
    raise TaskError("broken", outputs={"rc": 1})


def unexpected(_context: TaskContext) -> Done:
    raise ValueError("a defect")


def until_stopped(context: TaskContext) -> Done:
    """Do not end before the token says so."""
    stopped = threading.Event()
    context.token.on_cancel(stopped.set)
    assert stopped.wait(PATIENCE_S)
    context.token.raise_if_cancelled()
    raise AssertionError("nobody has stopped it")


class Taker:
    """Takes tasks as `does` says, by their ids; all others succeed."""

    def __init__(self, does: Mapping[str, Do], notifications: Notifications, ask: Ask, workers: int) -> None:
        self.workers = workers
        self.taken: list[str] = []
        self.together: list[str] = []
        self._does, self._notifications = does, notifications
        self._verdicts = Verdicts(ask, lambda _message: None)

    def declare(self, spec: TaskSpec) -> Mapping[str, Any]:
        return {"timeout_s": spec.timeout_s, "batch_key": spec.params.get("batch")}

    def take(self, spec: TaskSpec, context: TaskContext) -> Done:
        self.taken.append(spec.id)
        do = self._does.get(spec.id, change)
        done = self._verdicts.about(spec, context, lambda: do(context))
        if done.changed and spec.notify:
            self._notifications.add(spec.notify)
        return done

    def take_together(
        self, specs: Sequence[TaskSpec], contexts: Sequence[TaskContext], settle: SettleEarly
    ) -> Sequence[Done | None]:
        self.together += [spec.id for spec in specs]
        return [CHANGED for _ in specs]

    def unknown(self, spec: TaskSpec, because: str) -> Done:
        raise TaskError(because)


class Ran:
    """One run; `answers` are those of the controller, by the question's type and the task's id."""

    def __init__(
        self,
        specs: Sequence[TaskSpec],
        tmp_path: Path,
        *,
        does: Mapping[str, Do] | None = None,
        answers: Mapping[tuple[str, str], Mapping[str, Any] | None] | None = None,
        workers: int = 1,
        during: Callable[[HostRun], None] | None = None,
    ) -> None:
        self.questions: list[tuple[str, str]] = []
        self.sent: list[dict[str, Any]] = []

        def ask(question: Mapping[str, Any], _limit: float | None, _token: CancelToken) -> Any:
            key = (question["type"], question["task_id"])
            self.questions.append(key)
            return (answers or {}).get(key, {})

        notifications = Notifications(persistent=False, directory=str(tmp_path))
        self.ask = ask
        self.taker = Taker(does or {}, notifications, ask, workers)
        self.run = HostRun(
            specs, self.taker, notifications, lambda each: self.sent.append(dict(each)), False, ask=ask
        )
        if during is not None:
            threading.Thread(target=during, args=(self.run,), daemon=True).start()
        self.run.execute()

    @property
    def ended(self) -> dict[str, str]:
        """Return how the tasks have ended of which something was said."""
        return {each["task_id"]: each["status"] for each in self.sent if each["type"] == "task_finished"}

    def of(self, name: str) -> dict[str, Any]:
        [found] = [each for each in self.sent if each["type"] == "task_finished" and each["task_id"] == name]
        return found


def task(name: str, **fields: Any) -> TaskSpec:
    return TaskSpec(name, "r", name, fields.pop("module", "command"), **fields)


def block(
    block: Sequence[str], rescue: Sequence[str] = (), always: Sequence[str] = (), *, name: str = "end"
) -> list[TaskSpec]:
    """Return the tasks of a block as the compiler ties them together, and its end."""
    specs: list[TaskSpec] = []
    for part, before in ((block, ()), (rescue, block), (always, (*block, *rescue))):
        for number, each in enumerate(part):
            specs.append(
                task(
                    each,
                    after=(*before, *part[:number]),
                    unless_failed=tuple(part[:number]),
                    if_failed=tuple(block) if part is rescue else (),
                    hold=True,
                    rescued=part is block and bool(rescue),
                )
            )
    group = {"block": list(block), "rescue": list(rescue), "always": list(always), "rescued": bool(rescue)}
    members = (*block, *rescue, *always)
    return [*specs, task(name, barrier=True, group=group, after=members, module="block")]


AFTER = task("after", requires=("end",))
# What fails, and what is done, in this order; then whether what is below the block is skipped.
BLOCKS = (
    ((), ["one", "two", "always"], False),
    (("one",), ["one", "rescue", "more", "always"], False),
    (("two",), ["one", "two", "rescue", "more", "always"], False),
    (("one", "rescue"), ["one", "rescue", "always"], True),
    (("one", "more"), ["one", "rescue", "more", "always"], True),
    (("always",), ["one", "two", "always"], True),
    (("one", "always"), ["one", "rescue", "more", "always"], True),
    (("one", "rescue", "always"), ["one", "rescue", "always"], True),
)


@pytest.mark.parametrize(("failing", "done", "lost"), BLOCKS)
@pytest.mark.parametrize("how", [fail, unexpected])
def test_what_is_done_of_a_block_when_something_fails(
    failing: Sequence[str], done: list[str], lost: bool, how: Do, tmp_path: Path
) -> None:
    """A rescue once, an always in any case, and a failure outside unless the rescue has mended it."""
    specs = [*block(["one", "two"], ["rescue", "more"], ["always"]), AFTER]
    ran = Ran(specs, tmp_path, does=dict.fromkeys(failing, how))
    assert ran.taker.taken == [*done, *(() if lost else ["after"])]
    assert ran.ended["after"] == ("skipped" if lost else "changed")
    assert {name: ran.ended[name] for name in failing} == dict.fromkeys(failing, "failed")
    if lost:
        assert ran.of("after")["cause"] in failing


def test_a_block_whose_inner_block_is_rescued_has_not_failed(tmp_path: Path) -> None:
    """And one whose inner block is not is rescued itself: the inner end stands for it."""
    for inner_rescue, done in ((["mend"], ["in", "mend", "below"]), ([], ["in", "rescue"])):
        inner = [
            replace(spec, hold=True) if spec.barrier else spec
            for spec in block(["in"], inner_rescue, name="inner")
        ]
        outer = block(["inner", "below"], ["rescue"])
        specs = [*inner, *(spec for spec in outer if spec.id != "inner"), AFTER]
        ran = Ran(specs, tmp_path, does={"in": fail})
        assert ran.taker.taken == [*done, "after"]


def test_a_task_of_a_block_that_runs_out_of_time_is_rescued(tmp_path: Path) -> None:
    """A timeout is a failure like any other; the work was told to stop."""
    specs = [*block(["slow"], ["rescue"], ["always"]), AFTER]
    specs[0] = replace(specs[0], timeout_s=0.05)
    ran = Ran(specs, tmp_path, does={"slow": until_stopped})
    assert ran.ended == {"slow": "timeout", "rescue": "changed", "always": "changed", "after": "changed"}
    assert ran.of("slow")["rescued"] is True


def test_a_cancelled_run_begins_neither_a_rescue_nor_an_always(tmp_path: Path) -> None:
    """Who cancels wants nothing more to be changed."""
    begun = threading.Event()

    def slow(context: TaskContext) -> Done:
        begun.set()
        return until_stopped(context)

    def cancel(run: HostRun) -> None:
        assert begun.wait(PATIENCE_S)
        run.executor.cancel("enough")

    specs = [*block(["slow"], ["rescue"], ["always"]), AFTER]
    ran = Ran(specs, tmp_path, does={"slow": slow}, during=cancel)
    assert ran.taker.taken == ["slow"]
    assert set(ran.ended.values()) <= {"cancelled", "skipped"}


def test_a_failure_that_is_ignored_does_not_fail_its_block(tmp_path: Path) -> None:
    """No rescue, and what is below goes on."""
    specs = [*block(["one", "two"], ["rescue"]), AFTER]
    specs[0] = replace(specs[0], ignore_errors=True)
    ran = Ran(specs, tmp_path, does={"one": fail})
    assert ran.taker.taken == ["one", "two", "after"]
    assert ran.of("one")["ignored"] is True


def test_what_a_task_outside_keeps_from_running_is_missing_outside_too(tmp_path: Path) -> None:
    """A block is no shelter for a task whose prerequisite has failed elsewhere; its rescue does not run."""
    specs = [task("base"), *block(["one"], ["rescue"]), AFTER]
    specs[1] = replace(specs[1], requires=("base",))
    ran = Ran(specs, tmp_path, does={"base": fail})
    assert ran.taker.taken == ["base"]
    assert ran.ended["after"] == "skipped"


# -- tasks that are known late -------------------------------------------------------------------------------


def test_tasks_take_the_place_of_one_that_is_known_late(tmp_path: Path) -> None:
    """What waits for it waits for them, and of itself nothing is said."""
    children = [task("a").to_json(), task("b", requires=("a",)).to_json()]
    specs = [task("late", late=True), task("after", requires=("late",))]
    ran = Ran(specs, tmp_path, answers={("late", "late"): {"tasks": children}})
    assert ran.taker.taken == ["a", "b", "after"]
    assert "late" not in ran.ended
    ran = Ran(specs, tmp_path, answers={("late", "late"): {"tasks": children}}, does={"a": fail})
    assert ran.taker.taken == ["a"]
    assert ran.ended["after"] == "skipped"


def test_a_late_task_of_a_block_that_fails_fails_the_block(tmp_path: Path) -> None:
    """Its children hold their failures, and the block's members know them by their parent."""
    specs = block(["one", "two"], ["rescue"])
    specs[0] = replace(specs[0], late=True)
    child = task("one/1", hold=True, rescued=True).to_json()
    ran = Ran(specs, tmp_path, answers={("late", "one"): {"tasks": [child]}}, does={"one/1": fail})
    assert ran.taker.taken == ["one/1", "rescue"]
    assert ran.of("one/1")["rescued"] is True


ANSWERS: tuple[tuple[Mapping[str, Any] | None, str, str | None], ...] = (
    (None, "failed", "the controller does not say what this task is"),
    ({"error": "tasks/main.yml:1:1: no"}, "failed", "tasks/main.yml:1:1: no"),
    ({"unknown": "why"}, "failed", "why"),
    ({"skip": "1 > 2"}, "skipped", "1 > 2"),
    ({"tasks": []}, "ok", None),
)


@pytest.mark.parametrize(("answer", "status", "why"), ANSWERS)
def test_each_answer_about_a_late_task_has_its_end(
    answer: Mapping[str, Any] | None, status: str, why: str | None, tmp_path: Path
) -> None:
    """An answer that does not come is a failure of this task, never a hung run."""
    ran = Ran([task("late", late=True)], tmp_path, answers={("late", "late"): answer})
    assert ran.ended == {"late": status}
    assert (ran.of("late").get("message") or ran.of("late").get("cause")) == why


def test_a_late_handler_is_done_in_its_own_place_and_only_if_it_is_notified(tmp_path: Path) -> None:
    """Nobody is asked about one that is not due."""
    for changes in (True, False):
        specs = [task("t", notify=("h",)), task("h", handler=True, late=True, after=("t",))]
        child = task("h/1").to_json()
        ran = Ran(
            specs,
            tmp_path,
            answers={("late", "h"): {"tasks": [child, task("x", skip="no").to_json()]}},
            does={} if changes else {"t": lambda _context: Done()},
        )
        assert ran.taker.taken == ["t", *(["h/1"] if changes else [])]
        assert ran.questions == ([("late", "h")] if changes else [])


def test_a_flush_holds_what_is_below_until_the_handlers_above_are_done(tmp_path: Path) -> None:
    """A barrier does nothing itself, and nothing is said of it."""
    specs = [
        task("t", notify=("h",)),
        task("h", handler=True, after=("t",)),
        task("flush", barrier=True, after=("t", "h"), module="meta"),
        task("below", after=("flush",)),
    ]
    ran = Ran(specs, tmp_path, workers=2)
    assert ran.taker.taken == ["t", "h", "below"]
    assert "flush" not in ran.ended


@pytest.mark.parametrize(
    ("action", "done"),
    [("end_host", ["t"]), ("end_play", ["t"]), ("end_batch", ["t"]), ("end_role", ["t", "other", "h"])],
)
def test_a_meta_ends_what_it_says(action: str, done: list[str], tmp_path: Path) -> None:
    """The rest of the role, whose handlers still run, or all of the host."""
    specs = [
        task("t", notify=("h",)),
        task("end", module="meta", params={"action": action}, after=("t",)),
        task("below", after=("end",)),
        replace(task("other", after=("below",)), role="other"),
        task("h", handler=True, after=("other",)),
    ]
    ran = Ran(specs, tmp_path)
    assert ran.taker.taken == done
    assert ran.of("below")["cause"] == f"meta: {action}"


@pytest.mark.parametrize("ends", [True, False])
def test_what_is_done_in_one_go_is_not_done_after_an_end(ends: bool, tmp_path: Path) -> None:
    """Installs that wait together for the end do not run past it together."""
    specs = [
        task("end", module="meta", params={"action": "end_host"}) if ends else task("end"),
        *(task(name, params={"batch": "apt"}, after=("end",)) for name in ("one", "two")),
    ]
    ran = Ran(specs, tmp_path)
    assert ran.taker.together == ([] if ends else ["one", "two"])
    assert {ran.ended["one"], ran.ended["two"]} == {"skipped" if ends else "changed"}


# -- the controller's part -----------------------------------------------------------------------------------


def test_a_throttled_task_asks_for_its_turn_and_gives_it_back_however_it_ends(tmp_path: Path) -> None:
    """A host that keeps its turn would hold up all others."""
    for do in (None, fail, unexpected):
        ran = Ran([task("t", throttle=1)], tmp_path, does={"t": do} if do else {})
        assert ran.questions == [("throttle", "t")]
        assert [each for each in ran.sent if each["type"] == "released"] == [
            {"type": "released", "task_id": "t"}
        ]


def test_a_task_is_tried_as_often_as_it_may_be(tmp_path: Path) -> None:
    """`until` is the controller's to judge; a cancelled wait is no attempt."""
    for attempts, status in ((1, "failed"), (3, "changed"), (5, "changed")):
        tries: list[int] = []

        def do(context: TaskContext, tries: list[int] = tries) -> Done:
            tries.append(context.attempt)
            if context.attempt < 3:
                raise TaskError("not yet")
            return CHANGED

        ran = Ran([task("t", attempts=attempts, delay_s=0.0)], tmp_path, does={"t": do})
        assert ran.ended == {"t": status}
        assert tries == list(range(1, min(attempts, 3) + 1))
    ran = Ran([task("t", attempts=2, delay_s=0.0)], tmp_path, does={"t": fail})
    assert str(ran.of("t")["message"]).endswith("(the last of 2 attempts)")


DELEGATED: tuple[tuple[Mapping[str, Any] | None, str | None], ...] = (
    (None, "the controller does not have the task done"),
    ({"error": "web2: gone"}, "web2: gone"),
    ({"ended": {"status": "failed", "message": "broken"}}, "on web2: broken"),
    ({"ended": {"status": "timeout"}}, "on web2: timeout"),
    ({}, "on web2: None"),
    ({"ended": {"status": "ok"}, "result": {"outputs": {"rc": 0}}}, None),
    ({"ended": {"status": "changed", "changes": [CHANGED.changes[0].to_json()], "says": "x"}}, None),
)


@pytest.mark.parametrize(("answer", "problem"), DELEGATED)
def test_a_task_that_is_handed_over_ends_as_it_has_ended_there(
    answer: Mapping[str, Any] | None, problem: str | None
) -> None:
    """An answer that makes no sense is a failure."""
    spec = task("t", delegate_to="web2")
    context = TaskContext("t", CancelToken())

    def ask(question: Mapping[str, Any], _limit: float | None, _token: CancelToken) -> Any:
        assert question == {"type": "delegate", "task_id": "t"}
        return answer

    if problem is not None:
        with pytest.raises(TaskError) as caught:
            delegated(ask, spec, context)
        assert caught.value.message == problem
        return
    done = delegated(ask, spec, context)
    assert answer is not None
    assert done.changed is (answer["ended"]["status"] == "changed")
    assert done.outputs == answer.get("result", {}).get("outputs", {})
