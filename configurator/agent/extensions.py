"""A project's own modules on a host: taken from the agent's cache by digest, or from the controller once."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping

from configurator.core.errors import TaskError

_KEPT = 50  # files in the cache; each is a few kilobytes


class Extensions:
    """Those of one run. A module that cannot be had fails its tasks, in their place in the order."""

    def __init__(self, wanted: Mapping[str, str], cache: str, blob: Callable[[str], bytes]) -> None:
        self._folder = os.path.join(cache, "modules")
        self._blob = blob
        self._problems: dict[str, str] = {}
        self.paths: dict[str, str] = {}  # of what was loaded, for a child that cannot ask for it
        for name, digest in wanted.items():
            try:
                self._load(name, digest)
            except (TaskError, OSError) as error:
                self._problems[name] = str(error)

    def check(self, name: str) -> None:
        """Raise TaskError if this module was wanted and could not be loaded."""
        if name in self._problems:
            raise TaskError(f"the module {name!r} cannot be loaded on the host: {self._problems[name]}")

    def _load(self, name: str, digest: str) -> None:
        path = os.path.join(self._folder, f"{digest}.py")
        source = _kept(path, digest)
        if source is None:
            source = self._blob(digest)
            with contextlib.suppress(OSError):  # a full disk is the tasks' trouble
                _keep(path, source)
        _extend(name, source)
        self.paths[name] = path


def load_kept(name: str, path: str) -> None:
    """Load a module that the agent has put into its cache: in a child, which runs as somebody else."""
    try:
        with open(path, "rb") as file:
            _extend(name, file.read())
    except OSError as error:
        raise TaskError(f"the module {name!r} cannot be loaded on the host: {error}") from error


def _extend(name: str, source: bytes) -> None:
    from configurator.modules import registry  # noqa: PLC0415  (most projects have no modules)
    from configurator.modules.extension import ExtensionError, load  # noqa: PLC0415

    try:
        registry.extend(name, load(name, source, f"{name}.py"))
    except ExtensionError as error:
        place = f"line {error.line}: " if error.line else ""
        raise TaskError(f"{place}{error.message}", hint=error.hint) from error


def _kept(path: str, digest: str) -> bytes | None:
    from hashlib import sha256  # noqa: PLC0415

    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError:
        return None
    return source if sha256(source).hexdigest() == digest else None


def _keep(path: str, source: bytes) -> None:
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    kept = sorted((os.path.join(folder, name) for name in os.listdir(folder)), key=os.path.getmtime)
    for old in kept[: -_KEPT + 1]:
        os.unlink(old)
    temporary = f"{path}.{os.urandom(6).hex()}"
    with open(temporary, "wb") as file:
        file.write(source)
    os.replace(temporary, path)
