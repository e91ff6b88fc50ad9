"""SimulatedSystem: reads fall through to the host, writes stay in memory. A plan is a graph run on it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from configurator.agent.simulated_fetching import SimulatedFetching
from configurator.agent.simulated_states import SimulatedStates


class SimulatedSystem(SimulatedStates, SimulatedFetching):
    """The System of one task in a plan; implements the Protocol in modules/system.py.

    `doubt` tells afterwards how sure the task's result is. `validate` writes a file's future content where
    a validator can read it and runs the validator there; it is the only thing that leaves memory, and
    stays within the agent's cache.
    """

    # -- waiting and asking --------------------------------------------------------------------------

    def pause(self, seconds: float) -> None:
        pass

    def ask(self, *, timeout_s: float | None = None) -> str | None:  # noqa: ARG002
        return ""

    def send_file(self, path: str) -> tuple[int, str]:  # noqa: ARG002
        return 0, ""

    def reboot(
        self,
        command: Sequence[str],
        *,
        boot_time_command: str,  # noqa: ARG002
        delay_s: float,  # noqa: ARG002
        timeout_s: float,  # noqa: ARG002
    ) -> float:
        self.run(command)  # what the host starts, and what it forgets, cannot be known
        return 0.0

    # -- what a run knows ----------------------------------------------------------------------------

    def blob(self, digest: str) -> bytes:
        return self._real.blob(digest)

    def ssh_ports(self) -> tuple[int, ...]:
        return self._real.ssh_ports()

    def notice(self, message: str) -> None:
        if message not in self.notices:  # a module observes twice, before and after
            self.notices.append(message)

    def gather(self, parts: Collection[str], timeout_s: float) -> dict[str, Any]:
        return self._real.gather(parts, timeout_s)

    def fact(self, name: str) -> Any:
        if name == "user_id" and self._user != "root":
            return self._user  # a plan reads as whom it came in, but is about what that user would do
        return self._real.fact(name)
