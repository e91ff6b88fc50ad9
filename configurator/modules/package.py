"""package: packages are installed, upgraded or removed by the host's package manager, which is apt on Debian.

Everything that `apt` takes is taken here too, as Ansible hands it on. `use` can be `auto` or `apt`; other
package managers are refused, since Debian's own database would not know what they install.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from configurator.modules.apt import Apt, AptParams
from configurator.modules.params import ParamProblem, param

_APT = ("auto", "apt", "ansible.builtin.apt")


@dataclass(frozen=True, slots=True)
class PackageParams(AptParams):
    """The parameters of ansible.builtin.package, and those of apt."""

    use: str = param("str", "auto")


class Package(Apt):
    """Hands over to apt."""

    name = "package"
    params = PackageParams

    def check(self, params: PackageParams) -> Sequence[ParamProblem]:  # type: ignore[override]
        """Return what apt finds wrong, and other package managers."""
        problems = list(super().check(params))
        if params.use not in _APT:
            problems.append(
                ParamProblem(
                    "use",
                    f"{params.use!r} is not Debian's package manager, which is apt",
                    "leave `use` out; pip and npm have modules of their own",
                )
            )
        return problems
