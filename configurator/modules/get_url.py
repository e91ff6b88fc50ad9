"""get_url: a file of the host is what a URL gives, whole or not there at all.

Parameters are those of ansible.builtin.get_url. With `checksum` a file that has it is left alone without
asking the server. Otherwise the server is asked for something newer than the file (If-Modified-Since), and
what it sends takes the file's place if it differs; `force` asks without that condition. The new content
comes into place in one step, after its checksum was found right. A plan downloads nothing: with `checksum`
it says what the file will be, without it that the content is known after the apply; where the server says
that nothing is newer, it says so.

Otherwise than in Ansible: a directory as `dest` gets the same rules as a file, so that nothing is fetched
again that is there; `http_agent` is `configurator`; proxies come from the task's `environment` alone; name,
password, `Authorization` and `Cookie` are never sent to another host by a redirect.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import unquote, urljoin, urlsplit

from configurator.core.errors import ParameterError, TaskError
from configurator.modules.attributes import Attributes, clean, common_problems, described
from configurator.modules.base import Guard, Module
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.guards import guard_for_path
from configurator.modules.params import ParamProblem, absolute, param
from configurator.modules.state import UNKNOWN, Change, Content, State, compare
from configurator.modules.system import FileStat, System
from configurator.modules.web import (
    SMALL_BYTES,
    Answer,
    Download,
    HttpParams,
    problems,
    refused,
    relies_on,
    request_of,
    url_problem,
)

_SCHEMES = ("http", "https", "ftp")
_LIST_BYTES = 4 << 20  # of a file of checksums
_DIGITS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}
_NAMED = re.compile(r'filename\*?=(?:UTF-8\'\'|"?)([^";]+)', re.IGNORECASE)  # RFC 6266


@dataclass(frozen=True, slots=True)
class GetUrlParams(HttpParams):
    """The parameters of ansible.builtin.get_url."""

    dest: str = param("str", required=True, path=True)
    checksum: str | None = param("str")
    force: bool = param("bool", False)
    backup: bool = param("bool", False)
    owner: str | None = param("str")
    group: str | None = param("str")
    mode: str | None = param("mode")
    tmp_dest: str | None = param("str", path=True)
    url_username: str | None = param("str", aliases=("username",))
    url_password: str | None = param("str", aliases=("password",), secret=True)

    @property
    def algorithm(self) -> str:
        """The algorithm of `checksum`; sha256 without one."""
        return self.checksum.partition(":")[0].strip().lower() if self.checksum else "sha256"

    @property
    def digest(self) -> str:
        """What stands behind the algorithm: a checksum, or the URL of a file of checksums."""
        return (self.checksum or "").partition(":")[2].strip()


class GetUrl(Module[GetUrlParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "get_url"
    params: ClassVar[type] = GetUrlParams
    omitted: ClassVar[Mapping[str, str]] = {
        "use_gssapi": "Python's standard library has no Kerberos",
    }
    timeout_s: ClassVar[float] = 3600.0
    typical_s: ClassVar[float] = 2.0

    def check(self, params: GetUrlParams) -> Sequence[ParamProblem]:
        found = [*problems(params, _SCHEMES), *common_problems(params, path="dest")]
        if params.tmp_dest is not None and not absolute(params.tmp_dest):
            found.append(ParamProblem("tmp_dest", "'tmp_dest' must be an absolute path"))
        if params.checksum is not None:
            problem = _checksum_problem(params)
            found += [ParamProblem("checksum", f"'checksum': {problem}")] if problem else []
        return found

    def subject(self, params: GetUrlParams) -> str:
        return f"path:{clean(params.dest)}"

    def effects(self, params: GetUrlParams) -> Effects:
        path = clean(params.dest)
        writes = [f"path:{path}"]
        if name := _name_in(params.url):  # for the case that `dest` turns out to be a directory
            writes.append(f"path:{posixpath.join(path, name)}")
        reads = [*path_keys(path), *Attributes.of(params).account_keys(), *relies_on(params)]
        return effects(reads=reads, writes=writes)

    def guard(self, params: GetUrlParams, system: System) -> Guard | None:
        return guard_for_path(system, clean(params.dest))

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: GetUrlParams) -> State:
        """The file's attributes; its content as far as it must be known; `download` if one was needed."""
        path, download = self._destination(system, params)
        found = system.stat(path, follow=True)
        if found is not None and found.kind != "file":
            raise TaskError(f"{path} is no file")
        state: State = {"path": path, "stat": found} | Attributes.of(params).observed(found)
        expected = None
        if params.checksum:
            expected = _expected(system, params)
            digest = None if found is None else system.digest(path, params.algorithm)
            state |= {"checksum": _labelled(params, digest), "expected": expected}
            if digest == expected:
                return state
        if download is None:
            download = _download(system, params, None if params.force or expected else found)
        if expected is not None and download.digest not in (expected, UNKNOWN, None):
            raise TaskError(
                f"{params.url} has the checksum {download.digest}, not {expected} as `checksum` says",
                hint="nothing was changed",
            )
        state["download"] = download
        if params.checksum is None:
            state["content"] = _content(system, path, found, download)
        return state

    def _destination(self, system: System, params: GetUrlParams) -> tuple[str, Download | None]:
        """Return the file that is meant; below `dest` if that is a directory, named as the server says."""
        found = system.stat(params.dest, follow=True)
        if not params.dest.endswith("/") and (found is None or found.kind != "directory"):
            return params.dest, None
        if found is None or found.kind != "directory":
            raise ParameterError(f"the directory {params.dest} does not exist")
        name = _name_in(params.url)
        there = system.stat(posixpath.join(params.dest, name), follow=True) if name else None
        if there is not None and params.checksum:
            return posixpath.join(params.dest, name), None
        download = _download(system, params, None if params.force else there)
        told = _NAMED.search(download.answer.headers.get("content-disposition", ""))
        name = posixpath.basename(unquote(told[1].strip())) if told else _name_in(download.answer.url) or name
        if name in ("", ".", ".."):
            raise ParameterError(f"{params.dest} is a directory, and {params.url} has no name for the file")
        return posixpath.join(params.dest, name), download

    def desired(self, params: GetUrlParams, actual: State) -> State:
        wanted = Attributes.of(params).wanted("file", actual["stat"])
        download: Download | None = actual.get("download")
        if params.checksum:
            wanted["checksum"] = _labelled(params, actual["expected"])
        elif download is not None and not download.unchanged:
            wanted["content"] = _fetched(download)
        return wanted

    def compare(self, params: GetUrlParams, actual: State, wanted: State) -> Change:  # noqa: ARG002
        return compare(f"path:{clean(actual['path'])}", actual, wanted)

    def converge(self, system: System, params: GetUrlParams, change: Change) -> State | None:
        path = change.before["path"]
        if "content" not in change and "checksum" not in change:
            Attributes.of(params).set(system, path)
            return None
        download: Download = change.before["download"]
        backup = system.install(
            download,
            path,
            mode=params.mode,
            owner=params.owner,
            group=params.group,
            backup=params.backup,
        )
        proof: State = {"answer": download.answer}
        return proof if backup is None else proof | {"backup": backup}

    def outputs(self, params: GetUrlParams, actual: State) -> dict[str, Any]:
        """Return Ansible's names: `url`, `dest`, `status_code`, `msg`, `size`, `mode`, `backup_file`..."""
        out: dict[str, Any] = {"url": params.url, "dest": actual["path"]}
        stat: FileStat | None = actual["stat"]
        if stat is not None:
            out |= described(stat)
        answer = actual.get("answer") or (actual["download"].answer if "download" in actual else None)
        if answer is not None:
            out |= {"status_code": answer.status, "msg": answer.reason}
        if "backup" in actual:
            out["backup_file"] = actual["backup"]
        return out


