"""Where the loader enters: be the agent of a connection, the child agent of one user, or a view."""

from __future__ import annotations

import signal
import sys
import threading

from configurator.agent.agent import Agent, Handler


def main(ssh_connection: str, cache: str) -> None:
    """Run as the agent until the controller is gone."""
    if len(sys.argv) > 1 and sys.argv[-1] == "--child":
        from configurator.agent.requests import serve_child  # noqa: PLC0415

        serve_child(cache)
        return
    if len(sys.argv) > 1 and sys.argv[-1] == "--view":
        from configurator.agent.viewchild import hold  # noqa: PLC0415

        hold()
        return
    agent = Agent(ssh_connection, cache)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=agent.shut_down, daemon=True).start())
    # A pipe that nobody reads must be an error of write(2), not the end of an agent that has to clean up.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    agent.serve(_load_handler)


def _load_handler() -> Handler:
    from configurator.agent.requests import run  # noqa: PLC0415

    return run
