"""A playbook's plays for hosts: whom they mean, and their roles and lists of tasks in written order."""

from __future__ import annotations

import os
import random
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from configurator.compiler.check import check_roles, check_variables
from configurator.compiler.compiled import Part, Requirement
from configurator.compiler.playbook import Play
from configurator.compiler.playfiles import VarsFiles
from configurator.compiler.roles import Role, RoleLibrary, RoleUse
from configurator.compiler.scope import FactStore
from configurator.compiler.site import Mention, PlannedRole, handed_on
from configurator.compiler.tasknodes import BlockNode, IncludeNode, Keywords, Node, RoleNode
from configurator.compiler.templating import is_template
from configurator.compiler.toolbox import Toolbox
from configurator.compiler.values import is_boolean, truthy
from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.located import Located, LocatedScalar
from configurator.inventory.hosts import Host
from configurator.inventory.model import Inventory
from configurator.inventory.patterns import means_adhoc, select

# Ansible's default: tasks run as the user who logs in, unless the inventory says otherwise.
_BECOME = LocatedScalar("{{ ansible_become | default(false) }}", Span("the default of a playbook"))


@dataclass(frozen=True, slots=True, eq=False)
class BoundPlay:
    """A play with the inventory's hosts that it means, and the tools of the folder that it stands in."""

    play: Play
    hosts: frozenset[str]
    tools: Toolbox
    files: VarsFiles

    def matches(self, host: Host, inventory: Inventory) -> bool:
        """Return True if the host is meant; one that is not in the inventory is a member of `all` alone."""
        if host.name in inventory.hosts:
            return host.name in self.hosts
        return means_adhoc([text for text, _ in self.play.patterns])


@dataclass(slots=True)
class PlayTurn:
    """What the compilation of a play on one host has to know of the run.

    `facts` are what earlier plays have set on this host; they are added to. `hosts` are all hosts of the
    play, `batch` those whose turn it is. `answers` are those to the play's questions, and `login` is the
    user that we log in as.
    """

    facts: FactStore = field(default_factory=FactStore)
    hosts: Sequence[str] = ()
    batch: Sequence[str] = ()
    answers: Mapping[str, Located] = field(default_factory=dict)
    login: str | None = None


def bind(
    play: Play, inventory: Inventory, tools: Toolbox, files: VarsFiles, problems: Diagnostics
) -> BoundPlay:
    """Return the play with its hosts, noting in `problems` what is wrong with its patterns."""
    found = select(inventory, play.patterns, problems) if play.patterns else []
    if play.keywords.become is None:
        play = replace(play, keywords=replace(play.keywords, become=_BECOME))
    return BoundPlay(play, frozenset(host.name for host in found), tools, files)


def in_order(names: Sequence[str], order: str) -> list[str]:
    """Return a play's hosts, given in the order of the inventory, in the order that it asks for."""
    if order in ("sorted", "reverse_sorted"):
        return sorted(names, reverse=order == "reverse_sorted")
    if order == "shuffle":
        return random.sample(list(names), len(names))  # the point is to be unpredictable
    return list(reversed(names)) if order == "reverse_inventory" else list(names)


# -- roles and lists of tasks in written order -----------------------------------------------------------


def plan_play(play: Play, library: RoleLibrary, only: Collection[str] = ()) -> list[PlannedRole]:
    """Return what a host gets from a play, each part requiring the one before.

    A role runs once for each different way in which it is used, what it needs before it. With `only` there
    are these roles, what they need, and the handlers.
    """
    parts: list[PlannedRole] = []
    around = (play.keywords,)
    before = play.sections.get("pre_tasks") if not only else None
    if play.handlers is not None:
        parts.append(_own_part(play.handlers, around, Part.HANDLERS))
    if before is not None:
        parts.append(_own_part(before, around, Part.BEFORE))
    parts += _roles(play, library, only)
    after = (play.sections.get(part) for part in ("tasks", "post_tasks"))
    parts += [_own_part(role, around) for role in after if role is not None and not only]
    return list(_chained(parts))


def left_out(play: Play, library: RoleLibrary, only: Collection[str]) -> set[tuple[str, str | None]]:
    """Return what is there and was not asked for, so that a requirement of it is no error."""
    if not only:
        return set()
    chosen = {part.role.name for part in plan_play(play, library, only)}
    whole = {part.role.name for part in plan_play(play, library)}
    return {(name, None) for name in whole - chosen}


def _own_part(role: Role, around: tuple[Keywords, ...], part: Part = Part.OTHER) -> PlannedRole:
    return PlannedRole(role, (Mention(RoleUse(role.name, role.span), around=around),), (), part)


