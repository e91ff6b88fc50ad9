"""The project: config.yaml, inventory and roles, read and checked once, then compiled for any host."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from configurator.compiler.check import check_roles, check_variables
from configurator.compiler.check_cycles import check_cycles
from configurator.compiler.extensions import with_extensions
from configurator.compiler.extravars import read_extra_vars
from configurator.compiler.hostgraph import compile_host
from configurator.compiler.hosts import connection_of
from configurator.compiler.order import OrderedGraph
from configurator.compiler.origins import Origin, origins
from configurator.compiler.playbook import load_plays, play_folders
from configurator.compiler.playproject import Playbook, read_variables_beside
from configurator.compiler.plays import BoundPlay, PlayTurn, role_folders
from configurator.compiler.roles import Role, RoleLibrary, RoleUse, builtin_roles_path
from configurator.compiler.scope import Scope
from configurator.compiler.selection import Met, Selection, check_selection, parse_only, unmet
from configurator.compiler.site import Entry, PlannedRole, plan_roles, read_site
from configurator.compiler.taskfile import ModuleTable, TaskFileReader
from configurator.compiler.templatefiles import TemplateFiles
from configurator.compiler.templating import Engine
from configurator.compiler.toolbox import HostState, Toolbox
from configurator.compiler.variables import VariableSource
from configurator.config.diagnostics import Diagnostic, Diagnostics, Span
from configurator.config.expect import did_you_mean
from configurator.config.settings import LoadedSettings, Settings, load_settings
from configurator.core.errors import InputError
from configurator.inventory.hosts import IGNORED_VARS, Host, HostAddress
from configurator.inventory.loader import load_inventory
from configurator.inventory.model import Inventory
from configurator.inventory.patterns import read_limit, select
from configurator.modules import registry
from configurator.vault.vault import Vault

_INSTEAD = (
    "put options for SSH into ~/.ssh/config, and where keys of hosts are on record into "
    "ansible_ssh_known_hosts_file"
)


class Project:
    """Everything people wrote, checked as far as no host is needed.

    `compile` may be called from several threads at once. `warnings` are Diagnostics that stop nothing.
    """

    def __init__(
        self,
        loaded: LoadedSettings,
        inventory: Inventory,
        entries: Sequence[Entry],
        toolbox: Toolbox,
        warnings: Sequence[Diagnostic],
        playbook: Playbook | None = None,
    ) -> None:
        self.inventory = inventory
        self.warnings = tuple(warnings)
        self.playbook = playbook
        self._loaded = loaded
        self._entries = tuple(entries)
        self._tools = toolbox

    @property
    def settings(self) -> Settings:
        """Return the settings of config.yaml, with the defaults of what it does not say."""
        return self._loaded.settings

    @property
    def root(self) -> str:
        """Return the folder that relative paths count from: that of config.yaml."""
        return self._loaded.root

    @property
    def read_roles(self) -> tuple[Role, ...]:
        """Return the roles that were read: those of `site:` and what they need."""
        return self._tools.library.loaded()

    @property
    def plays(self) -> tuple[BoundPlay, ...]:
        """Return the plays of the playbook in their order; none without a playbook."""
        return self.playbook.plays if self.playbook is not None else ()

    @property
    def own_roles(self) -> tuple[str, ...]:
        """Return the names of the project's own roles, used or not, without the built-in ones."""
        folders = [os.path.join(self.root, folder) for folder in self.settings.roles_path]
        library = self._tools.library
        return tuple(name for name in library.names() if library.stands_in(name, folders))

    @classmethod
    def load(
        cls,
        config_path: str | None = None,
        inventory: str | Sequence[str] | None = None,
        extra_vars: Sequence[str] = (),
        *,
        modules: ModuleTable = registry,
        roles_path: str | None = None,
        vault: Vault | None = None,
        playbook: str | None = None,
    ) -> Project:
        """Read and check everything; one InputError has every problem of all files.

        `vault` opens what is encrypted, also with the passwords that config.yaml names.

        The plays of `playbook`, if one is named, take the place of `site:`.
        `inventory` replaces the configured one; `roles_path` the folder of the built-in roles. The project's
        own modules are added to `modules`.
        """
        vault = vault or Vault()
        problems = Diagnostics(vault)
        loaded = load_settings(config_path, problems)
        vault.configure(loaded.settings.vault.ids, loaded.settings.vault.password_file, loaded.root)
        # Without these three the site would seem to speak of roles and hosts that do not exist.
        sound = not loaded.broken & {"site", "roles_path", "inventory"}
        hosts = load_inventory(_sources(loaded, inventory), loaded.root, problems)
        extra = read_extra_vars(extra_vars, problems)
        folders = [os.path.join(loaded.root, folder) for folder in loaded.settings.roles_path]
        modules = with_extensions(modules, loaded.root, problems)
        source = VariableSource(
            Engine(vault), hosts, extra, loaded.root, loaded.path and os.path.abspath(loaded.path)
        )
        said = Scope(source.engine, {}, extra)
        reader = TaskFileReader(modules, (), problems)
        written = load_plays(playbook, said, reader) if playbook is not None else []
        folders = [*role_folders(play_folders(written)), *folders]
        read_variables_beside(play_folders(written), hosts, loaded.root, problems)
        library = RoleLibrary([*folders, roles_path or builtin_roles_path()], modules)
        reader = TaskFileReader(modules, library.names(), problems)
        toolbox = Toolbox(library, modules, TemplateFiles(loaded.root, vault), source)
        tolerant = inventory is not None
        site = loaded.located if sound and playbook is None else None
        entries, unmatched = read_site(site, reader, hosts, tolerant=tolerant)
        for entry in entries:
            for use in entry.uses:
                library.load(use, problems)
                for item in use.requires:
                    library.load(RoleUse(str(item), item.span), problems)
        book = None
        if playbook is not None:
            book = Playbook.read(written, reader, toolbox, said, tolerant=tolerant)
            entries = list(book.entries())
        warnings = [*unmatched.sorted(), *_ignored(hosts), *_unused(hosts), *(book.warnings if book else ())]
        project = cls(loaded, hosts, entries, toolbox, warnings, book)
        project._check(problems)
        problems.raise_if_any()
        return project

    def _check(self, problems: Diagnostics) -> None:
        """Check what needs no facts: templates' syntax, literal parameters, files, names."""
        source = self._tools.variables
        layers = [*self.inventory.known_layers(), *(entry.vars for entry in self._entries), source.extra]
        check_variables(layers, source.engine, problems)
        own = {role.name for one in self.plays for role in one.play.own_roles}
        check_roles(self._tools, problems, [role for role in self.read_roles if role.name not in own])
        if self.playbook is not None:
            self.playbook.check(problems)
        check_cycles(self.read_roles, problems)

    # -- hosts ----------------------------------------------------------------------------------------

    def hosts(self, patterns: Sequence[str] = (), limit: Sequence[str] = ()) -> list[Host]:
        """Return the hosts that are meant, in the order of the inventory; without patterns all of them.

        Of these only the ones that `limit` means too, whose parts may be `@file`: a host or pattern a line.
        InputError if a pattern means nothing, or if there is no host at all.
        """
        problems = Diagnostics()
        found = select(self.inventory, [(text, Span("--host")) for text in patterns], problems)
        if limit:
            allowed = {host.name for host in select(self.inventory, read_limit(limit, problems), problems)}
            problems.raise_if_any()
            found = [host for host in found if host.name in allowed]
            if not found:
                raise InputError("--limit leaves no host to work on", hint="it means none of those chosen")
        problems.raise_if_any()
        if not found:
            where = ", ".join(self.inventory.sources) or "no inventory was found"
            hint = "name a host with --host user@address, or write inventory/hosts.yml"
            raise InputError(f"there is no host to work on ({where})", hint=hint)
        self._open(found)
        return found

    def _open(self, hosts: Iterable[Host]) -> None:
        """Read the encrypted variables of these hosts; InputError with every problem of all files."""
        engine = self._tools.variables.engine
        problems = Diagnostics(engine.vault)
        files = {id(item): item for host in hosts for item in self.inventory.files_of(host)}
        opened = [item.known for item in files.values() if item.open(problems)]
        check_variables(opened, engine, problems)
        problems.raise_if_any()

    def connection(self, host: Host) -> HostAddress:
        """Return how a host is reached; InputError if its connection variables are wrong."""
        return self._connection(host, set())

    def _connection(self, host: Host, secrets: set[str]) -> HostAddress:
        problems = Diagnostics()
        scope = self._tools.variables.host_scope(host, secrets)
        entries = self._entries_of(host)
        found = connection_of(host, scope, entries, self.settings.ssh, self.root, problems)
        if self.playbook is not None:
            found = self.playbook.reached(host, found, scope, problems)
        problems.raise_if_any()
        return found

    def origins(self, host: Host, secrets: set[str]) -> list[Origin]:
        """Return a host's variables with where they were set; `secrets` gains those met on the way."""
        source = self._tools.variables
        names = self.roles_for(host)
        roles = [role for name in names if (role := self._tools.library.get(name)) is not None]
        scope = source.host_scope(host, secrets)
        return origins(host, self.inventory, roles, source.extra, scope)

    def _entries_of(self, host: Host) -> list[Entry]:
        return [entry for entry in self._entries if entry.matches(host, self.inventory)]

    def roles_for(self, host: Host, roles: Sequence[str] = ()) -> list[str]:
        """Return the names of a host's roles, with those that they need, in the order of compilation."""
        if self.playbook is not None:
            return self.playbook.roles_of(host, roles)
        return [planned.role.name for planned in self._planned(host, roles)]

    def _planned(self, host: Host, roles: Sequence[str]) -> list[PlannedRole]:
        return plan_roles(self._entries_of(host), self._tools.library, roles)

    def check_selection(
        self,
        hosts: Iterable[Host],
        *,
        roles: Sequence[str] = (),
        tags: Sequence[str] = (),
        skip_tags: Sequence[str] = (),
        only: Sequence[str] = (),
    ) -> None:
        """Check what the command line limits a run to; roles that no entry uses are read now.

        InputError for an unknown role, tag or module, and for a host that no entry gives a role.
        """
        problems = Diagnostics(self._tools.variables.engine.vault)
        library = self._tools.library
        before = {role.name for role in library.loaded()}
        for name in roles:
            library.load(RoleUse(name, Span("--role")), problems)
        fresh = [role for role in library.loaded() if role.name not in before]
        check_roles(self._tools, problems, fresh)
        check_selection(library, self._entries, self._tools.modules, tags, skip_tags, only, problems)
        chosen = list(hosts)
        if self.playbook is not None:
            self.playbook.check_choice(chosen, roles, problems)
            problems.raise_if_any()
            return
        busy = {host.name for host in self.with_work(chosen, roles)}
        bare = [host for host in chosen if host.name not in busy]
        for host in bare if len(bare) == len(chosen) else [host for host in bare if host.adhoc]:
            hint = "name the roles with --role, or add an entry to 'site:' in config.yaml"
            problems.add(host.span, f"no entry of 'site:' gives {host.name!r} a role", hint, code="selection")
        problems.raise_if_any()

    def with_work(self, hosts: Iterable[Host], roles: Sequence[str] = ()) -> list[Host]:
        """Return those of the hosts that get a role; in a playbook all, since its plays choose."""
        if self.playbook is not None or roles:
            return list(hosts)
        return [host for host in hosts if any(entry.uses for entry in self._entries_of(host))]

    # -- compiling ------------------------------------------------------------------------------------

    def compile(
        self,
        host: Host,
        facts: Mapping[str, Any],
        *,
        roles: Sequence[str] = (),
        tags: Sequence[str] = (),
        skip_tags: Sequence[str] = (),
        only: Sequence[str] = (),
        met: Met | None = None,
        verbosity: int = 0,
        play: BoundPlay | None = None,
        turn: PlayTurn | None = None,
        peers: Sequence[str] = (),
        limit: Sequence[str] = (),
    ) -> OrderedGraph:
        """Return the tasks of a host in their order, or those of a play; InputError with every problem.

        `facts` have Ansible's names without their prefix. Every secret text met is in the graph's `secrets`.
        `met` learns which of `only` the host has a task for. `verbosity` counts `-v`. `peers` are
        all hosts of the run, this one included, and `limit` is what they were chosen with.
        """
        wishes = parse_only(only, self._tools.modules)
        selection = Selection(frozenset(tags), frozenset(skip_tags), wishes, met or Met())
        state = HostState(Diagnostics(self._tools.variables.engine.vault), selection, verbosity=verbosity)
        address = self._connection(host, state.secrets)
        state.host, state.peers = host.name, tuple(peers)
        state.run = {
            "ansible_run_tags": list(tags) or ["all"],
            "ansible_skip_tags": list(skip_tags),
            "ansible_verbosity": verbosity,
            "ansible_forks": self.settings.performance.forks,
            **({"ansible_limit": ",".join(limit)} if limit else {}),
        }
        if self.playbook is not None and play is not None:
            turn = turn or PlayTurn()
            state.peers = tuple(turn.batch)
            state.turn = f"{play.play.span} {' '.join(turn.batch)}"
            return self.playbook.compile(play, host, facts, turn, address, state, roles)
        planned = self._planned(host, roles)
        if roles:
            chosen = {item.role.name for item in planned}
            whole = self._planned(host, ())
            state.left_out |= {(item.role.name, None) for item in whole if item.role.name not in chosen}
        return compile_host(host, facts, planned, address, state, self._tools)

    def keep(self) -> None:
        """Write what lookups have made for files of the controller, such as new passwords."""
        self._tools.variables.engine.kept.write()

    def unmet(self, only: Sequence[str], met: Met) -> tuple[Diagnostic, ...]:
        """Return a problem for each of `only` that none of the hosts compiled with `met` has a task for."""
        return unmet(parse_only(only, self._tools.modules), met).sorted()


