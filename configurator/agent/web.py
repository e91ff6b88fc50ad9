"""HTTP with urllib, as `System.http` and `System.download` need it.

What urllib takes from the process is given here: proxies come from the task's environment, and a password
goes nowhere but to the host that it was given for. All imports are inside: few tasks ask a server.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from configurator.agent.webhandlers import opener, unix_handlers
from configurator.core.cancel import CancelToken
from configurator.core.errors import ParameterError, TaskError
from configurator.modules.web import Answer, Request, shown

_MAX_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})  # RFC 9110, 15.4
_PIECE_BYTES = 1 << 16
_PRIVATE = frozenset({"authorization", "cookie"})


class Exchange:
    """An answer whose body has not been read yet; used as a context manager."""

    def __init__(self, answer: Answer, response: Any, request: Request, token: CancelToken) -> None:
        self.answer = answer
        self._response = response
        self._request = request
        self._token = token

    def __enter__(self) -> Exchange:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()

    def pieces(self) -> Iterator[bytes]:
        """Yield the body, decompressed if it came compressed; TaskError if it ends before its end."""
        expected, got = getattr(self._response, "length", None), 0
        encoding = self.answer.headers.get("content-encoding", "").strip().lower()
        unpack = _decompressor(encoding) if self._request.decompress else None
        read = getattr(self._response, "read1", self._response.read)
        while True:
            self._token.raise_if_cancelled()
            try:
                piece = read(_PIECE_BYTES)
                plain = piece if unpack is None else unpack.decompress(piece)
            except Exception as error:
                raise explain(error, self._request) from error
            if not piece:
                break
            got += len(piece)
            yield plain
        if (expected is not None and got < expected) or (unpack is not None and got and not unpack.eof):
            length = "" if expected is None else f" of {expected}"
            raise TaskError(
                f"{shown(self._request.url)}: the answer ended after {got}{length} bytes",
                hint="the server or a proxy closed the connection",
            )


def send(request: Request, environment: Mapping[str, str], token: CancelToken) -> Exchange:
    """Send a request and follow its redirects; return the last answer, whatever its status.

    TaskError if nobody answers, ParameterError if a certificate's file cannot be read.
    """
    request, username, password = _credentials(request, environment)
    first = urlsplit(request.url)
    context = _context(request)
    for _ in range(_MAX_REDIRECTS + 1):
        token.raise_if_cancelled()
        there = urlsplit(request.url)
        at_home = (there.hostname, there.port, there.scheme) == (first.hostname, first.port, first.scheme)
        known = (username, password) if at_home and username is not None else None
        try:
            response = _open(request, environment, context, known)
        except Exception as error:
            raise explain(error, request) from error
        answer = _answer(response, request)
        following = _redirected(request, answer)
        if following is None:
            return Exchange(answer, response, request, token)
        response.close()
        request = following
    raise TaskError(
        f"{shown(request.url)}: more than {_MAX_REDIRECTS} redirects", hint="it leads in a circle"
    )


def _open(
    request: Request, environment: Mapping[str, str], context: Any, known: tuple[str, str] | None
) -> Any:
    import urllib.error  # noqa: PLC0415
    import urllib.request  # noqa: PLC0415

    made = urllib.request.Request(  # noqa: S310  (modules permit http, https and ftp alone)
        request.url, data=request.body, method=request.method, headers=dict(request.headers)
    )
    if known is not None and request.basic_at_once:
        import base64  # noqa: PLC0415

        token = base64.b64encode(f"{known[0]}:{known[1]}".encode()).decode()
        made.add_unredirected_header("Authorization", f"Basic {token}")
    proxies = _proxies(environment) if request.use_proxy and request.unix_socket is None else {}
    no_proxy = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    handlers = [] if request.unix_socket is None else unix_handlers(request.unix_socket, context)
    credentials = known if not request.basic_at_once else None
    opened = opener(request.url, proxies, no_proxy, context, credentials, handlers)
    try:
        return opened.open(made, timeout=request.timeout_s)
    except urllib.error.HTTPError as refusal:  # of a digest that was not accepted again and again
        return refusal


def _proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the proxies by scheme; names in lower case win, as with curl."""
    found: dict[str, str] = {}
    for scheme in ("http", "https", "ftp"):
        # HTTP_PROXY could come from a header of a CGI request, but no agent is one.
        value = environment.get(f"{scheme}_proxy") or environment.get(f"{scheme}_proxy".upper())
        value = value or environment.get("all_proxy") or environment.get("ALL_PROXY")
        if value:
            found[scheme] = value
    return found


def _credentials(request: Request, environment: Mapping[str, str]) -> tuple[Request, str | None, str]:
    """Take name and password from the parameters, else from the URL, else from ~/.netrc."""
    parts = urlsplit(request.url)
    url, username, password = request.url, request.username, request.password or ""
    if "@" in parts.netloc:
        url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        if username is None:
            username, password = unquote(parts.username or ""), unquote(parts.password or "")
    given = {name.lower() for name in request.headers}
    basic = request.basic_at_once
    if username is None and request.use_netrc and "authorization" not in given:
        found = _netrc(environment, parts.hostname or "")
        if found is not None:
            (username, password), basic = found, True
    return replace(request, url=url, basic_at_once=basic), username, password


