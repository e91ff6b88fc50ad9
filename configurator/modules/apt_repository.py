"""apt_repository: a line such as `deb URI SUITE COMPONENT` is in the host's package sources, or is not.

Parameters are those of ansible.builtin.apt_repository. A line that stands in any of the files is left where
it is, one behind a `#` is enabled there; a new one gets the file that Ansible would give it. `absent` removes
the line wherever it is enabled, and a file in /etc/apt/sources.list.d that is empty then.

A PPA is refused: it is built for Ubuntu. `codename` and `validate_certs`, which are about PPAs, and
`install_python_apt` are accepted and mean nothing here.

After `present` has changed something the index is fetched anew, once for several repositories that come
together; if it cannot be fetched, the sources are put back as they were and the task fails, so that a wrong
line does not break every later refresh. `absent` fetches nothing: what is in no source is offered no more.
Files of the other form are kept by deb822_repository.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from configurator.core.errors import TaskError
from configurator.modules import apt_get, apt_index
from configurator.modules.apt_sources import (
    LIST,
    PARTS,
    Source,
    file_name,
    parse_any,
    parse_line,
    refuse_conflict,
    with_source,
    without_source,
)
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects
from configurator.modules.modes import mode_problem
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, Content, State
from configurator.modules.system import System


@dataclass(frozen=True, slots=True)
class AptRepositoryParams:
    """The parameters of ansible.builtin.apt_repository."""

    repo: str = param("str", required=True)
    state: str = param("str", "present", choices=("present", "absent"))
    filename: str | None = param("str")
    mode: str | None = param("mode")
    update_cache: bool = param("bool", True, aliases=("update-cache",))
    update_cache_retries: int = param("int", 5)
    update_cache_retry_max_delay: int = param("int", 12)
    codename: str | None = param("str")
    install_python_apt: bool = param("bool", True)
    validate_certs: bool = param("bool", True)

    @property
    def source(self) -> Source:
        """The line that is asked for; `check` has made sure that it is one."""
        source = parse_line(self.repo)
        assert source is not None
        return source

    @property
    def path(self) -> str:
        """The file that a new line comes into."""
        name = self.filename or file_name(self.source)
        if name.startswith("/"):
            return name
        return f"{PARTS}/{name.removesuffix('.list')}.list"


class AptRepository(Module[AptRepositoryParams]):
    """Keeps a line in apt's sources."""

    name = "apt_repository"
    params = AptRepositoryParams
    timeout_s: ClassVar[float] = 900.0
    typical_s: ClassVar[float] = 4.0

    def check(self, params: AptRepositoryParams) -> Sequence[ParamProblem]:
        """Return what is no source, and PPAs."""
        problems = []
        if params.repo.startswith("ppa:"):
            problems.append(
                ParamProblem(
                    "repo",
                    f"{params.repo} is a PPA, which is built for Ubuntu and not for Debian",
                    "look for the package in Debian's backports, or for its maker's own repository",
                )
            )
        elif parse_line(params.repo) is None:
            problems.append(
                ParamProblem(
                    "repo",
                    f"{params.repo!r} is not a source",
                    "such as: deb https://deb.debian.org/debian bookworm-backports main",
                )
            )
        if params.filename is not None and (not params.filename or ".." in params.filename.split("/")):
            problems.append(ParamProblem("filename", f"{params.filename!r} is not the name of a file"))
        elif params.filename is not None and "/" in params.filename.lstrip("/") and params.filename[0] != "/":
            problems.append(ParamProblem("filename", "takes a name or an absolute path"))
        if params.mode is not None and (wrong := mode_problem(params.mode)):
            problems.append(ParamProblem("mode", wrong))
        return problems

    def subject(self, params: AptRepositoryParams) -> str:
        """Return the file that the line would come into."""
        return f"path:{params.path}"

    def effects(self, params: AptRepositoryParams) -> Effects:
        """The sources, and keys that other tasks may have put there for them."""
        reads = {f"path:{LIST}", "path:/etc/apt/keyrings/**", "path:/usr/share/keyrings/**"}
        path = f"path:{params.path}" if params.state == "present" else f"path:{PARTS}/**"
        return effects(reads=reads, writes={path, f"apt-source:{params.source.uri} {params.source.suite}"})

    def locks(self, params: AptRepositoryParams) -> frozenset[str]:  # noqa: ARG002
        """A refresh works for one at a time, and so do edits of the same files."""
        return frozenset({"apt"})

    def batch_key(self, params: AptRepositoryParams) -> str | None:
        """Repositories that come together share one refresh."""
        return "apt-sources" if params.state == "present" and params.update_cache else None

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: AptRepositoryParams) -> State:
        """Return the content of the files that are concerned."""
        if params.state == "present":
            refuse_conflict(system, params.path, params.repo)
        texts = _texts(system)
        if params.path not in texts:
            directory, _, name = params.path.rpartition("/")
            there = name in system.listdir(directory) and system.stat(params.path, follow=True) is not None
            texts[params.path] = _read(system, params.path) if there else None
        return {"texts": texts} | {
            f"path:{path}|content": None if text is None else _content(text) for path, text in texts.items()
        }

    def desired(self, params: AptRepositoryParams, actual: State) -> State:
        """Return the files that have to be otherwise."""
        texts: dict[str, str | None] = actual["texts"]
        source = params.source
        if params.state == "absent":
            return _gone(texts, source)
        found = [
            (path, enabled)
            for path, text in texts.items()
            for line in (text or "").splitlines()
            for other, enabled in [parse_any(line)]
            if other == source
        ]
        if any(enabled for _, enabled in found):
            return {}
        # Behind a `#` in one of the files: that is where people look for it.
        path = found[0][0] if found else params.path
        return {f"path:{path}|content": _content(with_source(texts[path] or "", source))}

    def converge(self, system: System, params: AptRepositoryParams, change: Change) -> State:
        """Write the sources, and fetch what they offer."""
        return self.converge_batch(system, [(params, change)])

    def converge_batch(self, system: System, items: Sequence[tuple[AptRepositoryParams, Change]]) -> State:
        """Write the sources of all tasks, then fetch the index once; if that fails all is as it was."""
        before: dict[str, str | None] = {}  # what to put back
        for params, change in items:
            for field in change.fields:
                path = field.removeprefix("path:").removesuffix("|content")
                before.setdefault(path, change.before["texts"][path])
                if params.state == "absent":
                    _write(system, path, None if change.after[field] is None else change.after[field].data)
                else:  # another task of the batch may have written the same file since we looked
                    now = _read(system, path) if system.stat(path, follow=True) is not None else ""
                    _write(system, path, _content(with_source(now, params.source)).data, params.mode)
        refreshing = [params for params, _ in items if params.update_cache and params.state == "present"]
        try:
            if refreshing:
                refresh(
                    system, refreshing[0].update_cache_retries, refreshing[0].update_cache_retry_max_delay
                )
        except TaskError as error:
            for path, text in before.items():
                _write(system, path, None if text is None else _content(text).data)
            raise TaskError(
                f"{error.message}; the sources are as they were",
                command=error.command,
                exit_status=error.exit_status,
                output=error.output,
                hint=error.hint,
            ) from error
        gone = [path for path in before if system.stat(path) is None]
        return {"made": [path for path, text in before.items() if text is None], "gone": gone}

    def outputs(self, params: AptRepositoryParams, actual: State) -> dict[str, object]:
        """Return `repo` and `state`, and which files have come and gone, as Ansible does."""
        return {
            "repo": params.repo,
            "state": params.state,
            "sources_added": [path for path in actual.get("made", ()) if path == params.path],
            "sources_removed": list(actual.get("gone", ())),
        }


