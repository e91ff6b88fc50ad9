"""openssl_privatekey: a private key of this type and size is in a file that only its owner reads.

Parameters are those of community.crypto.openssl_privatekey. Keys are made by openssl(1) and written as PKCS#8
(PEM), with mode 0600 from the first byte unless `mode` says otherwise. A passphrase reaches openssl through
its environment, never through its arguments, and encrypts with AES-256. The key itself is never shown.

`regenerate` says what becomes of a key that is not as asked for: `never` leaves it, `fail` fails,
`partial_idempotence` makes a new one of a wrong type, size or curve, and fails if the old one cannot be read;
`full_idempotence`, the default, makes a new one then, too; `always` makes one each time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules import openssl_tool as tool
from configurator.modules.attributes import Attributes, clean, common_problems
from configurator.modules.openssl_file import OpensslFile, found_file
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import System

_SIZES = range(1024, 16385)
_POLICIES = ("never", "fail", "partial_idempotence", "full_idempotence", "always")
_DIGESTS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")


@dataclass(frozen=True, slots=True)
class OpensslPrivatekeyParams:
    """The parameters of community.crypto.openssl_privatekey."""

    path: str = param("str", required=True, path=True)
    type: str = param("str", "RSA", choices=("RSA", "ECC", "Ed25519", "Ed448", "X25519", "X448"))
    size: int = param("int", 4096)
    curve: str | None = param("str")
    passphrase: str | None = param("str", secret=True)
    cipher: str = param("str", "auto", choices=("auto",))
    format: str = param("str", "auto_ignore", choices=("auto", "auto_ignore", "pkcs8"))
    regenerate: str = param("str", "full_idempotence", choices=_POLICIES)
    force: bool = param("bool", False)
    state: str = param("str", "present", choices=("present", "absent"))
    backup: bool = param("bool", False)
    mode: str | None = param("mode")
    owner: str | None = param("str")
    group: str | None = param("str")

    @property
    def always(self) -> bool:
        """True if there is to be a new key whatever is there."""
        return self.force or self.regenerate == "always"

    @property
    def kind(self) -> State:
        """What the key is to be, as fields."""
        fields: State = {"type": self.type}
        fields |= {"size": self.size} if self.type == "RSA" else {}
        return fields | ({"curve": self.curve} if self.type == "ECC" else {})


class OpensslPrivatekey(OpensslFile):
    """See the module's docstring."""

    name: ClassVar[str] = "openssl_privatekey"
    params: ClassVar[type] = OpensslPrivatekeyParams
    made: ClassVar[str] = "regenerated"
    typical_s: ClassVar[float] = 1.0
    omitted: ClassVar[Mapping[str, str]] = {
        "format_mismatch": "all formats are read, and a new key is PKCS#8",
        "return_content": "a key in the output would end up in reports and logs",
        "select_crypto_backend": "openssl(1) is what is on every host",
    }

    def check(self, params: OpensslPrivatekeyParams) -> Sequence[ParamProblem]:
        problems = common_problems(params)
        if params.type == "RSA" and params.size not in _SIZES:
            problems.append(ParamProblem("size", f"'size' must be 1024 to 16384 bits, not {params.size}"))
        if params.type == "ECC" and not (params.curve or "").replace("-", "").isalnum():
            hint = "such as secp384r1; `openssl ecparam -list_curves` names them"
            problems.append(ParamProblem("curve", "'curve' is required with 'type: ECC'", hint))
        if params.passphrase is not None and (
            not params.passphrase or set(params.passphrase) & set("\r\n\0")
        ):
            problems.append(
                ParamProblem("passphrase", "'passphrase' must be one line of text, and not empty")
            )
        return problems

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: OpensslPrivatekeyParams) -> State:
        found = found_file(system, params.path)
        state: State = {"key": None, "stat": found} | Attributes.of(params).observed(found)
        if params.state == "absent":
            return state | {"key": None if found is None else "present"}
        if found is None or params.always:
            tool.need(system)
        if found is not None:
            state |= {"key": "present"} | probe(system, params.path, params.passphrase)
            _refuse(params, state)
        return state

    def desired(self, params: OpensslPrivatekeyParams, actual: State) -> State:
        if params.state == "absent":
            return {"key": None}
        wanted: State = {"key": "present"} | params.kind
        if actual["key"] is not None and params.regenerate == "never" and not params.force:
            wanted = {"key": "present"}
        elif actual["key"] is not None:
            wanted |= {"readable": True, "protected": params.passphrase is not None}
            wanted |= {"regenerated": True} if params.always else {}
        return wanted | Attributes.of(params).wanted("file", actual["stat"])

    def generate(self, system: System, params: OpensslPrivatekeyParams, change: Change) -> str:  # noqa: ARG002
        return _generate(system, params)

    def mode(self, params: OpensslPrivatekeyParams, change: Change) -> str | None:
        """Return `0600` for a new key unless another mode is asked for: nobody else may ever read it."""
        return params.mode if params.mode is not None else "0600" if change.before["key"] is None else None

    def outputs(self, params: OpensslPrivatekeyParams, actual: State) -> dict[str, Any]:
        """Return what the key is, and the fingerprints of its public half."""
        found = {"filename": params.path} | {name: actual.get(name) for name in ("type", "size", "curve")}
        if isinstance(actual.get("public"), str):
            found["fingerprint"] = _fingerprints(actual["public"])
        backup = actual.get("backup_file")
        return {name: value for name, value in (found | {"backup_file": backup}).items() if value is not None}


