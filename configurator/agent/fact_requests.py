"""Facts that the controller asks for while it compiles, since a template or a condition uses them.

What is compiled late asks in the middle of a run, from a thread of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from configurator.agent.agent import Agent
from configurator.agent.system import HostContext, RealSystem
from configurator.core.cancel import CancelToken
from configurator.core.errors import ConfiguratorError


def gather(agent: Agent, message: Mapping[str, Any]) -> None:
    """Answer with the facts of `parts`, and with `problems` by part for those that could not be read."""
    context = HostContext(facts=agent.facts, fetch_piece=agent.piece, ssh_connection=agent.ssh_connection)
    found: dict[str, Any] = {}
    problems: dict[str, str] = {}
    notices: list[str] = []
    for part in message.get("parts", ()):
        system = RealSystem(context, CancelToken(), {})
        try:
            found |= _LISTS.get(str(part), _facts)(system, str(part), float(message.get("timeout_s", 10)))
        except ConfiguratorError as error:
            problems[str(part)] = error.message
        except Exception as error:  # noqa: BLE001  (the controller waits: any answer is better than none)
            problems[str(part)] = f"{type(error).__name__}: {error}"
        notices += system.notices
    agent.send({"type": "facts", "facts": found, "problems": problems, "notices": notices})


def _facts(system: RealSystem, part: str, timeout_s: float) -> dict[str, Any]:
    from configurator.modules.setup import facts_of  # noqa: PLC0415  (each part needs one module alone)

    return facts_of(system, frozenset({part}), timeout_s)


def _packages(system: RealSystem, _part: str, _timeout_s: float) -> dict[str, Any]:
    from configurator.modules.package_facts import PackageFacts, PackageFactsParams  # noqa: PLC0415

    return dict(PackageFacts().observe(system, PackageFactsParams()))


def _services(system: RealSystem, _part: str, _timeout_s: float) -> dict[str, Any]:
    from configurator.modules.service_facts import ServiceFacts, ServiceFactsParams  # noqa: PLC0415

    return dict(ServiceFacts().observe(system, ServiceFactsParams()))


_LISTS: Mapping[str, Callable[[RealSystem, str, float], dict[str, Any]]] = {
    "packages": _packages,
    "services": _services,
}