def _sources(loaded: LoadedSettings, inventory: str | Sequence[str] | None) -> list[tuple[str, Span]]:
    """Return the inventories to read: those of the command line, else those of config.yaml."""
    if inventory is not None:
        given = [inventory] if isinstance(inventory, str) else inventory
        return [(os.path.expanduser(path), Span("--inventory")) for path in given]
    span = Span(loaded.path or "config.yaml")
    if loaded.located is not None and (value := loaded.located.get("inventory")) is not None:
        span = value.span
    folder = os.path.relpath(loaded.root)
    names = loaded.settings.inventory or ()
    return [(os.path.normpath(os.path.join(folder, os.path.expanduser(name))), span) for name in names]


def _unused(inventory: Inventory) -> list[Diagnostic]:
    """Return a warning for each file of variables whose group or host does not exist: a typo, probably."""
    found = []
    groups, hosts = list(inventory.groups), list(inventory.hosts)
    kinds = [("group", folder.groups, groups) for folder in inventory.folders]
    kinds += [("host", folder.hosts, hosts) for folder in inventory.folders]
    for kind, files, known in kinds:
        for name, variables in files.items():
            if name not in known and variables.span is not None:
                message = f"no {kind} is named {name!r}: these variables are not used"
                found.append(variables.span.diagnostic(message, did_you_mean(name, known), code="selection"))
    return found


def _ignored(inventory: Inventory) -> list[Diagnostic]:
    """Return a warning for each connection variable that has no meaning here, at the first of its places."""
    layers = inventory.known_layers()
    found = []
    for name in IGNORED_VARS:
        spans = {layer[name].span: None for layer in layers if name in layer}
        if spans:
            more = f" in {len(spans)} places" if len(spans) > 1 else ""
            message = f"{name!r} is ignored{more}: {_INSTEAD}"
            found.append(next(iter(spans)).diagnostic(message, code="ignored"))
    return found
