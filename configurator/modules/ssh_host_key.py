"""ssh_host_key: the ssh server has a host key of this type and size, readable by root alone, or has none.

A module of our own. `type` is `ed25519`, `ecdsa` or `rsa`; the key is /etc/ssh/ssh_host_TYPE_key unless
`path` says otherwise. `bits` is the size that is wanted (rsa: 3072 of a new key, ecdsa: 256); a key of
another size or type is replaced. `regenerate: true` replaces the key each time, such as in an image that was
copied. A lost public key is made of the private one. The last key of the host is never removed.

A running ssh is reloaded and a new login must succeed: where the controller knows the host by the key that is
replaced, the change is undone. Have it know another key of the host first (`known_hosts`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.attributes import clean
from configurator.modules.base import Guard, Module
from configurator.modules.effects import Effects, effects
from configurator.modules.guards import guard_for_path
from configurator.modules.modes import octal
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, State
from configurator.modules.system import System

_NAMES = {"ED25519": "ed25519", "ECDSA": "ecdsa", "RSA": "rsa"}  # as ssh-keygen(1) -l shows them
_DIRECTORY = "/etc/ssh"
_SIZES = {"ed25519": (256,), "ecdsa": (256, 384, 521), "rsa": ()}
_DEFAULT_BITS = {"ed25519": 256, "ecdsa": 256, "rsa": 3072}  # ssh-keygen(1), -b
_SMALLEST_RSA = 2048  # sshd_config(5), RequiredRSASize, is 1024; anything below 2048 is refused elsewhere


@dataclass(frozen=True, slots=True)
class SshHostKeyParams:
    """The parameters of ssh_host_key."""

    type: str = param("str", "ed25519", choices=("ed25519", "ecdsa", "rsa"))
    bits: int | None = param("int", aliases=("size",))
    path: str | None = param("str")
    comment: str | None = param("str")
    state: str = param("str", "present", choices=("present", "absent"))
    regenerate: bool = param("bool", False, aliases=("force",))

    @property
    def file(self) -> str:
        """The private key's file; that of the public key has `.pub` behind it."""
        return clean(self.path) if self.path else f"{_DIRECTORY}/ssh_host_{self.type}_key"

    @property
    def key(self) -> str:
        """The effect key."""
        return f"ssh-host-key:{self.file}"


