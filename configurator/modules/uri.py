"""uri: a web service has answered a request as expected.

Parameters are those of ansible.builtin.uri, and as there a task is `changed` only if `dest` is: whether a
request has changed something on the server is for `changed_when` to judge. In a plan GET, HEAD and OPTIONS
are really sent, since they only read (Ansible sends nothing); other methods are not, and their result is
unknown. An answer of failure that the plan's own earlier changes may mend is unknown as well.

Otherwise than in Ansible: `http_agent` is `configurator`, proxies come from the task's `environment` alone,
name, password, `Authorization` and `Cookie` are never sent to another host by a redirect, and a field of
form-multipart must have its `content`.
"""

from __future__ import annotations

import posixpath
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar
from urllib.parse import unquote, urljoin, urlsplit

from configurator.core.errors import ParameterError, TaskError
from configurator.modules.attributes import Attributes, clean, common_problems
from configurator.modules.base import Guard, Module
from configurator.modules.content import decode_content
from configurator.modules.effects import EVERYTHING, Effects, effects, path_keys
from configurator.modules.globbing import exists
from configurator.modules.guards import guard_for_path
from configurator.modules.params import ParamProblem, ParamSpec, absolute, param
from configurator.modules.state import UNKNOWN, Change, Content, State
from configurator.modules.system import System
from configurator.modules.web import (
    READING,
    SMALL_BYTES,
    Answer,
    Download,
    HttpParams,
    Request,
    problems,
    refused,
    request_of,
    shown,
)
from configurator.modules.webbody import encoded, json_in

_FOLLOW = {"yes": "all", "true": "all", "no": "none", "false": "none"}
_DONE = "done"


@dataclass(frozen=True, slots=True)
class UriParams(HttpParams):
    """The parameters of ansible.builtin.uri. `_content` is what `src` names on the controller."""

    method: str = param("str", "GET")
    body: Any = field(default=None, metadata={"param": ParamSpec("raw")})
    body_format: str = param("str", "raw", choices=("form-urlencoded", "json", "raw", "form-multipart"))
    src: str | None = param("str", path=True)
    remote_src: bool = param("bool", False)
    status_code: tuple[str, ...] = param("list", ("200",))
    return_content: bool = param("bool", False)
    dest: str | None = param("str", path=True)
    force: bool = param("bool", False)
    creates: str | None = param("str", path=True)
    removes: str | None = param("str", path=True)
    owner: str | None = param("str")
    group: str | None = param("str")
    mode: str | None = param("mode")
    timeout: int = param("int", 30)
    follow_redirects: str = param(
        "str", "safe", choices=("all", "no", "none", "safe", "urllib2", "yes", "true", "false")
    )
    url_username: str | None = param("str", aliases=("user",))
    url_password: str | None = param("str", aliases=("password",), secret=True)
    ca_path: str | None = param("str")
    unix_socket: str | None = param("str")
    _content: Any = field(default=None, metadata={"param": ParamSpec("raw")})
    _original_basename: str | None = param("str")


