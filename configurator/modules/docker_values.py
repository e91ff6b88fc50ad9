"""Options of containers in one form each, whoever wrote them: a person, the client, or the daemon's JSON.

What the daemon adds (`rw`, `/tcp`, `CAP_`) is added here too, so that the two can be compared.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from configurator.modules.docker import texts
from configurator.modules.docker_images import size_of

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_CHECK_TIMES = ("interval", "timeout", "start_period", "start_interval")
HEALTH_KEYS = ("test", "test_cli_compatible", "retries", *_CHECK_TIMES)
_HEALTH_NAMES = {
    "Interval": "interval", "Timeout": "timeout", "StartPeriod": "start_period",
    "StartInterval": "start_interval",
}  # fmt: skip


def words_of(command: Any) -> list[str]:
    """Return a command's words; of a text as a shell would split it. ValueError for an open quotation."""
    return shlex.split(command) if isinstance(command, str) else [str(word) for word in command]


def size(text: Any) -> int:
    """Return the bytes of a size; ValueError if it is none."""
    found = size_of(str(text))
    if found is None:
        raise ValueError(f"{text!r} is no size such as 64m or 1g")
    return found


def seconds(text: Any) -> float:
    """Return the seconds of a duration such as `1m30s`; ValueError if it is none."""
    found = _DURATION.findall(str(text))
    if not found or "".join(number + unit for number, unit in found) != str(text).strip():
        raise ValueError(f"{text!r} is no duration such as 30s or 1m30s")
    return float(sum(float(number) * _SECONDS[unit] for number, unit in found))


def volume(text: str) -> str:
    """Return a volume with its mode: `source:target:rw`; one without a source as its target alone."""
    parts = text.split(":")
    if len(parts) == 1:
        return text
    if len(parts) > 3 or not all(parts):
        raise ValueError(f"{text!r} is no volume such as /srv/data:/data:ro")
    if not parts[0].startswith("/") and "/" in parts[0]:
        raise ValueError(f"{text!r} names neither an absolute path nor a volume")
    modes = set(parts[2].split(",")) if len(parts) == 3 else set()
    modes |= set() if modes & {"ro", "rw"} else {"rw"}
    return ":".join([*parts[:2], ",".join(sorted(modes))])


def capability(text: str) -> str:
    """Return a capability by its whole name."""
    name = text.upper()
    return name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}"


def device(text: str) -> str:
    """Return a device as `host:container:permissions`."""
    parts = text.split(":")
    if len(parts) == 2 and set(parts[1]) <= set("rwm"):
        parts = [parts[0], parts[0], parts[1]]
    return ":".join(
        [parts[0], parts[1] if len(parts) > 1 else parts[0], parts[2] if len(parts) > 2 else "rwm"]
    )


def ulimit(text: str) -> str:
    """Return a limit as `name:soft:hard`."""
    name, _, values = text.replace("=", ":", 1).partition(":")
    soft, _, hard = values.partition(":")
    return f"{name}:{soft}:{hard or soft}"


def security(text: str) -> str:
    """Return a security option as `key=value`; a profile, which the client reads, as its kind alone."""
    key, value = next((text.split(sign, 1) for sign in re.findall("[:=]", text)[:1]), (text, ""))
    if key == "seccomp" and value != "unconfined":
        return "seccomp=profile"
    return f"{key}={value}" if value and (key, value) != ("no-new-privileges", "true") else key


def exposed(text: str) -> list[str]:
    """Return the ports of a port or range, with their protocol."""
    ports, _, protocol = text.partition("/")
    return [f"{port}/{protocol or 'tcp'}" for port in _range(ports)]


def published(text: str, default_ip: str = "") -> list[str]:
    """Return what is published as `address:port->port/protocol`; no host's port is one that is free."""
    rest, _, protocol = text.partition("/")
    address, found = default_ip, re.match(r"\[([0-9a-fA-F:.]*)\]:", rest)
    if found:
        address, rest = found[1], rest[found.end() :]
    parts = rest.split(":")
    if len(parts) == 3:
        address, parts = parts[0], parts[1:]
    if len(parts) > 2:
        raise ValueError(f"{text!r} is no port such as 80, 8080:80 or 127.0.0.1:8080:80")
    inside = _range(parts[-1])
    outside = _range(parts[0]) if len(parts) == 2 and parts[0] else [""] * len(inside)
    if len(inside) == 1 < len(outside):
        outside = [parts[0]]
    if len(inside) != len(outside):
        raise ValueError(f"{text!r} has ranges of different length")
    return [f"{address}:{out}->{port}/{protocol or 'tcp'}" for out, port in zip(outside, inside, strict=True)]


def publishing(ports: Iterable[str]) -> list[str]:
    """Return the client's options for what `published` has made."""
    found = []
    for port in ports:
        outside, _, inside = port.partition("->")
        address, _, number = outside.rpartition(":")
        address = f"[{address}]" if ":" in address else address
        found.append(f"--publish={address}:{number}:{inside}" if outside != ":" else f"--publish={inside}")
    return found


def _range(text: str) -> list[str]:
    first, dash, last = text.partition("-")
    if not first.isdigit() or (dash and not last.isdigit()) or int(last or first) < int(first):
        raise ValueError(f"{text!r} is no port or range of ports")
    return [str(port) for port in range(int(first), int(last or first) + 1)]


