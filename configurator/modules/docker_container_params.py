"""The parameters of docker_container, and what is wrong with them before any host is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from configurator.modules.docker import DockerLogin, check_name
from configurator.modules.docker_images import check_keys, check_reference, is_id, reference
from configurator.modules.docker_options import OPTIONS
from configurator.modules.docker_values import published, words_of
from configurator.modules.params import ParamProblem, did_you_mean, param

NETWORK_KEYS = ("name", "aliases", "ipv4_address", "ipv6_address", "links", "mac_address")
_COMPARED = {*OPTIONS, "image", "networks", "env", "command", "entrypoint", "*"}
_HOW = ("strict", "ignore", "allow_more_present")


@dataclass(frozen=True, slots=True)
class DockerContainerParams(DockerLogin):
    """The parameters of community.docker.docker_container."""

    name: str = param("str", required=True)
    image: str | None = param("str")
    state: str = param("str", "started", choices=("absent", "present", "healthy", "started", "stopped"))
    command: Any = param("raw")
    entrypoint: Any = param("raw")
    env: dict[str, Any] = param("dict", {}, secret=True)
    env_file: str | None = param("str")
    networks: tuple[Any, ...] = param("list")
    networks_cli_compatible: bool = param("bool", True)
    comparisons: dict[str, Any] = param("dict", {})
    pull: Any = param("raw", "missing")
    platform: str | None = param("str")
    recreate: bool = param("bool", False)
    restart: bool = param("bool", False)
    paused: bool | None = param("bool")
    detach: bool = param("bool", True)
    cleanup: bool = param("bool", False)
    output_logs: bool = param("bool", False)
    force_kill: bool = param("bool", False, aliases=("forcekill",))
    kill_signal: str | None = param("str")
    keep_volumes: bool = param("bool", True)
    removal_wait_timeout: float | None = param("float")
    healthy_wait_timeout: float = param("float", 300.0)
    image_comparison: str = param("str", "desired-image", choices=("desired-image", "current-image"))
    image_name_mismatch: str = param("str", "recreate", choices=("recreate", "ignore"))
    image_label_mismatch: str = param("str", "ignore", choices=("ignore", "fail"))
    default_host_ip: str = param("str", "")
    restart_policy: str | None = param("str", choices=("no", "on-failure", "always", "unless-stopped"))
    restart_retries: int | None = param("int")
    # What is compared with `docker inspect` by docker_options.py.
    auto_remove: bool | None = param("bool")
    blkio_weight: int | None = param("int")
    cap_drop: tuple[str, ...] = param("list")
    capabilities: tuple[str, ...] = param("list")
    cgroup_parent: str | None = param("str")
    cgroupns_mode: str | None = param("str", choices=("host", "private"))
    cpu_period: int | None = param("int")
    cpu_quota: int | None = param("int")
    cpu_shares: int | None = param("int")
    cpus: float | None = param("float")
    cpuset_cpus: str | None = param("str")
    cpuset_mems: str | None = param("str")
    device_cgroup_rules: tuple[str, ...] = param("list")
    device_read_bps: tuple[Any, ...] = param("list")
    device_read_iops: tuple[Any, ...] = param("list")
    device_write_bps: tuple[Any, ...] = param("list")
    device_write_iops: tuple[Any, ...] = param("list")
    devices: tuple[str, ...] = param("list")
    dns_opts: tuple[str, ...] = param("list")
    dns_search_domains: tuple[str, ...] = param("list")
    dns_servers: tuple[str, ...] = param("list")
    domainname: str | None = param("str")
    etc_hosts: dict[str, Any] = param("dict", {})
    exposed_ports: tuple[str, ...] = param("list", aliases=("exposed", "expose"))
    groups: tuple[str, ...] = param("list")
    healthcheck: dict[str, Any] = param("dict", {})
    hostname: str | None = param("str")
    init: bool | None = param("bool")
    interactive: bool | None = param("bool")
    ipc_mode: str | None = param("str")
    labels: dict[str, Any] = param("dict", {})
    links: tuple[str, ...] = param("list")
    log_driver: str | None = param("str")
    log_options: dict[str, Any] = param("dict", {}, aliases=("log_opt",))
    mac_address: str | None = param("str")
    memory: str | None = param("str")
    memory_reservation: str | None = param("str")
    memory_swap: str | None = param("str")
    memory_swappiness: int | None = param("int")
    mounts: tuple[Any, ...] = param("list")
    network_mode: str | None = param("str")
    oom_killer: bool | None = param("bool")
    oom_score_adj: int | None = param("int")
    pid_mode: str | None = param("str")
    pids_limit: int | None = param("int")
    privileged: bool | None = param("bool")
    publish_all_ports: bool | None = param("bool")
    published_ports: tuple[str, ...] = param("list", aliases=("ports",))
    read_only: bool | None = param("bool")
    runtime: str | None = param("str")
    security_opts: tuple[str, ...] = param("list")
    shm_size: str | None = param("str")
    stop_signal: str | None = param("str")
    stop_timeout: int | None = param("int")
    storage_opts: dict[str, Any] = param("dict", {})
    sysctls: dict[str, Any] = param("dict", {})
    tmpfs: tuple[str, ...] = param("list")
    tty: bool | None = param("bool")
    ulimits: tuple[str, ...] = param("list")
    user: str | None = param("str")
    userns_mode: str | None = param("str")
    uts: str | None = param("str")
    volume_driver: str | None = param("str")
    volumes: tuple[str, ...] = param("list")
    volumes_from: tuple[str, ...] = param("list")
    working_dir: str | None = param("str")

    @property
    def ref(self) -> str | None:
        """The image's name with its tag."""
        return None if self.image is None else reference(self.image)

    @property
    def pulls(self) -> str:
        """When the image is pulled: `always`, `missing` or `never`."""
        if self.image is not None and is_id(self.image):
            return "never"
        word = str(self.pull).lower()
        return {"true": "always", "yes": "always", "false": "missing", "no": "missing"}.get(word, word)

    @property
    def joined(self) -> dict[str, dict[str, Any]]:
        """The networks by name, each with what is asked of it, in order."""
        return {str(network["name"]): _network(network) for network in self.networks}

    @property
    def first(self) -> str | None:
        """The network that a new container is made in, if it is one of `networks`."""
        if self.network_mode is not None:
            return self.network_mode if self.network_mode in self.joined else None
        return next(iter(self.joined), None) if self.networks_cli_compatible else None

    def how(self, name: str) -> str:
        """Return how an option is compared: `strict`, `ignore` or `allow_more_present`."""
        known = OPTIONS.get(name)
        loose = name in ("env", "networks") or (known is not None and known.kind in ("set", "dict"))
        usual = "allow_more_present" if loose else "strict"
        if name == "stop_timeout":  # it may be given only for how the container is stopped now
            usual = "ignore"
        return str(self.comparisons.get(name) or self.comparisons.get("*") or usual)

    def asked(self) -> dict[str, Any]:
        """Return the options that are given, in the form in which they are compared; ValueError if wrong."""
        found = {}
        for name, option in OPTIONS.items():
            value = self.written(name)
            if value is not None and (value not in ((), {}, []) or self.comparisons.get(name) == "strict"):
                try:
                    found[name] = option.norm(value)
                except (ValueError, TypeError, AttributeError) as error:
                    raise ValueError(f"{name}: {error}") from None
        return found

    def written(self, name: str) -> Any:
        """Return an option as it was written, with what others have to say about it."""
        value = getattr(self, name)
        if name == "restart_policy" and value == "on-failure" and self.restart_retries:
            return f"{value}:{self.restart_retries}"
        if name == "published_ports":
            return [port for one in value for port in published(str(one), self.default_host_ip)]
        if name == "network_mode" and value is None:
            return self.first
        return value

    def problems(self) -> list[ParamProblem]:
        """Return what is wrong with the parameters."""
        found = check_name("name", self.name)
        if self.image is not None:
            found += check_reference("image", self.image)
        if self.pulls not in ("always", "missing", "never"):
            found.append(ParamProblem("pull", "'pull' must be never, missing or always"))
        for key, how in self.comparisons.items():
            if key not in _COMPARED:
                found.append(
                    ParamProblem("comparisons", f"unknown option {key!r}", did_you_mean(key, _COMPARED))
                )
            if how not in (_HOW[:2] if key == "*" else _HOW):
                found.append(ParamProblem("comparisons", f"{key!r} cannot be compared by {how!r}"))
        if self.env_file is not None and not self.env_file.startswith("/"):
            found.append(ParamProblem("env_file", "'env_file' must be an absolute path"))
        if self.restart_retries is not None and self.restart_policy != "on-failure":
            found.append(
                ParamProblem("restart_retries", "'restart_retries' needs `restart_policy: on-failure`")
            )
        if not all(isinstance(network, Mapping) and "name" in network for network in self.networks):
            return [*found, ParamProblem("networks", "must be a list of mappings with 'name'")]
        found += self._network_problems()
        try:
            self.asked()
            words_of(self.command or ())
            words_of(self.entrypoint or ())
        except (TypeError, ValueError) as error:
            found.append(ParamProblem("", str(error)))
        return found

    def _network_problems(self) -> list[ParamProblem]:
        found = []
        for network in self.networks:
            found += check_keys("networks", network, dict.fromkeys(NETWORK_KEYS))
            if network.get("mac_address") and network["name"] != self.first:
                problem = "docker gives another 'mac_address' only in the network that a container is made in"
                found.append(ParamProblem("networks", problem))
        return found


def _network(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in NETWORK_KEYS[1:]:
        value = given.get(key)
        if value:
            found[key] = sorted(map(str, value)) if key in ("aliases", "links") else str(value).lower()
    return found
