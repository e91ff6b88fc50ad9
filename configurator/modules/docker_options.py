"""The options of a container: how each is asked for, given to docker(1), and found in `docker inspect`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from configurator.modules import docker_values as values
from configurator.modules.docker import texts

Read = Callable[[Mapping[str, Any]], Any]


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `kind` is `value`, `list`, `set` or `dict`; of the last two more may be there than asked.

    `read` takes what `docker inspect` says; `norm` brings what was asked for into the same form and raises
    ValueError for what is wrong; `words` are the client's. `update` is True if docker can change it in a
    container that is there, `given` if what it is without being asked for depends on image or daemon.
    """

    name: str
    kind: str
    read: Read
    words: Callable[[Any], Sequence[str]]
    norm: Callable[[Any], Any] = _same
    update: bool = False
    given: bool = False
    raw: bool = False  # `words` takes what was asked for as it was written


def _host(key: str, nothing: Any = None) -> Read:
    return lambda found: (found.get("HostConfig") or {}).get(key) or nothing


def _config(key: str, nothing: Any = None) -> Read:
    return lambda found: (found.get("Config") or {}).get(key) or nothing


def _exactly(part: str, key: str) -> Read:
    """For numbers of which 0 is not the same as none."""
    return lambda found: (found.get(part) or {}).get(key)


def _target(mount: Mapping[str, Any]) -> str:
    return str(mount["target"])


def _flag(option: str) -> Callable[[Any], Sequence[str]]:
    """An option that is there or is not, or has a value."""
    return lambda value: [f"--{option}={texts({'': value})['']}"]


def _each(option: str) -> Callable[[Any], Sequence[str]]:
    return lambda found: [f"--{option}={value}" for value in found]


def _pairs(option: str, sign: str = "=") -> Callable[[Any], Sequence[str]]:
    return lambda found: [f"--{option}={name}{sign}{value}" for name, value in found.items()]


def _set(norm: Callable[[str], str]) -> Callable[[Any], list[str]]:
    return lambda found: sorted({norm(str(value)) for value in found})


def _many(norm: Callable[[str], list[str]]) -> Callable[[Any], list[str]]:
    return lambda found: sorted({one for value in found for one in norm(str(value))})


def _sorted(read: Read, norm: Callable[[Any], str] = str) -> Read:
    return lambda found: sorted(norm(value) for value in read(found) or ())


def _texts(read: Read) -> Read:
    return lambda found: texts(read(found) or {})


def _split(pairs: Sequence[str]) -> dict[str, str]:
    """Return `name:value` or `name=value` by name."""
    found = {}
    for pair in pairs:
        sign = min((sign for sign in ":=" if sign in pair), key=pair.index, default=":")
        name, _, value = pair.partition(sign)
        found[name] = value
    return dict(sorted(found.items()))


def _rates(key: str) -> Read:
    return _sorted(_host(key), lambda one: f"{one['Path']}:{one['Rate']}")


def _rate(found: Any) -> list[str]:
    if not all(isinstance(one, Mapping) and {"path", "rate"} <= set(one) for one in found):
        raise ValueError("must be a list of mappings with 'path' and 'rate'")
    return sorted(f"{one['path']}:{values.size(one['rate'])}" for one in found)


def _links(found: Mapping[str, Any]) -> list[str]:
    pairs = (link.lstrip("/").split(":", 1) for link in _host("Links", ())(found))
    return sorted(f"{name}:{alias.rpartition('/')[2]}" for name, alias in pairs)


def _ports(found: Mapping[str, Any]) -> list[str]:
    bound = _host("PortBindings", {})(found)
    return sorted(
        f"{one.get('HostIp') or ''}:{(one.get('HostPort') or '').removeprefix('0')}->{port}"
        for port, places in bound.items()
        for one in places or ()
    )


def _restart(found: Mapping[str, Any]) -> str:
    policy = _host("RestartPolicy", {})(found)
    name = policy.get("Name") or "no"
    return f"{name}:{policy['MaximumRetryCount']}" if policy.get("MaximumRetryCount") else name


def _volumes(found: Mapping[str, Any]) -> list[str]:
    return sorted([*map(values.volume, _host("Binds", ())(found)), *_config("Volumes", {})(found)])