def _download(system: System, params: GetUrlParams, there: FileStat | None) -> Download:
    """Ask for the file, unless it is not newer than what is there; an answer that is none is an error."""
    if params.tmp_dest is not None:
        directory = system.stat(params.tmp_dest, follow=True)
        if directory is None or directory.kind != "directory":
            raise ParameterError(f"the directory {params.tmp_dest} does not exist", hint="'tmp_dest'")
    try:
        download = system.download(
            request_of(params),
            newer_than=None if there is None else there.mtime,
            algorithm=params.algorithm,
            directory=params.tmp_dest,
        )
    except TaskError as error:
        raise _failed(params, error) from None
    if not download.unchanged and not 200 <= download.answer.status < 300:
        raise _failed(params, refused(download.answer, params.url), download.answer)
    return download


def _failed(params: GetUrlParams, error: TaskError, answer: Answer | None = None) -> TaskError:
    """Return an error with what `failed_when` and `until` ask for: -1 where nobody has answered."""
    told = {"url": params.url, "dest": params.dest, "status_code": -1 if answer is None else answer.status}
    error.outputs = told | ({} if answer is None else {"response": answer.reason})
    return error


def _content(system: System, path: str, found: FileStat | None, download: Download) -> Any:
    """Return what the file holds, in the form in which `_fetched` says what it should hold."""
    if found is None:
        return None
    if download.content is not None or found.size <= SMALL_BYTES:
        return Content(system.read(path))
    return _described(found.size, system.digest(path))


