"""deb822_repository: a package source in fields is in /etc/apt/sources.list.d/NAME.sources, or is not.

Parameters are those of ansible.builtin.deb822_repository, and the files have Ansible's names. `signed_by`
takes the key as armoured text, which is written into the file itself; a path on the host; fingerprints; or a
URL, whose key is kept in /etc/apt/keyrings/NAME.asc, or .gpg if it is binary. What is no OpenPGP public key
is refused. A file that says the same in another layout stays as it is.

The index is not fetched: `apt` with `update_cache` does that when the sources are newer than the index. With
`absent` the key that a URL has brought goes along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules import apt_sources, pgp_keys
from configurator.modules.apt_sources import PARTS, slug
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.modes import apply_mode, mode_problem, octal
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, Content, State
from configurator.modules.system import System

KEYRINGS = "/etc/apt/keyrings"  # sources.list(5): for keys that the administrator manages
_BINARY_TYPES = ("deb", "deb-src")


@dataclass(frozen=True, slots=True)
class Deb822RepositoryParams:
    """The parameters of ansible.builtin.deb822_repository."""

    name: str = param("str", required=True)
    state: str = param("str", "present", choices=("present", "absent"))
    types: tuple[str, ...] = param("list", ("deb",), choices=_BINARY_TYPES)
    uris: tuple[str, ...] = param("list")
    suites: tuple[str, ...] = param("list")
    components: tuple[str, ...] = param("list")
    architectures: tuple[str, ...] = param("list")
    signed_by: str | None = param("str")
    enabled: bool | None = param("bool")
    trusted: bool | None = param("bool")
    allow_downgrade_to_insecure: bool | None = param("bool")
    allow_insecure: bool | None = param("bool")
    allow_weak: bool | None = param("bool")
    by_hash: bool | None = param("bool")
    check_date: bool | None = param("bool")
    check_valid_until: bool | None = param("bool")
    date_max_future: int | None = param("int")
    inrelease_path: str | None = param("str")
    languages: tuple[str, ...] = param("list")
    pdiffs: bool | None = param("bool")
    targets: tuple[str, ...] = param("list")
    mode: str = param("mode", "0644")

    @property
    def path(self) -> str:
        """The file of the source."""
        return f"{PARTS}/{slug(self.name)}.sources"

    @property
    def key_url(self) -> str | None:
        """Where the key is to be fetched from, if it is."""
        given = (self.signed_by or "").strip()
        return given if given.startswith(("http://", "https://")) else None

    def fields(self, signed_by: str | None) -> dict[str, str]:
        """Return the fields of the file, in Ansible's order; those that are not given are left out."""
        values: list[tuple[str, Any]] = [
            ("X-Repolib-Name", self.name),
            ("Allow-Downgrade-To-Insecure", self.allow_downgrade_to_insecure),
            ("Allow-Insecure", self.allow_insecure),
            ("Allow-Weak", self.allow_weak),
            ("Architectures", self.architectures),
            ("By-Hash", self.by_hash),
            ("Check-Date", self.check_date),
            ("Check-Valid-Until", self.check_valid_until),
            ("Components", self.components),
            ("Date-Max-Future", self.date_max_future),
            ("Enabled", self.enabled),
            ("InRelease-Path", self.inrelease_path),
            ("Languages", self.languages),
            ("PDiffs", self.pdiffs),
            ("Signed-By", signed_by),
            ("Suites", self.suites),
            ("Targets", self.targets),
            ("Trusted", self.trusted),
            ("Types", self.types),
            ("URIs", self.uris),
        ]
        return {name: _text(value) for name, value in values if value is not None and value != ()}