def _mac(found: Mapping[str, Any]) -> str | None:
    networks = (found.get("NetworkSettings") or {}).get("Networks") or {}
    seen = [_config("MacAddress")(found), *(one.get("MacAddress") for one in networks.values())]
    return next((address.lower() for address in seen if address), None)


def _bridge(mode: Any) -> str:
    return "bridge" if mode in (None, "", "default") else str(mode)


def _scalar(name: str, option: str, read: Read, norm: Callable[[Any], Any] = _same, **more: Any) -> Option:
    return Option(name, "value", read, _flag(option), norm, **more)


def _none_below_one(value: Any) -> int:
    return -1 if value in (None, 0) or value < 0 else int(value)


_SWITCHES = (
    ("auto_remove", "rm", _host("AutoRemove", False)),
    ("init", "init", _host("Init", False)),
    ("interactive", "interactive", _config("OpenStdin", False)),
    ("oom_killer", "oom-kill-disable", _host("OomKillDisable", False)),
    ("privileged", "privileged", _host("Privileged", False)),
    ("publish_all_ports", "publish-all", _host("PublishAllPorts", False)),
    ("read_only", "read-only", _host("ReadonlyRootfs", False)),
    ("tty", "tty", _config("Tty", False)),
)
_NUMBERS = (
    ("blkio_weight", "blkio-weight", "BlkioWeight", True),
    ("cpu_period", "cpu-period", "CpuPeriod", True),
    ("cpu_quota", "cpu-quota", "CpuQuota", True),
    ("cpu_shares", "cpu-shares", "CpuShares", True),
    ("oom_score_adj", "oom-score-adj", "OomScoreAdj", False),
)
_HOST_WORDS = (
    ("cgroup_parent", "cgroup-parent", "CgroupParent", False),
    ("cgroupns_mode", "cgroupns", "CgroupnsMode", True),
    ("ipc_mode", "ipc", "IpcMode", True),
    ("pid_mode", "pid", "PidMode", False),
    ("runtime", "runtime", "Runtime", True),
    ("userns_mode", "userns", "UsernsMode", False),
    ("uts", "uts", "UTSMode", False),
    ("volume_driver", "volume-driver", "VolumeDriver", False),
)
_CONFIG_WORDS = (
    ("domainname", "domainname", "Domainname", False),
    ("hostname", "hostname", "Hostname", True),
    ("stop_signal", "stop-signal", "StopSignal", True),
    ("user", "user", "User", True),
    ("working_dir", "workdir", "WorkingDir", True),
)
_RATES = (
    ("device_read_bps", "device-read-bps", "BlkioDeviceReadBps"),
    ("device_read_iops", "device-read-iops", "BlkioDeviceReadIOps"),
    ("device_write_bps", "device-write-bps", "BlkioDeviceWriteBps"),
    ("device_write_iops", "device-write-iops", "BlkioDeviceWriteIOps"),
)

