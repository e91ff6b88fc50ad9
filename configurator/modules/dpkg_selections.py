"""dpkg_selections: a package is marked for dpkg as to be kept as it is, installed, removed or purged.

Parameters are those of ansible.builtin.dpkg_selections. The usual one is `hold`: apt then neither upgrades
nor removes the package. The mark is all that changes: `deinstall` and `purge` remove nothing by themselves. A
package that dpkg does not know cannot be marked; `apt_pin` keeps one from being installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import TaskError
from configurator.modules.apt_packages import find_row, installed_rows, native_architecture, parse_wish
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, did_you_mean, param
from configurator.modules.state import Change, State
from configurator.modules.system import System


@dataclass(frozen=True, slots=True)
class DpkgSelectionsParams:
    """The parameters of ansible.builtin.dpkg_selections."""

    name: str = param("str", required=True)
    selection: str = param("str", required=True, choices=("install", "hold", "deinstall", "purge"))


class DpkgSelections(Module[DpkgSelectionsParams]):
    """Keeps dpkg's mark of a package."""

    name = "dpkg_selections"
    params = DpkgSelectionsParams
    typical_s: ClassVar[float] = 0.1

    def check(self, params: DpkgSelectionsParams) -> Sequence[ParamProblem]:
        """Return a name that is none."""
        wish = parse_wish(params.name)
        if wish is None or wish.is_pattern or wish.version or wish.release:
            return [ParamProblem("name", f"{params.name!r} is not the name of a package")]
        return []

    def subject(self, params: DpkgSelectionsParams) -> str:
        """Return the package's key."""
        return f"package:{params.name}"

    def effects(self, params: DpkgSelectionsParams) -> Effects:
        """The package."""
        return effects(writes={f"package:{params.name}"})

    def locks(self, params: DpkgSelectionsParams) -> frozenset[str]:  # noqa: ARG002
        """dpkg works for one at a time."""
        return frozenset({"apt"})

    def observe(self, system: System, params: DpkgSelectionsParams) -> State:
        """Return the mark; TaskError for a package that dpkg does not know."""
        rows = installed_rows(system)
        row = find_row(rows, params.name, native_architecture(system))

        def probe() -> State:
            return {"exists": False, "known": False} if row is None else row.state | {"want": row.want}

        found = system.lookup(self.subject(params), probe)
        if not found["exists"] and not found.get("known", True):
            near = did_you_mean(params.name, [one.name for one in rows])
            raise TaskError(
                f"package {params.name!r} is not known to dpkg, so it cannot be marked",
                hint=near
                or "install it first; `apt_pin` with a priority of -1 keeps it from being installed",
            )
        mark = "hold" if found.get("held") else "install" if found["exists"] else "deinstall"
        return {"selection": found.get("want", mark), "found": found}

    def desired(self, params: DpkgSelectionsParams, actual: State) -> State:  # noqa: ARG002
        """Return the mark asked for."""
        return {"selection": params.selection}

    def converge(self, system: System, params: DpkgSelectionsParams, change: Change) -> None:
        """Mark it."""
        after = {**change.before["found"], "want": params.selection, "held": params.selection == "hold"}
        done = system.run(
            ["dpkg", "--set-selections"],
            stdin=f"{params.name} {params.selection}\n",
            establishes={self.subject(params): after | {"new": False}},
            ok=tuple(range(256)),
        )
        if done.exit_status != 0:
            raise TaskError(
                f"dpkg refused to mark {params.name}",
                command=done.argv,
                exit_status=done.exit_status,
                output=done.stderr,
                hint="another process holds dpkg's lock" if "lock" in done.stderr else None,
            )

    def outputs(self, params: DpkgSelectionsParams, actual: State) -> dict[str, object]:
        """Return the mark that is there now as `after`, as Ansible does."""
        return {"after": actual["selection"], "name": params.name}
