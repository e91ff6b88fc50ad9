"""What SimulatedSystem knows of what commands establish: it runs none that changes anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from configurator.agent.overlay import LaterText
from configurator.agent.simulated_files import MISSING_PROGRAM, SimulatedFiles
from configurator.core.errors import ParameterError
from configurator.modules.effects import Effects
from configurator.modules.shapes import PACKAGE_INDEX, assumed_group, assumed_unit, assumed_user
from configurator.modules.state import State, UnknownState
from configurator.modules.system import CommandResult, T

if TYPE_CHECKING:
    from configurator.agent.packages_ahead import PackagesAhead

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # where a root login looks
_DECIDING = ("/etc/apt/sources", "/etc/apt/preferences")  # they decide which version apt would take


class SimulatedStates(SimulatedFiles):
    """The doors of modules/system.py to commands and to the states that they establish."""

    def lookup(self, key: str, probe: Callable[[], State]) -> State:
        states = self._world.states
        if key in states:
            known = states[key]
            if known is None:
                raise UnknownState(f"{key} is changed by an earlier task")
            return dict(known)
        state = probe()
        if key == PACKAGE_INDEX and any(self._world.files.touched(path) for path in _DECIDING):
            state["pending"] = True
        # A unit that systemd has not read is known by a file alone, which may be that of a package to come.
        if (state.get("exists") is False or "read_at" in state) and self._world.pending.any:
            return self._assume(key, state)
        return state

    def _assume(self, key: str, state: State) -> State:
        """Answer for something that is not there yet, but may come with a pending package."""
        namespace, _, name = key.partition(":")
        pending = self._world.pending
        if namespace == "unit" and self._world.ahead is not None:
            return self._unit_ahead(self._world.ahead, name, state)
        if state.get("exists"):
            return state
        if namespace == "unit":
            self.doubt.answer(pending.because(name))
            return assumed_unit() | self._read_by_systemd(name)
        if namespace in ("user", "group") and pending.may_bring(name):
            if self._world.ahead is None or not self._world.ahead.account(name):
                self.doubt.answer(pending.because(name))
            return assumed_user(name) if namespace == "user" else assumed_group(name)
        return state

    def fresh_index(self) -> bool:
        index, files = self._world.index, self._world.files  # none fits once its sources are to change
        return index is not None and not files.touched("/etc/apt/") and index.refresh()

    def _unit_ahead(self, ahead: PackagesAhead, name: str, found: State) -> State:
        """Return the state of a unit as packages bring it that were looked into; else as it was found."""
        brought = ahead.unit(name)
        if brought is None and found.get("exists"):
            return found
        if brought is None and not self._world.pending.unseen:
            return found
        state, sure = brought or (assumed_unit(), False)
        if not sure:
            self.doubt.answer(self._world.pending.because(name))
        known = {key: found[key] for key in ("names", "files", "result", "ran") if key in found}
        return self._read_by_systemd(name) | state | known

    def _read_by_systemd(self, name: str) -> State:
        """Return what tells whether systemd will know later changes of the unit that a package brings."""
        return {"files": (f"/usr/lib/systemd/system/{name}",), "read_at": self._world.pending.installed_at}

    def recall(self, key: str, find: Callable[[], T]) -> T:
        index = self._world.index  # another one may answer differently
        place = key, index is not None and index.ready
        if place not in self._world.memo:
            self._world.memo[place] = find()
        found: T = self._world.memo[place]
        return found

    def query(
        self,
        argv: Sequence[str],
        *,
        ok: Sequence[int] = (0,),
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> CommandResult:
        if self._world.pending.any and self._missing(argv):
            self.doubt.assume(self._world.pending.because(argv[0]))
            return CommandResult(tuple(argv), MISSING_PROGRAM, "", f"{argv[0]}: not installed yet")
        if self._user != "root":
            argv, env = self._as_user(argv, env)
        elif self._world.index is not None:
            argv = self._world.index.led(argv)
        return self._real.query(argv, ok=ok, stdin=stdin, env=env, timeout_s=timeout_s)

    def _as_user(
        self, argv: Sequence[str], env: Mapping[str, str] | None
    ) -> tuple[Sequence[str], Mapping[str, str]]:
        """Have a command answer as it would answer the user whom the task works as."""
        from configurator.agent.as_user import command_as  # noqa: PLC0415

        try:
            return command_as(self._user, argv, env)
        except ParameterError:
            if self._world.states.get(f"user:{self._user}"):
                raise UnknownState(f"user {self._user!r} is made by an earlier task") from None
            if self._world.pending.any:
                raise UnknownState(self._world.pending.because(self._user)) from None
            raise

    def _missing(self, argv: Sequence[str]) -> bool:
        import shutil  # noqa: PLC0415

        return shutil.which(argv[0], path=_PATH) is None

    def run(
        self,
        argv: Sequence[str],
        *,
        establishes: Mapping[str, State | None] | None = None,
        ok: Sequence[int] = (0,),  # noqa: ARG002
        stdin: str | None = None,  # noqa: ARG002
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,  # noqa: ARG002
        uninterruptible: bool = False,  # noqa: ARG002
    ) -> CommandResult:
        if establishes is None:
            self._world.pending.add_opaque(self._task)
        else:
            self._look_ahead(argv, establishes, env or {})
            for key, state in establishes.items():
                self._establish(key, state)
        return CommandResult(tuple(argv), 0, LaterText.because(f"{self._task!r} makes it in the apply"), "")

    def leave_open(self, effects: Effects, because: str) -> None:
        """Have later tasks not know what the task writes, of which nobody can say what it will do."""
        if effects.opaque:
            self._world.pending.add_opaque(self._task)
        for key in effects.writes:
            if key.startswith("path:/"):
                self._unsettle(key.removeprefix("path:"), because)
            elif not key.endswith("*"):
                self._world.states[key] = None

    def _look_ahead(
        self, argv: Sequence[str], establishes: Mapping[str, State | None], env: Mapping[str, str]
    ) -> None:
        """In a deep plan, look into the packages that the command would install."""
        ahead = self._world.ahead
        wanted = {
            key.partition(":")[2]: state.get("version")
            for key, state in establishes.items()
            if key.startswith("package:") and state is not None and _is_new(state)
        }
        if ahead is None or not wanted or not ahead.fetch(argv, env):
            return
        for name, version in wanted.items():
            ahead.add(name, version if isinstance(version, str) else None)

    def _establish(self, key: str, state: State | None) -> None:
        namespace, _, name = key.partition(":")
        if namespace == "path" and state is None:
            self._unsettle(name)
            return
        if namespace == "path" and state is not None and state.get("kind", "directory") == "directory":
            self._establish_directory(name, state)
        if namespace == "package" and state is not None and _is_new(state):
            known = self._world.states.get(key)
            if known is None or not known.get("exists"):
                self._world.pending.add_package(name, self._task)
        self._world.states[key] = None if state is None else dict(state)

    def _unsettle(self, pattern: str, because: str | None = None) -> None:
        """Have nobody know what is at a path, or below one that ends in `/**`."""
        resolved, _ = self._world.files.lstat(pattern.removesuffix("/**"))
        because = because or f"{self._task!r} fills {resolved} in the apply"
        self._world.files.unsettle(resolved, because, below=pattern.endswith("/**"))

    def _establish_directory(self, path: str, state: State) -> None:
        """Have a directory be there, or be gone, that a command makes or removes on its way."""
        resolved, _ = self._world.files.lstat(path)
        if not state["exists"]:
            self._world.files.remove(resolved)
        elif state.get("kind") == "directory":
            stat = self._with_attributes(
                self._world.files.new(resolved, "directory", 0o755, self._user),
                state.get("mode"),
                state.get("owner"),
                state.get("group"),
            )
            self._world.files.put(resolved, stat, fresh=True)

    def shell(
        self,
        command: str,
        *,
        executable: str = "/bin/sh",
        ok: Sequence[int] = (0,),  # noqa: ARG002
        stdin: str | None = None,  # noqa: ARG002
        env: Mapping[str, str] | None = None,  # noqa: ARG002
        cwd: str | None = None,  # noqa: ARG002
    ) -> CommandResult:
        return self.run([executable, "-c", command])

    def script(
        self,
        name: str,
        content: bytes,  # noqa: ARG002
        arguments: Sequence[str] = (),
        *,
        executable: str | None = None,  # noqa: ARG002
        ok: Sequence[int] = (0,),  # noqa: ARG002
        cwd: str | None = None,  # noqa: ARG002
    ) -> CommandResult:
        return self.run([name, *arguments])


def _is_new(state: State) -> bool:
    """Return True for a package that was not there; an upgrade brings nothing that had to be assumed."""
    return bool(state.get("exists") and state.get("new", True))
