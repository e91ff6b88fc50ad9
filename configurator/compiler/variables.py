"""Where a host's variables come from, from the weakest to the strongest, and the magic ones."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from configurator.compiler.hostfacts import fact_entries, plain_entries
from configurator.compiler.roles import Role
from configurator.compiler.scope import Entry, FactStore, Names, Ready, Said, Scope
from configurator.compiler.site import Mention
from configurator.compiler.templating import Engine, Missing
from configurator.compiler.values import OMIT
from configurator.config.located import Located
from configurator.inventory.hosts import Host
from configurator.inventory.model import Inventory

# Ansible's default for the variable `ansible_managed`, so that a file made by it is taken over as it is.
_MANAGED = "Ansible managed"
# The version of ansible-core whose language is spoken here: roles ask for it.
_VERSION = {"full": "2.19.0", "major": 2, "minor": 19, "revision": 0, "string": "2.19.0"}


@dataclass(frozen=True, slots=True, eq=False)
class VariableSource:
    """What is the same for all hosts and tasks.

    `gathered` takes in the facts of each host that has told them, by its name: other hosts' tasks may read
    them from then on. `config` is the path of config.yaml, if there is one.
    """

    engine: Engine
    inventory: Inventory
    extra: Mapping[str, Located]
    root: str
    config: str | None = None
    gathered: dict[str, Mapping[str, Entry]] = field(default_factory=dict)

    def inventory_layer(self, host: Host) -> dict[str, Entry]:
        """Return what the inventory says of a host, merged by precedence."""
        merged: dict[str, Entry] = {}
        for layer in self.inventory.layers(host):
            merged.update(layer)
        merged.update({name: Ready(value) for name, value in host.adhoc.items()})
        return merged

    def host_scope(self, host: Host, secrets: set[str]) -> Scope:
        """Return the variables of a host without any role, task or fact."""
        high: dict[str, Entry] = {**self.extra, **self.magic(host)}
        high["hostvars"] = Ready(HostVars(self, secrets))
        return Scope(self.engine, self.inventory_layer(host), high, secrets=secrets)

    def magic(self, host: Host) -> dict[str, Entry]:
        """Return the variables that nothing overrides."""
        groups = {name: list(self.inventory.members(name)) for name in self.inventory.groups}
        own = [name for name in self.inventory.groups_of(host) if name != "all"]
        sources = [os.path.abspath(path) for path in self.inventory.sources]
        return {
            "inventory_hostname": Ready(host.name),
            "inventory_hostname_short": Ready(host.name.partition(".")[0]),
            "group_names": Ready(sorted(own)),
            "groups": Ready(groups),
            "playbook_dir": Ready(self.root),
            "inventory_dir": Ready(os.path.dirname(sources[0]) if sources else None),
            "inventory_file": Ready(sources[0] if sources else None),
            "ansible_inventory_sources": Ready(sources),
            "ansible_config_file": Ready(self.config),
            "ansible_playbook_python": Ready(sys.executable),
            "ansible_version": Ready(dict(_VERSION)),
            # A plan is the same run on a host that is only simulated, and shows differences anyway.
            "ansible_check_mode": Ready(False),
            "ansible_diff_mode": Ready(True),
            "omit": Ready(OMIT),
        }


class HostVars(Mapping[str, Any]):
    """`hostvars`: the inventory's variables of every host, rendered when they are used.

    `facts` are those that are known, by the names of their hosts.
    """

    def __init__(
        self,
        source: VariableSource,
        secrets: set[str],
        facts: Mapping[str, Mapping[str, Entry]] = MappingProxyType({}),
    ) -> None:
        self._source = source
        self._secrets = secrets
        self._facts = facts
        self._scopes: dict[str, _View] = {}
        self._told: set[str] = set()  # hosts whose facts are in their view

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        facts = self._facts.get(name) or self._source.gathered.get(name)
        if name not in self._scopes or (facts is not None and name not in self._told):
            host = self._source.inventory.hosts[name]
            scope = self._source.host_scope(host, self._secrets)
            self._scopes[name] = _View(
                scope.over({**scope.low, **(facts or {})}, scope.high, scope.weak), name
            )
            if facts is not None:
                self._told.add(name)
        return self._scopes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._source.inventory.hosts)

    def __len__(self) -> int:
        return len(self._source.inventory.hosts)

    def _absent(self, name: str) -> tuple[str, Iterable[object]]:
        return f"there is no host {name!r}", self._source.inventory.hosts


class _View(Names):
    """Variables and nothing else: `hostvars.web1.text` must be a variable, not a method of Scope's."""

    __slots__ = ("_host",)

    def __init__(self, scope: Scope, host: str) -> None:
        super().__init__(scope)
        self._host = host

    def __getitem__(self, name: str) -> Any:
        if name == "ansible_facts" and name not in self._scope:
            return Missing(f"the facts of {self._host!r} are not known here: it is not connected to yet")
        return super().__getitem__(name)

    def _absent(self, name: str) -> tuple[str, Iterable[object]]:
        return f"the host {self._host!r} has no variable {name!r}", self._scope


