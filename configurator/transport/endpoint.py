"""Where and as whom a host is reached: inventory, command line and ~/.ssh/config in one value."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from configurator.core.errors import InputError

DEFAULT_PORT = 22
_IDENTITIES = ("id_ed25519", "id_ecdsa", "id_rsa")  # ssh_config(5), IdentityFile


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Everything that one connection needs. `name` is the host's name in the inventory.

    `identities` are key files in the order of offering; those in `required_identities` were
    asked for by name and must exist. `jump` is the resolved ProxyJump. `become` says to work as root.
    `local` is the machine that we are on, without SSH.
    """

    name: str
    address: str
    port: int = DEFAULT_PORT
    user: str = "root"
    identities: tuple[str, ...] = ()
    required_identities: tuple[str, ...] = ()
    identities_only: bool = False
    known_hosts: tuple[str, ...] = ()
    host_key_alias: str | None = None
    host_key_record: str | None = None
    host_key_checking: str = "strict"
    jump: Endpoint | None = None
    password: str | None = None
    become: bool = True
    become_password: str | None = None
    python: str = "python3"
    connect_timeout_s: float = 10.0
    local: bool = False

    @property
    def host_key_name(self) -> str:
        """Return the name under which known_hosts files know the host (sshd(8), SSH_KNOWN_HOSTS FORMAT)."""
        if self.host_key_record is not None:
            return self.host_key_record
        name = self.host_key_alias or self.address
        return name if self.port == DEFAULT_PORT else f"[{name}]:{self.port}"

    def with_port(self, port: int) -> Endpoint:
        """Return the same host at another port, where a guarded change has moved sshd; its key stays."""
        return replace(self, port=port, host_key_record=self.host_key_name)


Resolver = Callable[[Sequence[str]], Mapping[str, list[str]] | None]


def resolve(
    name: str,
    *,
    address: str | None = None,
    port: int | None = None,
    user: str | None = None,
    identity: str | None = None,
    known_hosts: str | None = None,
    ssh_config: Resolver | None = None,
    **settings: object,
) -> Endpoint:
    """Return the endpoint of a host; what is given wins over ~/.ssh/config, which wins over the defaults."""
    target = address or name
    arguments = [*(["-p", str(port)] if port else []), *(["-l", user] if user else []), target]
    found = (ssh_config or openssh_config)(arguments) or {}

    def first(key: str) -> str | None:
        values = found.get(key)
        return values[0] if values and values[0] != "none" else None

    home = os.path.expanduser("~/.ssh")
    own = (os.path.expanduser(identity),) if identity else ()
    configured = tuple(os.path.expanduser(path) for path in found.get("identityfile", ()))
    defaults = tuple(os.path.join(home, file) for file in _IDENTITIES)
    endpoint = Endpoint(
        name=name,
        address=first("hostname") or target,
        port=port or int(first("port") or DEFAULT_PORT),
        user=user or first("user") or getpass.getuser(),
        identities=own or configured or defaults,
        required_identities=own,
        identities_only=bool(own) or first("identitiesonly") == "yes",
        known_hosts=_known_hosts_files(known_hosts, found),
        host_key_alias=first("hostkeyalias"),
        jump=_jump(first("proxyjump"), ssh_config),
    )
    for path in endpoint.required_identities:
        if not os.path.isfile(path):
            raise InputError(
                f"{name}: the key file {path} does not exist", hint="ansible_ssh_private_key_file"
            )
    return replace(endpoint, **settings)  # type: ignore[arg-type]


def _known_hosts_files(given: str | None, found: Mapping[str, list[str]]) -> tuple[str, ...]:
    if given:
        return (os.path.expanduser(given),)
    names = [*found.get("userknownhostsfile", ()), *found.get("globalknownhostsfile", ())]
    paths = [path for value in names for path in value.split() if path != "none"]
    return tuple(
        os.path.expanduser(path) for path in paths or ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")
    )


def _jump(value: str | None, ssh_config: Resolver | None) -> Endpoint | None:
    """Resolve `[user@]host[:port][,...]` (ssh_config(5), ProxyJump): the last hop goes through the others."""
    endpoint: Endpoint | None = None
    for hop in (value or "").split(","):
        if not hop.strip():
            continue
        user, at, rest = hop.strip().removeprefix("ssh://").rpartition("@")
        host, port = _host_and_port(rest)
        inner = resolve(host, user=user if at else None, port=port, ssh_config=ssh_config)
        endpoint = replace(inner, jump=endpoint or inner.jump, become=False)
    return endpoint


def _host_and_port(text: str) -> tuple[str, int | None]:
    """Split `host`, `host:port`, `[host]`, `[host]:port` or a bare IPv6 address; `ssh -G` writes brackets."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = text.partition(":") if text.count(":") == 1 else (text, "", "")
    return host, int(port) if port.isdecimal() else None


def openssh_config(arguments: Sequence[str]) -> Mapping[str, list[str]] | None:
    """Return what OpenSSH itself would use (`ssh -G`), by lower-case keyword; None where nothing is set.

    OpenSSH resolves Include, Match and tokens correctly, which other parsers do not. Without a
    configuration of the user's or the system's own, there is nothing to ask.
    """
    own = os.path.exists(os.path.expanduser("~/.ssh/config"))
    system = os.path.isdir("/etc/ssh/ssh_config.d") and bool(os.listdir("/etc/ssh/ssh_config.d"))
    if not (own or system) or shutil.which("ssh") is None:
        return None
    home, elsewhere = _homes()
    command = [
        "ssh",
        *(["-F", os.path.join(home, ".ssh/config")] if elsewhere and own else []),
        "-G",
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    if done.returncode != 0:
        raise InputError(
            f"ssh -G {arguments[-1]}: {done.stderr.strip() or 'failed'}", hint="see ~/.ssh/config"
        )
    values: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        key, _, value = line.partition(" ")
        if elsewhere:
            value = value.replace(f"{elsewhere}/.ssh/", f"{home}/.ssh/")
        values.setdefault(key.lower(), []).append(value)
    return values


def _homes() -> tuple[str, str | None]:
    """Return the home directory, and the one that OpenSSH takes for it if that is another.

    ssh(1) asks the account's entry; everything else, we included, goes by $HOME, which containers and sudo
    set differently.
    """
    home = os.path.expanduser("~")
    try:
        account = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return home, None
    same = os.path.realpath(home) == os.path.realpath(account)
    return home, None if same else account.rstrip("/")
