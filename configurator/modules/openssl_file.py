"""What the modules of keys and certificates do alike with the one file that each keeps."""

from __future__ import annotations

from typing import Any, ClassVar

from configurator.core.errors import ParameterError
from configurator.modules.attributes import Attributes, clean
from configurator.modules.base import Guard, Module
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.guards import guard_for_path
from configurator.modules.state import Change, State
from configurator.modules.system import FileStat, System


class OpensslFile(Module[Any]):
    """Keeps one file of PEM that openssl makes; `made` is the field that proves that it was made anew."""

    made: ClassVar[str]

    def subject(self, params: Any) -> str:
        return f"path:{clean(params.path)}"

    def effects(self, params: Any) -> Effects:
        path = clean(params.path)
        reads = {"package:openssl", *path_keys(path), *Attributes.of(params).account_keys()}
        return effects(reads=reads, writes={f"path:{path}"})

    def guard(self, params: Any, system: System) -> Guard | None:
        return guard_for_path(system, clean(params.path))

    def generate(self, system: System, params: Any, change: Change) -> str:
        """Return the new content of the file."""
        raise NotImplementedError

    def mode(self, params: Any, change: Change) -> str | None:  # noqa: ARG002
        """Return the mode that the file gets when it is made."""
        return Attributes.of(params).mode

    def converge(self, system: System, params: Any, change: Change) -> State | None:
        if params.state == "absent":
            backup = system.write(params.path, b"", backup=True) if params.backup else None
            system.remove(params.path)
            return {"backup_file": backup}
        if not set(change.fields) - {"mode", "owner", "group"}:
            Attributes.of(params).set(system, params.path)
            return None
        pem = self.generate(system, params, change)
        backup = system.write(
            params.path,
            pem.encode(),
            mode=self.mode(params, change),
            owner=params.owner,
            group=params.group,
            backup=params.backup,
        )
        return {self.made: True, "backup_file": backup}


def found_file(system: System, path: str) -> FileStat | None:
    """Return what is at the path, links followed; ParameterError if it is no file."""
    found = system.stat(path, follow=True)
    if found is not None and found.kind != "file":
        raise ParameterError(f"{path} is a {found.kind}")
    return found
