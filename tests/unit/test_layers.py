"""The layers of the design, read from the source: what each part may import, and what it must not use."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "configurator"

# What each layer may import of the project, besides itself. Absent: nothing.
BELOW: dict[str, frozenset[str]] = {
    "core": frozenset(),
    "modules": frozenset({"core"}),
    "agent": frozenset({"core", "modules"}),
    "store": frozenset({"core"}),
    "transport": frozenset({"core", "modules", "agent", "store"}),
    "config": frozenset({"core"}),
    "vault": frozenset({"core", "config"}),
    "inventory": frozenset({"core", "config", "vault"}),
    "compiler": frozenset({"core", "modules", "agent", "config", "inventory", "vault"}),
    "fleet": frozenset({"core", "modules", "agent", "transport", "store", "config", "inventory", "compiler"}),
    "report": frozenset({"core", "config"}),
    "sandbox": frozenset({"core"}),
}
BELOW["app"] = frozenset(BELOW)
BELOW["cli"] = frozenset(BELOW)
ON_HOST = ("core", "modules", "agent")

# The only places of the third-party packages, as the beginning of a path in the package.
HOMES = {
    "paramiko": ("transport/ssh",),
    "rich": ("report/",),
    "click": ("cli/",),
    "pydantic": ("config/",),
    "yaml": ("config/", "compiler/", "sandbox/"),  # native values and filters; an inventory to write
    "jinja2": ("compiler/",),
    "jmespath": ("compiler/",),
    "packaging": ("compiler/",),
    "passlib": ("compiler/",),
    "cryptography": ("vault/",),
}
OWN_PROCESS = frozenset({"agent/namespaces.py"})  # called in processes of their own, which have one thread
ENGINE = frozenset({"configurator.core.parallel", "configurator.core._schedule", "configurator.core.graph"})

# Names by which code tells a plan from an apply. `simulate` alone is what apt-get is asked to do.
ASKS_FOR_PLAN = re.compile(
    r"_*((is|in|for)_?)?(plan_?mode|planning|check_?mode|dry_?run|simulated|simulat(ed|ion)_?system|real_?system)"
    r"|_*(is|in|for)_?plan",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Source:
    """One file: its path within the package, and its syntax tree."""

    path: str
    tree: ast.AST

    @property
    def layer(self) -> str:
        return self.path.split("/")[0] if "/" in self.path else ""


def sources() -> list[Source]:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 50, "the package was not found"
    return [Source(str(f.relative_to(PACKAGE)), ast.parse(f.read_text(), str(f))) for f in files]


def source(path: str, text: str) -> Source:
    return Source(path, ast.parse(text))


def imports(item: Source) -> Iterator[tuple[int, str]]:
    """Every imported module by its full name, also those within functions and relative ones."""
    package = ["configurator", *item.path.split("/")[:-1]]
    for node in ast.walk(item.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            yield node.lineno, name
            if name == "configurator" or (name.count(".") == 1 and name.startswith("configurator.")):
                yield from ((node.lineno, f"{name}.{alias.name}") for alias in node.names)


def upward(item: Source) -> list[str]:
    """Imports of a layer that this one may not know."""
    found = []
    for line, name in imports(item):
        parts = name.split(".")
        if parts[0] != "configurator" or len(parts) == 1 or not item.layer:
            continue
        if parts[1] in BELOW and parts[1] != item.layer and parts[1] not in BELOW[item.layer]:
            found.append(f"{item.path}:{line} imports {name}")
    return found


def foreign(item: Source) -> list[str]:
    """Imports of packages that the host does not have, or that have their home elsewhere.

    What only a type checker reads is never loaded.
    """
    unread = {
        inner.lineno
        for node in ast.walk(item.tree)
        if isinstance(node, ast.If) and _named(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
        if isinstance(inner, (ast.Import, ast.ImportFrom))
    }
    found = []
    for line, name in imports(item):
        top = name.split(".")[0]
        if top == "configurator" or top in sys.stdlib_module_names or line in unread:
            continue
        if item.layer in ON_HOST or not item.path.startswith(HOMES.get(top, ("",))):
            found.append(f"{item.path}:{line} imports {name}")
    return found


def engine_internals(item: Source) -> list[str]:
    """Output is made from events alone."""
    if item.layer != "report":
        return []
    return [f"{item.path}:{line} imports {name}" for line, name in imports(item) if name in ENGINE]


def asks_for_plan(item: Source) -> list[str]:
    """Names, and questions about the type of a System, by which a module could tell a plan from an apply."""
    if item.layer != "modules":
        return []
    found = []
    for node in ast.walk(item.tree):
        words: list[str] = []
        if isinstance(node, ast.Name):
            words = [node.id]
        elif isinstance(node, ast.Attribute):
            words = [node.attr]
        elif isinstance(node, (ast.arg, ast.keyword)):
            words = [node.arg or ""]
        elif isinstance(node, (ast.ImportFrom, ast.Import)):
            words = [alias.name.split(".")[-1] for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = [node.value]
        elif isinstance(node, ast.Call) and _named(node.func) in {"isinstance", "type", "hasattr", "getattr"}:
            words = ["is_plan"] if node.args and _named(node.args[0]) == "system" else []
        found += [
            f"{item.path}:{getattr(node, 'lineno', 0)} {w}" for w in words if ASKS_FOR_PLAN.fullmatch(w)
        ]
    return found


def prints(item: Source) -> list[str]:
    return [
        f"{item.path}:{node.lineno} print"
        for node in ast.walk(item.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]


def process_wide(item: Source) -> list[str]:
    """What would hit all threads of the agent, or hand text to a shell."""
    if item.layer not in ON_HOST or item.path in OWN_PROCESS:
        return []
    banned = {"umask", "chdir", "fchdir", "system", "popen"}
    found = []
    for node in ast.walk(item.tree):
        if isinstance(node, ast.keyword) and node.arg in {"shell", "preexec_fn"}:
            if not (isinstance(node.value, ast.Constant) and node.value.value in (False, None)):
                found.append(f"{item.path}:{node.lineno} {node.arg}=")
        elif isinstance(node, ast.Attribute) and node.attr in banned and _named(node.value) == "os":
            found.append(f"{item.path}:{node.lineno} os.{node.attr}")
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            found += [f"{item.path}:{node.lineno} os.{a.name}" for a in node.names if a.name in banned]
    return found


def other_schedulers(item: Source) -> list[str]:
    """Whatever happens at once happens through ParallelExecutor: one place for limits, order and Ctrl-C."""
    banned = ("concurrent", "multiprocessing")
    return [
        f"{item.path}:{line} imports {name}" for line, name in imports(item) if name.split(".")[0] in banned
    ]


def _named(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


Rule = Callable[[Source], list[str]]
RULES: tuple[Rule, ...] = (
    upward,
    foreign,
    engine_internals,
    asks_for_plan,
    prints,
    process_wide,
    other_schedulers,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_file_breaks_the_rule(rule: Rule) -> None:
    """Read from every file of the package, imports within functions included."""
    assert [problem for item in sources() for problem in rule(item)] == []


def test_every_folder_is_a_layer() -> None:
    """A new folder must be given its place before anything can import it."""
    folders = {child.name for child in PACKAGE.iterdir() if (child / "__init__.py").exists()}
    assert folders <= BELOW.keys()


def test_layers_have_no_cycle() -> None:
    """The table itself goes downwards only."""
    left = {layer: set(below) - {layer, "app", "cli"} for layer, below in BELOW.items()}
    while free := [layer for layer, below in left.items() if not below & left.keys()]:
        for layer in free:
            del left[layer]
    assert left == {}


BREAKS: list[tuple[Rule, str, str]] = [
    (upward, "core/x.py", "from configurator.agent import protocol"),
    (upward, "core/x.py", "from configurator import modules"),
    (upward, "modules/x.py", "def f():\n    import configurator.agent.system"),
    (upward, "report/x.py", "from configurator.transport.ssh import Connection"),
    (upward, "config/x.py", "from ..cli import main"),
    (foreign, "agent/x.py", "import yaml"),
    (foreign, "modules/x.py", "import dbus"),
    (foreign, "fleet/x.py", "import paramiko"),
    (foreign, "transport/local.py", "from paramiko.client import SSHClient"),
    (foreign, "cli/x.py", "def f():\n    from rich.table import Table"),
    (engine_internals, "report/x.py", "from configurator.core.parallel import ParallelExecutor"),
    (engine_internals, "report/x.py", "from configurator.core import graph"),
    (asks_for_plan, "modules/x.py", "def converge(system):\n    return system.check_mode"),
    (asks_for_plan, "modules/x.py", "if isinstance(system, object):\n    pass"),
    (asks_for_plan, "modules/x.py", "simulated = 1"),
    (asks_for_plan, "modules/x.py", "getattr(system, 'x')"),
    (asks_for_plan, "modules/x.py", "system.fact('dry_run')"),
    (prints, "app/x.py", "print('x')"),
    (process_wide, "agent/x.py", "import os\nos.umask(0)"),
    (process_wide, "agent/x.py", "from os import chdir"),
    (process_wide, "modules/x.py", "run('x', shell=True)"),
    (process_wide, "core/x.py", "run('x', preexec_fn=f)"),
    (other_schedulers, "sandbox/x.py", "from concurrent.futures import ThreadPoolExecutor"),
    (other_schedulers, "sandbox/x.py", "def f():\n    from concurrent import futures"),
    (other_schedulers, "fleet/x.py", "import concurrent.futures as cf"),
    (other_schedulers, "fleet/x.py", "from multiprocessing.pool import ThreadPool"),
    (other_schedulers, "core/x.py", "import multiprocessing"),
]


@pytest.mark.parametrize(("rule", "path", "text"), BREAKS, ids=lambda value: getattr(value, "__name__", None))
def test_the_rules_see_what_they_ban(rule: Rule, path: str, text: str) -> None:
    """Each rule finds its offence, so that an empty list of problems means something."""
    assert rule(source(path, text)) != []