class HostVariables:
    """The variables of one host in one compilation, for the roles one after another."""

    def __init__(
        self, source: VariableSource, host: Host, facts: Mapping[str, Any], secrets: set[str]
    ) -> None:
        self._source = source
        self._secrets = secrets
        self._inventory = source.inventory_layer(host)
        self._facts = fact_entries(facts)
        self._magic = source.magic(host)
        self._magic["hostvars"] = Ready(HostVars(source, secrets, {host.name: self._facts}))
        self._stores: dict[str, FactStore] = {}
        told = plain_entries(facts)
        if len(told) > 1:  # a host without python3 has told nothing
            source.gathered[host.name] = told

    def know(self, run: Mapping[str, Any]) -> None:
        """Let tasks know of the run that they are a part of: names and values."""
        self._magic |= {name: Ready(value) for name, value in run.items()}

    def introduce(self, peers: Sequence[str]) -> None:
        """Let tasks know of the hosts that are worked on together with this one."""
        names = ("ansible_play_hosts", "ansible_play_hosts_all", "ansible_play_batch", "play_hosts")
        for name in names if peers else ():
            self._magic[name] = Ready(list(peers))

    def facts_of(self, role: Role, needed: Sequence[Role]) -> FactStore:
        """Return the role's store for set_fact, in which the facts of the roles it needs can be seen."""
        if role.name not in self._stores:
            store = self._stores[role.name] = FactStore()
            for other in needed:
                if other.name in self._stores:
                    store.see(self._stores[other.name])
        return self._stores[role.name]

    def inner_scope(
        self, around: Scope, role: Role, defaults: Mapping[str, Located], own: Mapping[str, Located]
    ) -> Scope:
        """Return the variables of a role that a task includes: its defaults win over other defaults alone."""
        names = {name for name in defaults if name not in around.low or name in around.weak}
        low = {**around.low, **{name: defaults[name] for name in names}, **own}
        parents: dict[str, Entry] = {}
        for name, new in (
            ("ansible_parent_role_names", "role_name"),
            ("ansible_parent_role_paths", "role_path"),
        ):
            above = list(around[name]) if name in around else []
            parents[name] = Ready(([around[new]] if new in around else []) + above)
        high = {**around.high, **about_role(role.name, role.path), **parents}
        said = Said(
            around.said.defaults | names, around.said.vars | own.keys(), around.said.strong | own.keys()
        )
        return around.over(low, high, (around.weak | names) - own.keys(), said)

    def _managed(self) -> dict[str, Entry]:
        """Return the weakest variables of all."""
        return {"ansible_managed": Ready(_MANAGED)}

    def scope(self, role: Role, needed: Sequence[Role], mention: Mention) -> Scope:
        """Return the variables of a role's tasks.

        A role sees the defaults and variables of the roles that it needs, and of those that need it, weaker
        than its own.
        """
        low = self._managed()
        seen = (*needed, *mention.above, role)
        for one in seen:
            low.update(one.defaults)
        weak = low.keys() - self._inventory.keys() - self._facts.keys()
        low.update(self._inventory)
        low.update(self._facts)
        low.update(mention.entry_vars)
        for one in seen:
            low.update(one.vars)
        low.update(mention.use.vars)
        stronger = (mention.entry_vars, mention.use.vars, *(one.vars for one in seen))
        strong = {name for layer in stronger for name in layer}
        weak -= strong
        high = {**self._source.extra, **self._magic, **about_role(role.name, role.path)}
        facts = self.facts_of(role, needed)
        params = mention.use.params
        said = said_by(seen, mention, strong)
        return Scope(self._source.engine, low, high, facts, self._secrets, frozenset(weak), params, said)


def said_by(roles: Iterable[Role], mention: Mention, strong: Iterable[str] = ()) -> Said:
    """Return the names that the role of a mention says, and those that belong to it: all of `roles`."""
    own = list(roles)
    defaults = frozenset(name for role in own for name in role.defaults)
    said = frozenset(name for role in own for name in role.vars) | mention.use.vars.keys()
    return Said(defaults, said, frozenset(strong))


def about_role(name: str, path: str) -> dict[str, Entry]:
    """Return what the tasks of a role know of it; no role here is of a collection."""
    return {
        "role_name": Ready(name),
        "ansible_role_name": Ready(name),
        "role_path": Ready(path),
        "ansible_collection_name": Ready(None),
    }


def role_names(roles: Sequence[str], needed: Sequence[str]) -> dict[str, list[str]]:
    """Return the variables that name the roles of a host: those it is given, and those that they need."""
    own, more = list(dict.fromkeys(roles)), list(dict.fromkeys(needed))
    return {
        "ansible_play_role_names": own,
        "role_names": own,
        "ansible_dependent_role_names": more,
        "ansible_role_names": list(dict.fromkeys((*more, *own))),
    }