class Deb822Repository(Module[Deb822RepositoryParams]):
    """Keeps a file of apt's sources, and the key that signs what it offers."""

    name = "deb822_repository"
    params = Deb822RepositoryParams
    typical_s: ClassVar[float] = 0.3

    def check(self, params: Deb822RepositoryParams) -> Sequence[ParamProblem]:
        """Return what sources.list(5) demands and is not given, and a key that is none."""
        problems = []
        if not slug(params.name):
            problems.append(ParamProblem("name", f"{params.name!r} leaves nothing for a file's name"))
        if params.mode is not None and (wrong := mode_problem(params.mode)):
            problems.append(ParamProblem("mode", wrong))
        if params.state == "absent":
            return problems
        for name in ("uris", "suites"):
            if not getattr(params, name):
                problems.append(ParamProblem(name, f"missing required parameter {name!r}"))
        paths = [suite.endswith("/") for suite in params.suites]
        if any(paths) and not all(paths):
            problems.append(ParamProblem("suites", "a directory with a slash at its end stands alone"))
        elif paths and all(paths) == bool(params.components):
            wrong = (
                "a suite that is a directory has no components" if all(paths) else "'components' is missing"
            )
            problems.append(ParamProblem("components", wrong))
        for uri in params.uris:
            if uri.startswith("ppa:"):
                problems.append(ParamProblem("uris", f"{uri} is a PPA, which is built for Ubuntu"))
            elif ":" not in uri:
                problems.append(
                    ParamProblem("uris", f"{uri!r} is not a URI such as https://deb.debian.org/debian")
                )
        key = params.signed_by or ""
        if "BEGIN PGP" in key and (wrong_key := pgp_keys.problem(key.encode())):
            problems.append(ParamProblem("signed_by", wrong_key, "the whole block belongs here, as it is"))
        return problems

    def subject(self, params: Deb822RepositoryParams) -> str:
        """Return the file's key."""
        return f"path:{params.path}"

    def effects(self, params: Deb822RepositoryParams) -> Effects:
        """The file, and the key file of a URL."""
        keys = {f"path:{path}" for path in _key_paths(params)}
        ours = bool(params.key_url) or params.state == "absent"
        named = {f"path:{params.signed_by}"} if (params.signed_by or "").startswith("/") else set[str]()
        makes = {f"path:{KEYRINGS}"} if params.key_url else set[str]()
        return effects(reads=named, writes={f"path:{params.path}", *(keys if ours else ())}, makes=makes)

    def locks(self, params: Deb822RepositoryParams) -> frozenset[str]:  # noqa: ARG002
        """Nobody reads the sources while they change."""
        return frozenset({"apt"})

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: Deb822RepositoryParams) -> State:
        """Return the files as they are, and the key that a URL offers now."""
        state: State = {"key": None, "stats": {}}
        for path in (params.path, *_key_paths(params)):
            found = system.stat(path, follow=True)
            state["stats"][path] = found
            state[f"path:{path}|content"] = None if found is None else Content(system.read(path))
            state[f"path:{path}|mode"] = None if found is None else octal(found.mode)
        if params.state == "present":
            if params.key_url:
                state["key"] = _fetch(system, params, state)
            state["fields"] = _fields(params, state["key"])
            apt_sources.refuse_conflict(system, params.path, apt_sources.written(state["fields"]))
        named = params.signed_by or ""
        if params.state == "present" and named.startswith("/") and system.stat(named, follow=True) is None:
            system.notice(f"{named} does not exist (yet): apt will refuse the source without it")
        return state

    def desired(self, params: Deb822RepositoryParams, actual: State) -> State:
        """Return the files with their contents and modes; None is a file that is not there."""
        if params.state == "absent":
            return {f"path:{path}|content": None for path in (params.path, *_key_paths(params))}
        wanted: State = {}
        fields: dict[str, str] = actual["fields"]
        if params.key_url:
            asc, gpg = _key_paths(params)
            ours, other = (asc, gpg) if fields["Signed-By"] == asc else (gpg, asc)
            wanted |= _file(ours, actual["key"], "0644", actual)
            wanted[f"path:{other}|content"] = None
        content = actual[f"path:{params.path}|content"]
        data = apt_sources.written(fields).encode()
        if content is not None and apt_sources.same(content.data.decode(errors="replace"), fields):
            data = content.data
        return wanted | _file(params.path, data, params.mode, actual)

    def converge(self, system: System, params: Deb822RepositoryParams, change: Change) -> None:
        """Write the key first: a source without its key would be refused."""
        paths = [*_key_paths(params), params.path]
        for path in paths if params.state == "present" else reversed(paths):
            content, mode = f"path:{path}|content", f"path:{path}|mode"
            if content in change and change.after[content] is None:
                system.remove(path)
            elif content in change:
                if path != params.path and system.stat(KEYRINGS, follow=True) is None:
                    system.mkdir(KEYRINGS, mode="0755")
                system.write(path, change.after[content].data, mode=change.after[mode])
            elif mode in change:
                system.set_attributes(path, mode=change.after[mode])

    def outputs(self, params: Deb822RepositoryParams, actual: State) -> dict[str, object]:
        """Return Ansible's `repo`, `dest` and `key_filename`."""
        content = actual[f"path:{params.path}|content"]
        keys = [path for path in _key_paths(params) if actual[f"path:{path}|content"] is not None]
        text = "" if content is None else content.data.decode(errors="replace")
        return {"repo": text, "dest": params.path, "key_filename": keys[0] if keys else None}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(value) if isinstance(value, tuple) else str(value)


def _key_paths(params: Deb822RepositoryParams) -> tuple[str, str]:
    base = f"{KEYRINGS}/{slug(params.name)}"
    return f"{base}.asc", f"{base}.gpg"


def _file(path: str, data: bytes, mode: str, actual: State) -> State:
    found = actual["stats"][path]
    wanted = apply_mode(mode, 0o644 if found is None else found.mode, False)
    return {f"path:{path}|content": Content(data), f"path:{path}|mode": octal(wanted)}


def _fields(params: Deb822RepositoryParams, key: bytes | None) -> dict[str, str]:
    """Return the file's fields; a key that was fetched is named by its file."""
    signed_by = params.signed_by
    if key is not None:
        asc, gpg = _key_paths(params)
        signed_by = asc if pgp_keys.is_armoured(key) else gpg
    elif signed_by is not None:
        # A block of text begins on a line of its own, as in Debian's examples.
        armoured = pgp_keys.is_armoured(signed_by.encode())
        signed_by = "\n" + signed_by.strip() if armoured else signed_by.strip()
    return params.fields(signed_by)


def _fetch(system: System, params: Deb822RepositoryParams, state: State) -> bytes:
    """Return the key that the URL offers; if nobody answers, the one that is there will do."""
    from configurator.modules.web import Request, refused  # noqa: PLC0415  (few tasks fetch anything)

    url = params.key_url
    assert url is not None
    try:
        answer = system.http(Request(url, timeout_s=30.0), limit=4 << 20)
        if answer.status != 200:
            raise refused(answer, url)
    except TaskError as error:
        for path in _key_paths(params):
            if (content := state[f"path:{path}|content"]) is not None:
                system.notice(f"the key of {params.name!r} was not looked at anew: {error.message}")
                return bytes(content.data)
        raise
    if (wrong := pgp_keys.problem(answer.body)) is not None:
        raise TaskError(f"{url}: {wrong}", hint="the maker of the repository tells where its key is")
    return answer.body
