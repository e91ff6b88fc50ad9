"""Which module a name means. Modules are imported on first use, so that a host loads only what it runs."""

from __future__ import annotations

import importlib
from typing import Any

from configurator.modules.base import Module

# name: (file in this package, class). Aliases below are Ansible's.
_MODULES: dict[str, tuple[str, str]] = {
    "acl": ("acl", "AccessList"),
    "alternatives": ("alternatives", "Alternatives"),
    "apt": ("apt", "Apt"),
    "apt_key": ("apt_key", "AptKey"),
    "apt_pin": ("apt_pin", "AptPin"),
    "apt_repository": ("apt_repository", "AptRepository"),
    "assemble": ("assemble", "Assemble"),
    "async_status": ("async_status", "AsyncStatus"),
    "assert": ("assert_", "Assert"),
    "authorized_key": ("authorized_key", "AuthorizedKey"),
    "blockinfile": ("blockinfile", "BlockInFile"),
    "command": ("command", "Command"),
    "copy": ("copy", "Copy"),
    "cron": ("cron", "Cron"),
    "deb822_repository": ("deb822_repository", "Deb822Repository"),
    "debconf": ("debconf", "Debconf"),
    "debug": ("debug", "Debug"),
    "docker_compose": ("docker_compose", "DockerCompose"),
    "docker_container": ("docker_container", "DockerContainer"),
    "docker_image": ("docker_image", "DockerImage"),
    "docker_image_pull": ("docker_image_pull", "DockerImagePull"),
    "docker_network": ("docker_network", "DockerNetwork"),
    "docker_volume": ("docker_volume", "DockerVolume"),
    "dpkg_divert": ("dpkg_divert", "DpkgDivert"),
    "dpkg_selections": ("dpkg_selections", "DpkgSelections"),
    "fail": ("fail", "Fail"),
    "fetch": ("fetch", "Fetch"),
    "file": ("file", "File"),
    "find": ("find", "Find"),
    "get_url": ("get_url", "GetUrl"),
    "getent": ("getent", "Getent"),
    "git": ("git", "Git"),
    "group": ("group", "Group"),
    "htpasswd": ("htpasswd", "Htpasswd"),
    "hosts_entry": ("hosts_entry", "HostsEntry"),
    "hostname": ("hostname", "Hostname"),
    "ini_file": ("ini_file", "IniFile"),
    "known_hosts": ("known_hosts", "KnownHosts"),
    "iptables": ("iptables", "Iptables"),
    "iptables_state": ("iptables_state", "IptablesState"),
    "lineinfile": ("lineinfile", "LineInFile"),
    "locale_gen": ("locale_gen", "LocaleGen"),
    "modprobe": ("modprobe", "Modprobe"),
    "mount": ("mount", "Mount"),
    "mysql_db": ("mysql_db", "MysqlDb"),
    "mysql_user": ("mysql_user", "MysqlUser"),
    "nftables": ("nftables", "Nftables"),
    "npm": ("npm", "Npm"),
    "openssl_certificate": ("openssl_certificate", "OpensslCertificate"),
    "openssl_privatekey": ("openssl_privatekey", "OpensslPrivatekey"),
    "package": ("package", "Package"),
    "package_facts": ("package_facts", "PackageFacts"),
    "pam_limits": ("pam_limits", "PamLimits"),
    "pause": ("pause", "Pause"),
    "ping": ("ping", "Ping"),
    "pip": ("pip", "Pip"),
    "postgresql_db": ("postgresql_db", "PostgresqlDb"),
    "postgresql_ext": ("postgresql_ext", "PostgresqlExt"),
    "postgresql_privs": ("postgresql_privs", "PostgresqlPrivs"),
    "postgresql_user": ("postgresql_user", "PostgresqlUser"),
    "raw": ("raw", "Raw"),
    "reboot": ("reboot", "Reboot"),
    "replace": ("replace", "Replace"),
    "resolv_conf": ("resolv_conf", "ResolvConf"),
    "script": ("script", "Script"),
    "service_facts": ("service_facts", "ServiceFacts"),
    "set_fact": ("set_fact", "SetFact"),
    "setup": ("setup", "Setup"),
    "shell": ("command", "Shell"),
    "slurp": ("slurp", "Slurp"),
    "ssh_host_key": ("ssh_host_key", "SshHostKey"),
    "sshd_config": ("sshd_config", "SshdConfig"),
    "stat": ("stat", "Stat"),
    "sudoers": ("sudoers", "Sudoers"),
    "swapfile": ("swapfile", "SwapFile"),
    "synchronize": ("synchronize", "Synchronize"),
    "sysctl": ("sysctl", "Sysctl"),
    "systemd_service": ("systemd_service", "SystemdService"),
    "systemd_unit": ("systemd_unit", "SystemdUnit"),
    "tempfile": ("tempfile", "Tempfile"),
    "template": ("template", "Template"),
    "timezone": ("timezone", "Timezone"),
    "ufw": ("ufw", "Ufw"),
    "unarchive": ("unarchive", "Unarchive"),
    "uri": ("uri", "Uri"),
    "user": ("user", "User"),
    "wait_for": ("wait_for", "WaitFor"),
    "wait_for_connection": ("wait_for_connection", "WaitForConnection"),
}
_ALIASES = {
    "docker_compose_v2": "docker_compose",
    "service": "systemd_service",
    "systemd": "systemd_service",
    "x509_certificate": "openssl_certificate",
}
COLLECTIONS = (
    "ansible.builtin.",
    "ansible.posix.",
    "community.general.",
    "community.crypto.",
    "community.docker.",
    "community.mysql.",
    "community.postgresql.",
    "configurator.",
)

_instances: dict[str, Module[Any]] = {}
_extensions: dict[str, Module[Any]] = {}


def extend(name: str, module: Module[Any]) -> None:
    """Have a name mean a project's module from now on: on a host, where nobody else's is."""
    _extensions[name] = module


def names() -> list[str]:
    """Return every name and alias by which a module can be called, without collection prefixes."""
    return sorted([*_MODULES, *_ALIASES])


def canonical(name: str) -> str | None:
    """Return the module's own name for a short, fully qualified or alias name; None if there is none."""
    for prefix in COLLECTIONS:
        name = name.removeprefix(prefix)
    name = _ALIASES.get(name, name)
    return name if name in _MODULES else None


def get(name: str) -> Module[Any]:
    """Return the module of this name; KeyError if there is none."""
    if name in _extensions:
        return _extensions[name]
    own = canonical(name)
    if own is None:
        raise KeyError(name)
    if own not in _instances:
        file, cls = _MODULES[own]
        _instances[own] = getattr(importlib.import_module(f"configurator.modules.{file}"), cls)()
    return _instances[own]
