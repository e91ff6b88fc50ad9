"""Work on several hosts at once, of which nothing is left running behind the caller's back."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping

from configurator.core.parallel import ParallelExecutor
from configurator.core.status import Status
from configurator.core.task import Task, TaskContext
from configurator.sandbox.signals import interrupted_once

# More at once only wait for the processor: booting one is a second of work.
HOSTS_AT_ONCE = 8


def together(
    jobs: Mapping[str, Callable[[], object]], cancel: threading.Event | None = None
) -> dict[str, BaseException]:
    """Run the named jobs and return, once all have ended, the errors of those that failed, the first failure
    first.

    With `cancel` the first failure sets it and starts no more jobs; without, all are tried. A signal sets it
    too and is raised when the jobs that had begun have ended, however long that takes.
    """

    def work(job: Callable[[], object], context: TaskContext) -> object:
        if cancel is not None:
            context.token.on_cancel(cancel.set)
        return job()

    tasks = [
        Task(name, lambda context, job=job: work(job, context), critical=cancel is not None)  # type: ignore[misc]
        for name, job in jobs.items()
    ]
    # What a caller undoes after an error must not meet a job that is still at work: none is ever given up.
    executor = ParallelExecutor(HOSTS_AT_ONCE, grace_s=math.inf, drain_first=False)
    with interrupted_once():
        results = executor.execute_tasks(tasks)
    failed = sorted((r for r in results if r.status is Status.FAILED), key=lambda r: r.ended_s)
    return {result.task_name: result.error for result in failed if result.error is not None}
