"""What openssl(1) is told of a certificate (config(5ssl), x509v3_config(5ssl)), and what it says of one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# Names of a subject's fields as people write them, and openssl's short ones.
FIELDS = {
    "commonName": "CN",
    "countryName": "C",
    "emailAddress": "emailAddress",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
}
_SHORT = frozenset(FIELDS.values())
_KINDS = {"dns": "DNS", "ip": "IP", "email": "email", "uri": "URI"}


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says; times are seconds since the epoch."""

    subject: tuple[str, ...]
    issuer: tuple[str, ...]
    names: tuple[str, ...]
    not_before: float
    not_after: float
    public: str
    algorithm: str
    serial: str
    fingerprint: str


def subject_fields(subject: Mapping[str, object], common_name: str | None) -> list[tuple[str, str]]:
    """Return a subject's fields with openssl's names, in order; ValueError names one that is wrong."""
    fields: list[tuple[str, str]] = []
    for key, value in subject.items():
        short = FIELDS.get(key, key)
        if short not in _SHORT:
            raise ValueError(f"{key!r} is not a field of a subject such as O or commonName")
        for one in value if isinstance(value, list | tuple) else (value,):
            fields.append((short, str(one)))
    if common_name is not None:
        fields = [field for field in fields if field[0] != "CN"] + [("CN", common_name)]
    for short, text in fields:
        if not text.strip() or text != text.strip() or set(text) & set("\r\n\0"):
            raise ValueError(f"the value of {short} must be one line without blanks around it, not {text!r}")
    return fields


def alternative_name(text: str) -> str:
    """Return a name such as `DNS:example.org` or `IP:::1` as it is compared; ValueError if it is none."""
    kind, colon, value = text.partition(":")
    if not colon or kind.lower() not in _KINDS or not value or set(value) & set(" ,\r\n\0"):
        raise ValueError(f"{text!r} is not a name such as `DNS:example.org` or `IP:10.0.0.1`")
    kind = _KINDS[kind.lower()]
    if kind != "IP":
        return f"{kind}:{value.lower() if kind == 'DNS' else value}"
    from ipaddress import ip_address  # noqa: PLC0415  (few certificates name addresses)

    return f"IP:{ip_address(value)}"


def config(fields: Iterable[tuple[str, str]], names: Iterable[str], *, key_identifier: bool) -> str:
    """Return the configuration of `openssl req` for a certificate of a server, which is no authority."""
    lines = ["[req]", "prompt=no", "utf8=yes", "string_mask=utf8only", "distinguished_name=dn"]
    lines += ["x509_extensions=v3", "[dn]"]
    lines += [f"{number}.{key}={_escaped(value)}" for number, (key, value) in enumerate(fields)]
    lines += ["[v3]", "basicConstraints=critical,CA:FALSE"]
    lines += [f"subjectKeyIdentifier={'hash' if key_identifier else 'none'}"]
    alternative = [name.partition(":") for name in names]
    lines += ["subjectAltName=@san", "[san]"] if alternative else []
    lines += [f"{kind}.{number}={_escaped(value)}" for number, (kind, _, value) in enumerate(alternative)]
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    return re.sub(r"""([\\$#"'])""", r"\\\1", value)


# What `parse` reads.
SHOW = (
    *("x509", "-noout", "-subject", "-issuer", "-nameopt", "sep_multiline,sname,utf8", "-dates"),
    *(
        "-dateopt",
        "iso_8601",
        "-ext",
        "subjectAltName",
        "-fingerprint",
        "-sha256",
        "-serial",
        "-pubkey",
        "-text",
    ),
    "-certopt",
    "no_header,no_version,no_serial,no_issuer,no_validity,no_subject,no_pubkey,no_extensions,no_aux,no_sigdump",
)


def parse(text: str) -> Certificate | None:
    """Return what openssl says of a certificate when asked with SHOW; None if that is not all there."""
    public = re.search(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----\n", text, re.DOTALL)
    before, after = _time(text, "notBefore"), _time(text, "notAfter")
    if public is None or before is None or after is None:
        return None
    names = re.search(r"Subject Alternative Name:[^\n]*\n\s*([^\n]*)", text)
    algorithm = re.search(r"Signature Algorithm: (\S+)", text)
    serial = re.search(r"^serial=(\S+)", text, re.MULTILINE)
    digest = re.search(r"^sha256 Fingerprint=(\S+)", text, re.MULTILINE | re.IGNORECASE)
    return Certificate(
        subject=_block(text, "subject"),
        issuer=_block(text, "issuer"),
        names=tuple(sorted(_compared(name) for name in names[1].split(", "))) if names else (),
        not_before=before,
        not_after=after,
        public=public[0],
        algorithm=algorithm[1] if algorithm else "",
        serial=serial[1] if serial else "",
        fingerprint=digest[1].lower() if digest else "",
    )


def _block(text: str, name: str) -> tuple[str, ...]:
    found = re.search(rf"^{name}=\n((?:    .*\n)*)", text, re.MULTILINE)
    return tuple(line.strip() for line in found[1].splitlines()) if found else ()


def _time(text: str, name: str) -> float | None:
    from datetime import datetime  # noqa: PLC0415  (2 ms on the host)

    found = re.search(rf"^{name}=(\S+ \S+Z)$", text, re.MULTILINE)
    if found is None:
        return None
    try:
        return datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S%z").timestamp()
    except ValueError:
        return None


def _compared(name: str) -> str:
    try:
        return alternative_name(name.replace("IP Address:", "IP:", 1))
    except ValueError:
        return name
