"""Requests over urllib: where names and passwords go, which redirects are followed, what a failure says."""

from __future__ import annotations

import gzip
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from configurator.agent.system import HostContext, RealSystem
from configurator.agent.web import _credentials, _proxies, _redirected
from configurator.core.cancel import Cancelled, CancelToken
from configurator.core.errors import ParameterError, TaskError
from configurator.modules.web import Answer, Request

HERE = "http://one.test/a"


def system(environment: dict[str, str] | None = None, token: CancelToken | None = None) -> RealSystem:
    return HostContext().for_task(token or CancelToken(), environment=environment or {})


def redirected(status: int, location: str, **request: Any) -> Request | None:
    asked = Request(HERE, **request)
    return _redirected(asked, Answer(status, "", HERE, {"location": location}))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.seen.append(dict(self.headers))  # type: ignore[attr-defined]
        status, headers, body = self.server.answers.get(self.path, (404, {}, b"lost"))  # type: ignore[attr-defined]
        if self.path == "/digest" and "Authorization" not in self.headers:
            status, headers = (
                401,
                {"WWW-Authenticate": 'Digest realm="r", nonce="n", algorithm=MD5, qop="auth"'},
            )
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *said: object) -> None:
        pass


@contextmanager
def server(
    answers: dict[str, tuple[int, dict[str, str], bytes]], tls: ssl.SSLContext | None = None
) -> Iterator[Any]:
    made: Any = HTTPServer(("127.0.0.1", 0), Handler)
    made.answers, made.seen = answers, []
    made.handle_error = lambda *given: None
    if tls is not None:
        made.socket = tls.wrap_socket(made.socket, server_side=True)
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    made.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{made.server_port}"
    try:
        yield made
    finally:
        made.shutdown()
        thread.join()
        made.server_close()


def test_a_password_in_the_url_is_taken_out_of_it() -> None:
    """The URL is shown in errors and sent to proxies."""
    asked, username, password = _credentials(Request("http://ada:love%40lace@one.test:81/a?b"), {})
    assert (asked.url, username, password) == ("http://one.test:81/a?b", "ada", "love@lace")


def test_netrc_is_used_for_its_host_unless_a_name_is_given(tmp_path: Path) -> None:
    """As curl and Ansible do; `use_netrc: false` leaves it alone, and a damaged file says so."""
    (tmp_path / ".netrc").write_text("machine one.test login ada password lovelace\n")
    home = {"HOME": str(tmp_path)}
    assert _credentials(Request(HERE), home)[1:] == ("ada", "lovelace")
    assert _credentials(Request("http://two.test"), home)[1] is None
    assert _credentials(Request(HERE, username="me", password="x"), home)[1:] == ("me", "x")
    assert _credentials(Request(HERE, use_netrc=False), home)[1] is None
    (tmp_path / ".netrc").write_text("machine\n")
    with pytest.raises(ParameterError, match="cannot use"):
        _credentials(Request(HERE), home)


def test_proxies_come_from_the_environment_of_the_task() -> None:
    """Names in lower case win; `all_proxy` is for those that are not named."""
    found = _proxies({"HTTP_PROXY": "http://a", "http_proxy": "http://b", "ALL_PROXY": "http://c"})
    assert found == {"http": "http://b", "https": "http://c", "ftp": "http://c"}


@pytest.mark.parametrize(
    ("follow", "method", "status", "becomes"),
    [
        ("urllib2", "GET", 302, "GET"),
        ("urllib2", "POST", 303, "GET"),
        ("urllib2", "POST", 307, None),
        ("safe", "POST", 303, None),
        ("safe", "HEAD", 308, "HEAD"),
        ("all", "POST", 307, "POST"),
        ("all", "POST", 302, "GET"),
        ("all", "DELETE", 301, "DELETE"),
        ("none", "GET", 302, None),
    ],
)
def test_which_redirects_are_followed_and_how(
    follow: str, method: str, status: int, becomes: str | None
) -> None:
    """A body goes on only where the method does."""
    found = redirected(status, "/b", follow=follow, method=method, body=b"x")
    assert (found.method if found else None) == becomes
    if found is not None:
        assert found.url == "http://one.test/b"
        assert found.body == (
            b"x" if (becomes == method and status in (307, 308, 301)) or method == "HEAD" else None
        )


