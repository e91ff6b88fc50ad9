"""slurp: a file of the host has been read, and is returned as base64.

Parameters are Ansible's. In a plan the content is the one that the tasks before will have written. A file
of more than 32 MiB is refused, since its content is carried through the memory of both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.attributes import clean, path_problems
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.looking import Looking
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import State
from configurator.modules.system import System

_MAX_BYTES = 32 << 20  # base64 makes 43 MiB of it, and a message has at most 64


@dataclass(frozen=True, slots=True)
class SlurpParams:
    """The parameters of slurp."""

    src: str = param("str", required=True, aliases=("path",), path=True)


class Slurp(Looking):
    """See the module's docstring."""

    name: ClassVar[str] = "slurp"
    params: ClassVar[type] = SlurpParams

    def check(self, params: SlurpParams) -> Sequence[ParamProblem]:
        return path_problems("src", params.src)

    def subject(self, params: SlurpParams) -> str:
        return f"path:{clean(params.src)}"

    def effects(self, params: SlurpParams) -> Effects:
        path = clean(params.src)
        return effects(reads=[*path_keys(path), f"path:{path}"])

    def observe(self, system: System, params: SlurpParams) -> State:
        found = system.stat(params.src, follow=True)
        if found is not None and found.size > _MAX_BYTES:
            raise _too_large(params)
        data = system.read(params.src)
        if len(data) > _MAX_BYTES:  # of a file below /proc the size is not known before
            raise _too_large(params)
        return {"data": data}

    def outputs(self, params: SlurpParams, actual: State) -> dict[str, Any]:
        """Return `content`, its `encoding`, and `source`."""
        import binascii  # noqa: PLC0415

        content = binascii.b2a_base64(actual["data"], newline=False).decode()
        return {"content": content, "encoding": "base64", "source": params.src}


def _too_large(params: SlurpParams) -> TaskError:
    return TaskError(f"{params.src} is too large to be carried whole (over {_MAX_BYTES >> 20} MiB)")
