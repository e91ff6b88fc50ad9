"""A sandbox takes a subnet that nothing on the machine uses."""

from __future__ import annotations

import json
from ipaddress import IPv4Network

import pytest

from configurator.core.errors import SandboxError
from configurator.sandbox import subnet
from configurator.sandbox.records import LabRecord


def addresses(*texts: str) -> str:
    """Write addresses as `ip -json address` does."""
    entries = [{"family": "inet", "local": t.split("/")[0], "prefixlen": int(t.split("/")[1])} for t in texts]
    return json.dumps([{"ifname": "eth0", "addr_info": [*entries, {"family": "inet6", "local": "fe80::1"}]}])


def routes(*texts: str) -> str:
    """Write routes as `ip -json route` does."""
    return json.dumps([{"dst": text} for text in texts])


def test_the_first_subnet_is_taken_when_nothing_uses_it() -> None:
    """Deterministic, so that documentation can show it."""
    used = subnet.occupied(addresses("192.0.2.2/24"), routes("default", "192.0.2.0/24"))
    assert str(subnet.choose(used)) == "198.18.0.0/24"


def test_addresses_and_routes_of_any_width_are_avoided() -> None:
    """A host address inside, a wider route of a VPN and another sandbox all occupy what they touch."""
    used = subnet.occupied(addresses("198.18.0.9/32"), routes("198.18.1.0/24", "198.18.2.0/23"))
    assert str(subnet.choose(used)) == "198.18.4.0/24"


def test_a_vpn_that_takes_all_traffic_does_not_occupy_every_subnet() -> None:
    """Full-tunnel VPNs route 0.0.0.0/1 and 128.0.0.0/1 instead of replacing the default route."""
    used = subnet.occupied("[]", routes("default", "0.0.0.0/1", "128.0.0.0/1"))
    assert str(subnet.choose(used)) == "198.18.0.0/24"


def test_no_room_is_an_error_with_a_way_out() -> None:
    """Leftover sandboxes are the likely cause."""
    with pytest.raises(SandboxError) as error:
        subnet.choose([IPv4Network("198.18.0.0/15")])
    assert "down --all" in str(error.value.hint)


def test_a_number_has_the_same_address_and_machine_name_every_time() -> None:
    """An address whose hardware address changes is unreachable until the ARP entry expires."""
    network = IPv4Network("198.18.3.0/24")
    assert subnet.gateway(network) == "198.18.3.1"
    assert subnet.guest_address(network, 1) == "198.18.3.2"
    assert subnet.guest_address(network, subnet.MOST_HOSTS) == "198.18.3.254"
    with pytest.raises(SandboxError):
        subnet.guest_address(network, subnet.MOST_HOSTS + 1)


def test_interface_names_fit_into_fifteen_characters() -> None:
    """The kernel refuses longer ones, and nspawn would cut and hash the guest's."""
    record = LabRecord(id="abcdef", boot="b", subnet="198.18.0.0/24")
    assert len(record.bridge) <= 15
    assert len(f"vb-{record.machine(subnet.MOST_HOSTS)}") <= 15