class Uri(Module[UriParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "uri"
    params: ClassVar[type] = UriParams
    omitted: ClassVar[Mapping[str, str]] = {
        "use_gssapi": "Python's standard library has no Kerberos",
    }
    timeout_s: ClassVar[float] = 3600.0
    typical_s: ClassVar[float] = 0.2

    def check(self, params: UriParams) -> Sequence[ParamProblem]:
        found = problems(params, ("http", "https"))
        if params.dest is not None:
            found += common_problems(params, path="dest")
        if not params.method.isalpha():
            found.append(ParamProblem("method", f"{params.method!r} is not a method of HTTP"))
        for code in params.status_code:
            if not (code.isdigit() and len(code) == 3):
                found.append(ParamProblem("status_code", f"'status_code': {code!r} is not a status"))
        if params.body is not None and (params.src is not None or params._content is not None):
            found.append(ParamProblem("src", "'body' and 'src' exclude each other"))
        for name in ("src",) if params.remote_src else ():
            if not absolute(params.src or ""):
                found.append(ParamProblem(name, "'src' must be an absolute path with 'remote_src'"))
        for name in ("creates", "removes", "unix_socket", "ca_path", "client_cert", "client_key"):
            if not absolute(getattr(params, name) or "/"):
                found.append(ParamProblem(name, f"{name!r} must be an absolute path"))
        return found

    def subject(self, params: UriParams) -> str:
        return f"url:{shown(params.url)}" if params.dest is None else f"path:{clean(params.dest)}"

    def effects(self, params: UriParams) -> Effects:
        """It is about everything that came before, which is what may have to answer."""
        writes = [] if params.method.upper() in READING else [f"url:{shown(params.url)}"]
        reads = [EVERYTHING, *Attributes.of(params).account_keys()]
        if params.dest is not None:
            path = clean(params.dest)
            writes += [f"path:{path}", f"path:{posixpath.join(path, _name_in(params.url))}"]
            reads += path_keys(path)
        return effects(reads=reads, writes=writes)

    def guard(self, params: UriParams, system: System) -> Guard | None:
        return None if params.dest is None else guard_for_path(system, clean(params.dest))

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: UriParams) -> State:
        """The answer if asking is only reading; what is at `dest`; `needless` says why nothing is asked."""
        state: State = {"needless": _needless(system, params), "response": None}
        path = self._destination(system, params)
        if path is not None:
            found = system.stat(path, follow=True)
            if found is not None and found.kind != "file":
                raise TaskError(f"{path} is no file")
            state |= {"path": path, "stat": found} | Attributes.of(params).observed(found)
            state["content"] = None if found is None else _content(system, path, found.size)
        if state["needless"] is None and params.method.upper() in READING:
            state |= self._ask(system, params, state)
        return state

    def _destination(self, system: System, params: UriParams) -> str | None:
        if params.dest is None:
            return None
        found = system.stat(params.dest, follow=True)
        if not params.dest.endswith("/") and (found is None or found.kind != "directory"):
            return params.dest
        name = _name_in(params.url)
        if name in ("", ".", ".."):
            raise ParameterError(f"{params.dest} is a directory, and the URL has no name for a file in it")
        return posixpath.join(params.dest, name)

    def _ask(self, system: System, params: UriParams, state: State) -> State:
        """Send the request; TaskError for a status that was not expected."""
        request = _request(system, params)
        began = time.monotonic()
        try:
            answer, download = self._answer(system, params, request, state)
        except TaskError as error:
            # -1 is what `until: it.status == 200` sees of a service that does not listen yet, as in Ansible.
            seconds = int(time.monotonic() - began)
            nothing = {"status": -1, "url": params.url, "redirected": False, "elapsed": seconds}
            error.outputs = {**nothing, **error.outputs}
            raise
        elapsed = int(time.monotonic() - began)
        if str(answer.status) not in params.status_code and not (download is not None and download.unchanged):
            raise _unexpected(params, answer, elapsed)
        return {"answer": answer, "download": download, "elapsed": elapsed, _DONE: True}

    def _answer(
        self, system: System, params: UriParams, request: Request, state: State
    ) -> tuple[Answer, Download | None]:
        if params.dest is None:
            return system.http(request), None
        stat = state.get("stat")
        since = stat.mtime if stat is not None and not params.force and request.method in READING else None
        download = system.download(request, newer_than=since)
        return replace(download.answer, body=download.content or download.answer.body), download

    def desired(self, params: UriParams, actual: State) -> State:
        if actual["needless"] is not None and _DONE not in actual:
            return {}
        wanted = {} if params.dest is None else Attributes.of(params).wanted("file", actual["stat"])
        if _DONE not in actual:
            return wanted | {"response": UNKNOWN} | ({} if params.dest is None else {"content": UNKNOWN})
        download: Download | None = actual["download"]
        if download is not None and not download.unchanged:
            wanted["content"] = _fetched(download)
        return wanted

    def converge(self, system: System, params: UriParams, change: Change) -> State | None:
        state = dict(change.before)
        proof: State = {}
        if "response" in change:
            proof = self._ask(system, params, state)
        download = proof.get("download") or state.get("download")
        path = state.get("path")
        if path is None:
            return proof
        differs = download is not None and not download.unchanged and _fetched(download) != state["content"]
        if differs:
            assert download is not None
            system.install(download, path, mode=params.mode, owner=params.owner, group=params.group)
        elif set(change.fields) & {"mode", "owner", "group"}:
            Attributes.of(params).set(system, path)
        return proof

    def outputs(self, params: UriParams, actual: State) -> dict[str, Any]:
        """Return Ansible's names: `status`, `url`, `json`, `content`, `redirected`, `cookies`, headers..."""
        if "answer" not in actual:
            needless = actual["needless"]
            return {} if needless is None else {"stdout": f"skipped, since {needless}", "skipped": True}
        out = _told(params, actual["answer"], actual["elapsed"])
        if "path" in actual:
            out["path"] = actual["path"]
        return out


def _told(params: UriParams, answer: Answer, elapsed: int) -> dict[str, Any]:
    """Return an answer under Ansible's names, whether it was expected or not."""
    out: dict[str, Any] = {name.replace("-", "_"): value for name, value in answer.headers.items()}
    if "location" in answer.headers:
        out["location"] = urljoin(answer.url, answer.headers["location"])
    out |= {"status": answer.status, "url": answer.url, "elapsed": elapsed}
    out["msg"] = f"{answer.reason} ({answer.headers.get('content-length', 'unknown')} bytes)"
    out["redirected"] = answer.url != params.url
    out |= {"cookies": dict(answer.cookies), "cookies_string": _joined(answer.cookies)}
    value = json_in(answer.headers.get("content-type", ""), answer.body)
    if value is not None:
        out["json"] = value
    if params.return_content:
        out["content"] = answer.body.decode(errors="replace")
    return out


def _request(system: System, params: UriParams) -> Request:
    follow = _FOLLOW.get(params.follow_redirects, params.follow_redirects)
    request = request_of(
        params,
        method=params.method.upper(),
        follow=follow,
        ca_path=params.ca_path,
        unix_socket=params.unix_socket,
    )
    if params._content is not None:
        body, kind = decode_content(system, params._content), None
    elif params.src is not None:
        if not params.remote_src:
            raise ParameterError("the content of 'src' has not come along")
        body, kind = system.read(params.src), None
    else:
        made, kind = encoded(params.body_format, params.body)
        if made is None:
            return request
        body = made
    headers = dict(request.headers)
    if kind is not None and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = kind
    return replace(request, body=body, headers=headers)


def _needless(system: System, params: UriParams) -> str | None:
    """Return why nothing need be asked, or None."""
    if params.creates is not None and exists(system, params.creates):
        return f"{params.creates} exists"
    if params.removes is not None and not exists(system, params.removes):
        return f"{params.removes} does not exist"
    return None


def _unexpected(params: UriParams, answer: Answer, elapsed: int) -> TaskError:
    error = refused(answer, params.url, params.method.upper())
    wanted = ", ".join(params.status_code)
    told = {name: value for name, value in _told(params, answer, elapsed).items() if name != "msg"}
    message = f"{error.message}, and not {wanted}"
    return TaskError(message, output=error.output, hint=error.hint, outputs=told)


def _content(system: System, path: str, size: int) -> Any:
    return Content(system.read(path)) if size <= SMALL_BYTES else f"sha256 {system.digest(path)}"


def _fetched(download: Download) -> Any:
    if download.digest is UNKNOWN:
        return UNKNOWN
    return f"sha256 {download.digest}" if download.content is None else Content(download.content)


def _joined(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def _name_in(url: str) -> str:
    return posixpath.basename(unquote(urlsplit(url).path))
