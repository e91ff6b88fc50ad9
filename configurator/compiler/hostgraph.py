"""All roles of one host compiled and put in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from configurator.agent.protocol import HostGraph
from configurator.compiler.compiled import CompiledRole, CompiledTask
from configurator.compiler.expand import HostState, RoleExpander
from configurator.compiler.inherited import Inherited
from configurator.compiler.order import build_graph
from configurator.compiler.roles import Role, RoleLibrary
from configurator.compiler.scope import Scope
from configurator.compiler.site import Mention, PlannedRole, needed_first
from configurator.compiler.taskfile import ModuleTable
from configurator.compiler.tasksettings import TaskSettings
from configurator.compiler.templatefiles import TemplateFiles
from configurator.compiler.variables import HostVariables, VariableSource
from configurator.inventory.hosts import Host, HostAddress


def compile_host(
    host: Host,
    facts: Mapping[str, Any],
    planned: Sequence[PlannedRole],
    address: HostAddress,
    state: HostState,
    source: VariableSource,
    library: RoleLibrary,
    modules: ModuleTable,
    templates: TemplateFiles,
) -> HostGraph:
    """Return the graph of a host; InputError with every problem, of tasks first, else of their order."""
    variables = HostVariables(source, host, facts, state.secrets)
    settings = TaskSettings(elevated=address.become, login=address.user)
    compiled = []
    for item in planned:
        needed = _needed(item.role, library)
        tasks: list[CompiledTask] = []
        handlers: dict[object, CompiledTask] = {}
        number = handler_number = 1
        for mention in item.mentions:
            scope = variables.scope(item.role, needed, mention)
            store = variables.facts_of(item.role, needed)
            expander = RoleExpander(
                item.role, library, modules, templates, source.root, state, store, settings, number
            )
            tasks += expander.tasks(item.role.tasks, _around(mention, scope))
            number = expander.next_number
            expander = RoleExpander(
                item.role,
                library,
                modules,
                templates,
                source.root,
                state,
                store,
                settings,
                handler_number,
                "h",
            )
            for handler in expander.handlers(item.role.handlers, _around(mention, scope)):
                handlers.setdefault((handler.spec.name, str(handler.spec.params)), handler)
            handler_number = expander.next_number
        compiled.append(
            CompiledRole(item.role.name, tasks, list(handlers.values()), item.role.span, item.requires)
        )
    state.diagnostics.raise_if_any()
    return build_graph(
        compiled,
        blobs=state.blobs,
        secrets=frozenset(state.secrets),
        left_out=state.left_out,
    )


def _around(mention: Mention, scope: Scope) -> Inherited:
    return Inherited(scope=scope, when=mention.when, tags=mention.tags, become=mention.become)


def _needed(role: Role, library: RoleLibrary) -> list[Role]:
    """Return the roles that a role needs, directly or not, without itself."""
    names = needed_first([role.name], library, {})
    found = [library.get(name) for name in names if name != role.name]
    return [other for other in found if other is not None]
