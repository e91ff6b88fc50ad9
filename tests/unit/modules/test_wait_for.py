"""wait_for: connections as the kernel lists them, and parameters that cannot be."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from configurator.modules.wait_for import count, parse_address
from tests.unit.modules.harness import problems

LISTING = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 2
   2: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 3
   3: 0A00000A:1F90 0B00000A:C351 06 00000000:00000000 00:00000000 00000000     0        0 4
   4: 0000000000000000FFFF00000A00000A:1F90 0000000000000000FFFF00000C00000A:C352 01 0:0 0:0 0 0 0 5
   5: 00000000000000000000000001000000:1F90 00000000000000000000000001000000:C353 01 0:0 0:0 0 0 0 6
"""


@pytest.mark.parametrize(
    ("port", "local", "excluded", "states", "found"),
    [
        (8080, None, (), (1, 6), 4),
        (8080, None, (), (1,), 3),
        (8080, {"127.0.0.1"}, (), (1, 6), 1),
        (8080, {"10.0.0.10"}, (), (1, 6), 2),
        (8080, {"::1"}, (), (1, 6), 1),
        (8080, None, {"127.0.0.1", "10.0.0.12"}, (1, 6), 2),
        (50000, None, (), (1,), 1),
        (22, None, (), (1,), 0),
    ],
)
def test_connections_are_counted_by_port_address_and_state(
    port: int, local: set[str] | None, excluded: set[str], states: tuple[int, ...], found: int
) -> None:
    """A listening socket is no connection; IPv4 within IPv6 is IPv4."""
    assert count(LISTING, port, local, excluded, states) == found


def test_addresses_are_read_as_this_kernel_writes_them() -> None:
    """A socket of ours is in the list under its own address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        assert ("127.0.0.1", port) in [parse_address(words[1]) for words in lines]


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"port": 80, "path": "/x"}, "'port' and 'path' exclude each other"),
        ({"port": 70000}, "70000 is not a port"),
        ({"path": "x"}, "'path' must be an absolute path"),
        ({"state": "drained"}, "'state: drained' needs 'port'"),
        ({"port": 80, "exclude_hosts": "a"}, "'exclude_hosts' needs 'state: drained'"),
        ({"search_regex": "x"}, "'search_regex' needs a port or a file"),
        ({"path": "/x", "search_regex": "("}, "'search_regex' is no regular expression"),
        ({"port": 80, "sleep": 0}, "'sleep' must be at least 1"),
        ({"port": 80, "active_connection_states": "LISTEN"}, "must be one of ESTABLISHED"),
    ],
)
def test_wrong_parameters_are_named_without_a_host(params: dict[str, object], problem: str) -> None:
    """What the compiler can see is not left to the host."""
    assert problem in "; ".join(problems("wait_for", **params))
