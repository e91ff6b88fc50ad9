"""Groups and hosts as the inventory files declare them, and the variables that a host gets from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.located import Located
from configurator.inventory.filevars import FileVars
from configurator.inventory.hosts import Host

Vars = dict[str, Located]


@dataclass(slots=True)
class Group:
    """A named set of hosts and of other groups; `vars` are those written in the inventory itself."""

    name: str
    span: Span
    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, Span] = field(default_factory=dict)
    vars: Vars = field(default_factory=dict)
    priority: int = 1
    depth: int = 0


@dataclass(slots=True)
class VarFolder:
    """The variables of one place: group_vars/NAME and host_vars/NAME in it."""

    groups: dict[str, FileVars] = field(default_factory=dict)
    hosts: dict[str, FileVars] = field(default_factory=dict)


@dataclass(slots=True)
class Inventory:
    """Every host and group. `finish` must have been called before anything is read from it."""

    groups: dict[str, Group] = field(default_factory=dict)
    hosts: dict[str, Host] = field(default_factory=dict)
    host_vars: dict[str, Vars] = field(default_factory=dict)  # written beside the host's name
    folders: list[VarFolder] = field(default_factory=list)  # the weakest first
    sources: list[str] = field(default_factory=list)
    _parents: dict[str, list[str]] = field(default_factory=dict)
    _direct: dict[str, list[str]] = field(default_factory=dict)
    _members: dict[str, tuple[str, ...]] = field(default_factory=dict)

    # -- building -------------------------------------------------------------------------------------

    def group(self, name: str, span: Span) -> Group:
        """Return the group of this name, making it if it is new."""
        return self.groups.setdefault(name, Group(name, span))

    def add_host(self, name: str, span: Span, group: str) -> None:
        """Make a host a member of a group; a host named twice is one host."""
        self.hosts.setdefault(name, Host(name, span))
        self.host_vars.setdefault(name, {})
        self.groups[group].hosts[name] = None

    def finish(self, diagnostics: Diagnostics) -> None:
        """Make `all` and `ungrouped` complete and compute depths; a cycle of groups is a problem."""
        everything = self.group("all", Span("the inventory"))
        ungrouped = self.group("ungrouped", Span("the inventory"))
        nested = {child for group in self.groups.values() for child in group.children}
        for name in self.groups:
            if name != "all" and name not in nested:
                everything.children.setdefault(name, self.groups[name].span)
        grouped = {host for group in self.groups.values() if group.name != "all" for host in group.hosts}
        for host in self.hosts:
            if host not in grouped:
                ungrouped.hosts[host] = None
        self._measure(diagnostics)
        for group in self.groups.values():
            for child in group.children:
                self._parents.setdefault(child, []).append(group.name)
            for host in group.hosts:
                self._direct.setdefault(host, []).append(group.name)
        self._members = {name: tuple(self._collect(name)) for name in self.groups}

    def _measure(self, diagnostics: Diagnostics) -> None:
        """Set each group's depth, the longest way from `all`, and cut cycles out."""
        pending: list[tuple[str, tuple[str, ...]]] = [("all", ())]
        reached: set[str] = set()
        while pending or reached < self.groups.keys():
            if not pending:  # groups that only a cycle leads to
                pending.append((next(name for name in self.groups if name not in reached), ()))
            name, above = pending.pop()
            group = self.groups[name]
            if name in reached and group.depth >= len(above):
                continue
            reached.add(name)
            group.depth = max(group.depth, len(above))
            path = (*above, name)
            for child, span in list(group.children.items()):
                if child in path:
                    cycle = " -> ".join((*path[path.index(child) :], child))
                    diagnostics.add(span, f"the groups contain each other: {cycle}", code="group-cycle")
                    del group.children[child]
                else:
                    pending.append((child, path))

    def _collect(self, name: str) -> dict[str, None]:
        """Return the hosts of a group and of all groups below it, in written order."""
        found: dict[str, None] = {}
        pending, seen = [name], set()
        while pending:
            current = pending.pop()
            if current in seen:
                continue
            seen.add(current)
            group = self.groups[current]
            found.update(group.hosts)
            pending += reversed(group.children)
        return found if name != "all" else dict.fromkeys(self.hosts)

    # -- reading --------------------------------------------------------------------------------------

    def members(self, group: str) -> tuple[str, ...]:
        """Return the names of all hosts of a group, in written order."""
        return self._members[group]

    def groups_of(self, host: Host) -> tuple[str, ...]:
        """Return the groups of a host, those with the weakest variables first.

        As in Ansible: by depth, then `ansible_group_priority`, then name. An ad hoc host is in `all` and
        `ungrouped`.
        """
        found = {"all"}
        pending = list(self._direct.get(host.name, ("ungrouped",)))
        while pending:
            name = pending.pop()
            if name not in found:
                found.add(name)
                pending += self._parents.get(name, ())
        key = self.groups
        return tuple(sorted(found, key=lambda name: (key[name].depth, key[name].priority, name)))

    def layers(self, host: Host) -> tuple[Mapping[str, Located], ...]:
        """Return the variables of a host from all files, the weakest layer first.

        As in Ansible: what the inventory itself says of groups, group_vars/all of each place, group_vars/ of
        the other groups, what the inventory says of the host, host_vars/. A place beside the playbook or the
        project is stronger than one beside the inventory, whichever groups they speak of.
        """
        groups = self.groups_of(host)
        layers: list[Mapping[str, Located]] = [self.groups[name].vars for name in groups]
        layers += self._group_files(groups)
        layers += [self.host_vars.get(host.name, {}), *self._host_files(host)]
        return tuple(layer for layer in layers if layer)

    def files_of(self, host: Host) -> tuple[FileVars, ...]:
        """Return the variables of a host that stand in group_vars/ and host_vars/, the weakest first."""
        return (*self._group_files(self.groups_of(host)), *self._host_files(host))

    def _group_files(self, groups: tuple[str, ...]) -> list[FileVars]:
        names = [("all", folder) for folder in self.folders]
        names += [(name, folder) for folder in self.folders for name in groups if name != "all"]
        return [folder.groups[name] for name, folder in names if name in folder.groups]

    def _host_files(self, host: Host) -> list[FileVars]:
        return [folder.hosts[host.name] for folder in self.folders if host.name in folder.hosts]

    def known_layers(self) -> tuple[Mapping[str, Located], ...]:
        """Return all variables of all groups and hosts, but those of encrypted files not opened yet."""
        return (
            *(group.vars for group in self.groups.values()),
            *(files.known for folder in self.folders for files in folder.groups.values()),
            *self.host_vars.values(),
            *(files.known for folder in self.folders for files in folder.hosts.values()),
        )

    def names(self) -> Iterable[str]:
        """Return all names that a pattern can mean."""
        return (*self.hosts, *self.groups)
