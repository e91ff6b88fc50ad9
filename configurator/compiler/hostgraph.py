"""All roles of one host compiled and put in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from configurator.compiler.argcheck import check_arguments
from configurator.compiler.compiled import CompiledRole, CompiledTask
from configurator.compiler.expand import RoleExpander
from configurator.compiler.extensions import used
from configurator.compiler.inherited import Inherited
from configurator.compiler.late import LateValueError
from configurator.compiler.order import OrderedGraph, build_graph
from configurator.compiler.putoff import LateTasks
from configurator.compiler.roles import Role, RoleLibrary
from configurator.compiler.scope import Scope
from configurator.compiler.site import Mention, PlannedRole, needed_first
from configurator.compiler.taskmaker import TaskIds, TaskMaker
from configurator.compiler.tasksettings import TaskSettings
from configurator.compiler.templating import TemplatingError
from configurator.compiler.toolbox import HostState, Toolbox
from configurator.compiler.uses import merged
from configurator.compiler.variables import HostVariables, role_names
from configurator.inventory.hosts import Host, HostAddress


def compile_host(
    host: Host,
    facts: Mapping[str, Any],
    planned: Sequence[PlannedRole],
    address: HostAddress,
    state: HostState,
    toolbox: Toolbox,
) -> OrderedGraph:
    """Return the graph of a host; InputError with every problem, of tasks first, else of their order."""
    variables = HostVariables(toolbox.variables, host, facts, state.secrets)
    variables.introduce(state.peers)
    needed = [need.name for item in planned for need in item.role.needs]
    given = [item.role.name for item in planned if item.role.name not in needed]
    variables.know(role_names(given, needed))
    settings = TaskSettings(elevated=address.become, login=address.user)
    return compile_parts(planned, variables, settings, state, toolbox)


def compile_parts(
    planned: Sequence[PlannedRole],
    variables: HostVariables,
    settings: TaskSettings,
    state: HostState,
    toolbox: Toolbox,
) -> OrderedGraph:
    """Return the graph of these roles with these variables; InputError as `compile_host`."""
    variables.know(state.run)
    late = LateTasks()
    compiled = [_compile_role(item, variables, settings, state, toolbox, late) for item in planned]
    state.diagnostics.raise_if_any()
    graph = build_graph(
        compiled, blobs=state.blobs, secrets=frozenset(state.secrets), left_out=state.left_out
    )
    late.lent.update(graph.lent)
    graph = replace(graph, late=late)
    extensions = used(toolbox.modules, {spec.module for spec in graph.tasks if spec.skip is None})
    if not extensions:
        return graph
    blobs = {extension.digest: extension.source for extension in extensions.values()}
    digests = {name: extension.digest for name, extension in extensions.items()}
    return replace(graph, blobs={**graph.blobs, **blobs}, modules=digests)


def _compile_role(
    planned: PlannedRole,
    variables: HostVariables,
    settings: TaskSettings,
    state: HostState,
    toolbox: Toolbox,
    late: LateTasks,
) -> CompiledRole:
    """Return a role with the tasks of all its mentions; handlers that come out the same are one."""
    role = planned.role
    needed = _needed(role, toolbox.library)
    maker = TaskMaker(role, toolbox, state, settings, late, TaskIds(role.name))
    expander = RoleExpander(maker, variables)
    tasks: list[CompiledTask] = []
    handlers: list[CompiledTask] = []
    for mention in planned.mentions:
        if len(planned.mentions) > 1:
            maker.use = (maker.ids.use(role.name),)
        scope = variables.scope(role, needed, mention)
        if _applies(mention, scope):
            options = role.arguments.get("main")
            check_arguments(mention.use.name, options, scope, mention.use.span, state.diagnostics)
        around = Inherited(scope=scope, when=mention.when, tags=mention.tags, become=mention.become)
        for keywords in mention.around:
            around = around.enter(keywords)
        tasks += expander.tasks(role.tasks, around)
        handlers += (*expander.handlers(role.handlers, around), *expander.handlers_found)
        expander.handlers_found.clear()
    return CompiledRole(role.name, tasks, merged(handlers), role.span, planned.requires, planned.part)


def _applies(mention: Mention, scope: Scope) -> bool:
    """Return True unless a condition of the whole role is false; one that fails is reported by the tasks,
    and so is one that is known later."""
    try:
        return all(scope.condition(condition) for condition in mention.when)
    except (TemplatingError, LateValueError):
        return False


def _needed(role: Role, library: RoleLibrary) -> list[Role]:
    """Return the roles that a role needs, directly or not, without itself."""
    names = needed_first([role.name], library, {})
    found = [library.get(name) for name in names if name != role.name]
    return [other for other in found if other is not None]
