"""The parts of urllib that we set up ourselves: proxies of the task, sockets of this host, any status."""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPSConnection
from typing import Any


class _AnyStatus(urllib.request.HTTPDefaultErrorHandler):
    """A status that nobody handles is an answer like any other."""

    def http_error_default(self, req: Any, fp: Any, code: int, msg: str, hdrs: Any) -> Any:  # noqa: ARG002
        return fp


class _Proxies(urllib.request.ProxyHandler):
    """The proxies of one task; hosts in its `no_proxy` are asked directly."""

    def __init__(self, proxies: Mapping[str, str], no_proxy: str) -> None:
        super().__init__(dict(proxies))
        self._no_proxy = no_proxy

    def proxy_open(self, req: urllib.request.Request, proxy: str, type: str) -> Any:  # noqa: A002
        bypass: Any = urllib.request.proxy_bypass_environment  # type: ignore[attr-defined]
        if self._no_proxy and bypass(req.host, {"no": self._no_proxy}):
            return None
        handler: Any = super()
        return handler.proxy_open(req, proxy, type)


def opener(
    url: str,
    proxies: Mapping[str, str],
    no_proxy: str,
    context: ssl.SSLContext,
    credentials: tuple[str, str] | None,
    handlers: Sequence[urllib.request.BaseHandler],
) -> urllib.request.OpenerDirector:
    """Return what opens this one URL; it follows no redirects, and raises for no status."""
    made = urllib.request.OpenerDirector()
    for handler in (
        _Proxies(proxies, no_proxy),
        urllib.request.UnknownHandler(),
        *(handlers or (urllib.request.HTTPHandler(), urllib.request.HTTPSHandler(context=context))),
        urllib.request.FTPHandler(),
        urllib.request.HTTPErrorProcessor(),
        _AnyStatus(),
    ):
        made.add_handler(handler)
    if credentials is not None:
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, url, *credentials)
        made.add_handler(urllib.request.HTTPBasicAuthHandler(passwords))
        made.add_handler(urllib.request.HTTPDigestAuthHandler(passwords))
    return made


def unix_handlers(path: str, context: ssl.SSLContext) -> list[urllib.request.BaseHandler]:
    """Return the handlers that reach every host by a socket of this one."""

    class Plain(HTTPConnection):
        def connect(self) -> None:
            self.sock = _connected(path, self.timeout)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            self.sock = context.wrap_socket(_connected(path, self.timeout), server_hostname=self.host)

    class PlainHandler(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> Any:
            return self.do_open(Plain, req)

    class SecureHandler(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> Any:
            return self.do_open(Secure, req)

    return [PlainHandler(), SecureHandler(context=context)]


def _connected(path: str, timeout: Any) -> Any:
    import socket  # noqa: PLC0415

    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.settimeout(timeout if isinstance(timeout, (int, float)) else None)
        made.connect(path)
    except BaseException:
        made.close()
        raise
    return made
