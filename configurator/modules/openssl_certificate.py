"""openssl_certificate: a self-signed certificate of a private key is in a file, and will not expire soon.

Where parameters are named as in community.crypto.x509_certificate they mean the same. No signing request is
needed: `common_name`, `subject` and `subject_alt_name` say whose certificate it is (without the last, the
common name is the one DNS name). A new one is made with openssl(1) if there is none, if it cannot be read,
is of another key or digest or names others, and once it expires within `renew_before`, though never before
two thirds of its life are over. What is there is asked of `openssl x509` and `openssl pkey`.

Left out of x509_certificate: `provider` knows `selfsigned` alone, so that all that is about `acme`, `ownca`
and `csr` is missing (an ACME client or `copy` bring such certificates); `selfsigned_not_before`, which
openssl of Debian 12 cannot set; `selfsigned_version`, which is always 3; `ignore_timestamps`, since what is
valid is left alone; `select_crypto_backend`; `return_content`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules import openssl_config as config
from configurator.modules import openssl_privatekey
from configurator.modules import openssl_tool as tool
from configurator.modules.attributes import Attributes, clean, common_problems
from configurator.modules.effects import Effects, effects
from configurator.modules.openssl_file import OpensslFile, found_file
from configurator.modules.params import ParamProblem, absolute, param
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import System

_DAY_S = 86400
_DIGESTS = ("sha256", "sha384", "sha512")


@dataclass(frozen=True, slots=True)
class OpensslCertificateParams:
    """The parameters of openssl_certificate."""

    path: str = param("str", required=True, path=True)
    privatekey_path: str | None = param("str", path=True)
    privatekey_passphrase: str | None = param("str", secret=True)
    provider: str = param("str", "selfsigned", choices=("selfsigned",))
    common_name: str | None = param("str")
    subject: dict[str, Any] = param("dict", {})
    subject_alt_name: tuple[str, ...] = param("list")
    selfsigned_not_after: str = param("str", "+3650d", aliases=("selfsigned_notAfter",))
    selfsigned_digest: str = param("str", "sha256", choices=_DIGESTS)
    selfsigned_create_subject_key_identifier: str = param(
        "str", "create_if_not_provided", choices=("create_if_not_provided", "always_create", "never_create")
    )
    renew_before: str = param("str", "30d")
    force: bool = param("bool", False)
    state: str = param("str", "present", choices=("present", "absent"))
    backup: bool = param("bool", False)
    mode: str | None = param("mode")
    owner: str | None = param("str")
    group: str | None = param("str")

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The subject's fields, with openssl's names."""
        return config.subject_fields(self.subject, self.common_name)

    @property
    def names(self) -> list[str]:
        """The names that the certificate is for."""
        if self.subject_alt_name:
            return [config.alternative_name(name) for name in self.subject_alt_name]
        common = [value for key, value in self.fields if key == "CN" and " " not in value]
        return [config.alternative_name(f"DNS:{name}") for name in common[:1]]


