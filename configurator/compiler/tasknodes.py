"""A role's task files as they were written and checked, before any host is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from configurator.compiler.compiled import Requirement
from configurator.config.diagnostics import Span
from configurator.config.located import Located, LocatedMap, LocatedScalar


@dataclass(frozen=True, slots=True, eq=False)
class Keywords:
    """What tasks, blocks and includes have in common; the inner ones take over what they do not say."""

    when: tuple[LocatedScalar, ...] = ()
    vars: Mapping[str, Located] = field(default_factory=dict)
    tags: tuple[LocatedScalar, ...] = ()
    become: LocatedScalar | None = None
    become_user: LocatedScalar | None = None
    environment: tuple[Located, ...] = ()
    no_log: LocatedScalar | None = None
    ignore_errors: LocatedScalar | None = None
    check_mode: LocatedScalar | None = None
    critical: LocatedScalar | None = None
    notify: tuple[LocatedScalar, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """What a task is repeated for; `kind` is `loop`, `with_items` or `with_dict`."""

    kind: str
    items: Located
    var: str = "item"
    index_var: str | None = None
    label: LocatedScalar | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TaskNode:
    """One use of a module; `module` is its own name, and `args` its parameters as written."""

    module: str
    args: LocatedMap
    keywords: Keywords
    span: Span
    name: LocatedScalar | None = None
    loop: Loop | None = None
    listen: tuple[LocatedScalar, ...] = ()
    timeout: LocatedScalar | None = None
    requires: tuple[Requirement, ...] = ()
    reads: tuple[LocatedScalar, ...] = ()
    writes: tuple[LocatedScalar, ...] | None = None  # None: the effects are the module's
    locks: tuple[LocatedScalar, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class FactNode:
    """A `set_fact`: evaluated when the host is compiled, never sent to it."""

    facts: LocatedMap
    keywords: Keywords
    span: Span
    name: LocatedScalar | None = None
    loop: Loop | None = None


@dataclass(frozen=True, slots=True, eq=False)
class BlockNode:
    """Tasks that share keywords."""

    children: tuple[Node, ...]
    keywords: Keywords
    span: Span
    name: LocatedScalar | None = None


@dataclass(frozen=True, slots=True, eq=False)
class IncludeNode:
    """The tasks of another file. `static` is `import_tasks`: its keywords are those of each task in it.

    `apply` has the keywords that `include_tasks` hands on. `folder` is where the including file stands.
    """

    file: LocatedScalar
    static: bool
    folder: str
    keywords: Keywords
    span: Span
    name: LocatedScalar | None = None
    loop: Loop | None = None
    apply: Keywords = field(default_factory=Keywords)


Node: TypeAlias = TaskNode | FactNode | BlockNode | IncludeNode