class SshHostKey(Module[SshHostKeyParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "ssh_host_key"
    params: ClassVar[type] = SshHostKeyParams
    typical_s: ClassVar[float] = 0.3

    def check(self, params: SshHostKeyParams) -> Sequence[ParamProblem]:
        """Return sizes that there are not for the type."""
        problems = []
        sizes = _SIZES[params.type]
        if params.bits is not None and sizes and params.bits not in sizes:
            shown = ", ".join(str(size) for size in sizes)
            problems.append(ParamProblem("bits", f"a key of type {params.type} has {shown} bits"))
        if params.bits is not None and not sizes and not _SMALLEST_RSA <= params.bits <= 16384:
            problems.append(ParamProblem("bits", f"an rsa key has {_SMALLEST_RSA} to 16384 bits"))
        if not params.file.startswith("/"):
            problems.append(ParamProblem("path", "'path' must be an absolute path"))
        if set(params.comment or "") & set("\n\0"):
            problems.append(ParamProblem("comment", "a comment is one line"))
        return problems

    def subject(self, params: SshHostKeyParams) -> str:
        """Return the key's effect key."""
        return params.key

    def effects(self, params: SshHostKeyParams) -> Effects:
        """Both files."""
        files = {f"path:{params.file}", f"path:{params.file}.pub"}
        return effects(reads={"package:openssh-client"}, writes={params.key, *files})

    def locks(self, params: SshHostKeyParams) -> frozenset[str]:  # noqa: ARG002
        """Two tasks that each remove a key must not both think that the other one stays."""
        return frozenset({"ssh-host-keys"})

    def guard(self, params: SshHostKeyParams, system: System) -> Guard | None:
        """Whom the host says it is decides whether the controller talks to it."""
        found = guard_for_path(system, params.file)
        if found is None:
            return None
        return Guard((params.file, f"{params.file}.pub"), (), (), found.activates, found.restores)

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: SshHostKeyParams) -> State:
        """Return the key's type, size and fingerprint, and who may read it."""
        state = system.lookup(params.key, lambda: _probe(system, params))
        state["regenerated"] = False
        if params.state == "absent" and state["exists"]:
            _refuse_the_last(system, params)
        return state

    def desired(self, params: SshHostKeyParams, actual: State) -> State:
        """Return the key, its size if one is asked for, and safe modes."""
        if params.state == "absent":
            return {"exists": False}
        wanted: State = {"exists": True, "type": params.type, "mode": "0600", "owner": "root"}
        wanted |= {"public key": "there"}
        if params.bits is not None or not actual["exists"]:
            wanted["bits"] = params.bits or _DEFAULT_BITS[params.type]
        if params.regenerate and not actual["regenerated"]:
            wanted["regenerated"] = True
        return wanted

    def converge(self, system: System, params: SshHostKeyParams, change: Change) -> State | None:
        """Remove the key, make a new one, or mend what is beside it."""
        state = {name: value for name, value in change.before.items() if name != "regenerated"}
        if params.state == "absent":
            for path in (params.file, f"{params.file}.pub"):
                system.remove(path)
            system.run(["true"], establishes={params.key: {"exists": False}})
            return None
        if {"exists", "type", "bits", "regenerated"} & set(change.fields):
            self._generate(system, params)
            return {"regenerated": params.regenerate}
        if "public key" in change:
            public = system.query(["ssh-keygen", "-y", "-f", params.file]).stdout
            system.write(f"{params.file}.pub", public.encode(), mode="0644")
        if "mode" in change or "owner" in change:
            system.set_attributes(params.file, mode="0600", owner="root", group="root")
        mended = state | {"mode": "0600", "owner": "root", "public key": "there"}
        system.run(["true"], establishes={params.key: mended})
        return None

    def _generate(self, system: System, params: SshHostKeyParams) -> None:
        bits = params.bits or _DEFAULT_BITS[params.type]
        if system.stat(params.file, follow=True) is not None:
            # ssh-keygen leaves the mode of a file that it writes over: nobody may read the new key.
            system.set_attributes(params.file, mode="0600", owner="root", group="root")
        comment = ["-C", params.comment] if params.comment is not None else []
        argv = ["ssh-keygen", "-q", "-N", "", "-t", params.type, "-b", str(bits), *comment, "-f", params.file]
        new = {
            "exists": True, "type": params.type, "bits": bits, "mode": "0600", "owner": "root",
            "public key": "there",
        }  # fmt: skip
        # `y`: replace the old one; only asked where there is one.
        written: dict[str, State | None] = {
            f"path:{path}": None for path in (params.file, f"{params.file}.pub")
        }
        system.run(argv, stdin="y\n", establishes={params.key: new, **written})

    def outputs(self, params: SshHostKeyParams, actual: State) -> dict[str, Any]:
        """Return the file, type, size, fingerprint and public key."""
        names = ("type", "bits", "fingerprint", "public_key")
        known = {name: actual[name] for name in names if name in actual}
        return {"path": params.file, **known} if actual.get("exists") else {"path": params.file}


def _probe(system: System, params: SshHostKeyParams) -> State:
    found = system.stat(params.file, follow=True)
    if found is None:
        return {"exists": False}
    public = system.stat(f"{params.file}.pub", follow=True)
    state: State = {"exists": True, "mode": octal(found.mode), "owner": found.owner}
    state["public key"] = "missing" if public is None else "there"
    if public is not None:
        state["public_key"] = system.read(f"{params.file}.pub").decode(errors="replace").strip()
    listed = system.query(["ssh-keygen", "-l", "-f", params.file], ok=range(256))
    if listed.exit_status == 127:
        raise TaskError("ssh-keygen is not installed on the host", hint="`apt: {name: openssh-client}`")
    # `256 SHA256:... comment (ED25519)`; a file that is no key is replaced.
    told = re.match(r"(\d+) (SHA256:\S+) .*\((\S+)\)$", listed.stdout.strip())
    if told is not None:
        state |= {"bits": int(told[1]), "fingerprint": told[2], "type": _NAMES.get(told[3], told[3])}
    return state


def _refuse_the_last(system: System, params: SshHostKeyParams) -> None:
    keys = [name for name in system.listdir(_DIRECTORY) if re.fullmatch(r"ssh_host_\w+_key", name)]
    others = [name for name in keys if f"{_DIRECTORY}/{name}" != params.file]
    left = [name for name in others if system.lookup(f"ssh-host-key:{_DIRECTORY}/{name}", _there)["exists"]]
    if params.file.startswith(f"{_DIRECTORY}/") and not left:
        raise TaskError(
            f"{params.file} is the last key of the host",
            hint="without any, sshd lets nobody in: make one first",
        )


def _there() -> State:
    return {"exists": True}