def test_a_redirect_takes_nothing_private_to_another_host() -> None:
    """Who can answer for one address must not learn what another one is told."""
    headers = {"Authorization": "x", "Cookie": "y", "X-Kept": "z", "X-Mine": "m"}
    away = redirected(302, "http://two.test/", headers=headers, unredirected=("x-mine",))
    near = redirected(302, "/b", headers=headers, unredirected=("x-mine",))
    assert away is not None
    assert near is not None
    assert set(away.headers) == {"X-Kept"}
    assert set(near.headers) == {"Authorization", "Cookie", "X-Kept"}
    with pytest.raises(TaskError, match="no HTTP"):
        redirected(302, "file:///etc/shadow")


def test_the_password_stays_with_its_host() -> None:
    """The second server sees no Authorization, also where it is sent with the first request."""
    with server({"/": (200, {}, b"")}) as other:
        moved = {"/": (302, {"Location": other.url.replace("127.0.0.1", "localhost")}, b"")}
        with server(moved) as first:
            asked = Request(first.url + "/", username="ada", password="x", basic_at_once=True)
            system().http(asked)
            assert "Authorization" in first.seen[0]
            assert "Authorization" not in other.seen[0]


def test_digest_authentication_and_compressed_answers() -> None:
    """Both are urllib's and zlib's, and were set up by us."""
    answers = {
        "/digest": (200, {}, b"in"),
        "/gzip": (200, {"Content-Encoding": "gzip"}, gzip.compress(b"hello" * 1000)),
        "/half": (200, {"Content-Encoding": "gzip"}, gzip.compress(b"hello" * 1000)[:-9]),
        "/broken": (200, {"Content-Encoding": "gzip"}, b"no gzip"),
    }
    with server(answers) as made:
        asked = Request(made.url + "/digest", username="ada", password="x")
        assert system().http(asked).body == b"in"
        assert system().http(Request(made.url + "/gzip")).body == b"hello" * 1000
        assert system().http(Request(made.url + "/gzip", decompress=False)).body[:2] == b"\x1f\x8b"
        with pytest.raises(TaskError, match="ended after"):
            system().http(Request(made.url + "/half"))
        with pytest.raises(TaskError, match="not understood"):
            system().http(Request(made.url + "/broken"))


def test_an_answer_larger_than_the_limit_is_refused() -> None:
    """A server must not be able to fill the agent's memory."""
    with server({"/": (200, {}, b"x" * 100)}) as made:
        assert len(system().http(Request(made.url + "/"), limit=100).body) == 100
        with pytest.raises(TaskError, match="larger"):
            system().http(Request(made.url + "/"), limit=99)


def test_a_cancelled_task_asks_nobody() -> None:
    """What is under way ends with the next piece, too."""
    token = CancelToken()
    token.cancel("enough")
    with pytest.raises(Cancelled):
        system(token=token).http(Request("http://127.0.0.1:9/"))


def test_a_download_is_fetched_once_a_task_and_leaves_no_name(tmp_path: Path) -> None:
    """The proof after the change must not fetch everything again; a kill must leave nothing behind."""
    with server({"/": (200, {}, b"hello")}) as made:
        here = system()
        asked = Request(made.url + "/")
        first = here.download(asked, directory=str(tmp_path))
        assert here.download(asked, newer_than=5.0) is first
        assert list(tmp_path.iterdir()) == []
        here.install(first, str(tmp_path / "new"), mode="0600")
        assert (tmp_path / "new").read_bytes() == b"hello"
        assert len(made.seen) == 1


def test_certificates_are_checked_unless_the_task_says_otherwise(tmp_path: Path) -> None:
    """`ca_path` trusts one authority more; without it a strange certificate is refused, with a hint."""
    key, cert = str(tmp_path / "key"), str(tmp_path / "cert")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert]
    names = ["-subj", "/CN=here", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with server({"/": (200, {}, b"safe")}, context) as secure:
        url = secure.url + "/"
        assert system().http(Request(url, ca_path=cert)).body == b"safe"
        assert system().http(Request(url, validate_certs=False)).body == b"safe"
        with pytest.raises(TaskError, match="the certificate is not trusted") as refused:
            system().http(Request(url))
        assert "ca_path" in (refused.value.hint or "")
    with pytest.raises(ParameterError, match="cannot use /nowhere"):
        system().http(Request(url, ca_path="/nowhere"))
