"""Contents that the controller holds: they come piece by piece, and need not fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from configurator.core.cancel import CancelToken
from configurator.core.errors import TaskError

PIECE_BYTES = 4 << 20  # of a content, in one message; the next one is asked for when this one was used

# Given a sha256, an offset and what ends the wait: the bytes from there on, and how many there are in all.
FetchPiece = Callable[[str, int, CancelToken | None], tuple[bytes, int]]


def pieces(fetch: FetchPiece, digest: str, token: CancelToken | None = None) -> Iterator[bytes]:
    """Yield a content in pieces; TaskError at the end if it is not the one that was asked for."""
    from hashlib import sha256  # noqa: PLC0415  (3 ms on the host; most runs fetch nothing)

    summer, received = sha256(), 0
    while True:
        piece, total = fetch(digest, received, token)
        if token is not None:
            token.raise_if_cancelled()
        summer.update(piece)
        received += len(piece)
        if received > total or (not piece and received < total):
            break
        yield piece
        if received == total:
            break
    if received != total or summer.hexdigest() != digest:
        raise TaskError(
            "a file's content did not arrive from the controller as it was when the run began",
            hint="it has changed meanwhile, or the other side does not keep to the protocol",
        )


def no_controller(digest: str, _offset: int, _token: CancelToken | None) -> tuple[bytes, int]:
    """Have nobody to ask."""
    raise TaskError(f"no controller to ask for content {digest[:12]}")