_ALL = (
    *(_scalar(name, option, read) for name, option, read in _SWITCHES),
    *(_scalar(name, option, _host(key, 0), update=update) for name, option, key, update in _NUMBERS),
    *(_scalar(name, option, _host(key, ""), given=given) for name, option, key, given in _HOST_WORDS),
    *(_scalar(name, option, _config(key, ""), given=given) for name, option, key, given in _CONFIG_WORDS),
    *(Option(name, "set", _rates(key), _each(option), _rate) for name, option, key in _RATES),
    _scalar("cpus", "cpus", lambda found: _host("NanoCpus", 0)(found) / 1e9, float, update=True),
    _scalar("cpuset_cpus", "cpuset-cpus", _host("CpusetCpus", ""), update=True),
    _scalar("cpuset_mems", "cpuset-mems", _host("CpusetMems", ""), update=True),
    _scalar("memory", "memory", _host("Memory", 0), values.size, update=True),
    _scalar(
        "memory_reservation", "memory-reservation", _host("MemoryReservation", 0), values.size, update=True
    ),
    _scalar("memory_swap", "memory-swap", _host("MemorySwap", 0), values.size, update=True, given=True),
    _scalar("memory_swappiness", "memory-swappiness", _exactly("HostConfig", "MemorySwappiness"), given=True),
    _scalar(
        "pids_limit", "pids-limit", lambda found: _none_below_one(_host("PidsLimit")(found)), _none_below_one,
        update=True,
    ),
    _scalar("shm_size", "shm-size", _host("ShmSize", 0), values.size, given=True),
    _scalar("stop_timeout", "stop-timeout", _exactly("Config", "StopTimeout")),
    _scalar("restart_policy", "restart", _restart, update=True),
    _scalar("log_driver", "log-driver", lambda found: _host("LogConfig", {})(found).get("Type"), given=True),
    _scalar("mac_address", "mac-address", _mac, str.lower, given=True),
    _scalar("network_mode", "network", lambda found: _bridge(_host("NetworkMode")(found)), _bridge),
    Option(
        "healthcheck", "dict", lambda found: values.health_there(_config("Healthcheck", {})(found)),
        values.health_words, values.health, given=True,
    ),
    Option("dns_servers", "list", _host("Dns", []), _each("dns"), list),
    Option("dns_search_domains", "list", _host("DnsSearch", []), _each("dns-search"), list),
    Option("dns_opts", "set", _sorted(_host("DnsOptions")), _each("dns-option"), sorted),
    Option("cap_drop", "set", _sorted(_host("CapDrop"), values.capability), _each("cap-drop"),
           _set(values.capability)),
    Option("capabilities", "set", _sorted(_host("CapAdd"), values.capability), _each("cap-add"),
           _set(values.capability)),
    Option("device_cgroup_rules", "set", _sorted(_host("DeviceCgroupRules")), _each("device-cgroup-rule"),
           sorted),
    Option(
        "devices", "set",
        _sorted(
            _host("Devices"),
            lambda one: f"{one['PathOnHost']}:{one['PathInContainer']}:{one['CgroupPermissions']}",
        ),
        _each("device"), _set(values.device),
    ),
    Option("exposed_ports", "set", _sorted(_config("ExposedPorts")), _each("expose"), _many(values.exposed),
           given=True),
    Option("groups", "set", _sorted(_host("GroupAdd")), _each("group-add"), sorted),
    Option("links", "set", _links, _each("link"),
           _set(lambda link: link if ":" in link else f"{link}:{link}")),
    Option("published_ports", "set", _ports, values.publishing, sorted),
    Option("security_opts", "set", _sorted(_host("SecurityOpt"), values.security), _each("security-opt"),
           _set(values.security), raw=True),
    Option(
        "ulimits", "set",
        _sorted(_host("Ulimits"), lambda one: f"{one['Name']}:{one['Soft']}:{one['Hard']}"),
        lambda found: [f"--ulimit={limit.replace(':', '=', 1)}" for limit in found], _set(values.ulimit),
    ),
    Option("volumes", "set", _volumes, _each("volume"), _set(values.volume), given=True),
    Option("volumes_from", "set", _sorted(_host("VolumesFrom")), _each("volumes-from"), sorted),
    Option(
        "mounts", "set",
        lambda found: sorted(map(values.mount_there, _host("Mounts", ())(found)), key=_target),
        lambda found: [values.mount_word(one) for one in found],
        lambda found: sorted(map(values.mount, found), key=_target),
    ),
    Option("etc_hosts", "dict", lambda found: _split(_host("ExtraHosts", ())(found)), _pairs("add-host", ":"),
           texts),
    Option("labels", "dict", _texts(_config("Labels")), _pairs("label"), texts, given=True),
    Option("log_options", "dict", _texts(lambda found: _host("LogConfig", {})(found).get("Config")),
           _pairs("log-opt"), texts, given=True),
    Option("storage_opts", "dict", _texts(_host("StorageOpt")), _pairs("storage-opt"), texts),
    Option("sysctls", "dict", _texts(_host("Sysctls")), _pairs("sysctl"), texts),
    Option(
        "tmpfs", "dict", _texts(_host("Tmpfs")),
        lambda found: [f"--tmpfs={path}:{how}".rstrip(":") for path, how in found.items()], _split,
    ),
)  # fmt: skip
OPTIONS = {option.name: option for option in _ALL}


def fits(option: Option, asked: Any, there: Any) -> bool:
    """Return True if all that is asked for is there, and maybe more."""
    if option.kind == "dict":
        return bool(asked.items() <= (there or {}).items())
    if option.name == "mounts":
        return all(any(one.items() <= other.items() for other in there or ()) for one in asked)
    return set(asked) <= set(there or ())
