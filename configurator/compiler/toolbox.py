"""What all hosts' compilations share: roles, modules, templates, and where variables come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from configurator.agent.protocol import Held
from configurator.compiler.roles import RoleLibrary
from configurator.compiler.selection import Selection
from configurator.compiler.taskfile import ModuleTable
from configurator.compiler.templatefiles import TemplateFiles
from configurator.compiler.variables import VariableSource
from configurator.config.diagnostics import Diagnostics


@dataclass(frozen=True, slots=True, eq=False)
class Toolbox:
    """Read-only but for caches, so that several threads can share it."""

    library: RoleLibrary
    modules: ModuleTable
    templates: TemplateFiles
    variables: VariableSource

    @property
    def root(self) -> str:
        """Return the folder of the project."""
        return self.variables.root


@dataclass(slots=True)
class HostState:
    """What the compilation of one host gathers over all its roles.

    `left_out` are the (role, task) pairs that exist and were not selected; a task of None is the whole role.
    `verbosity` counts the `-v` of the command line, for tasks that speak only then. `peers` are the hosts
    that are worked on together, the first of which does what is done once for all; `turn` tells which time it
    is. `run` are variables that tell tasks how the run was asked for.
    """

    diagnostics: Diagnostics
    selection: Selection
    blobs: dict[str, Held] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    left_out: set[tuple[str, str | None]] = field(default_factory=set)
    verbosity: int = 0
    host: str = ""
    peers: tuple[str, ...] = ()
    turn: str = ""
    run: Mapping[str, Any] = field(default_factory=dict)