def refresh(system: System, retries: int = 5, max_delay_s: int = 12) -> None:
    """Fetch the package index of all sources; TaskError if one of them cannot be fetched."""
    apt_index.refresh(
        system,
        ["apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update"],
        env=apt_get.ENVIRONMENT,
        retries=retries,
        max_delay_s=max_delay_s,
        lock_s=60,
    )


def _texts(system: System) -> dict[str, str | None]:
    paths = [LIST] if "sources.list" in system.listdir("/etc/apt") else []
    paths += [f"{PARTS}/{name}" for name in system.listdir(PARTS) if name.endswith(".list")]
    return {path: _read(system, path) for path in paths if system.stat(path, follow=True) is not None}


def _read(system: System, path: str) -> str:
    return system.read(path).decode("utf-8", "surrogateescape")


def _content(text: str) -> Content:
    return Content(text.encode("utf-8", "surrogateescape"))


def _gone(texts: Mapping[str, str | None], source: Source) -> State:
    wanted: State = {}
    for path, text in texts.items():
        left = without_source(text or "", source)
        if text is not None and left != text:
            empty = not left.strip() and path != LIST
            wanted[f"path:{path}|content"] = None if empty else _content(left)
    return wanted


def _write(system: System, path: str, data: bytes | None, mode: str | None = None) -> None:
    if data is None:
        system.remove(path)
    elif system.stat(path, follow=True) is None:
        system.write(path, data, mode=mode or "0644")
    else:
        system.write(path, data)
