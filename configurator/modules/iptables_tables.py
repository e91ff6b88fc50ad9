"""Tables of packet rules in the words of iptables-save(8), without the numbers of packets and bytes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

_COUNTERS = re.compile(r"\[\d+:\d+\]\s*")
_CHAIN = re.compile(r":(?P<name>\S+)\s+(?P<policy>\S+)(?:\s+\[\d+:\d+\])?\s*")
_OWN = "-"  # the policy of a chain that is not built in


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain; the rules of one that is not built in have no policy (`-`) behind them."""

    policy: str
    rules: tuple[str, ...] = ()


Table = Mapping[str, Chain]


@dataclass(slots=True)
class Dump:
    """What a text for iptables-restore(8) says, by table; `others` are lines that -save never writes."""

    text: str = ""
    tables: dict[str, dict[str, Chain]] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)


def parse(text: str) -> Dump:
    """Return the tables of a text. Any text can be read; what is no table, chain or rule is in `others`."""
    dump = Dump(text)
    table: dict[str, Chain] | None = None
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("*"):
            table = dump.tables.setdefault(line[1:].strip(), {})
            continue
        if line == "COMMIT":
            table = None
            continue
        chain = _CHAIN.fullmatch(line)
        rule = _COUNTERS.sub("", line, count=1) if line.startswith("[") else line
        words = rule.split(None, 2)
        if table is not None and chain is not None:
            table[chain["name"]] = Chain(chain["policy"])
        elif table is not None and words[:1] == ["-A"] and len(words) > 1:
            old = table.get(words[1], Chain(_OWN))
            table[words[1]] = Chain(old.policy, (*old.rules, rule))
        else:
            dump.others.append(line)
    return dump


def listed(text: str) -> dict[str, Chain]:
    """Return the chains of a table in the words of `iptables --list-rules`."""
    table: dict[str, Chain] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] in ("-P", "-N"):
            table[words[1]] = Chain(words[2] if words[0] == "-P" and len(words) > 2 else _OWN)
        elif len(words) > 1 and words[0] == "-A":
            old = table.get(words[1], Chain(_OWN))
            table[words[1]] = Chain(old.policy, (*old.rules, line.strip()))
    return table


def written(name: str, table: Table) -> str:
    """Return a table as iptables-restore reads it: the chains built in as they come, the others by name."""
    own = sorted(chain for chain in table if table[chain].policy == _OWN)
    order = [chain for chain in table if table[chain].policy != _OWN] + own
    lines = [f":{chain} {table[chain].policy} [0:0]" for chain in order]
    lines += [rule for chain in order for rule in table[chain].rules]
    return "\n".join([f"*{name}", *lines, "COMMIT", ""])


def policies(table: Table) -> dict[str, Chain]:
    """Return the chains that are built in, with their policies alone."""
    return {name: Chain(chain.policy) for name, chain in table.items() if chain.policy != _OWN}


def missing(now: Table, file: Table) -> dict[str, Chain]:
    """Return what has to be loaded into a table, without emptying it, for it to have what `file` has.

    Of chains that are built in those are the rules that they lack, of others all rules if any differ.
    """
    out: dict[str, Chain] = {}
    for name, chain in file.items():
        old = now.get(name)
        if chain.policy == _OWN:
            if old != chain:
                out[name] = chain
            continue
        have = Counter(old.rules if old is not None else ())
        lacking = []
        for rule in chain.rules:
            if have[rule]:
                have[rule] -= 1
            else:
                lacking.append(rule)
        if lacking or old is None or old.policy != chain.policy:
            out[name] = Chain(chain.policy, tuple(lacking))
    return out


def merged(now: Table, added: Table) -> dict[str, Chain]:
    """Return a table after something was loaded into it that did not empty it."""
    out = dict(now)
    for name, chain in added.items():
        kept = now[name].rules if chain.policy != _OWN and name in now else ()
        out[name] = Chain(chain.policy, (*kept, *chain.rules))
    return out