def _roles(play: Play, library: RoleLibrary, only: Collection[str]) -> Iterator[PlannedRole]:
    taken: dict[str, int] = {}
    for mention in _mentions(play, library, only):
        role = library.get(mention.use.name)
        if role is None:
            continue
        number = taken[role.name] = taken.get(role.name, 0) + 1
        if number > 1:
            role = replace(role, name=f"{role.name} ({number})")
        yield PlannedRole(role, (mention,), tuple(mention.use.requires), Part.OTHER)


def _mentions(play: Play, library: RoleLibrary, only: Collection[str]) -> Iterator[Mention]:
    """Yield every use of a role, what it needs before it; the same use twice is one, as in Ansible."""
    seen: set[object] = set()
    uses = [use for use in play.uses if not only or use.name in only]
    pending = [
        (Mention(use, tags=use.tags, when=use.when, around=(play.keywords, use.keywords)), False)
        for use in reversed(uses)
    ]
    under_way: list[str] = []
    while pending:
        mention, entered = pending.pop()
        name = mention.use.name
        if entered:
            under_way.pop()
            yield mention
            continue
        key = _use_key(mention)
        role = library.get(name)
        again = role is not None and role.allow_duplicates
        if (key in seen and not again) or name in under_way:  # a cycle is told where roles are checked
            continue
        seen.add(key)
        under_way.append(name)
        pending.append((mention, True))
        needs = [*(role.needs if role is not None else ())]
        needs += [RoleUse(str(item), item.span) for item in mention.use.requires]
        pending += [(handed_on(mention, need, role), False) for need in reversed(needs)]


def _use_key(mention: Mention) -> object:
    variables = tuple(sorted((name, repr(value.plain())) for name, value in mention.use.given.items()))
    conditions = tuple(str(condition.value) for condition in mention.when)
    return mention.use.name, variables, conditions, tuple(str(tag.value) for tag in mention.use.tags)


def _chained(parts: Iterable[PlannedRole]) -> Iterator[PlannedRole]:
    before: PlannedRole | None = None
    for part in parts:
        if before is not None:
            link = Requirement(before.role.name, None, part.role.span)
            yield replace(part, requires=(link, *part.requires))
        else:
            yield part
        before = part


# -- what is checked before any host is asked ------------------------------------------------------------


def check_plays(bound: Sequence[BoundPlay], problems: Diagnostics) -> None:
    """Note what is wrong with the plays' own tasks, keywords and variables."""
    for one in bound:
        play, engine = one.play, one.tools.variables.engine
        check_variables([play.vars, *(use.given for use in play.uses)], engine, problems)
        inherited = [play.keywords, *(use.keywords for use in play.uses)]
        blocks: tuple[Node, ...] = tuple(BlockNode((), keywords, play.span) for keywords in inherited)
        conditions = [Keywords(when=use.when) for use in play.uses]
        blocks += tuple(BlockNode((), keywords, play.span) for keywords in conditions)
        shell = Role(f"{play.label}: the play", play.folder, play.label, play.span, tasks=blocks)
        check_roles(one.tools, problems, [shell, *play.own_roles])


def wants_root(play: Play, library: RoleLibrary, only: Collection[str] = ()) -> bool:
    """Return True unless nothing in the play asks for another user than the one who logs in."""
    for part in plan_play(play, library, only):
        said = [keywords.become for mention in part.mentions for keywords in mention.around]
        if any(map(_may_be_true, said)) or _asks_for_root(part.role, library, set()):
            return True
    return False


def _asks_for_root(role: Role, library: RoleLibrary, seen: set[str]) -> bool:
    """Return True if a task of the role, or of a role that it includes, may ask for another user."""
    seen.add(role.name)
    for node in role.nodes():
        if _may_be_true(node.keywords.become):
            return True
        if isinstance(node, IncludeNode | RoleNode) and _may_be_true(node.apply.become):
            return True
        if isinstance(node, RoleNode) and (name := str(node.role.value)) not in seen:
            inner = library.get(name)
            if inner is None or _asks_for_root(inner, library, seen):
                return True  # nobody knows what a role does whose name comes out of a template
    return False


def _may_be_true(item: LocatedScalar | None) -> bool:
    if item is None or item is _BECOME:
        return False
    return is_template(str(item.value)) or not is_boolean(item.value) or truthy(item.value)


def role_folders(folders: Iterable[str]) -> list[str]:
    """Return where the roles of playbooks in these folders are looked for first."""
    return [path for folder in folders if os.path.isdir(path := os.path.join(folder, "roles"))]
