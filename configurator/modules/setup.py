"""setup: the host's facts are read anew and returned as `ansible_facts`.

Parameters are those of ansible.builtin.setup. Every run reads the facts that templates and conditions can use
before anything is done; they stay what they were then. This task returns what is so at its moment, and more:
mounts, disks, processors, the environment, and what stands in `fact_path`. Only what `gather_subset` asks for
is computed. A file `NAME.fact` of `fact_path` is read as JSON or INI, or run if it is executable, and becomes
`ansible_local.NAME`. A file server that does not answer within `gather_timeout` has no sizes.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.base import Module
from configurator.modules.effects import EVERYTHING, Effects, effects
from configurator.modules.params import ParamProblem, did_you_mean, param
from configurator.modules.state import State
from configurator.modules.system import System

_MIN = (
    *("platform", "distribution", "user", "python", "service_mgr", "date_time", "env", "cmdline"),
    *("lsb", "dns", "security", "ssh", "systemd", "local"),
)
_HARDWARE = ("processor", "memory", "devices", "mounts", "dmi", "load")
# Ansible's words for subsets, and the parts that they mean (agent/facts_more.py). Facts by name stand in for
# the part that they are in.
SUBSETS: dict[str, tuple[str, ...]] = {
    "all": (*_MIN, *_HARDWARE, "network", "virtual"),
    "min": _MIN,
    "hardware": _HARDWARE,
    "network": ("network", "platform"),
    "virtual": ("virtual",),
    **{name: (name,) for name in (*_MIN, *_HARDWARE)},
    **dict.fromkeys(("interfaces", "default_ipv4", "default_ipv6"), ("network",)),
    **dict.fromkeys(("all_ipv4_addresses", "all_ipv6_addresses"), ("network",)),
    **dict.fromkeys(("architecture", "kernel", "machine", "machine_id", "system"), ("platform",)),
    **dict.fromkeys(("distribution_major_version", "distribution_release"), ("distribution",)),
    **dict.fromkeys(("distribution_version", "os_family", "pkg_mgr"), ("distribution",)),
    **dict.fromkeys(("user_dir", "user_gecos", "user_gid", "user_id", "user_shell", "user_uid"), ("user",)),
    **dict.fromkeys(("effective_user_id", "effective_group_ids", "real_user_id"), ("user",)),
    **dict.fromkeys(("processor_cores", "processor_count"), ("processor",)),
    **dict.fromkeys(("virtualization_role", "virtualization_type"), ("virtual",)),
    **dict.fromkeys(("apparmor", "fips", "selinux"), ("security",)),
    **dict.fromkeys(("ssh_host_pub_keys", "ssh_pub_keys"), ("ssh",)),
    **dict.fromkeys(("python_version",), ("python",)),
    **dict.fromkeys(("loadavg",), ("load",)),
}
_FACT_PATH = "/etc/ansible/facts.d"
_FOREIGN = frozenset({"facter", "ohai"})


@dataclass(frozen=True, slots=True)
class SetupParams:
    """The parameters of ansible.builtin.setup."""

    gather_subset: tuple[str, ...] = param("list", ("all",))
    filter: tuple[str, ...] = param("list")
    gather_timeout: int = param("int", 10)
    fact_path: str = param("str", _FACT_PATH)

    @property
    def parts(self) -> frozenset[str]:
        """What is to be computed, by Ansible's rules for these words."""
        words = self.gather_subset
        named = {part for word in words if word != "all" for part in SUBSETS.get(word, ())}
        every = "all" in words or all(word.startswith("!") for word in words)
        wanted = set(SUBSETS["all"]) if every else set(named)
        if "!min" not in words:
            wanted |= set(_MIN)
        for word in words:
            if word.startswith("!"):
                wanted -= set(SUBSETS.get(word[1:], ())) - (set(_MIN) if word == "!all" else set())
        return frozenset(wanted | named)  # what is named is wanted, whatever else is not


