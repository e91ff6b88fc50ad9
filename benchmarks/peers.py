"""Other ways to run the same callables on the same number of threads. Optional ones may be missing."""

from __future__ import annotations

import importlib
import importlib.util
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from graphlib import TopologicalSorter
from pathlib import Path
from queue import SimpleQueue

from benchmarks.ours import Requirements, noop


def bare_pool(requirements: Requirements, workers: int) -> object:
    """The base of every ratio: a bare pool that is given everything at once, and knows no order."""
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(noop) for _ in requirements]
        return futures, [future.result() for future in futures]


def graphlib_pool(requirements: Requirements, workers: int) -> object:
    """The standard library's sorter in the calling thread, feeding a pool; workers answer on a queue."""
    sorter = TopologicalSorter(dict(enumerate(requirements)))
    sorter.prepare()
    ended: SimpleQueue[tuple[int, object]] = SimpleQueue()

    def job(number: int) -> None:
        ended.put((number, noop()))

    results: dict[int, object] = {}
    with ThreadPoolExecutor(workers) as pool:
        while sorter.is_active():
            for number in sorter.get_ready():
                pool.submit(job, number)
            number, result = ended.get()
            results[number] = result
            sorter.done(number)
    return sorter, results


def joblib_threads(requirements: Requirements, workers: int) -> object:
    """Run joblib's threading backend; it knows no order, so it is for lists only."""
    joblib = importlib.import_module("joblib")
    call = joblib.delayed(noop)
    return joblib.Parallel(n_jobs=workers, backend="threading")(call() for _ in requirements)


def dask_threads(requirements: Requirements, workers: int) -> object:
    """Run dask's threaded scheduler on a graph written as a dict."""
    dask = importlib.import_module("dask.threaded")
    names = [f"task-{number}" for number in range(len(requirements))]
    graph = {
        name: (noop, *[names[one] for one in required])
        for name, required in zip(names, requirements, strict=True)
    }
    return dask.get(graph, names, num_workers=workers)


def doit_threads(requirements: Requirements, workers: int) -> object:
    """Run doit in this process, with threads, no output and an empty database of its own."""
    doit_cmd, cmd_base = (importlib.import_module(f"doit.{name}") for name in ("doit_cmd", "cmd_base"))

    def task_bench() -> object:
        for number, required in enumerate(requirements):
            yield {
                "name": str(number),
                "actions": [(noop,)],
                "task_dep": [f"bench:{one}" for one in required],
            }

    with tempfile.TemporaryDirectory() as directory:
        options = ["run", "-n", str(workers), "-P", "thread", "--reporter", "zero", "--backend", "json"]
        options += ["--db-file", str(Path(directory, "doit.json"))]
        loader = cmd_base.ModuleTaskLoader({"task_bench": task_bench})
        status = doit_cmd.DoitMain(loader).run(options)
    if status:
        raise RuntimeError(f"doit ended with {status}")
    return status


Peer = Callable[[Requirements, int], object]
OPTIONAL: dict[str, Peer] = {"joblib": joblib_threads, "dask": dask_threads, "doit": doit_threads}


def installed(name: str) -> bool:
    """Return True if the optional package can be imported."""
    return importlib.util.find_spec(name) is not None