def probe(system: System, path: str, passphrase: str | None) -> State:
    """Return a key's `readable`, `protected`, `type`, `size`, `curve` and `public`, as a plan has it."""
    known = system.lookup(f"openssl_privatekey:{clean(path)}", lambda: {"exists": None})
    if known["exists"]:
        return known
    text = system.read(path).decode(errors="replace")
    protected = "ENCRYPTED" in text
    facts = tool.key_facts(system, text, passphrase)
    if facts is None:
        return {"readable": False, "protected": protected}
    found = {"type": facts.kind, "size": facts.size, "curve": facts.curve, "public": facts.public}
    return {"readable": True, "protected": protected, **found}


def _refuse(params: OpensslPrivatekeyParams, state: State) -> None:
    """Raise TaskError if the key is not as asked for, and `regenerate` leaves it alone."""
    if params.always or params.regenerate not in ("fail", "partial_idempotence"):
        return
    hint = f"`regenerate: {params.regenerate}` forbids making a new one"
    if not state["readable"]:
        message = f"the private key {params.path} cannot be read: is it one, is the passphrase right?"
        raise TaskError(message, hint=hint)
    if state["protected"] is not (params.passphrase is not None):
        raise TaskError(f"the private key {params.path} is not protected by the passphrase", hint=hint)
    wrong = [name for name, value in params.kind.items() if state.get(name) != value]
    if wrong and params.regenerate == "fail":
        name = wrong[0]
        what = f"the {name} of the private key {params.path}"
        raise TaskError(f"{what} is {state.get(name)}, not {params.kind[name]}", hint=hint)


def _generate(system: System, params: OpensslPrivatekeyParams) -> str:
    argv = ["openssl", "genpkey", "-algorithm", {"ECC": "EC"}.get(params.type, params.type.upper())]
    if params.type == "RSA":
        argv += ["-pkeyopt", f"rsa_keygen_bits:{params.size}"]
    if params.type == "ECC":
        curve = tool.curve_of(params.curve or "")
        argv += ["-pkeyopt", f"ec_paramgen_curve:{curve}", "-pkeyopt", "ec_param_enc:named_curve"]
    if params.passphrase is not None:
        argv += ["-aes-256-cbc", "-pass", f"env:{tool.PASSPHRASE}"]
    state: State = {"size": None, "curve": None} | params.kind
    state |= {"exists": True, "readable": True, "protected": params.passphrase is not None, "public": UNKNOWN}
    done = system.run(
        argv,
        establishes={f"openssl_privatekey:{clean(params.path)}": state},
        env={tool.PASSPHRASE: params.passphrase or ""},
        ok=range(256),
    )
    if done.exit_status != 0:
        hint = "`openssl ecparam -list_curves` names the curves" if params.type == "ECC" else None
        raise TaskError(
            "openssl could not make the key",
            command=done.argv,
            exit_status=done.exit_status,
            output=done.stderr,
            hint=hint,
        )
    return done.stdout


def _fingerprints(public: str) -> dict[str, str]:
    import hashlib  # noqa: PLC0415  (3 ms on the host)

    data = tool.der(public)
    return {name: hashlib.new(name, data, usedforsecurity=False).digest().hex(":") for name in _DIGESTS}
