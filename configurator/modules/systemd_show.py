"""What `systemctl show` says of units: those of many tasks are asked for in one go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias

from configurator.core.errors import TaskError
from configurator.modules.system import System

if TYPE_CHECKING:
    from configurator.modules.systemd_units import Scope

_PROPERTIES = (
    "Id,Names,LoadState,ActiveState,SubState,UnitFileState,Type,RemainAfterExit,CanReload,NeedDaemonReload,"
    "FragmentPath,DropInPaths,Result,ExecMainExitTimestampMonotonic,"
    # What only people and conditions of other tasks ask for:
    "Description,MainPID,ExecMainStatus,NRestarts,ExecStart,User,ActiveEnterTimestamp,StateChangeTimestamp,"
    "UnitFilePreset,StatusText"
)
_PATTERN = frozenset("*?[")
# A unit may start and end by itself: what was said of it longer ago is not taken for how it is.
_FRESH_S = 10.0

Properties: TypeAlias = Mapping[str, str]


def show(system: System, unit: str, scope: Scope) -> Properties:
    """Return the unit's properties; TaskError if systemd does not answer."""
    if unit in (known := _known(system, scope)):
        asked_at, properties = known[unit]
        if monotonic() - asked_at < _FRESH_S:
            return properties
    answer = scope.query(system, "show", unit, "--property", _PROPERTIES)
    properties = parse_properties(answer.stdout)
    if answer.exit_status != 0 or "LoadState" not in properties:
        raise no_systemd(answer.stderr, answer.exit_status)
    return properties


def anticipate(system: System, units: Iterable[str], scope: Scope) -> None:
    """Ask for units in one go, for `show` to answer by until something is done; raises nothing.

    Names that systemctl takes for something else are left to `show`, and so are all if any is refused.
    """
    names = [unit for unit in dict.fromkeys(units) if not _PATTERN & set(unit) and unit[0] != "-"]
    if len(names) < 2:
        return
    known, now = _known(system, scope), monotonic()
    try:
        answer = scope.query(system, "show", *names, "--property", _PROPERTIES)
    except TaskError:
        return
    shown = [parse_properties(block) for block in answer.stdout.split("\n\n")]
    if answer.exit_status != 0 or len(shown) != len(names):
        return
    for unit, properties in zip(names, shown, strict=True):
        if "LoadState" in properties and unit in properties.get("Names", "").split():
            known[unit] = now, properties


def _known(system: System, scope: Scope) -> dict[str, tuple[float, Properties]]:
    return system.recall(f"units {scope.keys}", dict)


def parse_properties(text: str) -> dict[str, str]:
    """Return the `Name=value` lines of one unit in the output of `systemctl show`."""
    return dict(line.partition("=")[::2] for line in text.splitlines() if "=" in line)


def no_systemd(stderr: str, exit_status: int) -> TaskError:
    """Return the error for a systemctl that has not answered."""
    said = stderr.strip().splitlines()
    if exit_status == 127 or not said or "chroot" in stderr or "not been booted" in stderr or "bus" in stderr:
        return TaskError(
            "systemd is not running here, so no unit can be managed",
            output=stderr,
            exit_status=exit_status,
            hint="the host must be booted with systemd as PID 1; a chroot or plain container is not",
        )
    return TaskError(said[-1], command=("systemctl", "show"), exit_status=exit_status, output=stderr)