class OpensslCertificate(OpensslFile):
    """See the module's docstring."""

    name: ClassVar[str] = "openssl_certificate"
    params: ClassVar[type] = OpensslCertificateParams
    made: ClassVar[str] = "made anew"

    def check(self, params: OpensslCertificateParams) -> Sequence[ParamProblem]:
        problems = common_problems(params)
        if params.state == "absent":
            return problems
        if not absolute(params.privatekey_path or ""):
            problems.append(
                ParamProblem("privatekey_path", "'privatekey_path' is required, and must be an absolute path")
            )
        try:
            if not params.fields:
                problems.append(ParamProblem("common_name", "give 'common_name' or 'subject'"))
            _ = params.names
        except ValueError as error:
            problems.append(ParamProblem("subject", str(error)))
        if (tool.span_s(params.selfsigned_not_after) or 0) < _DAY_S:
            hint = "such as +90d: counted from now on, in whole days"
            problems.append(
                ParamProblem(
                    "selfsigned_not_after", "'selfsigned_not_after' must be a span of a day or more", hint
                )
            )
        if tool.span_s(params.renew_before) is None:
            problems.append(ParamProblem("renew_before", "'renew_before' must be a span such as 30d"))
        return problems

    def effects(self, params: OpensslCertificateParams) -> Effects:
        own = super().effects(params)
        key = {f"path:{clean(params.privatekey_path)}"} if params.privatekey_path else set()
        return effects(reads=own.reads | key, writes=own.writes)

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: OpensslCertificateParams) -> State:
        found = found_file(system, params.path)
        state: State = {"certificate": None if found is None else "present", "stat": found}
        state |= Attributes.of(params).observed(found)
        if params.state == "absent":
            return state
        key = _key(system, params)
        state["signs"] = str(key["type"])
        if found is None:
            tool.need(system)
            return state
        return state | system.lookup(
            f"openssl_certificate:{clean(params.path)}", lambda: _probe(system, params, key["public"])
        )

    def desired(self, params: OpensslCertificateParams, actual: State) -> State:
        if params.state == "absent":
            return {"certificate": None}
        wanted: State = {
            "certificate": "present",
            "subject": tuple(f"{key}={value}" for key, value in params.fields),
            "subject_alt_name": tuple(sorted(params.names)),
        }
        if actual["certificate"] is not None:
            wanted |= {"readable": True, "of the key": True, "due": False}
            # Keys such as Ed25519 bring their own digest.
            wanted |= {"digest": params.selfsigned_digest} if actual.get("digest") is not None else {}
            wanted |= {"made anew": True} if params.force else {}
        return wanted | Attributes.of(params).wanted("file", actual["stat"])

    def generate(self, system: System, params: OpensslCertificateParams, change: Change) -> str:
        return _generate(system, params, change)

    def outputs(self, params: OpensslCertificateParams, actual: State) -> dict[str, Any]:
        """Return when it expires, and its serial number and fingerprint."""
        found = {"filename": params.path} | {
            name: actual.get(name) for name in ("notAfter", "serial_number", "fingerprint", "backup_file")
        }
        return {name: value for name, value in found.items() if isinstance(value, str)}


def _key(system: System, params: OpensslCertificateParams) -> State:
    """Return what the private key is, `public` being UNKNOWN if the plan makes it; TaskError without one."""
    path = params.privatekey_path or ""
    if system.stat(path, follow=True) is None:
        raise TaskError(
            f"the private key {path} does not exist",
            hint="make it in an earlier task: `openssl_privatekey: {path: ...}`",
        )
    key = openssl_privatekey.probe(system, path, params.privatekey_passphrase)
    if not key["readable"]:
        raise TaskError(
            f"the private key {path} cannot be read: is it one, and is `privatekey_passphrase` right?"
        )
    return key


def _probe(system: System, params: OpensslCertificateParams, public: Any) -> State:
    text = system.read(params.path).decode(errors="replace")
    answer = tool.ask(system, config.SHOW, text, ok=range(127))
    found = config.parse(answer.stdout) if answer.exit_status == 0 else None
    if found is None:
        return {"exists": True, "readable": False}
    life = found.not_after - found.not_before
    ahead = min(tool.span_s(params.renew_before) or 0, life / 3)
    signed = found.algorithm.lower()
    digest = next((name for name in _DIGESTS if name in signed), found.algorithm)
    mine = found.public == public and found.issuer == found.subject
    return {
        "exists": True,
        "readable": True,
        "subject": found.subject,
        "subject_alt_name": found.names,
        "of the key": mine,
        "digest": None if signed.startswith("ed") else digest,
        "due": time.time() > found.not_after - ahead,
        "notAfter": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(found.not_after)),
        "serial_number": found.serial,
        "fingerprint": found.fingerprint,
    }


def _generate(system: System, params: OpensslCertificateParams, change: Change) -> str:
    days = math.ceil((tool.span_s(params.selfsigned_not_after) or 0) / _DAY_S)
    argv = ["openssl", "req", "-x509", "-new", "-key", str(params.privatekey_path)]
    argv += ["-passin", f"env:{tool.PASSPHRASE}", "-config", "/dev/stdin", "-days", str(days)]
    argv += [] if str(change.before["signs"]).startswith("Ed") else [f"-{params.selfsigned_digest}"]
    text = config.config(
        params.fields,
        params.names,
        key_identifier=params.selfsigned_create_subject_key_identifier != "never_create",
    )
    fields = ("subject", "subject_alt_name")
    state: State = {"exists": True, "readable": True, "of the key": True, "due": False, "notAfter": UNKNOWN}
    done = system.run(
        argv,
        stdin=text,
        env={tool.PASSPHRASE: params.privatekey_passphrase or ""},
        establishes={
            f"openssl_certificate:{clean(params.path)}": state | {name: change.after[name] for name in fields}
        },
        ok=range(256),
    )
    if done.exit_status != 0:
        raise TaskError(
            "openssl could not make the certificate",
            command=done.argv,
            exit_status=done.exit_status,
            output=done.stderr,
        )
    return done.stdout