def health(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a health check with its command as the client can say it, and seconds; ValueError if wrong."""
    unknown = [key for key in given if key not in HEALTH_KEYS]
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}")
    found: dict[str, Any] = {}
    test = given.get("test")
    if isinstance(test, str):
        found["test"] = ["CMD-SHELL", test]
    elif test:
        kind, *words = [str(word) for word in test]
        if kind not in ("NONE", "CMD", "CMD-SHELL") or (kind == "CMD-SHELL" and len(words) != 1):
            raise ValueError("'test' must be text, or a list that begins with NONE, CMD or CMD-SHELL")
        found["test"] = [kind] if kind == "NONE" else ["CMD-SHELL", _shell(kind, words)]
    elif not given.get("test_cli_compatible"):
        found["test"] = ["NONE"]
    if found.get("test") == ["NONE"]:
        return found
    found |= {key: seconds(given[key]) for key in _CHECK_TIMES if given.get(key) is not None}
    return found | ({} if given.get("retries") is None else {"retries": int(given["retries"])})


def health_there(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the health check that a container has."""
    test = [str(word) for word in found.get("Test") or ()]
    there: dict[str, Any] = {}
    if test:
        there["test"] = [test[0]] if test[0] == "NONE" else ["CMD-SHELL", _shell(test[0], test[1:])]
    there |= {ours: found[theirs] / 1e9 for theirs, ours in _HEALTH_NAMES.items() if found.get(theirs)}
    return there | ({"retries": found["Retries"]} if found.get("Retries") else {})


def _shell(kind: str, words: Sequence[str]) -> str:
    return shlex.join(words) if kind == "CMD" else " ".join(words)


def health_words(check: Mapping[str, Any]) -> list[str]:
    """Return the client's options for a health check."""
    test = check.get("test")
    if test == ["NONE"]:
        return ["--no-healthcheck"]
    words = [] if test is None else [f"--health-cmd={test[1]}"]
    for key in _CHECK_TIMES:
        words += [f"--health-{key.replace('_', '-')}={round(check[key] * 1e6)}us"] if key in check else []
    return words + ([f"--health-retries={check['retries']}"] if "retries" in check else [])


def environment(text: str) -> dict[str, str]:
    """Return the variables of a file as docker reads it; a name without a value is left out."""
    found = {}
    for line in text.removeprefix("\ufeff").splitlines():
        name, sign, value = line.lstrip().partition("=")
        if name and not name.startswith("#") and sign:
            found[name] = value
    return found


def mount(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mount as the daemon would tell of it; ValueError for what is wrong with it."""
    unknown = [key for key in given if key not in MOUNT_KEYS]
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}")
    if not given.get("target"):
        raise ValueError("a mount needs 'target'")
    found = {key: value for key, value in given.items() if value not in (None, False, "", {})}
    found["type"] = given.get("type") or "volume"
    if "tmpfs_size" in found:
        found["tmpfs_size"] = size(found["tmpfs_size"])
    if "tmpfs_mode" in found:
        found["tmpfs_mode"] = str(found["tmpfs_mode"]).lstrip("0o") or "0"
    for key in ("labels", "volume_options"):
        found |= {key: texts(found[key])} if key in found else {}
    return dict(sorted(found.items()))


MOUNT_KEYS = {
    "type": "type", "source": "source", "target": "target", "read_only": "readonly",
    "consistency": "consistency", "propagation": "bind-propagation", "non_recursive": "bind-nonrecursive",
    "no_copy": "volume-nocopy", "labels": "volume-label", "volume_driver": "volume-driver",
    "volume_options": "volume-opt", "subpath": "volume-subpath", "tmpfs_size": "tmpfs-size",
    "tmpfs_mode": "tmpfs-mode",
}  # fmt: skip


def mount_there(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mount that a container has."""
    bind, own = found.get("BindOptions") or {}, found.get("VolumeOptions") or {}
    driver, tmpfs = own.get("DriverConfig") or {}, found.get("TmpfsOptions") or {}
    mode = tmpfs.get("Mode")
    there = {
        "type": found["Type"], "source": found.get("Source"), "target": found["Target"],
        "read_only": found.get("ReadOnly"), "consistency": found.get("Consistency"),
        "propagation": bind.get("Propagation"), "non_recursive": bind.get("NonRecursive"),
        "no_copy": own.get("NoCopy"), "labels": own.get("Labels"), "volume_driver": driver.get("Name"),
        "volume_options": driver.get("Options"), "subpath": own.get("Subpath"),
        "tmpfs_size": tmpfs.get("SizeBytes"), "tmpfs_mode": f"{mode:o}" if mode else None,
    }  # fmt: skip
    return {key: value for key, value in sorted(there.items()) if value}


def mount_word(given: Mapping[str, Any]) -> str:
    """Return the client's option for a mount: a line of comma separated values."""
    parts = []
    for key, option in MOUNT_KEYS.items():
        value = given.get(key)
        if isinstance(value, Mapping):
            parts += [f"{option}={name}={one}" for name, one in value.items()]
        elif value is not None:
            parts.append(option if value is True else f"{option}={value}")
    quoted = (f'"{part.replace(chr(34), chr(34) * 2)}"' if set(part) & set(',"') else part for part in parts)
    return f"--mount={','.join(quoted)}"
