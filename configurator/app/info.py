"""The use cases that only tell something: check, hosts, facts."""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from configurator.app.fleet import ask_secrets, endpoint_of, load_project, masked, masking
from configurator.app.options import RunOptions
from configurator.compiler.factnames import PARTS
from configurator.compiler.tasknodes import FactNode, TaskNode
from configurator.config.diagnostics import Diagnostic
from configurator.config.expect import did_you_mean
from configurator.core.errors import ConfiguratorError, InputError
from configurator.core.graph import TaskGraph
from configurator.core.parallel import ParallelExecutor
from configurator.core.task import Task
from configurator.report.redact import Redactor
from configurator.transport.session import HostSession
from configurator.transport.sshauth import Prompt


@dataclass(frozen=True, slots=True)
class CheckReport:
    """How much was checked."""

    files: int
    roles: int
    hosts: int
    tasks: int
    warnings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class HostRow:
    """One host of the inventory; None where ~/.ssh/config or the defaults decide."""

    name: str
    address: str
    user: str | None
    port: int | None
    groups: tuple[str, ...]
    roles: tuple[str, ...]


def check(options: RunOptions, prompt: Prompt | None = None) -> CheckReport:
    """Check everything that needs no host; InputError with every problem."""
    redactor = Redactor()
    project = load_project(options, prompt, redactor)
    with masking(redactor):
        some = options.hosts or options.limit or project.inventory.hosts
        hosts = project.hosts(options.hosts, options.limit) if some else []
        for host in hosts:
            project.connection(host)
        project.check_selection((), roles=project.own_roles)  # also those that no entry of `site:` uses yet
    roles = project.read_roles
    own = {role.name for bound in project.plays for role in bound.play.own_roles}
    nodes = [node for role in roles for node in role.nodes()]
    tasks = sum(isinstance(node, TaskNode | FactNode) for node in nodes)
    files = {node.span.path for node in nodes} | set(project.inventory.sources)
    return CheckReport(
        len(files), sum(role.name not in own for role in roles), len(hosts), tasks, project.warnings
    )


def hosts(options: RunOptions, prompt: Prompt | None = None) -> list[HostRow]:
    """Return the selected hosts in the order of the inventory."""
    redactor = Redactor()
    project = load_project(options, prompt, redactor)
    rows = []
    with masking(redactor):
        for host in project.hosts(options.hosts, options.limit):
            address = project.connection(host)
            groups = tuple(name for name in project.inventory.groups_of(host) if name != "all")
            roles = tuple(project.roles_for(host))
            rows.append(HostRow(host.name, address.address, address.user, address.port, groups, roles))
    return rows


def facts(
    options: RunOptions, prompt: Prompt | None = None, parts: Collection[str] = ()
) -> dict[str, dict[str, Any] | ConfiguratorError]:
    """Return the facts of the selected hosts, or for a host what stood in the way.

    `parts` are what to read besides the facts of every run; `all` means each of them.
    """
    known = set(PARTS.values())
    for part in parts:
        if part not in known and part != "all":
            hint = did_you_mean(part, known) or f"there are {', '.join(sorted(known))}, and all"
            raise InputError(f"no facts are called {part!r}", hint=hint)
    wanted = known if "all" in parts else set(parts)
    redactor = Redactor()
    project = load_project(options, prompt, redactor)
    secrets = ask_secrets(options, prompt)
    with masking(redactor):
        selected = project.hosts(options.hosts, options.limit)

    def read(endpoint: Any) -> dict[str, Any] | ConfiguratorError:
        try:
            session = HostSession(endpoint(), secrets)
        except ConfiguratorError as error:
            return masked(error, redactor)
        try:
            return session.facts | (session.gather(wanted)["facts"] if wanted else {})
        except ConfiguratorError as error:
            return masked(error, redactor)
        finally:
            session.close()

    tasks = []
    for host in selected:
        endpoint = functools.partial(endpoint_of, project, host, redactor)
        tasks.append(Task(host.name, lambda _context, e=endpoint: read(e)))  # type: ignore[misc]
    forks = options.forks or project.settings.performance.forks
    # Reading changes nothing, so a Ctrl-C need not wait for a connection that may take its time.
    executor = ParallelExecutor(forks, drain_first=False, grace_s=0.0)
    results = executor.execute(TaskGraph(tasks))
    for result in results:
        if result.error is not None:
            raise result.error
    return {result.task_name: result.result for result in results}
