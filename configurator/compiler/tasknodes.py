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
    ignore_unreachable: LocatedScalar | None = None
    check_mode: LocatedScalar | None = None
    critical: LocatedScalar | None = None
    guarded: LocatedScalar | None = None
    notify: tuple[LocatedScalar, ...] = ()
    diff: LocatedScalar | None = None
    timeout: LocatedScalar | None = None
    delegate_to: LocatedScalar | None = None
    run_once: LocatedScalar | None = None
    throttle: LocatedScalar | None = None
    any_errors_fatal: LocatedScalar | None = None
    module_defaults: tuple[LocatedMap, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """What a task is repeated for; `kind` is `loop` or one of the `with_` words. `pause` is in seconds."""

    kind: str
    items: Located
    var: str = "item"
    index_var: str | None = None
    label: LocatedScalar | None = None
    pause: LocatedScalar | None = None
    extended: LocatedScalar | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What decides how a task has ended, once its module is done; conditions of one list must all hold."""

    changed_when: tuple[LocatedScalar, ...] | None = None
    failed_when: tuple[LocatedScalar, ...] | None = None
    until: tuple[LocatedScalar, ...] = ()
    retries: LocatedScalar | None = None
    delay: LocatedScalar | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TaskNode:
    """One use of a module; `module` is its own name, and `args` its parameters as written.

    `asynchronous` and `poll` are Ansible's `async` and `poll`. `foreign` is the name of a module that there
    is not here; `module` and `args` are then those of a task that fails.
    """

    module: str
    args: LocatedMap
    keywords: Keywords
    span: Span
    name: LocatedScalar | None = None
    loop: Loop | None = None
    listen: tuple[LocatedScalar, ...] = ()
    requires: tuple[Requirement, ...] = ()
    reads: tuple[LocatedScalar, ...] = ()
    writes: tuple[LocatedScalar, ...] | None = None  # None: the effects are the module's
    locks: tuple[LocatedScalar, ...] = ()
    register: str | None = None
    verdict: Verdict = field(default_factory=Verdict)
    asynchronous: LocatedScalar | None = None
    poll: LocatedScalar | None = None
    foreign: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FactNode:
    """A `set_fact`: evaluated on the controller, and never sent to a host."""

    facts: LocatedMap
    keywords: Keywords
    span: Span
    name: LocatedScalar | None = None
    loop: Loop | None = None
    register: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class VarsNode:
    """An `include_vars`: files of the controller whose variables count from here on."""

    args: LocatedMap
    keywords: Keywords
    folder: str
    span: Span
    name: LocatedScalar | None = None
    loop: Loop | None = None
    register: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class MetaNode:
    """A `meta`: handlers run now, or nothing more is done; `action` is one of keywords.META."""

    action: str
    keywords: Keywords
    span: Span
    name: LocatedScalar | None = None


@dataclass(frozen=True, slots=True, eq=False)
class BlockNode:
    """Tasks that share keywords; `rescue` runs if one of `children` has failed, `always` in any case."""

    children: tuple[Node, ...]
    keywords: Keywords
    span: Span
    name: LocatedScalar | None = None
    rescue: tuple[Node, ...] = ()
    always: tuple[Node, ...] = ()


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
    listen: tuple[LocatedScalar, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class RoleNode:
    """The tasks of another role, in this place; `static` is `import_role`.

    The `_from` fields name other files than main.yml. `validate` says whether the role's variables are held
    against what it declares of them.
    """

    role: LocatedScalar
    static: bool
    keywords: Keywords
    span: Span
    name: LocatedScalar | None = None
    loop: Loop | None = None
    apply: Keywords = field(default_factory=Keywords)
    tasks_from: LocatedScalar | None = None
    vars_from: LocatedScalar | None = None
    defaults_from: LocatedScalar | None = None
    handlers_from: LocatedScalar | None = None
    public: LocatedScalar | None = None
    validate: LocatedScalar | None = None


Node: TypeAlias = TaskNode | FactNode | VarsNode | MetaNode | BlockNode | IncludeNode | RoleNode
