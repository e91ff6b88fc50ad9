"""package_facts: the installed packages have been looked at, and are returned as `ansible_facts.packages`.

Each package has Ansible's `name`, `version`, `arch`, `category` (its section) and `source` (`apt`), in a
list, since several architectures of one may be installed. Ansible's `origin` is left out: it is of the index
and not of what is installed. `manager` and `strategy` are accepted: Debian has one package manager. In a plan
a package that an earlier task would install or remove is as that task will have left it, if it is known to
dpkg already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.modules.apt_packages import Row, installed_rows, native_architecture
from configurator.modules.effects import Effects, effects
from configurator.modules.looking import Looking
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import UNKNOWN, State
from configurator.modules.system import System


@dataclass(frozen=True, slots=True)
class PackageFactsParams:
    """The parameters of ansible.builtin.package_facts."""

    manager: tuple[str, ...] = param("list", ("auto",))
    strategy: str = param("str", "first", choices=("first", "all"))


class PackageFacts(Looking):
    """Returns the packages that dpkg has installed."""

    name: ClassVar[str] = "package_facts"
    params: ClassVar[type] = PackageFactsParams

    def check(self, params: PackageFactsParams) -> Sequence[ParamProblem]:
        """Return that no manager is asked for that Debian has."""
        if not {"auto", "apt", "dpkg"} & set(params.manager):
            return [ParamProblem("manager", "Debian's package manager is apt: 'auto' or 'apt'")]
        return []

    def subject(self, params: Any) -> str:  # noqa: ARG002
        return "package:**"

    def effects(self, params: Any) -> Effects:  # noqa: ARG002
        return effects(reads={"package:**"})

    def observe(self, system: System, params: Any) -> State:  # noqa: ARG002
        """Return the installed packages by name."""
        native = native_architecture(system)
        found: dict[str, list[dict[str, Any]]] = {}
        for row in installed_rows(system):
            foreign = row.architecture not in (native, "all") and native is not None
            version = _version(system, row, f"{row.name}:{row.architecture}" if foreign else row.name)
            if version is not None:
                found.setdefault(row.name, []).append(_fact(row, version))
        return {"packages": found}

    def facts(self, params: Any) -> Sequence[str]:  # noqa: ARG002
        return ("packages",)

    def outputs(self, params: Any, actual: State) -> dict[str, Any]:  # noqa: ARG002
        """Return the packages as Ansible's facts."""
        return {"ansible_facts": {"packages": actual["packages"]}}


def _version(system: System, row: Row, name: str) -> str | None:
    """Return the version of a package; None if it is not installed."""
    state = system.lookup(f"package:{name}", lambda: row.state)
    if not state["exists"]:
        return None
    version = state["version"]
    return "(known after apply)" if version is UNKNOWN else str(version)


def _fact(row: Row, version: str) -> dict[str, Any]:
    return {
        "name": row.name,
        "version": version,
        "arch": row.architecture,
        "category": row.section,
        "source": "apt",
    }