def _fetched(download: Download) -> Any:
    if download.digest is UNKNOWN:
        return UNKNOWN
    if download.content is not None:
        return Content(download.content)
    return _described(download.size, download.digest)


def _described(size: int, digest: str) -> str:
    return f"{size} bytes, sha256 {digest}"


def _labelled(params: GetUrlParams, digest: Any) -> str | None:
    return None if digest is None else f"{params.algorithm}:{digest}"


def _name_in(url: str) -> str:
    return posixpath.basename(unquote(urlsplit(url).path))


# -- checksums ------------------------------------------------------------------------------------------


def _checksum_problem(params: GetUrlParams) -> str | None:
    import hashlib  # noqa: PLC0415

    if ":" not in (params.checksum or ""):
        return f"must be ALGORITHM:CHECKSUM or ALGORITHM:URL, not {params.checksum!r}"
    if params.algorithm not in hashlib.algorithms_available or params.algorithm.startswith("shake"):
        return f"there is no algorithm {params.algorithm!r}; sha256 is a good one"
    if _is_url(params.digest):
        return url_problem(params.digest, _SCHEMES)
    digits = _DIGITS.get(params.algorithm)
    text = re.sub(r"\W+", "", params.digest)
    if not re.fullmatch(r"[0-9a-fA-F]+", text) or (digits is not None and len(text) != digits):
        return f"{params.digest!r} is no {params.algorithm}"
    return None


def _is_url(text: str) -> bool:
    return re.match(r"[a-z]+://", text) is not None


def _expected(system: System, params: GetUrlParams) -> str:
    """Return the wanted checksum, asking for the file of checksums if `checksum` names one."""
    if not _is_url(params.digest):
        return re.sub(r"\W+", "", params.digest).lower()
    answer = system.http(request_of(params, url=params.digest), limit=_LIST_BYTES)
    if not 200 <= answer.status < 300:
        raise refused(answer, params.digest)
    names = (_name_in(params.url), urlsplit(params.url).path, params.url)
    found = find_checksum(answer.body.decode(errors="replace"), names, urljoin(params.url, "."))
    if found is None:
        raise TaskError(f"{params.digest} has no checksum for {names[0]!r}")
    return found


def find_checksum(text: str, names: Sequence[str], base: str = "") -> str | None:
    """Return the checksum of a file in the output of sha256sum(1) and its like, of BSD's too.

    A file with one checksum alone is that of whatever was asked for. Names may begin with `./`, `*` or the
    directory that the file is in.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if len(lines) == 1 and re.fullmatch(r"[0-9a-fA-F]{32,128}", lines[0]):
        return lines[0].lower()
    wanted = {name.removeprefix(base) for name in names} | set(names)
    fallback: str | None = None
    for line in lines:
        bsd = re.fullmatch(r"\w[\w/-]*\s*\((.+)\)\s*=\s*([0-9a-fA-F]{32,128})", line)
        gnu = re.fullmatch(r"\\?([0-9a-fA-F]{32,128})\s+[*]?(.+)", line)
        if bsd is None and gnu is None:
            continue
        name, digest = (bsd[1], bsd[2]) if bsd is not None else (gnu[2], gnu[1])  # type: ignore[index]
        if name.removeprefix("./") in wanted:
            return digest.lower()
        if posixpath.basename(name) in wanted and fallback is None:
            fallback = digest.lower()
    return fallback
