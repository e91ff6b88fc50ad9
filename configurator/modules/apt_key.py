"""apt_key: a key that apt trusts for every repository is removed; adding one is refused.

apt-key(8) is deprecated, and gone in Debian 13: a key in /etc/apt/trusted.gpg.d can sign packages of every
source, those of Debian included. `deb822_repository` with `signed_by` ties a key to its own source, and takes
the URL or text that `url` and `data` have had here. `state: absent` removes the files in
/etc/apt/trusted.gpg.d in which the key `id` is, or the file `keyring`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import TaskError
from configurator.modules import pgp_keys
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, State
from configurator.modules.system import System

_TRUSTED = "/etc/apt/trusted.gpg.d"  # apt-key(8), FILES
_OLD = "/etc/apt/trusted.gpg"


@dataclass(frozen=True, slots=True)
class AptKeyParams:
    """The parameters of ansible.builtin.apt_key."""

    id: str | None = param("str")
    keyring: str | None = param("str")
    state: str = param("str", "present", choices=("present", "absent"))
    url: str | None = param("str")
    data: str | None = param("str")
    file: str | None = param("str")
    keyserver: str | None = param("str")
    validate_certs: bool = param("bool", True)


class AptKey(Module[AptKeyParams]):
    """Removes keys that are trusted for everything."""

    name = "apt_key"
    params = AptKeyParams
    typical_s: ClassVar[float] = 0.02

    def check(self, params: AptKeyParams) -> Sequence[ParamProblem]:
        """Return that keys are not added like this any more."""
        if params.state == "present":
            given = params.url or ("the text" if params.data else params.file or "the key")
            return [
                ParamProblem(
                    "",
                    "a key is not added for all repositories at once: apt-key is gone in Debian 13",
                    f"`deb822_repository` with `signed_by: {given}` trusts it for its own repository alone",
                )
            ]
        if params.id is None and params.keyring is None:
            return [ParamProblem("id", "'absent' needs 'id' or 'keyring'")]
        if params.keyring is not None and not _is_trusted_file(params.keyring):
            return [ParamProblem("keyring", f"must be {_OLD} or a file in {_TRUSTED}")]
        return []

    def subject(self, params: AptKeyParams) -> str:
        """Return the file or the directory that the key is in."""
        return f"path:{params.keyring or _TRUSTED}"

    def effects(self, params: AptKeyParams) -> Effects:
        """The files that may go."""
        return effects(writes={f"path:{params.keyring}" if params.keyring else f"path:{_TRUSTED}/**"})

    def locks(self, params: AptKeyParams) -> frozenset[str]:  # noqa: ARG002
        """Nobody reads the keys while they change."""
        return frozenset({"apt"})

    def observe(self, system: System, params: AptKeyParams) -> State:
        """Return the files that hold the key; one that holds others as well cannot be removed for it."""
        if params.keyring is not None:
            paths = [params.keyring] if system.stat(params.keyring) is not None else []
        else:
            paths = [f"{_TRUSTED}/{name}" for name in system.listdir(_TRUSTED)]
            paths += [_OLD] if system.stat(_OLD) is not None else []
        held = [path for path in paths if params.id is None or _holds(system, path, params.id)]
        return {"paths": held} | {f"path:{path}|exists": True for path in held}

    def desired(self, params: AptKeyParams, actual: State) -> State:  # noqa: ARG002
        """Return that none of them is there."""
        return {f"path:{path}|exists": False for path in actual["paths"]}

    def converge(self, system: System, params: AptKeyParams, change: Change) -> None:  # noqa: ARG002
        """Remove them."""
        for path in change.before["paths"]:
            system.remove(path)


def _is_trusted_file(path: str) -> bool:
    directory, _, name = path.rpartition("/")
    return path == _OLD or (directory == _TRUSTED and name not in ("", ".", ".."))


def _holds(system: System, path: str, key_id: str) -> bool:
    data = system.read(path)
    if not any(pgp_keys.means(found, key_id) for found in pgp_keys.fingerprints(data)):
        return False
    if len(pgp_keys.primary_keys(pgp_keys.binary(data))) > 1:
        raise TaskError(
            f"{path} holds other keys besides {key_id}",
            hint="`gpg --no-default-keyring --keyring FILE --delete-keys ID` removes one of several",
        )
    return True
