"""service_facts: the services of the host have been looked at, and are returned as `ansible_facts.services`.

Each service has Ansible's `name`, `source` (`systemd`), `state` (`running`, `stopped`, `failed`, `inactive`
of one that systemd has not loaded, `unknown` of a template) and `status` (`enabled`, `disabled`, `static`,
`masked`..., `not-found` of one that others name but nobody has). In a plan they are as the tasks before will
have left them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules import systemd_units as units
from configurator.modules.effects import Effects, effects
from configurator.modules.looking import Looking
from configurator.modules.state import State
from configurator.modules.system import System
from configurator.modules.systemd_show import parse_properties

_PROPERTIES = "Id,LoadState,ActiveState,SubState,UnitFileState"


@dataclass(frozen=True, slots=True)
class ServiceFactsParams:
    """service_facts takes no parameters."""


class ServiceFacts(Looking):
    """Returns the services that systemd knows."""

    name: ClassVar[str] = "service_facts"
    params: ClassVar[type] = ServiceFactsParams

    def subject(self, params: Any) -> str:  # noqa: ARG002
        return "unit:**"

    def effects(self, params: Any) -> Effects:  # noqa: ARG002
        return effects(reads={"unit:**", "package:**", "path:/etc/systemd/system/**"})

    def observe(self, system: System, params: Any) -> State:  # noqa: ARG002
        """Return the services by name; TaskError if systemd does not answer."""
        loaded = units.SYSTEM.query(system, "show", "*.service", "--property", _PROPERTIES)
        if loaded.exit_status != 0:
            raise TaskError(
                "systemd is not running here, so there are no services to be told of",
                command=loaded.argv,
                exit_status=loaded.exit_status,
                output=loaded.stderr,
            )
        files = units.SYSTEM.query(
            system, "list-unit-files", "--type", "service", "--no-legend", "--no-pager", "--full"
        )
        found = services(loaded.stdout, files.stdout)
        names = dict.fromkeys((*found, *units.manager_state(system).get("read", ())))
        return {"services": {name: _planned(system, name, found.get(name)) for name in sorted(names)}}

    def facts(self, params: Any) -> Sequence[str]:  # noqa: ARG002
        return ("services",)

    def outputs(self, params: Any, actual: State) -> dict[str, Any]:  # noqa: ARG002
        """Return the services as Ansible's facts."""
        return {"ansible_facts": {"services": actual["services"]}}


def services(loaded: str, files: str) -> dict[str, dict[str, str]]:
    """Return the services in the output of `systemctl show '*.service'` and `systemctl list-unit-files`."""
    found: dict[str, dict[str, str]] = {}
    for block in loaded.split("\n\n"):
        shown = parse_properties(block)
        name = shown.get("Id", "")
        if name.endswith(".service"):
            missing = shown.get("LoadState") == "not-found"
            word = _word(shown.get("ActiveState", ""), shown.get("SubState", ""))
            status = "not-found" if missing else shown.get("UnitFileState") or "unknown"
            found[name] = _service(name, word, status)
    for line in files.splitlines():
        name, _, rest = line.partition(" ")
        status = rest.split()[0] if rest.split() else "unknown"
        if name.endswith(".service") and name not in found:
            found[name] = _service(name, "unknown" if units.is_template(name) else "inactive", status)
    return found


def _service(name: str, state: str, status: str) -> dict[str, str]:
    return {"name": name, "state": state, "status": status, "source": "systemd"}


def _word(active: str, sub: str) -> str:
    if active == "failed":
        return "failed"
    return "running" if sub == "running" else "stopped"


def _planned(system: System, name: str, found: dict[str, str] | None) -> dict[str, str]:
    """Return a service as an earlier task of a plan would have left it; as it was found otherwise."""
    known = system.lookup(f"unit:{name}", lambda: {"exists": True, "found": True})
    if known.get("found") or not known["exists"]:
        return found or _service(name, "stopped", "not-found")
    return _service(name, _word(known["active"], known["sub"]), known["enabled"] or "unknown")
