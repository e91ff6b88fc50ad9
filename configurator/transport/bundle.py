"""The agent as bytes: what is streamed to a host that lacks it, and the command that starts it."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import shlex
import zlib
from dataclasses import dataclass
from importlib import resources

_PACKAGES = ("core", "modules", "agent")


@dataclass(frozen=True, slots=True)
class Bundle:
    """The agent's sources. `digest` names them in the host's cache; `payload` is what a loader reads."""

    digest: str
    payload: bytes


@functools.cache
def bundle() -> Bundle:
    """Return the bundle of this installation's sources."""
    root = resources.files("configurator")
    files = {"configurator/__init__.py": (root / "__init__.py").read_text("utf-8")}
    for package in _PACKAGES:
        for item in sorted((root / package).iterdir(), key=lambda entry: entry.name):
            if item.name.endswith(".py") and item.name != "loader.py":
                files[f"configurator/{package}/{item.name}"] = item.read_text("utf-8")
    data = json.dumps(files, sort_keys=True).encode()
    packed = zlib.compress(data, 9)
    return Bundle(hashlib.sha256(data).hexdigest(), len(packed).to_bytes(4, "big") + packed)


@functools.cache
def _loader() -> str:
    """Return the loader as an argument of `python3 -c`, without characters that a shell would look at."""
    source = (resources.files("configurator") / "agent" / "loader.py").read_text("utf-8")
    packed = base64.b64encode(zlib.compress(source.encode(), 9)).decode()
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
