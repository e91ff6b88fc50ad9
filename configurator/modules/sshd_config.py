"""sshd_config: options of the ssh server have these values, in a file of their own.

A module of our own. `options` are written to /etc/ssh/sshd_config.d/NAME.conf, which Debian's sshd_config
includes before its own options. A value is text, a number, a boolean (`yes`, `no`) or a list; a key such as
`Match User deploy` has a mapping of options for those connections alone. Options that are left out keep what
other files say; `state: absent` removes the file.

sshd takes the first value that it finds, in the order of the files' names: where an earlier file, or
sshd_config itself above its `Include`, sets the option to something else, the task fails and names the line.
The file is checked by `sshd -t`, and afterwards the values are those of `sshd -T`. A running ssh is reloaded
at once, since only then a new login proves that the way in is still open; otherwise the old file is put back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import ParameterError, TaskError
from configurator.modules import sshd_options as syntax
from configurator.modules.base import Guard, Module
from configurator.modules.effects import Effects, effects
from configurator.modules.guards import guard_for_path
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, Content, State
from configurator.modules.system import System

_SSHD = "/usr/sbin/sshd"
_DIRECTORY = "/etc/ssh/sshd_config.d"


@dataclass(frozen=True, slots=True)
class SshdConfigParams:
    """The parameters of sshd_config."""

    options: dict[str, Any] | None = param("dict", aliases=("settings",))
    name: str = param("str", "00-configurator")
    state: str = param("str", "present", choices=("present", "absent"))
    backup: bool = param("bool", False)

    @property
    def path(self) -> str:
        """The file."""
        return f"{_DIRECTORY}/{self.name.removesuffix('.conf')}.conf"


class SshdConfig(Module[SshdConfigParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "sshd_config"
    params: ClassVar[type] = SshdConfigParams
    typical_s: ClassVar[float] = 0.2

    def check(self, params: SshdConfigParams) -> Sequence[ParamProblem]:
        """Return a bad name, and options that cannot be written."""
        problems = []
        if not params.name.removesuffix(".conf") or "/" in params.name or params.name.startswith("."):
            problems.append(ParamProblem("name", f"{params.name!r} is not the name of a file"))
        if params.state == "present" and not params.options:
            problems.append(ParamProblem("options", "give 'options'"))
        seen: dict[str, str] = {}
        for name in params.options or {}:
            if not syntax.is_block(name) and (not name.isalnum() or name.lower() in ("include", "match")):
                problems.append(ParamProblem("options", f"{name!r} is not an option of sshd"))
            if name.lower() in seen:
                problems.append(
                    ParamProblem("options", f"{name!r} and {seen[name.lower()]!r} are one option")
                )
            seen[name.lower()] = name
        try:
            syntax.rendered(params.options or {})
        except ParameterError as error:
            problems.append(ParamProblem("options", error.message))
        return problems

    def subject(self, params: SshdConfigParams) -> str:
        """Return the file's key."""
        return f"path:{params.path}"

    def effects(self, params: SshdConfigParams) -> Effects:
        """The file; what the others say matters, and whom `AllowUsers` names."""
        return effects(reads={"path:/etc/ssh/**", "package:openssh-server"}, writes={f"path:{params.path}"})

    def locks(self, params: SshdConfigParams) -> frozenset[str]:  # noqa: ARG002
        """The values are read back, which two changes at once would confuse."""
        return frozenset({"sshd_config"})

    def guard(self, params: SshdConfigParams, system: System) -> Guard | None:
        """sshd decides who gets in."""
        return guard_for_path(system, params.path)

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: SshdConfigParams) -> State:
        """Return the file; TaskError where it would have no say."""
        found = system.stat(params.path)
        content = None if found is None else Content(system.read(params.path))
        if params.state == "present":
            _need_sshd(system)
            self._need_the_say(system, params)
        return {"content": content}

    def desired(self, params: SshdConfigParams, actual: State) -> State:  # noqa: ARG002
        """Return the file with the options, or none."""
        if params.state == "absent":
            return {"content": None}
        return {"content": Content(syntax.rendered(params.options or {}).encode())}

    def converge(self, system: System, params: SshdConfigParams, change: Change) -> None:
        """Write the file if sshd accepts it, and hold sshd to it."""
        if params.state == "absent":
            system.remove(params.path)
            return
        if system.stat(_DIRECTORY, follow=True) is None:
            system.mkdir(_DIRECTORY, mode="0755")
        try:
            system.write(
                params.path,
                change.after["content"].data,
                mode=None if change.before["content"] is not None else "0644",
                backup=params.backup,
                validate=f"{_SSHD} -t -f %s" if system.stat(_SSHD, follow=True) is not None else None,
                follow=False,
            )
        except TaskError as error:
            raise _refused(error, params.path) from error
        _prove(system, params)

    def _need_the_say(self, system: System, params: SshdConfigParams) -> None:
        """Raise if the file is not included, or an earlier line says something else."""
        if system.stat(syntax.MAIN, follow=True) is None:
            return
        wanted = _plain_values(params)
        included = False
        for line in syntax.lines_in_order(system):
            if line.path > params.path and line.path.startswith(_DIRECTORY):
                break
            if line.name == "include" and f"{_DIRECTORY}/*.conf" in line.value.replace(
                " sshd_config.d", f" {_DIRECTORY}"
            ):
                included = True
            if line.path == params.path:
                break
            if included and not line.path.startswith(_DIRECTORY) and line.name != "include":
                break  # below the Include: too late to win
            if line.name in wanted and line.value not in wanted[line.name]:
                raise TaskError(
                    f"{line.name} is set to {line.value!r} in {line.path} (line {line.number}), "
                    "which sshd reads first",
                    hint="remove that line, or give the file a `name` that sorts before it",
                )
        if not included:
            raise TaskError(
                f"{syntax.MAIN} does not include {_DIRECTORY}/*.conf",
                hint=f"put `Include {_DIRECTORY}/*.conf` above all other options, such as with lineinfile",
            )

    def outputs(self, params: SshdConfigParams, actual: State) -> dict[str, Any]:  # noqa: ARG002
        """Return `path`."""
        return {"path": params.path}


