"""The `site:` entries, and which roles a host gets from them in which order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from configurator.compiler.compiled import Part, Requirement
from configurator.compiler.roles import Role, RoleLibrary, RoleUse, read_role_use
from configurator.compiler.taskfile import TaskFileReader
from configurator.compiler.tasknodes import Keywords
from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.expect import as_texts
from configurator.config.located import Located, LocatedList, LocatedMap, LocatedScalar
from configurator.inventory.hosts import Host
from configurator.inventory.model import Inventory
from configurator.inventory.patterns import means_adhoc, select


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One entry of `site:`; `hosts` are the names of the inventory's hosts that it means."""

    patterns: tuple[tuple[str, Span], ...]
    uses: tuple[RoleUse, ...]
    hosts: frozenset[str]
    vars: Mapping[str, Located] = field(default_factory=dict)
    tags: tuple[LocatedScalar, ...] = ()
    become: LocatedScalar | None = None

    def matches(self, host: Host, inventory: Inventory) -> bool:
        """Return True if the host is meant; one that is not in the inventory is a member of `all` alone."""
        if host.name in inventory.hosts:
            return host.name in self.hosts
        return means_adhoc([text for text, _ in self.patterns])


@dataclass(frozen=True, slots=True, eq=False)
class Mention:
    """One reason why a host gets a role, with all that the reason says about it.

    `around` are the keywords that its tasks take over besides, the outermost first. `above` are the roles
    that need it, the outermost first, whose variables it can see.
    """

    use: RoleUse
    entry_vars: Mapping[str, Located] = field(default_factory=dict)
    tags: tuple[LocatedScalar, ...] = ()
    when: tuple[LocatedScalar, ...] = ()
    become: LocatedScalar | None = None
    around: tuple[Keywords, ...] = ()
    above: tuple[Role, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class PlannedRole:
    """A role of a host: compiled once for each mention, after the roles that it needs."""

    role: Role
    mentions: tuple[Mention, ...]
    requires: tuple[Requirement, ...]
    part: Part = Part.NONE


def read_site(
    located: LocatedMap | None, reader: TaskFileReader, inventory: Inventory, *, tolerant: bool
) -> tuple[list[Entry], Diagnostics]:
    """Return the entries of a checked config.yaml, and what is wrong with their host patterns.

    With `tolerant` the caller shows the latter as warnings: another inventory than the configured one need
    not have all the groups that the site speaks of.
    """
    problems = Diagnostics()
    entries: list[Entry] = []
    site = located.get("site") if located is not None else None
    for item in site.items if isinstance(site, LocatedList) else ():
        if not isinstance(item, LocatedMap):
            continue
        hosts = item.get("hosts")
        patterns = as_texts(hosts, "'hosts'", reader.diagnostics) if hosts is not None else ()
        found = select(inventory, patterns, problems) if patterns else []
        roles = item.get("roles")
        uses = [read_role_use(use, reader) for use in (roles if isinstance(roles, LocatedList) else ())]
        keywords = reader.keywords(item)
        entries.append(
            Entry(
                patterns=patterns,
                uses=tuple(use for use in uses if use is not None),
                hosts=frozenset(host.name for host in found),
                vars=keywords.vars,
                tags=keywords.tags,
                become=keywords.become,
            )
        )
    if not tolerant:
        reader.diagnostics.extend(problems.sorted())
        return entries, Diagnostics()
    return entries, problems


def plan_roles(
    entries: Iterable[Entry], library: RoleLibrary, only: Collection[str] = (), span: Span | None = None
) -> list[PlannedRole]:
    """Return the roles of a host in the order in which they are compiled: what is needed comes first.

    `only` limits the entries' roles to those named, and adds those that no entry has. Roles that a chosen
    role needs are pulled in, with the tags and conditions of what needs them.
    """
    explicit: dict[str, list[Mention]] = {}
    for entry in entries:
        for use in entry.uses:
            if not only or use.name in only:
                tags, around = entry.tags + use.tags, (use.keywords,)
                mention = Mention(use, entry.vars, tags, use.when, entry.become, around)
                explicit.setdefault(use.name, []).append(mention)
    for name in only:
        explicit.setdefault(name, [Mention(RoleUse(name, span or Span("--role")))])
    order = needed_first(explicit, library, explicit)
    pulled: dict[str, list[Mention]] = {name: list(explicit.get(name, ())) for name in order}
    for name in reversed(order):
        for parent in pulled[name]:
            for need in _needs(name, library, explicit):
                if need.name in pulled and (need.name not in explicit or need.given):
                    # Who comes first decides which variables are seen where one run is enough for several.
                    at = len(explicit.get(need.name, ()))
                    pulled[need.name].insert(at, handed_on(parent, need, library.get(name)))
    return [
        PlannedRole(role, _merged(pulled[name]), _requires(role, pulled[name]))
        for name in order
        if (role := library.get(name)) is not None
    ]


def handed_on(parent: Mention, need: RoleUse, role: Role | None) -> Mention:
    """Return why a role is pulled in by the one that needs it, `role`, whose variables it can see."""
    seen = {name: value for name, value in parent.use.given.items() if name not in need.given}
    return Mention(
        need,
        parent.entry_vars,
        parent.tags + need.tags,
        parent.when + need.when,
        parent.become,
        (*parent.around, Keywords(vars=seen), need.keywords),
        (*parent.above, role) if role is not None else parent.above,
    )


def needed_first(
    names: Iterable[str], library: RoleLibrary, explicit: Mapping[str, Sequence[Mention]]
) -> list[str]:
    """Return the names and all that they need, what is needed first.

    A cycle is left for the ordering to report: it knows the path.
    """
    order: list[str] = []
    entered: set[str] = set()
    stack: list[tuple[str, bool]] = [(name, False) for name in reversed(list(names))]
    while stack:
        name, done = stack.pop()
        if done:
            order.append(name)
        elif name not in entered:
            entered.add(name)
            stack.append((name, True))
            stack += [(need.name, False) for need in reversed(_needs(name, library, explicit))]
    return order


def _needs(name: str, library: RoleLibrary, explicit: Mapping[str, Sequence[Mention]]) -> list[RoleUse]:
    """Return what a role needs: by its own meta, and by what the site says of it."""
    role = library.get(name)
    needs = list(role.needs) if role is not None else []
    for mention in explicit.get(name, ()):
        needs += [RoleUse(str(item), item.span) for item in mention.use.requires]
    return needs


def _requires(role: Role, mentions: Sequence[Mention]) -> tuple[Requirement, ...]:
    found = [Requirement(need.name, None, need.span) for need in role.needs]
    found += [item for mention in mentions for item in mention.use.requires]
    return tuple({str(item): item for item in reversed(found)}.values())[::-1]


def _merged(mentions: Sequence[Mention]) -> tuple[Mention, ...]:
    """Return the mentions that say something of their own; the same wish twice is one."""
    groups: dict[object, Mention] = {}
    for mention in mentions:
        key = (
            tuple((name, id(value)) for name, value in mention.use.given.items()),
            tuple(str(condition.value) for condition in mention.when),
        )
        known = groups.get(key, mention)
        groups[key] = replace(
            known,
            entry_vars={**known.entry_vars, **mention.entry_vars},
            tags=tuple(dict.fromkeys((*known.tags, *mention.tags))),
            become=known.become or mention.become,
        )
    bare = ((), ())
    if bare in groups:  # wanted without conditions: a conditional wish for the same adds nothing
        return tuple(mention for key, mention in groups.items() if key == bare or mention.use.given)
    return tuple(groups.values())
