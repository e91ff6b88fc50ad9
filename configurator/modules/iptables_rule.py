"""The words of iptables(8) and iptables-extensions(8) for a rule."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any


def rule_words(params: Any, *, ipv6: bool) -> list[str]:
    """Return the matches of a rule, then its target with the target's options.

    A value that begins with `!` is negated, as in Ansible.
    """
    words = _Words(params.match)
    words.add("--protocol", params.protocol)
    words.add("--source", params.source)
    words.add("--destination", params.destination)
    words.add("--in-interface", params.in_interface)
    words.add("--out-interface", params.out_interface)
    if params.fragment is not None:
        words.flag("--fragment", negated=params.fragment.startswith("!"))
    for match in params.match:
        words.all += ["--match", match]
    _ports(words, params, ipv6)
    _extensions(words, params)
    return words.all + _target(params)


def admits(rule: str, port: int) -> bool:
    """Return True if a rule, in the words of a task or of `iptables -S`, may accept packets to a tcp port.

    A rule that jumps to another chain, or is about established connections alone, is taken for one.
    """
    words = rule.split()
    options = dict(pairwise([*words, ""]))
    if options.get("-p", options.get("--protocol", "tcp")) not in ("tcp", "all"):
        return False
    if options.get("-j", options.get("--jump", "")) in ("DROP", "REJECT", "LOG", "RETURN"):
        return False
    ports = next((options[flag] for flag in _PORT_FLAGS if flag in options), None)
    if ports is None:
        return options.get("-i", options.get("--in-interface")) != "lo"
    return ports == "ssh" or any(_spans(part, port) for part in ports.split(","))


def _spans(ports: str, port: int) -> bool:
    low, _, high = ports.partition(":")
    if not (low.isascii() and low.isdigit() and (high or "0").isascii() and (high or "0").isdigit()):
        return False
    return int(low) <= port <= int(high or low)


_PORT_FLAGS = ("--dport", "--dports", "--destination-port", "--destination-ports")


class _Words:
    """A command line that is being written."""

    def __init__(self, matches: Sequence[str]) -> None:
        self.all: list[str] = []
        self._matches = set(matches)

    def add(self, flag: str, value: str | None) -> None:
        """Add an option with its value, if there is one."""
        if value is not None:
            negated = value.startswith("!")
            self.flag(flag, negated=negated)
            self.all.append(value[1:].strip() if negated else value)

    def flag(self, flag: str, *, negated: bool) -> None:
        """Add an option that has no value."""
        self.all += ["!", flag] if negated else [flag]

    def extend(self, match: str, *options: tuple[str, str | None]) -> None:
        """Add the options of a match, which is named unless it was before; nothing without values."""
        if all(value is None for _, value in options):
            return
        if match not in self._matches:
            self.all += ["--match", match]
            self._matches.add(match)
        for flag, value in options:
            self.add(flag, value)


def _ports(words: _Words, params: Any, ipv6: bool) -> None:
    words.add("--source-port", params.source_port)
    words.add("--destination-port", params.destination_port)
    words.extend("multiport", ("--destination-ports", _joined(params.destination_ports)))
    if params.tcp_flags:
        lists = (params.tcp_flags.get("flags"), params.tcp_flags.get("flags_set"))
        words.all += ["--tcp-flags", *(_joined(flags) or "NONE" for flags in lists)]
    if params.syn != "ignore":
        words.flag("--syn", negated=params.syn == "negate")
    words.add("--icmpv6-type" if ipv6 else "--icmp-type", params.icmp_type)


def _extensions(words: _Words, params: Any) -> None:
    states = _joined(params.ctstate)
    if "state" in params.match and "conntrack" not in params.match:
        words.extend("state", ("--state", states))
    else:
        words.extend("conntrack", ("--ctstate", states))
    words.extend("iprange", ("--src-range", params.src_range), ("--dst-range", params.dst_range))
    if params.match_set is not None:
        words.extend("set", ("--match-set", params.match_set))
        words.all.append(params.match_set_flags or "src")
    words.extend("limit", ("--limit", params.limit), ("--limit-burst", params.limit_burst))
    words.extend("owner", ("--uid-owner", params.uid_owner), ("--gid-owner", params.gid_owner))
    if params.comment is not None:
        words.extend("comment", ("--comment", ""))
        words.all[-1] = params.comment  # which may well begin with an exclamation mark


def _target(params: Any) -> list[str]:
    """Return the target; some options name it where `jump` does not."""
    marks = params.set_dscp_mark is not None or params.set_dscp_mark_class is not None
    jump = params.jump or ("REJECT" if params.reject_with else "DSCP" if marks else None)
    words = [] if jump is None else ["--jump", jump]
    words += [] if params.goto is None else ["--goto", params.goto]
    for flag, value in (
        ("--gateway", params.gateway),
        ("--log-prefix", params.log_prefix),
        ("--log-level", params.log_level),
        ("--to-destination", params.to_destination),
        ("--to-source", params.to_source),
        ("--to-ports", params.to_ports),
        ("--set-dscp", params.set_dscp_mark),
        ("--set-dscp-class", params.set_dscp_mark_class),
        ("--reject-with", params.reject_with),
    ):
        words += [] if value is None else [flag, value]
    return words


def _joined(value: Any) -> str | None:
    if not value:
        return None
    return ",".join(str(item) for item in value) if isinstance(value, (list, tuple)) else str(value)
