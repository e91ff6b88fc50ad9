"""Docker by its command line and the JSON of `docker inspect`: what the modules about it share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from configurator.core.errors import TaskError
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import State
from configurator.modules.system import CommandResult, System

_MISSING_PROGRAM = 127  # System.query
_ANY = tuple(range(256))
_PACKAGES = ("docker.io", "docker-ce", "docker-ce-cli", "docker-cli")
READS = frozenset({*(f"package:{name}" for name in _PACKAGES), "unit:docker.service", "path:/etc/docker/**"})
_ADVICE = ("See 'docker", "Run 'docker", "Error: failed to start containers")
_TLS = "a daemon elsewhere is reached by ssh:// in `docker_host`, which needs no certificates"
OMITTED: dict[str, str] = {
    **dict.fromkeys(("ca_path", "client_cert", "client_key", "tls", "tls_hostname", "validate_certs"), _TLS),
    "api_version": "the client agrees with the daemon on it",
    "debug": "the commands are part of every failure",
    "timeout": "a task has its own keyword for that",
    "use_ssh_client": "the client always uses ssh for ssh://",
}


@dataclass(frozen=True, slots=True)
class DockerLogin:
    """Where the daemon is."""

    docker_host: str | None = param("str", aliases=("docker_url",))

    @property
    def server(self) -> str:
        """What tells this daemon from others in effect keys; nothing for the host's own."""
        return f"{self.docker_host}/" if self.docker_host else ""


def check_name(field: str, name: str) -> list[ParamProblem]:
    """Return a problem for what docker would refuse, or take for an option."""
    if (
        name
        and name[0].isalnum()
        and name.isascii()
        and name.replace(".", "").replace("_", "").replace("-", "").isalnum()
    ):
        return []
    return [ParamProblem(field, f"{name!r} is no name", "letters, digits, `_`, `.` and `-` after the first")]


def texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Return options or labels as docker keeps them, by name."""
    words = {True: "true", False: "false"}
    found = {str(key): words[v] if isinstance(v, bool) else str(v) for key, v in values.items()}
    return dict(sorted(found.items()))


def flags(option: str, values: Mapping[str, str]) -> list[str]:
    """Return one option for each pair."""
    return [f"--{option}={key}={value}" for key, value in values.items()]


class Docker:
    """The client; `absent` is True where a plan has yet to install it, so that there is nothing."""

    def __init__(self, system: System, login: DockerLogin) -> None:
        self._system = system
        self._env = {"DOCKER_HOST": login.docker_host} if login.docker_host else {}
        self.absent = False
        if system.query(["docker", "--version"], ok=_ANY).exit_status == _MISSING_PROGRAM:
            if not any(system.lookup(f"package:{name}", _nothing).get("exists") for name in _PACKAGES):
                raise TaskError(
                    "docker is not installed on the host", hint="install it first: `apt: {name: docker.io}`"
                )
            self.absent = True

    def inspect(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return what `docker KIND inspect` says of the thing of exactly this name; None if there is none."""
        import json  # noqa: PLC0415

        if self.absent:
            return None
        argv = ["docker", kind, "inspect", name]
        done = self._system.query(argv, ok=_ANY, env=self._env)
        if done.exit_status != 0 and ("no such" in done.stderr.lower() or "not found" in done.stderr.lower()):
            return None
        _succeeded(done)
        # A name may also be the beginning of another thing's id; an image has many names, and no short ids.
        names = (name, f"/{name}")
        found: list[dict[str, Any]] = [
            one for one in json.loads(done.stdout) if kind == "image" or one.get("Name") in names
        ]
        return found[0] if found else None

    def ask(
        self, words: Sequence[str], *, stdin: str | None = None, program: str = "docker"
    ) -> CommandResult:  # fmt: skip
        """Return what docker says, with the output of a failure as its error."""
        done = self._system.query([program, *words], ok=_ANY, stdin=stdin, env=self._env)
        _succeeded(done)
        return done

    def has(self, *argv: str) -> bool:
        """Return True if a command ends well: if there is such a program, say."""
        return self._system.query(argv, ok=_ANY, env=self._env).exit_status == 0

    def run(
        self,
        words: Sequence[str],
        establishes: Mapping[str, State | None],
        *,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        program: str = "docker",
    ) -> CommandResult:
        """Have docker do something; `env` is for what must not be seen in the list of processes."""
        done = self._system.run(
            [program, *words], ok=_ANY, stdin=stdin, env=self._env | dict(env or {}), establishes=establishes
        )
        _succeeded(done)
        return done


def _nothing() -> State:
    return {"exists": False}


def _succeeded(done: CommandResult) -> None:
    if done.exit_status == 0:
        return
    said = done.stderr.strip().splitlines()
    hint = None
    for part, what in (
        ("Cannot connect to the Docker daemon", "start it: `systemd: {name: docker, state: started}`"),
        ("permission denied", "only root and the group docker may talk to the daemon"),
        ("has active endpoints", "containers are connected to it: remove or disconnect them first"),
        ("volume is in use", "containers use it: remove them first"),
        ("is using its referenced image", "remove the container first, or have `force_absent: true`"),
        ("is being used by", "containers use it: remove them first"),
        ("dial tcp", "is the registry up, and can the host reach it?"),
        ("pull access denied", "is the name right? A private image needs `docker login` on the host"),
        ("manifest unknown", "the registry has no such tag"),
        ("no space left on device", "`docker system prune` removes what nothing uses"),
        ("port is already allocated", "another container or service listens on it"),
    ):
        hint = what if part in done.stderr else hint
    # The client adds advice in lines of its own after what went wrong.
    said = [line for line in said if line and not line.startswith(_ADVICE)]
    message = said[-1] if said else "it gave no reason"
    for prefix in ("docker: ", "Error response from daemon: ", "Error: "):
        message = message.removeprefix(prefix)
    raise TaskError(
        f"docker: {message}",
        command=done.argv, exit_status=done.exit_status, output=done.stdout + done.stderr, hint=hint,
    )  # fmt: skip