def _plain_values(params: SshdConfigParams) -> dict[str, set[str]]:
    """Return the values of the options of which the first counts, by name in small letters."""
    found: dict[str, set[str]] = {}
    for _, name, value in syntax.parsed(syntax.rendered(params.options or {})):
        if name not in syntax.ADDED_UP:
            found.setdefault(name, set()).add(value)
    return found


def _need_sshd(system: System) -> None:
    if system.stat(_SSHD, follow=True) is not None:
        return
    if not system.lookup("package:openssh-server", lambda: {"exists": False})["exists"]:
        raise TaskError(
            "the ssh server is not installed on the host",
            hint="install it first: `apt: {name: openssh-server}`",
        )


def _refused(error: TaskError, path: str) -> TaskError:
    said = next((line for line in error.output.splitlines() if path in line), None)
    if said is None:
        return error
    return TaskError(
        f"sshd refuses {said.strip()}",
        command=error.command,
        exit_status=error.exit_status,
        output=error.output,
    )


def _prove(system: System, params: SshdConfigParams) -> None:
    """Compare what sshd makes of the file alone with what it makes of all files; nothing to do in memory."""
    alone = system.run([_SSHD, "-T", "-f", params.path], establishes={}).stdout
    everything = syntax.effective(system.run([_SSHD, "-T"], establishes={}).stdout)
    if not everything:
        return
    names = {name for _, name, _ in syntax.parsed(syntax.rendered(params.options or {}))}
    for name, values in syntax.effective(alone).items():
        missing = [value for value in values if value not in everything.get(name, [])]
        if name in names and missing:
            found = ", ".join(everything.get(name, [])) or "nothing"
            system.remove(params.path)
            raise TaskError(f"{name} is {found!r} by `sshd -T`, wanted {missing[0]!r}")
