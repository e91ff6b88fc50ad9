"""What a task of the module apt wants of each package, given what there is and what the index offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from configurator.modules.apt_packages import Wish
from configurator.modules.state import UNKNOWN, State

if TYPE_CHECKING:
    from configurator.modules.apt import AptParams


def wanted_of(params: AptParams, wish: Wish, actual: State) -> State:
    """Return the fields of one package that should have other values, or have them already."""
    field = f"package:{wish.name}|version"
    version = actual[field]
    if params.state == "absent":
        wanted: State = {field: None}
        if params.purge:
            wanted[f"package:{wish.name}|config"] = False
        return wanted
    if params.state == "build-dep" or (version is None and params.only_upgrade):
        return {}
    newer = params.state == "latest" and version is not UNKNOWN
    if version is None or newer or (version is not UNKNOWN and not wish.accepts(version)):
        offered = actual["offers"].get(wish.name)
        # Something of that name is installed and the index has nothing else to offer.
        return {} if offered is None and version is not None else {field: offered}
    return {}


def arguments(actual: State, versions: Mapping[str, Any]) -> list[str]:
    """Return the packages whose version is to change as apt-get takes them, with version or release."""
    found = []
    for wish in actual["wishes"]:
        field = f"package:{wish.name}|version"
        if field not in versions:
            continue
        if wish.version is not None:
            version = versions[field]
            if version is not UNKNOWN:
                found.append(f"{wish.name}={version}")
            else:
                found.append(wish.name if wish.at_least else f"{wish.name}={wish.version}")
        else:
            found.append(f"{wish.name}/{wish.release}" if wish.release else wish.name)
    return found


def missing_arguments(params: AptParams, actual: State) -> list[str]:
    """Return what would be handed to apt-get, while the task is only being looked at."""
    versions: State = {}
    for wish in actual["wishes"]:
        for field, version in wanted_of(params, wish, actual).items():
            if version is UNKNOWN or actual[field] != version:
                versions[field] = version
    return arguments(actual, versions)
