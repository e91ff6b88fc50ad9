"""A playbook as a part of the project: read with its inventory and roles, and compiled play by play."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from configurator.compiler.check import check_variables
from configurator.compiler.hostgraph import compile_parts
from configurator.compiler.order import OrderedGraph
from configurator.compiler.playbook import Written, read_play
from configurator.compiler.playfiles import VarsFiles
from configurator.compiler.playgraph import without_unused
from configurator.compiler.plays import (
    BoundPlay,
    PlayTurn,
    bind,
    check_plays,
    left_out,
    plan_play,
    wants_root,
)
from configurator.compiler.playvariables import PlayVariables
from configurator.compiler.roles import RoleUse
from configurator.compiler.scope import Scope
from configurator.compiler.site import Entry
from configurator.compiler.taskfile import TaskFileReader
from configurator.compiler.tasksettings import TaskSettings
from configurator.compiler.templatefiles import TemplateFiles
from configurator.compiler.templating import TemplatingError
from configurator.compiler.toolbox import HostState, Toolbox
from configurator.config.diagnostics import Diagnostic, Diagnostics, Span
from configurator.config.expect import did_you_mean
from configurator.config.paths import shown_path
from configurator.inventory.hosts import Host, HostAddress
from configurator.inventory.model import Inventory
from configurator.inventory.varfiles import read_var_folders

_BECOME = "ansible_become"
_PORTS = ("ansible_port", "ansible_ssh_port")
_USERS = ("ansible_user", "ansible_ssh_user")


class Playbook:
    """The plays of a run in their order, bound to the inventory's hosts. `warnings` stop nothing."""

    def __init__(
        self, plays: Sequence[BoundPlay], inventory: Inventory, warnings: Sequence[Diagnostic] = ()
    ) -> None:
        self.plays = tuple(plays)
        self.warnings = tuple(warnings)
        self._inventory = inventory

    @classmethod
    def read(
        cls,
        written: Iterable[Written],
        reader: TaskFileReader,
        tools: Toolbox,
        scope: Scope,
        *,
        tolerant: bool,
    ) -> Playbook:
        """Return the plays; what is wrong with them and their roles is noted by `reader`.

        With `tolerant` patterns that mean nothing are warnings: another inventory need not have all groups.
        """
        problems, unmatched = reader.diagnostics, Diagnostics()
        by_folder: dict[str, Toolbox] = {}
        files = VarsFiles()
        bound: list[BoundPlay] = []
        for one in written:
            play = read_play(one, scope, reader)
            known = by_folder.setdefault(one.folder, _tools_in(one.folder, tools))
            for role in play.own_roles:
                known.library.add(role, problems)
            for use in play.uses:
                known.library.load(use, problems)
                for item in use.requires:
                    known.library.load(RoleUse(str(item), item.span), problems)
            check_variables(files.check(play, problems), tools.variables.engine, problems)
            bound.append(bind(play, tools.variables.inventory, known, files, unmatched))
        if not tolerant:
            problems.extend(unmatched.sorted())
        return cls(bound, tools.variables.inventory, unmatched.sorted() if tolerant else ())

    def check(self, problems: Diagnostics) -> None:
        """Note what is wrong with the plays' own tasks, keywords and variables."""
        check_plays(self.plays, problems)

    # -- whom the plays mean --------------------------------------------------------------------------

    def of(self, host: Host) -> list[BoundPlay]:
        """Return the plays that mean a host."""
        return [bound for bound in self.plays if bound.matches(host, self._inventory)]

    def numbers(self, host: Host) -> list[int]:
        """Return the places among all plays of those that mean a host."""
        return [number for number, one in enumerate(self.plays) if one.matches(host, self._inventory)]

    def roles_of(self, host: Host, only: Collection[str] = ()) -> list[str]:
        """Return the names of the roles that a host gets, the plays' own lists of tasks left out."""
        names: dict[str, None] = {}
        for bound in self.of(host):
            own = {role.name for role in bound.play.own_roles}
            parts = plan_play(bound.play, bound.tools.library, only)
            names |= {part.mentions[0].use.name: None for part in parts if part.role.name not in own}
        return list(names)

    def entries(self) -> tuple[Entry, ...]:
        """Return the plays as what `site:` says of the same: hosts, roles and tags."""
        return tuple(
            Entry(play.patterns, play.uses, bound.hosts, play.vars, play.keywords.tags)
            for bound in self.plays
            for play in [bound.play]
        )

    def check_choice(self, hosts: Sequence[Host], roles: Sequence[str], problems: Diagnostics) -> None:
        """Note hosts that no play means, and roles that no play has."""
        shown = shown_path(self.plays[0].play.folder) if self.plays else "."
        bare = [host for host in hosts if not self.of(host)]
        if bare and not bare[0].adhoc and not any(bound.hosts for bound in self.plays):
            self._means_nobody(problems)
            bare = [host for host in bare if host.adhoc]
        for host in bare if len(bare) == len(hosts) else [host for host in bare if host.adhoc]:
            problems.add(
                host.span, f"no play of the playbook in {shown} means {host.name!r}", code="selection"
            )
        tools = self.plays[0].tools if self.plays else None
        uses = {use.name for bound in self.plays for use in bound.play.uses}
        known = uses | {
            part.mentions[0].use.name
            for bound in self.plays
            for part in plan_play(bound.play, bound.tools.library)
        }
        for name in roles if hosts else ():
            if name not in known and tools is not None and tools.library.get(name) is not None:
                problems.add(
                    Span("--role"),
                    f"no play has the role {name!r}",
                    did_you_mean(name, uses),
                    code="selection",
                )

    def _means_nobody(self, problems: Diagnostics) -> None:
        """Note what is wrong where no play means any host: it is the plays that say so, not the hosts."""
        problems.extend(self.warnings)
        for bound in self.plays if not self.warnings else ():
            text = ",".join(text for text, _ in bound.play.patterns)
            span = bound.play.patterns[0][1] if bound.play.patterns else bound.play.span
            problems.add(span, f"no host of the inventory is meant by {text!r}", code="no-such-host")

    # -- how a host is reached ------------------------------------------------------------------------

    def reached(self, host: Host, address: HostAddress, scope: Scope, problems: Diagnostics) -> HostAddress:
        """Return how a host is reached for its plays: as whom, and whether through sudo.

        As in Ansible variables win over keywords. All plays of a host share one connection: it is that of the
        first `remote_user` and `port`, and root becomes the other users.
        """
        wanted = [(one.play.remote_user, one.play.vars) for one in self.of(host)]
        users: list[str] = []
        for said, own in wanted:
            try:
                users += [str(scope.child(own).value(said))] if said is not None else []
            except TemplatingError as error:
                problems.extend([error.diagnostic])
        named = any(name in scope for name in _USERS)
        user = users[0] if users and not named else address.user
        several = not named and any(other != user for other in users)
        become = address.become
        if _BECOME not in scope:
            become = several or any(wants_root(one.play, one.tools.library) for one in self.of(host))
        ports = [one.play.port for one in self.of(host) if one.play.port is not None]
        port = ports[0] if ports and not any(name in scope for name in _PORTS) else address.port
        return replace(address, user=user, become=become, port=port)

    # -- compiling ------------------------------------------------------------------------------------

    def compile(
        self,
        bound: BoundPlay,
        host: Host,
        facts: Mapping[str, Any],
        turn: PlayTurn,
        address: HostAddress,
        state: HostState,
        roles: Sequence[str] = (),
    ) -> OrderedGraph:
        """Return the tasks of a play on a host in their order; InputError with every problem found."""
        tools, play = bound.tools, bound.play
        variables = PlayVariables(bound, tools.variables, host, facts, turn, state.secrets, state.diagnostics)
        state.diagnostics.raise_if_any()
        state.left_out |= left_out(play, tools.library, roles)
        login = turn.login or address.user
        scope = variables.plain_scope()
        if play.remote_user is not None and not any(name in scope for name in _USERS):
            login = str(scope.value(play.remote_user))  # it was rendered for the connection before
        settings = TaskSettings(elevated=address.become, login=login)
        planned = plan_play(play, tools.library, roles)
        graph = compile_parts(planned, variables, settings, state, tools)
        return graph if play.handlers is None else without_unused(graph, play.handlers.name)


def _tools_in(folder: str, tools: Toolbox) -> Toolbox:
    """Return the same tools for a playbook in this folder: files and templates are looked for there too."""
    if os.path.realpath(folder) == os.path.realpath(tools.root):
        return tools
    source = replace(tools.variables, root=folder)
    return replace(tools, templates=TemplateFiles(folder, tools.variables.engine.vault), variables=source)


def read_variables_beside(
    folders: Iterable[str], inventory: Inventory, root: str, problems: Diagnostics
) -> None:
    """Add the group_vars/ and host_vars/ of the playbooks' folders, but those read with the inventory."""
    sources = (path if os.path.isdir(path) else os.path.dirname(path) or "." for path in inventory.sources)
    seen = {os.path.realpath(folder) for folder in (root, *sources)}
    for folder in folders:
        real = os.path.realpath(folder)
        if real not in seen:
            seen.add(real)
            shown = shown_path(folder)
            read_var_folders(folder, "" if shown == "." else shown, inventory, problems)
