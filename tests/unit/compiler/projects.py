"""Projects made of texts, for tests that compile them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configurator.agent.protocol import HostGraph, TaskSpec
from configurator.compiler.project import Project
from configurator.config.diagnostics import Diagnostic
from configurator.core.errors import InputError

FACTS: Mapping[str, Any] = {"distribution": "Debian", "distribution_release": "bookworm", "hostname": "h"}
DEFAULTS = {
    "config.yaml": "site:\n  - {hosts: all, roles: [r]}\n",
    "inventory/hosts.yml": "all: {hosts: {h: {ansible_user: root}}}\n",
    "roles/r/tasks/main.yml": "[]\n",
}


def write(files: Mapping[str, str | bytes]) -> None:
    """Write files below the working directory, over one host `h` with one role `r`."""
    assert not Path("pyproject.toml").exists(), "this would write over the checkout: work in tmp_path"
    for name, text in {**DEFAULTS, **files}.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())


def load(files: Mapping[str, str | bytes], **options: Any) -> Project:
    """Return the project that the files make."""
    write(files)
    return Project.load(**({"roles_path": "/nonexistent"} | options))


def graph_of(files: Mapping[str, str | bytes], *, host: str = "h", **options: Any) -> HostGraph:
    """Return what the project asks of a host."""
    extra = options.pop("extra_vars", ())
    project = load(files, extra_vars=extra)
    return project.compile(project.hosts([host])[0], options.pop("facts", FACTS), **options)


def tasks_of(tasks: str, more: Mapping[str, str | bytes] | None = None, **options: Any) -> list[TaskSpec]:
    """Return the concrete tasks and handlers of role `r` with this main file."""
    graph = graph_of({"roles/r/tasks/main.yml": tasks, **(more or {})}, **options)
    return [spec for spec in graph.tasks if not spec.barrier]


def commands_of(tasks: str, more: Mapping[str, str | bytes] | None = None, **options: Any) -> list[str]:
    """Return the command lines of the tasks that would run."""
    return [spec.params["cmd"] for spec in tasks_of(tasks, more, **options) if spec.skip is None]


def shown(problem: Diagnostic) -> str:
    """Return a problem with what its caret points at and its hint."""
    pointed = problem.source[problem.column - 1 : problem.column - 1 + problem.length]
    return f"{problem} [{pointed}]" + (f" ({problem.hint})" if problem.hint else "")


def problems_of(files: Mapping[str, str | bytes], **options: Any) -> list[str]:
    """Return what is wrong with a project, as people would read it."""
    try:
        graph_of(files, **options)
    except InputError as error:
        return [shown(problem) for problem in error.diagnostics]
    return []


def role_problems(tasks: str, more: Mapping[str, str | bytes] | None = None) -> list[str]:
    """Return what is wrong with role `r` with this main file; its path is left out."""
    found = problems_of({"roles/r/tasks/main.yml": tasks, **(more or {})})
    return [problem.removeprefix("roles/r/tasks/main.yml:") for problem in found]
