"""What the modules of keys and certificates ask of openssl(1)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from configurator.core.errors import TaskError
from configurator.modules.system import CommandResult, System

PASSPHRASE = "CONFIGURATOR_PASSPHRASE"  # noqa: S105  (a variable's name: argument lists are seen by everybody)
_MISSING_PROGRAM = 127  # System.query
_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_SPAN = re.compile(r"\+?((?:\d+[wdhms])+)\Z", re.IGNORECASE)
# What Ansible calls a curve, where openssl has another name for it.
_CURVES = {"secp192r1": "prime192v1", "secp256r1": "prime256v1"}
_OWN_NAMES = {own: name for name, own in _CURVES.items()}


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What a private key is. `public` is its public half, as PEM."""

    kind: str
    size: int | None
    curve: str | None
    public: str


def need(system: System) -> None:
    """Raise TaskError if openssl is not there, and no earlier task of a plan installs it."""
    if system.query(["openssl", "version"], ok=range(256)).exit_status == _MISSING_PROGRAM:
        _missing(system)


def ask(
    system: System,
    argv: Sequence[str],
    stdin: str,
    passphrase: str | None = None,
    *,
    ok: Sequence[int] = (0,),
) -> CommandResult:
    """Run openssl on something that it only reads; TaskError if it is not installed."""
    # Without a passphrase an empty one is given: it must not look for a terminal to ask on.
    answer = system.query(
        ["openssl", *argv], stdin=stdin, env={PASSPHRASE: passphrase or ""}, ok=(*ok, _MISSING_PROGRAM)
    )
    if answer.exit_status == _MISSING_PROGRAM:
        _missing(system)
    return answer


def _missing(system: System) -> None:
    if not system.lookup("package:openssl", lambda: {"exists": False}).get("exists"):
        raise TaskError(
            "openssl is not installed on the host", hint="install it first: `apt: {name: openssl}`"
        )


def key_facts(system: System, pem: str, passphrase: str | None) -> KeyFacts | None:
    """Return what a private key is; None if it cannot be read, with this passphrase at least."""
    argv = ["pkey", "-pubout", "-text_pub", "-passin", f"env:{PASSPHRASE}"]
    answer = ask(system, argv, pem, passphrase, ok=range(127))
    return parse_key(answer.stdout) if answer.exit_status == 0 else None


def parse_key(text: str) -> KeyFacts | None:
    """Return what `openssl pkey -pubout -text_pub` says of a key; None if it says nothing that is known."""
    public = re.search(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----\n", text, re.DOTALL)
    if public is None:
        return None
    bits = re.search(r"Public-Key: \((\d+) bit", text)
    size = int(bits[1]) if bits else None
    curve = re.search(r"ASN1 OID: (\S+)", text)
    if curve is not None:
        return KeyFacts("ECC", size, _OWN_NAMES.get(curve[1], curve[1]), public[0])
    if "Modulus:" in text:
        return KeyFacts("RSA", size, None, public[0])
    named = re.search(r"^(ED25519|ED448|X25519|X448) Public-Key:", text, re.MULTILINE)
    return KeyFacts(named[1].capitalize() if named else "other", size, None, public[0])


def curve_of(name: str) -> str:
    """Return openssl's name of a curve."""
    return _CURVES.get(name, name)


def der(pem: str) -> bytes:
    """Return what stands in base64 between the first two marks of a PEM text."""
    body = [line for line in pem.splitlines() if line and not line.startswith("-")]
    return binascii.a2b_base64("".join(body))


def span_s(text: str) -> int | None:
    """Return the seconds of a span such as `+3650d` or `1w2d12h`; None if it is none."""
    found = _SPAN.match(text.strip())
    if found is None:
        return None
    return sum(
        int(number) * _UNITS[unit.lower()] for number, unit in re.findall(r"(\d+)([a-zA-Z])", found[1])
    )
