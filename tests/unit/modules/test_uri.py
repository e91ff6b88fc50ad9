"""uri: bodies in their forms, and parameters that cannot be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core.errors import ParameterError, TaskError
from configurator.modules.webbody import encoded, json_in
from tests.unit.modules.harness import Host, problems


def test_bodies_take_the_form_that_was_asked_for() -> None:
    """A text that is JSON already is not packed a second time."""
    assert encoded("json", {"a": 1}) == (b'{"a": 1}', "application/json")
    assert encoded("json", '{"a": 1}') == (b'{"a": 1}', "application/json")
    assert encoded("raw", "a=b") == (b"a=b", None)
    form = "application/x-www-form-urlencoded"
    assert encoded("form-urlencoded", [["a", "1 2"], ["a", "ü"]]) == (b"a=1+2&a=%C3%BC", form)
    assert encoded("json", None) == (None, None)


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1)))
def test_a_form_is_read_as_it_was_meant(fields: dict[str, str]) -> None:
    """Signs with a meaning in a form are escaped."""
    body, _ = encoded("form-urlencoded", fields)
    assert dict(parse_qsl((body or b"").decode(), keep_blank_values=True)) == fields


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,9}", fullmatch=True), st.from_regex(r"[a-z0-9 -]*", fullmatch=True)
    )
)
def test_the_parts_of_a_multipart_body_are_read_as_they_were_meant(fields: dict[str, str]) -> None:
    """The standard library's reader finds each field, and the same body gives the same bytes."""
    body, kind = encoded("form-multipart", fields)
    assert (body, kind) == encoded("form-multipart", dict(fields))
    whole = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + (body or b""))
    parts: Any = whole.get_payload() if fields else []
    read = {part.get_param("name", header="content-disposition"): part.get_payload() for part in parts}
    assert read == fields


def test_a_file_in_a_multipart_body_has_name_and_type() -> None:
    """A name with a quote cannot end its header."""
    part = {"filename": 'a"\r\nb', "content": "x", "mime_type": "text/plain"}
    body, _ = encoded("form-multipart", {"f": part})
    assert b'filename="a%22%0D%0Ab"\r\nContent-Type: text/plain\r\n\r\nx\r\n' in (body or b"")
    for wrong in ("text", {"f": {"filename": "/etc/passwd"}}):
        with pytest.raises(ParameterError):
            encoded("form-multipart", wrong)


@pytest.mark.parametrize(
    ("kind", "body", "value"),
    [
        ("application/json; charset=utf-8", b'{"a": 1}', {"a": 1}),
        ("application/problem+json", b"[1]", [1]),
        ("text/html", b"[1]", None),
        ("application/json", b"{", None),
    ],
)
def test_json_is_read_where_the_answer_says_that_it_is_json(kind: str, body: bytes, value: Any) -> None:
    """A page that only looks like it is none; a damaged one is no reason to fail."""
    assert json_in(kind, body) == value


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"url": "ftp://one.test/"}, "'url' must begin with http:// or https://"),
        ({"method": "GET /"}, "is not a method of HTTP"),
        ({"status_code": "2xx"}, "'2xx' is not a status"),
        ({"body": "x", "src": "y"}, "'body' and 'src' exclude each other"),
        ({"src": "y", "remote_src": True}, "'src' must be an absolute path"),
        ({"dest": "here"}, "'dest' must be an absolute path"),
        ({"creates": "here"}, "'creates' must be an absolute path"),
        ({"follow_redirects": "some"}, "'follow_redirects': must be one of"),
    ],
)
def test_wrong_parameters_are_named_without_a_host(params: dict[str, object], problem: str) -> None:
    """What the compiler can see is not left to the host."""
    assert problem in "; ".join(problems("uri", **{"url": "http://one.test/", **params}))


def test_good_parameters_have_no_problem() -> None:
    """`yes` and `no` are written for redirects, too, and a status may be a number or a list."""
    for follow in (True, "no", "safe"):
        assert problems("uri", url="http://one.test", follow_redirects=follow, status_code=[200, "404"]) == []
    assert problems("uri", url="http://one.test", status_code="200, 201") == []


class _Refuses(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.send_response(503)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"state": "starting"}')


@pytest.fixture
def starting() -> Iterator[str]:
    """The URL of a service that is not ready yet."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refuses) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_request_that_fails_tells_the_status(host: Host, starting: str) -> None:
    """`until: it.status == 200` asks a service that is starting, which fails until it has started."""
    with pytest.raises(TaskError) as refused:
        host.apply("uri", url=starting, return_content=True)
    assert refused.value.outputs["status"] == 503
    assert refused.value.outputs["json"] == {"state": "starting"}
    assert refused.value.outputs["content"] == '{"state": "starting"}'
    assert "msg" not in refused.value.outputs  # what has gone wrong says more
    with pytest.raises(TaskError) as lost:
        host.apply("get_url", url=starting, dest=host.path("x"))
    assert lost.value.outputs["status_code"] == 503


def test_where_nobody_answers_the_status_is_minus_one(host: Host) -> None:
    """As in Ansible, so that conditions about it can be computed."""
    url = "http://127.0.0.1:9/"
    with pytest.raises(TaskError) as nobody:
        host.apply("uri", url=url)
    assert nobody.value.outputs == {"status": -1, "url": url, "redirected": False, "elapsed": 0}
    with pytest.raises(TaskError) as nothing:
        host.apply("get_url", url=url, dest=host.path("x"))
    assert nothing.value.outputs == {"status_code": -1, "url": url, "dest": host.path("x")}


def test_waiting_in_vain_tells_how_long_it_was(host: Host) -> None:
    """`failed_when` may look at `elapsed` of what was not there in time."""
    with pytest.raises(TaskError) as expired:
        host.apply("wait_for", path=host.path("nothing"), timeout=1)
    assert expired.value.outputs == {"elapsed": 1}
