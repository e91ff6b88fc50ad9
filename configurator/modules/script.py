"""script: a script of the controller has run on the host, unless `creates` or `removes` spares it.

Parameters are those of ansible.builtin.script. The first word is a file that is looked for in the role's
`files/`; the other words are its arguments, told apart as a shell would, but no shell expands them: `$HOME`
is five letters. The script runs from a file in a directory that only its user can enter, which is removed
when it has ended. Without `executable` the interpreter is that of its first line; /bin/sh runs a text without
one. Like a command it is not looked into: a plan says that it would run, and is not sure of what comes after.
As in Ansible `stdout` keeps the newline at its end.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.modules.command import Command
from configurator.modules.content import decode_content
from configurator.modules.params import param
from configurator.modules.system import CommandResult, System


@dataclass(frozen=True, slots=True)
class ScriptParams:
    """The parameters of ansible.builtin.script; `_content` is the script's text as the compiler read it."""

    cmd: str | None = param("str", aliases=("_raw_params",))
    chdir: str | None = param("str", path=True)
    creates: str | None = param("str", path=True)
    removes: str | None = param("str", path=True)
    executable: str | None = param("str")
    decrypt: bool = param("bool", True)
    _content: Any = param("raw")

    # What command has and script has not.
    argv: ClassVar[tuple[str, ...]] = ()
    stdin: ClassVar[str | None] = None
    stdin_add_newline: ClassVar[bool] = False
    strip_empty_ends: ClassVar[bool] = False

    @property
    def words(self) -> list[str]:
        """The file's name as it was written, and the arguments."""
        return shlex.split(self.cmd or "")


class Script(Command):
    """Runs a file of the controller."""

    name: ClassVar[str] = "script"
    params: ClassVar[type] = ScriptParams

    def _told(self, params: Any) -> list[str] | str:
        return str(params.cmd)

    def _execute(self, system: System, params: Any, stdin: str | None) -> CommandResult:  # noqa: ARG002
        name, *arguments = params.words
        content = decode_content(system, params._content or "")
        return system.script(name, content, arguments, executable=params.executable, cwd=params.chdir)
