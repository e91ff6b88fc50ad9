"""iptables: the words of a rule, which rules let ssh in, and combinations that mean nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.modules.iptables import Iptables
from configurator.modules.iptables_rule import admits
from tests.unit.modules.harness import problems
from tests.unit.modules.recorded_system import params_of


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"protocol": "tcp", "destination_port": 22}, "--protocol tcp --destination-port 22"),
        ({"source": "! 10.0.0.1", "in_interface": "!lo"}, "! --source 10.0.0.1 ! --in-interface lo"),
        ({"ctstate": ["NEW"]}, "--match conntrack --ctstate NEW"),
        ({"ctstate": "NEW", "match": "conntrack"}, "--match conntrack --ctstate NEW"),
        ({"ctstate": "NEW", "match": "state"}, "--match state --state NEW"),
        ({"limit": "1/s", "limit_burst": 3}, "--match limit --limit 1/s --limit-burst 3"),
        ({"reject_with": "tcp-reset"}, "--jump REJECT --reject-with tcp-reset"),
        ({"comment": "!x"}, "--match comment --comment !x"),
        ({"syn": "negate", "protocol": "tcp"}, "--protocol tcp ! --syn"),
        ({"match_set": "bad", "match_set_flags": "src"}, "--match set --match-set bad src"),
        ({"fragment": "!"}, "! --fragment"),
    ],
)
def test_the_words_of_a_rule(raw: dict[str, Any], words: str) -> None:
    """Extensions are named once, a beginning `!` negates."""
    params = params_of(Iptables(), chain="INPUT", **raw)
    assert " ".join(params.rule("iptables")) == words


@pytest.mark.parametrize(
    ("rule", "admitted"),
    [
        ("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT", True),
        ("-A INPUT -p tcp -m multiport --dports 80,20:25 -j ACCEPT", True),
        ("--protocol tcp --destination-port 22 --jump ACCEPT", True),
        ("-A INPUT -j ufw-before-input", True),
        ("-A INPUT -i lo -j ACCEPT", False),
        ("-A INPUT -p udp --dport 22 -j ACCEPT", False),
        ("-A INPUT -p tcp --dport 80 -j ACCEPT", False),
        ("-A INPUT -p tcp --dport 22 -j DROP", False),
    ],
)
def test_which_rules_let_ssh_in(rule: str, admitted: bool) -> None:
    """Where that cannot be told from the rule, a new login tells it."""
    assert admits(rule, 22) is admitted


@given(st.text())
def test_any_rule_is_read(rule: str) -> None:
    """iptables may list what this program knows nothing of."""
    assert admits(rule, 22) in (True, False)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "missing required parameter 'chain'"),
        ({"chain": "INPUT"}, "says nothing"),
        ({"chain": "-F"}, "is not the name of a chain"),
        ({"chain": "INPUT", "flush": True, "policy": "DROP"}, "exclude each other"),
        ({"chain": "INPUT", "jump": "A", "goto": "B"}, "exclude each other"),
        ({"chain": "INPUT", "jump": "A", "rule_num": 3}, "'rule_num' needs"),
        ({"chain": "INPUT", "tcp_flags": {"flags": "SYN"}}, "'tcp_flags' needs"),
        ({"chain": "INPUT", "match_set": "x"}, "belong together"),
        ({"chain": "INPUT", "comment": "x" * 257}, "256 characters"),
    ],
)
def test_combinations_that_mean_nothing_are_refused(params: dict[str, object], said: str) -> None:
    """Before any host is touched."""
    assert any(said in problem for problem in problems("iptables", **params))
