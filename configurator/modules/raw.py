"""raw: a text has been run by a shell, each time.

Parameters are those of ansible.builtin.raw, which Ansible has for hosts without Python. The agent needs
Python on every host and installs it where it is missing, so this is `shell` by another name, without `chdir`,
`creates` and `removes`: use `shell`. As in Ansible `stdout` keeps the newline at its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from configurator.modules.command import Shell
from configurator.modules.params import param


@dataclass(frozen=True, slots=True)
class RawParams:
    """The parameters of ansible.builtin.raw."""

    cmd: str | None = param("str", aliases=("_raw_params",))
    executable: str = param("str", "/bin/sh")

    # What shell has and raw has not.
    argv: ClassVar[tuple[str, ...]] = ()
    chdir: ClassVar[str | None] = None
    creates: ClassVar[str | None] = None
    removes: ClassVar[str | None] = None
    stdin: ClassVar[str | None] = None
    stdin_add_newline: ClassVar[bool] = False
    strip_empty_ends: ClassVar[bool] = False


class Raw(Shell):
    """Runs its text through a shell."""

    name: ClassVar[str] = "raw"
    params: ClassVar[type] = RawParams