def _netrc(environment: Mapping[str, str], host: str) -> tuple[str, str] | None:
    import netrc  # noqa: PLC0415

    path = environment.get("NETRC") or os.path.join(environment.get("HOME", "/nonexistent"), ".netrc")
    try:
        found = netrc.netrc(path).authenticators(host)
    except FileNotFoundError:
        return None
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError) as error:
        raise ParameterError(
            f"cannot use {path}: {error}", hint="`use_netrc: false` leaves it alone"
        ) from error
    return None if found is None else (found[0], found[2] or "")


def _context(request: Request) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context()
        if request.ca_path is not None:
            is_directory = os.path.isdir(request.ca_path)
            context.load_verify_locations(
                cafile=None if is_directory else request.ca_path,
                capath=request.ca_path if is_directory else None,
            )
        if not request.validate_certs:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if request.client_cert is not None:
            # Without a password of our own OpenSSL would ask for one on a terminal.
            context.load_cert_chain(request.client_cert, request.client_key, password="")
        if request.ciphers:
            context.set_ciphers(":".join(request.ciphers))
    except (OSError, ValueError) as error:
        named = [request.ca_path, request.client_cert, request.client_key]
        files = ", ".join(name for name in named if name is not None) or "'ciphers'"
        raise ParameterError(f"cannot use {files}: {error}") from error
    return context


def _answer(response: Any, request: Request) -> Answer:
    headers = response.headers
    joined: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    status = getattr(response, "status", None) or 200  # ftp has none
    reason = getattr(response, "reason", None) or getattr(response, "msg", "") or ""
    return Answer(
        int(status), str(reason), request.url, joined, _cookies(headers.get_all("Set-Cookie") or [])
    )


def _cookies(lines: list[str]) -> dict[str, str]:
    pairs = [line.partition(";")[0].partition("=") for line in lines]
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def _redirected(request: Request, answer: Answer) -> Request | None:
    """Return the request that a redirect asks for, if it is one that may be followed."""
    location = answer.headers.get("location")
    if answer.status not in _REDIRECTS or not location or request.follow == "none":
        return None
    method, reads = request.method, request.method in ("GET", "HEAD")
    if request.follow == "safe" and not reads:
        return None
    if not reads and request.follow == "urllib2" and answer.status in (307, 308):
        return None
    url = urljoin(request.url, location.replace(" ", "%20"))
    old, new = urlsplit(request.url), urlsplit(url)
    if new.scheme not in ("http", "https"):
        raise TaskError(f"{shown(request.url)} leads to {shown(url)}, which is no HTTP")
    if "@" in new.netloc:
        url = urlunsplit(new._replace(netloc=new.netloc.rpartition("@")[2]))
    dropped = {name.lower() for name in request.unredirected}
    if (old.hostname, old.port) != (new.hostname, new.port):
        dropped |= _PRIVATE
    body = request.body
    if (answer.status in (302, 303) and method != "HEAD") or (answer.status == 301 and method == "POST"):
        method, body = "GET", None
        dropped |= {"content-type", "content-length"}
    headers = {name: value for name, value in request.headers.items() if name.lower() not in dropped}
    return replace(request, url=url, method=method, body=body, headers=headers)


def _decompressor(encoding: str) -> Any:
    if encoding not in ("gzip", "x-gzip", "deflate"):
        return None
    import zlib  # noqa: PLC0415

    return zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: a gzip or a zlib header, whichever is there


def explain(error: Exception, request: Request) -> Exception:  # noqa: PLR0911  (one for each cause)
    """Return the TaskError that says what went wrong with a request; other errors as they are."""
    import http.client  # noqa: PLC0415
    import socket  # noqa: PLC0415
    import zlib  # noqa: PLC0415

    reason: Any = getattr(error, "reason", error)
    url, host = shown(request.url), urlsplit(request.url).hostname
    if isinstance(reason, ssl.SSLCertVerificationError):
        hint = "`ca_path` names the certificate of its authority; ca-certificates has those of public ones"
        return TaskError(f"{url}: the certificate is not trusted: {reason.verify_message}", hint=hint)
    if isinstance(reason, ssl.SSLError):
        return TaskError(f"{url}: TLS failed: {reason.reason or reason}")
    if isinstance(reason, socket.gaierror):
        return TaskError(
            f"{url}: the address of {host} cannot be found: {reason.strerror}",
            hint="is the name right, and does the host resolve names (/etc/resolv.conf)?",
        )
    if isinstance(reason, TimeoutError):
        return TaskError(f"{url}: no answer within {request.timeout_s:g} s", hint="`timeout` permits more")
    if isinstance(reason, FileNotFoundError) and request.unix_socket is not None:
        return ParameterError(f"there is no socket {request.unix_socket}")
    if isinstance(error, OSError):
        text = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
        hint_ = "is the service running?" if isinstance(reason, ConnectionRefusedError) else None
        return TaskError(f"{url}: {text.lower()}", hint=hint_)
    if isinstance(error, (http.client.HTTPException, zlib.error, ValueError)):
        return TaskError(f"{url}: not understood what came back: {str(error) or type(error).__name__}")
    return error
