"""Talking to the agent on a real host without the compiler: concrete tasks in, what ended how out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from configurator.agent.frames import Message
from configurator.agent.protocol import TaskSpec
from configurator.sandbox import LabHost
from configurator.transport.endpoint import Endpoint, resolve
from configurator.transport.session import HostSession
from configurator.transport.sshauth import Secrets


def endpoint(host: LabHost, user: str = "root", **settings: Any) -> Endpoint:
    """Return how the tests reach a host."""
    options = {"address": host.address, "port": host.port, **settings}
    return resolve(host.name, user=user, identity=host.key_path, known_hosts=host.known_hosts, **options)


@contextmanager
def agent(host: LabHost, user: str = "root", **settings: Any) -> Iterator[HostSession]:
    """Run the agent on a host for the duration of a block."""
    secrets = settings.pop("secrets", Secrets())
    session = HostSession(endpoint(host, user, **settings), secrets)
    try:
        yield session
    finally:
        session.close()


def task(name: str, module: str, params: Mapping[str, Any], **options: Any) -> TaskSpec:
    """Return a concrete task whose id is its name."""
    return TaskSpec(name, "test", name, module, params, **options)


def run(
    session: HostSession,
    mode: str,
    tasks: Sequence[TaskSpec],
    blobs: Mapping[str, bytes] | None = None,
    **request: Any,
) -> dict[str, Message]:
    """Plan or apply tasks; return the final report of each by its id, in the order of their ends.

    `blobs` holds the contents that the host may ask for, by sha256.
    """
    ended: dict[str, Message] = {}

    def note(message: Message) -> None:
        if message["type"] == "task_finished":
            ended[message["task_id"]] = message

    message = {"mode": mode, "jobs": 4, "tasks": [item.to_json() for item in tasks], **request}
    session.run(message, blobs or {}, note)
    return ended


def chain(*tasks: tuple[str, str, Mapping[str, Any]], **options: Any) -> list[TaskSpec]:
    """Return tasks of which each comes after the one before, failed or not."""
    specs: list[TaskSpec] = []
    for name, module, params in tasks:
        after = (specs[-1].id,) if specs else ()
        specs.append(task(name, module, params, after=after, **options))
    return specs


def statuses(ended: Mapping[str, Message]) -> dict[str, str]:
    """Return how each task ended."""
    return {name: message["status"] for name, message in ended.items()}


def files(host: LabHost) -> dict[str, str]:
    """Return a digest of every file of the host but the agent's own cache, which a plan may fill."""
    cache = "/var/cache/configurator/"
    # The directory above it is part of the comparison only where its own properties have changed.
    return {
        path: value
        for path, value in host.digest().items()
        if not (path + "/").startswith(cache) and (path, value) != ("/var/cache", "drwxr-xr-x 0:0")
    }
