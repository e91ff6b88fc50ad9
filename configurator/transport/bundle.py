"""The agent as bytes: what is streamed to a host that lacks it, and the command that starts it."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import os
import shlex
import zlib
from dataclasses import dataclass

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # importlib.resources costs 14 ms
_PACKAGES = ("core", "modules", "agent")

# What the agent never imports: the loader, which has come before, and what of the engine is for programs on
# the controller alone. That is a third of core/, and every new host would wait for it. Functions that a host
# never calls may import it all the same.
NOT_SENT = frozenset({"agent/loader.py"}) | {
    f"core/{name}.py"
    for name in (
        "aio",
        "analysis",
        "groups",
        "inputs",
        "profiles",
        "run_events",
        "simulation",
        "snapshot",
        "statistics",
        "visualize",
    )
}


@dataclass(frozen=True, slots=True)
class Bundle:
    """The agent's sources; `digest` names them in the host's cache."""

    digest: str
    data: bytes

    def payload(self) -> bytes:
        """Return what a loader reads; only a host that lacks the sources has us compress them."""
        packed = zlib.compress(self.data, 9)
        return len(packed).to_bytes(4, "big") + packed


@functools.cache
def bundle() -> Bundle:
    """Return the bundle of this installation's sources."""
    files = {"configurator/__init__.py": _source("__init__.py")}
    for package in _PACKAGES:
        for name in sorted(os.listdir(os.path.join(_ROOT, package))):
            if name.endswith(".py") and f"{package}/{name}" not in NOT_SENT:
                files[f"configurator/{package}/{name}"] = _source(package, name)
    data = json.dumps(files, sort_keys=True).encode()
    return Bundle(hashlib.sha256(data).hexdigest(), data)


def _source(*names: str) -> str:
    with open(os.path.join(_ROOT, *names), encoding="utf-8") as file:
        return file.read()


@functools.cache
def _loader() -> str:
    """Return the loader as an argument of `python3 -c`, without characters that a shell would look at."""
    packed = base64.b64encode(zlib.compress(_source("agent", "loader.py").encode(), 9)).decode()
    return (
        "import sys,zlib,base64\n"
        f'exec(zlib.decompress(base64.b64decode("{packed}")))\n'
        "start(sys.argv[1],sys.argv[2])"
    )


def loader_bytes() -> int:
    """Return how many bytes the loader adds to the command line."""
    return len(_loader())


def start_command(python: str, become: str) -> str:
    """Return the command line that starts the agent; `become` is a prefix such as `sudo -n --`.

    SSH_CONNECTION is handed over as an argument, since sudo removes it from the environment.
    """
    words = [python, "-I", "-S", "-c", _loader(), bundle().digest]
    return f'{become} {shlex.join(words)} "$SSH_CONNECTION"'.lstrip()
