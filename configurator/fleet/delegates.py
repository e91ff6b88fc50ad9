"""Tasks that one host hands to another one (`delegate_to`): an agent there does them, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from configurator.agent.protocol import TaskSpec
from configurator.core.errors import ConfiguratorError
from configurator.transport.endpoint import Endpoint
from configurator.transport.session import HostSession
from configurator.transport.sshauth import Secrets


class Delegates:
    """The hosts that do tasks for others, each one task after the other. For all hosts of a run.

    `endpoint` finds a host by its name; InputError if there is none.
    """

    def __init__(self, endpoint: Callable[[str], Endpoint], secrets: Secrets) -> None:
        self._endpoint = endpoint
        self._secrets = secrets
        self._sessions: dict[str, HostSession] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def do(self, spec: TaskSpec, request: Mapping[str, Any], blobs: Mapping[str, Any]) -> dict[str, Any]:
        """Have the other host do the task; return how it ended there, or an `error` with why it could not."""
        name = str(spec.delegate_to)
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            try:
                return self._done(name, spec, request, blobs)
            except ConfiguratorError as error:
                self._drop(name)
                return {"error": f"{name}: {error.message}", "hint": error.hint}

    def _done(
        self, name: str, spec: TaskSpec, request: Mapping[str, Any], blobs: Mapping[str, Any]
    ) -> dict[str, Any]:
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = HostSession(self._endpoint(name), self._secrets)
        said: dict[str, Any] = {}

        def listen(message: Mapping[str, Any]) -> None:
            if message.get("task_id") == spec.id and message["type"] in ("task_finished", "result"):
                said[message["type"]] = message

        session.run({**request, "tasks": [alone(spec).to_json()], "delegated": True}, blobs, listen)
        if "task_finished" not in said:
            return {"error": f"{name} did not say how the task has ended"}
        return {"ended": said["task_finished"], "result": said.get("result", {}).get("result", {})}

    def _drop(self, name: str) -> None:
        session = self._sessions.pop(name, None)
        if session is not None:
            session.close()

    def close(self) -> None:
        """End the agents."""
        for name in list(self._sessions):
            self._drop(name)


def alone(spec: TaskSpec) -> TaskSpec:
    """Return a task as it is sent to the host that does it: what else hangs on it stays where it is."""
    return TaskSpec(
        id=spec.id,
        role=spec.role,
        name=spec.name,
        module=spec.module,
        params=spec.params,
        become_user=spec.become_user,
        environment=spec.environment,
        check_mode=spec.check_mode,
        timeout_s=spec.timeout_s,
        position=spec.position,
        tell=True,
    )
