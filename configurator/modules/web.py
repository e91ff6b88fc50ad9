"""What modules ask of other servers and what these answer: the data of `System.http` and `download`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from configurator.core.errors import TaskError
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import UNKNOWN

AGENT = "configurator"
READING = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110, 9.2.1: safe methods
NOT_MODIFIED = 304
SMALL_BYTES = 512 * 1024  # a body up to this size is handed out, for a diff


@dataclass(frozen=True, slots=True)
class Request:
    """One request and everything about how it is made; `timeout_s` is how long a server may be silent.

    `follow` is one of `all`, `safe` (GET and HEAD alone), `none` and `urllib2` (a POST becomes a GET).
    `unredirected` names headers that are not sent to where a redirect leads.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    unredirected: tuple[str, ...] = ()
    body: bytes | None = field(default=None, repr=False)
    timeout_s: float = 10.0
    follow: str = "urllib2"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    basic_at_once: bool = False
    use_netrc: bool = True
    use_proxy: bool = True
    decompress: bool = True
    validate_certs: bool = True
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    ciphers: tuple[str, ...] = ()
    unix_socket: str | None = None


@dataclass(frozen=True, slots=True)
class HttpParams:
    """The parameters that get_url and uri have in common: where to ask, and how."""

    url: str = param("str", required=True)
    headers: dict[str, Any] = param("dict", {})
    timeout: int = param("int", 10)
    url_username: str | None = param("str")
    url_password: str | None = param("str", secret=True)
    force_basic_auth: bool = param("bool", False)
    use_proxy: bool = param("bool", True)
    use_netrc: bool = param("bool", True)
    validate_certs: bool = param("bool", True)
    client_cert: str | None = param("str")
    client_key: str | None = param("str")
    ciphers: tuple[str, ...] = param("list")
    http_agent: str = param("str", AGENT)
    decompress: bool = param("bool", True)
    unredirected_headers: tuple[str, ...] = param("list")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `url` is where redirects have led; header names are in lower case."""

    status: int
    reason: str
    url: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Download:
    """An answer whose body lies in a file without a name until the task ends, see `System.install`.

    `digest` is that of the body; UNKNOWN where only the apply will fetch it. `content` is the body itself
    where it is small.
    """

    answer: Answer
    size: Any = UNKNOWN
    digest: Any = UNKNOWN
    content: bytes | None = None
    handle: int = 0

    @property
    def unchanged(self) -> bool:
        """True if the server says that nothing is newer than what we have."""
        return self.answer.status == NOT_MODIFIED


def shown(url: str) -> str:
    """Return a URL without the password that it may hold."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def request_of(params: HttpParams, **more: Any) -> Request:
    """Return the request that the parameters which get_url and uri have in common describe."""
    headers = {str(name): _header(value) for name, value in params.headers.items()}
    if not any(name.lower() == "user-agent" for name in headers):
        headers["User-Agent"] = params.http_agent
    values = {
        "url": params.url,
        "headers": headers,
        "unredirected": tuple(params.unredirected_headers),
        "timeout_s": float(params.timeout),
        "username": params.url_username,
        "password": params.url_password,
        "basic_at_once": params.force_basic_auth,
        "use_netrc": params.use_netrc,
        "use_proxy": params.use_proxy,
        "decompress": params.decompress,
        "validate_certs": params.validate_certs,
        "client_cert": params.client_cert,
        "client_key": params.client_key,
        "ciphers": tuple(params.ciphers),
        **more,
    }
    return Request(**values)


def _header(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def problems(params: HttpParams, schemes: tuple[str, ...]) -> list[ParamProblem]:
    """Return what is wrong with the parameters that get_url and uri have in common."""
    found: list[ParamProblem] = []
    problem = url_problem(params.url, schemes)
    if problem:
        found.append(ParamProblem("url", problem))
    if params.timeout <= 0:
        found.append(ParamProblem("timeout", "'timeout' must be more than 0 seconds"))
    if params.client_key is not None and params.client_cert is None:
        found.append(ParamProblem("client_key", "'client_key' needs 'client_cert'"))
    if params.url_password is not None and params.url_username is None:
        found.append(ParamProblem("url_password", "'url_password' needs 'url_username'"))
    for name, value in params.headers.items():
        if set(f"{name}{value}") & set("\r\n") or not name or set(name) & set(": "):
            found.append(ParamProblem("headers", f"'headers': {name!r} cannot be sent"))
    return found


def url_problem(url: str, schemes: tuple[str, ...]) -> str | None:
    """Return what is wrong with a URL, or None."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        return f"'url': {error}"
    if parts.scheme not in schemes:
        return f"'url' must begin with {' or '.join(f'{name}://' for name in schemes)}, not {shown(url)!r}"
    if not parts.hostname or set(url) & set(" \r\n\t"):
        return f"{shown(url)!r} is not a URL"
    return None


def relies_on(params: Any) -> list[str]:
    """Return the effect keys that a request to the parameters' URL reads: what leads there, and files.

    What listens on this host itself can be anything that an earlier task has started.
    """
    host = urlsplit(params.url).hostname or ""
    if (
        host == "localhost"
        or host.startswith("127.")
        or host == "::1"
        or getattr(params, "unix_socket", None)
    ):
        return ["*"]
    files = (getattr(params, "ca_path", None), params.client_cert, params.client_key)
    return [*_NETWORK, *(f"path:{name}" for name in files if name is not None)]


_NETWORK = (
    "package:ca-certificates",
    "path:/etc/hosts",
    "path:/etc/resolv.conf",
    "path:/usr/local/share/ca-certificates/**",
    "nftables:**",
)


def refused(answer: Answer, url: str, method: str = "GET") -> TaskError:
    """Return the error for a status that was not wanted, with the beginning of what the server said."""
    told = answer.body[:2000].decode(errors="replace").strip()
    hints = {
        401: "it wants `url_username` and `url_password`",
        403: "it does not permit that",
        404: "nothing is there: look at the path",
        407: "the proxy wants a name and a password",
        429: "too many requests were made",
    }
    where = shown(answer.url) if answer.url != url else ""
    return TaskError(
        f"{method} {shown(url)}: status {answer.status} {answer.reason}".rstrip()
        + (f" from {where}" if where else ""),
        output=told,
        hint=hints.get(answer.status) or ("the server has failed" if answer.status >= 500 else None),
    )
