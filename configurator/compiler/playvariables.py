"""The variables of a host in a play, from the weakest to the strongest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from configurator.compiler.plays import BoundPlay, PlayTurn, plan_play
from configurator.compiler.roles import Role
from configurator.compiler.scope import Entry, Exported, FactStore, Ready, Scope
from configurator.compiler.site import Mention
from configurator.compiler.variables import HostVariables, VariableSource, about_role, role_names, said_by
from configurator.config.diagnostics import Diagnostics
from configurator.inventory.hosts import Host


class PlayVariables(HostVariables):
    """The variables of one host in one play; what set_fact sets is seen by all that follows."""

    def __init__(
        self,
        bound: BoundPlay,
        source: VariableSource,
        host: Host,
        facts: Mapping[str, Any],
        turn: PlayTurn,
        state_secrets: set[str],
        problems: Diagnostics,
    ) -> None:
        super().__init__(source, host, facts, state_secrets)
        self._turn = turn
        turn.facts.exported = Exported()  # what roles export, they export to their play
        self._own = {role.name for role in bound.play.own_roles}
        parts = plan_play(bound.play, bound.tools.library)
        self._roles = [part.role for part in parts if part.role.name not in self._own]
        self._play: dict[str, Entry] = {**bound.play.vars, **turn.answers}
        self._magic |= {
            "ansible_play_name": Ready(bound.play.name),
            "ansible_play_hosts": Ready(list(turn.hosts)),
            "ansible_play_hosts_all": Ready(list(turn.hosts)),
            "ansible_play_batch": Ready(list(turn.batch)),
            "play_hosts": Ready(list(turn.batch)),
        }
        given = [use.name for use in bound.play.uses]
        needed = [part.mentions[0].use.name for part in parts if part.role.name not in self._own]
        self.know(role_names(given, [name for name in needed if name not in given]))
        self._play |= bound.files.variables(bound.play, self.plain_scope(), problems)

    def plain_scope(self) -> Scope:
        """Return the variables of the play without those of any role."""
        low: dict[str, Entry] = {**self._inventory, **self._facts, **self._play}
        high = {**self._source.extra, **self._magic}
        return Scope(self._source.engine, low, high, self._turn.facts, self._secrets)

    def facts_of(self, role: Role, needed: Sequence[Role]) -> FactStore:  # noqa: ARG002
        """Return the one store of the host: a play's parts follow each other."""
        return self._turn.facts

    def scope(self, role: Role, needed: Sequence[Role], mention: Mention) -> Scope:
        """Return the variables of a part of the play: it sees the defaults and variables of all its roles."""
        ordinary = [one for one in self._roles if one.name != role.name]
        low = self._managed()
        for one in (*ordinary, *needed, role):
            low.update(one.defaults)
        stronger: dict[str, Entry] = {**self._inventory, **self._facts, **self._play}
        for one in (*ordinary, *needed, role):
            stronger.update(one.vars)
        stronger.update(mention.use.vars)
        weak = frozenset(low.keys() - stronger.keys())
        low.update(stronger)
        high: dict[str, Entry] = {**self._source.extra, **self._magic}
        if role.name not in self._own:
            high |= about_role(mention.use.name, role.path)
        params = mention.use.params
        said = said_by((*needed, role), mention)
        return Scope(self._source.engine, low, high, self._turn.facts, self._secrets, weak, params, said)
