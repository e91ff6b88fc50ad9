"""What a host is sent: all that its agent can import, and nothing else."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from configurator.transport import bundle as bundle_module
from configurator.transport.bundle import NOT_SENT, bundle

PACKAGE = Path(bundle_module.__file__).parents[1]
SENT: dict[str, str] = json.loads(bundle().data)

ENTRANCE = "configurator/agent/main.py"  # for the loader; modules are imported by the names that tasks give


def file_of(module: str) -> str | None:
    """Return the path of one of our modules, whether it is sent or not; None if it is no module."""
    path = module.replace(".", "/")
    for candidate in (f"{path}.py", f"{path}/__init__.py"):
        if (PACKAGE.parent / candidate).is_file():
            return candidate
    return None


def imported(path: str, text: str, *, within_functions: bool) -> set[str]:
    """Return the files of ours that one file imports; what only a type checker reads is never loaded."""
    names = set(_imports(ast.parse(text, path), within_functions))
    return {found for name in names if name.startswith("configurator") and (found := file_of(name))}


def _imports(node: ast.AST, within_functions: bool) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert not child.level, "relative imports are not read here"
            yield child.module or ""
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            for other in child.orelse:
                yield from _imports(other, within_functions)
        elif within_functions or not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from _imports(child, within_functions)


def is_all_called(path: str) -> bool:
    """True if all functions of a file are for hosts: the engine has some that are not."""
    return not path.startswith("configurator/core/")


@pytest.mark.parametrize("path", SENT)
def test_what_is_sent_imports_only_what_is_sent(path: str) -> None:
    """A file that is missing on the host ends the agent at its start, or in the middle of a run."""
    assert imported(path, SENT[path], within_functions=is_all_called(path)) <= SENT.keys()


def test_all_of_the_engine_that_is_sent_can_be_imported() -> None:
    """What no import leads to only makes the first connection to each host slower: it goes into NOT_SENT."""
    reached: set[str] = set()
    found = {ENTRANCE, *(path for path in SENT if path.startswith("configurator/modules/"))}
    while found:
        path = found.pop()
        reached.add(path)
        found |= imported(path, SENT[path], within_functions=is_all_called(path)) - reached
    assert {path for path in SENT if not path.endswith("__init__.py")} <= reached


def test_what_is_left_out_exists() -> None:
    """A file that was renamed must not be sent again unnoticed, under its new name."""
    assert {name for name in NOT_SENT if not (PACKAGE / name).is_file()} == set()
    assert not any(f"configurator/{name}" in SENT for name in NOT_SENT)


@pytest.mark.parametrize(
    ("text", "module_level", "anywhere"),
    [
        ("import configurator.core.task", {"configurator/core/task.py"}, {"configurator/core/task.py"}),
        ("from configurator.core import task", {"task", "__init__"}, {"task", "__init__"}),
        ("def f():\n    from configurator.core.aio import execute", set(), {"configurator/core/aio.py"}),
        ("if TYPE_CHECKING:\n    import configurator.core.task", set(), set()),
        ("class A:\n    import configurator.core.task", {"task"}, {"task"}),
        ("try:\n    import configurator.core.task\nexcept ImportError:\n    pass", {"task"}, {"task"}),
        ("import json, os", set(), set()),
    ],
)
def test_imports_are_seen_where_they_are(text: str, module_level: set[str], anywhere: set[str]) -> None:
    """The tests above mean something only if no import escapes them."""

    def full(names: set[str]) -> set[str]:
        return {name if "/" in name else f"configurator/core/{name}.py" for name in names}

    assert imported("x.py", text, within_functions=False) == full(module_level)
    assert imported("x.py", text, within_functions=True) == full(anywhere)


ON_HOST = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)

from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.retry import RetryPolicy
from configurator.core.task import Subgraph, Task

def flaky(context):
    if context.attempt == 1:
        raise OSError("try again")
    return Subgraph((Task("joined", lambda context: context.result_of("flaky")),), value="flaky")

events = []
executor = ParallelExecutor(2, observer=events.append)
graph = TaskGraph([
    Task("flaky", flaky, retry=RetryPolicy(delay_s=0), locks=frozenset({"apt"}), breaker="x", timeout_s=60),
    Task("bad", lambda context: 1 / 0),
    Task("below", lambda context: None, requires=("bad",), resources={}),
])
print(*(f"{result.task_name}={result.status}" for result in executor.execute(graph)))
print(events[0].tasks, events[-1].succeeded, events[-1].failed)
"""


def test_a_host_can_import_and_use_all_that_it_is_sent(tmp_path: Path) -> None:
    """As on a host: nothing but the sent files and the standard library, and a run with its odd turns."""
    for name, text in SENT.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    modules = [name.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".") for name in SENT]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ON_HOST, str(tmp_path), *modules],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == "flaky=success joined=success bad=failed below=skipped\n3 2 1\n"