class Setup(Module[SetupParams]):
    """Reads facts."""

    name: ClassVar[str] = "setup"
    params: ClassVar[type] = SetupParams
    typical_s: ClassVar[float] = 0.05

    def check(self, params: SetupParams) -> Sequence[ParamProblem]:
        problems = []
        for word in params.gather_subset:
            name = word.removeprefix("!")
            if name in _FOREIGN and not word.startswith("!"):
                problems.append(
                    ParamProblem("gather_subset", f"{name!r} is a program of its own; not supported")
                )
            elif name not in SUBSETS and name not in _FOREIGN:
                hint = did_you_mean(name, SUBSETS)
                problems.append(ParamProblem("gather_subset", f"unknown subset {name!r}", hint))
        if not params.fact_path.startswith("/"):
            problems.append(
                ParamProblem("fact_path", f"'fact_path' must be absolute, not {params.fact_path!r}")
            )
        if params.gather_timeout <= 0:
            problems.append(ParamProblem("gather_timeout", "'gather_timeout' must be more than 0 seconds"))
        return problems

    def subject(self, params: SetupParams) -> str:  # noqa: ARG002
        return "facts:"

    def effects(self, params: SetupParams) -> Effects:  # noqa: ARG002
        return effects(reads=(EVERYTHING,))  # what stands above it may be what it is to find out

    def observe(self, system: System, params: SetupParams) -> State:
        found = facts_of(system, params.parts, float(params.gather_timeout), params.fact_path)
        found |= {"gather_subset": list(params.gather_subset), "module_setup": True}
        return {"facts": {f"ansible_{name}": value for name, value in sorted(found.items())}}

    def desired(self, params: SetupParams, actual: State) -> State:  # noqa: ARG002
        return {}

    def facts(self, params: SetupParams) -> Sequence[str]:  # noqa: ARG002
        return ("local",)  # what the roles themselves may have changed; all others are known before

    def outputs(self, params: SetupParams, actual: State) -> dict[str, Any]:
        wanted = {
            name: value
            for name, value in actual["facts"].items()
            if not params.filter or any(_means(pattern, name) for pattern in params.filter)
        }
        return {"ansible_facts": wanted}


def facts_of(
    system: System, parts: frozenset[str], timeout_s: float, fact_path: str = _FACT_PATH
) -> dict[str, Any]:
    """Return the facts of some parts as they are now, `local` ones from `fact_path`."""
    found = system.gather(parts - {"local"}, timeout_s)
    return found | ({"local": _local(system, fact_path, timeout_s)} if "local" in parts else {})


def _means(pattern: str, name: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name.removeprefix("ansible_"), pattern)


def _local(system: System, folder: str, timeout_s: float) -> dict[str, Any]:
    """Return the facts that somebody keeps in files; one that cannot be read is told as a warning."""
    found: dict[str, Any] = {}
    for name in system.listdir(folder):
        if not name.endswith(".fact"):
            continue
        path = posixpath.join(folder, name)
        try:
            found[name.removesuffix(".fact")] = _fact(system, path, timeout_s)
        except (TaskError, ValueError) as error:
            text = error.message if isinstance(error, TaskError) else str(error)
            system.notice(f"{path} is no fact: {text}")
    return found


def _fact(system: System, path: str, timeout_s: float) -> Any:
    import json  # noqa: PLC0415

    stat = system.stat(path, follow=True)
    if stat is not None and stat.mode & 0o111:
        text = system.query((path,), timeout_s=timeout_s).stdout
    else:
        text = system.read(path).decode(errors="replace")
    try:
        return json.loads(text)
    except ValueError:
        return _ini(text)


def _ini(text: str) -> dict[str, dict[str, str]]:
    import configparser  # noqa: PLC0415

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(f"neither JSON nor INI: {str(error).splitlines()[0]}") from None
    return {section: dict(parser.items(section)) for section in parser.sections()}
