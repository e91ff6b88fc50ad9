"""A host gets the contents that its graph names, piece by piece, and nothing else of the controller."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from configurator.agent.contents import pieces
from configurator.agent.protocol import Held
from configurator.transport import blobs as serving
from configurator.transport.blobs import piece_of


@given(st.binary(max_size=100), st.integers(1, 40), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pieces_make_the_content(tmp_path: Path, data: bytes, size: int, in_file: bool) -> None:
    """From memory or from a file, of whatever size the pieces are."""
    (tmp_path / "f").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    held: dict[str, Held] = {digest: tmp_path / "f" if in_file else data}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "PIECE_BYTES", size)

        def fetch(name: str, offset: int, _token: object) -> tuple[bytes, int]:
            answer = piece_of(held, {"digest": name, "offset": offset})
            return answer["data"], answer["size"]

        assert b"".join(pieces(fetch, digest)) == data


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"digest": "b", "offset": 0},
        {"digest": "/etc/passwd", "offset": 0},
        {"digest": "a"},
        {"digest": "a", "offset": -1},
        {"digest": "a", "offset": "0"},
        {"digest": ["a"], "offset": 0},
    ],
    ids=str,
)
def test_what_was_not_named_is_not_given(message: dict[str, object]) -> None:
    """What a host asks is data from a stranger."""
    assert piece_of({"a": b"x"}, message) == {"error": "there is no such content"}


def test_a_file_that_is_gone_says_so(tmp_path: Path) -> None:
    """It was there when the project was compiled."""
    answer = piece_of({"a": tmp_path / "gone"}, {"digest": "a", "offset": 0})
    assert answer == {"error": f"cannot read {tmp_path / 'gone'}: No such file or directory"}
