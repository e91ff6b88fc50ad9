"""Which labs exist on this machine, whoever made them, so that the next `up` finds what one left."""

from __future__ import annotations

import contextlib
import os

from configurator.sandbox import paths


def enroll(lab_id: str, directory: str, registry: str = paths.REGISTRY) -> None:
    """Write down where a lab keeps its state, before it makes anything."""
    os.makedirs(registry, mode=0o700, exist_ok=True)
    scratch = os.path.join(registry, f".{lab_id}")
    with open(scratch, "w", encoding="utf-8") as file:
        file.write(directory)
    os.replace(scratch, os.path.join(registry, lab_id))


def strike(lab_id: str, registry: str = paths.REGISTRY) -> None:
    """Forget a lab of which nothing is left."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(registry, lab_id))


def enrolled(registry: str = paths.REGISTRY) -> dict[str, str]:
    """Return the state directory of every enrolled lab by the lab's id."""
    try:
        names = sorted(os.listdir(registry))
    except FileNotFoundError:
        return {}
    found = {}
    for name in names:
        if not name.startswith("."):
            with (
                contextlib.suppress(FileNotFoundError),  # struck meanwhile
                open(os.path.join(registry, name), encoding="utf-8") as file,
            ):
                found[name] = file.read()
    return found


def lock_path(registry: str = paths.REGISTRY) -> str:
    """Return the machine's lock, held while a subnet is chosen and until its bridge has it."""
    return os.path.join(registry, ".lock")
