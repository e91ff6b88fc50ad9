"""htpasswd: a password file of Apache or nginx has a user with a password, or has no such user.

Parameters are those of community.general.htpasswd. A password that fits the stored hash is left alone, so
nothing changes the second time; all other lines, and what follows the hash in its own, stay byte for byte. A
new hash has a random salt, so a plan tells that the entry changes, and shows no hash. Without `password` a
user that is there keeps the one it has. A new file has mode 0644 unless `mode` says otherwise, since the
server's own user has to read it; its directory is made if it is missing.

Differences, on purpose: a hash of another kind than the `hash_scheme` that is given is made anew. Where it
is not given, a new hash is of the old one's kind, and `apr_md5_crypt` for a new user. Passwords in plain text
and `des_crypt`, which looks at eight letters only, are not made; a hash that is there may be of any kind that
crypt(5) knows. `bcrypt` is the strongest of those that Apache and nginx both take on Debian. `ldap_sha1` has
no salt, and `md5_crypt` and `apr_md5_crypt` are quickly guessed: they are for old servers.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import ParameterError
from configurator.modules import htpasswd_lines as lines
from configurator.modules import password_hashes as hashes
from configurator.modules.attributes import Attributes, clean, make_parents
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, SecretValue, State
from configurator.modules.system import System
from configurator.modules.textfile import TextFile

_FITS, _DIFFERS = SecretValue("fits"), SecretValue("differs")
_MAX_NAME = 255  # htpasswd(1)


@dataclass(frozen=True, slots=True)
class HtpasswdParams:
    """The parameters of community.general.htpasswd."""

    path: str = param("str", required=True, aliases=("dest", "destfile"), path=True)
    name: str = param("str", required=True, aliases=("username",))
    password: str | None = param("str", secret=True)
    hash_scheme: str | None = param("str", aliases=("crypt_scheme",), choices=hashes.SCHEMES)
    state: str = param("str", "present", choices=("present", "absent"))
    create: bool = param("bool", True)
    owner: str | None = param("str")
    group: str | None = param("str")
    mode: str | None = param("mode")


class Htpasswd(TextFile):
    """See the module's docstring."""

    name: ClassVar[str] = "htpasswd"
    params: ClassVar[type] = HtpasswdParams

    def check(self, params: HtpasswdParams) -> Sequence[ParamProblem]:
        problems = [*super().check(params)]
        bad = set(params.name) & set(":\r\n\0") or params.name.startswith("#") or params.name.strip() == ""
        if bad or len(params.name.encode()) > _MAX_NAME:
            problems.append(ParamProblem("name", f"{params.name!r} cannot be the name of a user"))
        if params.password is None or params.state == "absent":
            return problems
        if not params.password or set(params.password) & set("\r\n\0"):
            problems.append(ParamProblem("password", "'password' is empty, or has a line break in it"))
        if params.hash_scheme == hashes.BCRYPT and len(params.password.encode()) > hashes.BCRYPT_BYTES:
            problems.append(
                ParamProblem(
                    "password", f"only the first {hashes.BCRYPT_BYTES} bytes of a password count for bcrypt"
                )
            )
        return problems

    def effects(self, params: HtpasswdParams) -> Effects:
        of_file = super().effects(params)
        return effects(reads=of_file.reads, writes={*of_file.writes, _key(params)}, makes=of_file.makes)

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: HtpasswdParams) -> State:
        """Attributes of the file; of the entry whether it is there, its scheme, and if the password fits."""
        found = system.stat(params.path, follow=True)
        if found is not None and found.kind != "file":
            raise ParameterError(f"{params.path} is no file")
        text = ""
        if found is not None:
            text = system.read(params.path).decode("utf-8", "surrogateescape")
        elif params.state == "present" and not params.create:
            raise ParameterError(f"{params.path} does not exist", hint="`create: true` makes it")
        state = Attributes.of(params).observed(found) | {"stat": found, "text": text}
        stored = lines.hash_of(text, params.name)
        state[_field(params, "entry")] = "absent" if stored is None else "present"
        if params.state == "absent":
            return state
        if stored is not None:
            state[_field(params, "hash_scheme")] = hashes.scheme_of(stored)
            if params.password is not None:
                right = hashes.fits(system, params.password, stored)
                state[_field(params, "password")] = _FITS if right else _DIFFERS
        elif params.password is None:
            raise ParameterError(
                f"{params.path} has no user {params.name!r} yet", hint="a new one needs `password`"
            )
        return state

    def desired(self, params: HtpasswdParams, actual: State) -> State:
        if actual["kind"] == "absent" and params.state == "absent":
            return {}
        wanted: State = {_field(params, "entry"): params.state}
        if params.state == "present" and params.password is not None:
            kept = actual.get(_field(params, "hash_scheme"))
            made = kept if kept in hashes.SCHEMES else hashes.APR1
            fits = actual.get(_field(params, "password")) == _FITS
            wanted[_field(params, "password")] = _FITS
            wanted[_field(params, "hash_scheme")] = params.hash_scheme or (kept if fits else made)
        return wanted | Attributes.of(params).wanted("file", actual["stat"])

    def converge(self, system: System, params: HtpasswdParams, change: Change) -> None:
        attributes = Attributes.of(params)
        text = str(change.before["text"])
        if params.state == "absent":
            new = lines.without(text, params.name)
        elif _field(params, "password") in change or _field(params, "hash_scheme") in change:
            scheme = str(change.after[_field(params, "hash_scheme")])
            new = lines.with_hash(text, params.name, hashes.made(system, str(params.password), scheme))
        else:
            new = text
        if new == text:
            attributes.set(system, params.path)
            return
        make_parents(system, posixpath.dirname(params.path))
        system.write(
            params.path,
            new.encode("utf-8", "surrogateescape"),
            mode=attributes.mode,
            owner=attributes.owner,
            group=attributes.group,
        )


def _key(params: HtpasswdParams) -> str:
    return f"htpasswd:{clean(params.path)}/{params.name}"


def _field(params: HtpasswdParams, name: str) -> str:
    return f"{_key(params)}|{name}"
