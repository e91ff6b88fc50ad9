"""Images of Docker by their names: what the modules about images and containers share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from configurator.core.errors import TaskError
from configurator.modules.docker import Docker, DockerLogin
from configurator.modules.params import ParamProblem, did_you_mean
from configurator.modules.state import UNKNOWN, State
from configurator.modules.system import System

_ID = re.compile(r"(sha256:)?[0-9a-f]{64}\Z")
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._/:@-]*\Z")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?\Z", re.IGNORECASE)
_FACTORS = {unit: 1024**power for power, unit in enumerate(("", "k", "m", "g", "t", "p"))}


def is_id(name: str) -> bool:
    """Return True for the whole id of an image."""
    return _ID.match(name) is not None


def reference(name: str, tag: str = "latest") -> str:
    """Return a name with its tag; one that has a tag or a digest already, or an id, stays as it is."""
    if is_id(name) or "@" in name or ":" in name.rpartition("/")[2]:
        return name
    return f"{name}:{tag}"


def repository_of(ref: str) -> str:
    """Return a name without its tag or digest."""
    name = ref.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(":")[0]


def check_reference(field: str, name: str) -> list[ParamProblem]:
    """Return a problem for what docker would take for an option, or for no name of an image at all."""
    if _NAME.match(name):
        return []
    return [
        ParamProblem(field, f"{name!r} is no name of an image", "`name`, `name:tag` or `server/name:tag`")
    ]


def image_key(login: DockerLogin, ref: str) -> str:
    """Return the effect key of an image; an id may be that of any."""
    return f"docker_image:{login.server}{'**' if is_id(ref) else ref}"


def image_state(system: System, docker: Docker, login: DockerLogin, ref: str) -> State:
    """Return what an image is: its id, the repositories that have it, and its configuration."""

    def probe() -> State:
        found = docker.inspect("image", ref)
        if found is None:
            return {"exists": False}
        digests = {digest.partition("@")[0] for digest in found.get("RepoDigests") or ()}
        return {
            "exists": True,
            "id": found["Id"],
            "of": found["Id"],
            "pushed": tuple(sorted(digests)),
            "tags": tuple(sorted(found.get("RepoTags") or ())),
            "config": found.get("Config") or {},
        }

    return system.lookup(image_key(login, ref), probe)


def new_image(known: str | None = None) -> State:
    """Return the state of an image of which nobody knows yet what it will be, but for its id perhaps."""
    return {
        "exists": True,
        "id": known or UNKNOWN,
        "of": known or object(),  # tells one unknown image from another
        "pushed": (),
        "tags": UNKNOWN,
        "config": UNKNOWN,
    }


def archived(system: System, path: str) -> dict[str, str]:
    """Return the ids of the images in an archive by their names; of those without, by their ids.

    TaskError if the file is no such archive.
    """
    import json  # noqa: PLC0415

    manifest = [member.content for member in system.members(path) if member.name == "manifest.json"]
    found: dict[str, str] = {}
    try:
        for image in json.loads(manifest[0] or b""):
            digest = str(image["Config"]).rpartition("/")[2].removesuffix(".json")
            found |= dict.fromkeys(image.get("RepoTags") or (f"sha256:{digest}",), f"sha256:{digest}")
    except (IndexError, KeyError, TypeError, ValueError):
        raise TaskError(f"is no archive of images: {path}", hint="`docker save` makes one") from None
    return found


def size_of(text: str) -> int | None:
    """Return the bytes of a size such as `64m` or `1.5GiB`; -1 for `unlimited`, None for what is no size."""
    if text in ("unlimited", "-1"):
        return -1
    found = _SIZE.match(text.strip())
    return int(float(found[1]) * _FACTORS[found[2].lower()]) if found else None


def check_keys(field: str, given: Mapping[str, Any], known: Mapping[str, Any]) -> list[ParamProblem]:
    """Return a problem for each key of a mapping that means nothing."""
    return [
        ParamProblem(field, f"unknown key {key!r}", did_you_mean(key, known))
        for key in given
        if key not in known
    ]
