"""ufw's rules: reading those that it has, and how it would write those of a task.

ufw keeps each rule as a line of user.rules and user6.rules (ufw(8), ufw-framework(8)):

    ### tuple ### ACTION PROTO DPORT DST SPORT SRC [DAPP SAPP] WHERE [comment=HEX]

ACTION is `allow`, `deny`, `reject` or `limit`, with `route:` before a rule for routed packets and `_log` or
`_log-all` behind one that logs; WHERE is `in`, `out`, `in_eth0` or `in_eth0!out_eth1`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from configurator.core.errors import ParameterError
from configurator.modules.params import did_you_mean

_TUPLE = "### tuple ### "
_ANY = {False: "0.0.0.0/0", True: "::/0"}
_ONLY_IPV4 = frozenset({"ipv6", "igmp"})  # the protocols; ufw(8), RULE SYNTAX
_PORTS = re.compile(r"\d{1,5}(?::\d{1,5})?")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of one IP version, as ufw keeps it."""

    action: str
    proto: str = "any"
    dport: str = "any"
    dst: str = _ANY[False]
    sport: str = "any"
    src: str = _ANY[False]
    dapp: str = ""
    sapp: str = ""
    where: str = "in"
    log: str = ""
    route: bool = False
    comment: str | None = None
    v6: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """What tells rules apart: ufw has one rule of a key, and another action takes its place."""
        return (
            self.route, self.v6, self.where, self.proto, self.dst, self.src,
            self.dport, self.sport, self.dapp, self.sapp,
        )  # fmt: skip

    @property
    def does(self) -> str:
        """The action, as it is shown: `allow`, `deny log`."""
        return f"{self.action} {self.log}".rstrip()

    def admits(self, port: int) -> bool:
        """Return True if it lets somebody in to this tcp port; from where is not looked at."""
        if self.route or self.action not in ("allow", "limit") or not self.where.startswith("in"):
            return False
        return self.proto in ("tcp", "any") and (self.dport == "any" or _has(self.dport, port))


def _has(ports: str, port: int) -> bool:
    for part in ports.split(","):
        low, _, high = part.partition(":")
        if low.isdecimal() and int(low) <= port <= int(high if high.isdecimal() else low):
            return True
    return False


def parse(text: str, *, v6: bool) -> list[Rule]:
    """Return the rules in one of ufw's files, in their order; lines of another form are left out."""
    found = (_parse(line.removeprefix(_TUPLE), v6) for line in text.splitlines() if line.startswith(_TUPLE))
    return [rule for rule in found if rule is not None]


def _parse(line: str, v6: bool) -> Rule | None:
    words = line.split()
    comment = None
    if words and words[-1].startswith("comment="):
        try:
            comment = bytes.fromhex(words.pop().removeprefix("comment=")).decode(errors="replace")
        except ValueError:
            return None
    if len(words) == 7:
        words[6:6] = ["-", "-"]
    if len(words) != 9:
        return None
    action, log = words[0].removeprefix("route:").partition("_")[::2]
    dapp, sapp = ("" if word == "-" else word.replace("%20", " ") for word in words[6:8])
    proto, dport, dst, sport, src = words[1:6]
    route = words[0].startswith("route:")
    return Rule(action, proto, dport, dst, sport, src, dapp, sapp, words[8], log, route, comment, v6)


# -- what a task asks for -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wish:
    """A rule as people write it; `None` where nothing is said."""

    action: str
    route: bool = False
    direction: str | None = None
    interface: str | None = None
    interface_in: str | None = None
    interface_out: str | None = None
    log: bool = False
    src: str = "any"
    sport: str | None = None
    dst: str = "any"
    dport: str | None = None
    proto: str | None = None
    app: str | None = None
    comment: str | None = None

    @property
    def where(self) -> str:
        """Return the place in ufw's own words."""
        ways = [("in", self.interface_in), ("out", self.interface_out)]
        named = "!".join(f"{way}_{name}" for way, name in ways if name)
        if named:
            return named
        way = "out" if self.direction in ("out", "outgoing") else "in"
        return f"{way}_{self.interface}" if self.interface else way

    def words(self) -> list[str]:
        """Return the part of ufw's command line that says which packets are meant, without the action."""
        out: list[str] = []
        for part in self.where.split("!"):
            way, _, name = part.partition("_")
            if name or not self.route:
                out += [way, *(["on", name] if name else [])]
        out += ["log"] if self.log else []
        out += ["from", self.src, *(["port", self.sport] if self.sport else [])]
        out += ["to", self.dst, *(["port", self.dport] if self.dport else [])]
        out += ["app", self.app] if self.app else []
        return [*out, "proto", self.proto] if self.proto not in (None, "any") else out

    def command(
        self, *, delete: bool = False, position: int | None = None, comment: str | None = None
    ) -> list[str]:
        """Return the command line that adds, inserts or deletes the rule."""
        argv = ["ufw", *(["route"] if self.route else []), *(["delete"] if delete else [])]
        argv += [] if position is None else ["insert", str(position)]
        return [*argv, self.action, *self.words(), *(["comment", comment] if comment and not delete else [])]


def rules_of(
    wish: Wish, *, ipv6: bool, services: Mapping[str, frozenset[str]], profiles: Mapping[str, str]
) -> list[Rule]:
    """Return the rules that ufw would make of a wish: one for each IP version, and part of a profile.

    `services` are the names of /etc/services as `PORT/PROTO`, `profiles` the ports of each application.
    ParameterError for what ufw would refuse.
    """
    source, from_v6 = _address(wish.src)
    target, to_v6 = _address(wish.dst)
    if None not in (from_v6, to_v6) and from_v6 != to_v6:
        raise ParameterError(f"{wish.src} and {wish.dst} are addresses of different IP versions")
    asked = from_v6 if to_v6 is None else to_v6
    versions = (False, True) if ipv6 else (False,)
    if asked is not None:
        versions = (asked,)
    elif wish.proto in _ONLY_IPV4:
        versions = (False,)
    if True in versions and not ipv6:
        raise ParameterError("ufw's IPv6 is switched off", hint="set IPV6=yes in /etc/default/ufw")
    base = Rule(
        wish.action, where=wish.where, log="log" if wish.log else "", route=wish.route, comment=wish.comment
    )
    return [
        replace(part, v6=v6, dst=target or _ANY[v6], src=source or _ANY[v6])
        for v6 in versions
        for part in _parts(base, wish, services, profiles)
    ]


def _parts(
    base: Rule, wish: Wish, services: Mapping[str, frozenset[str]], profiles: Mapping[str, str]
) -> Iterable[Rule]:
    if wish.app is not None:
        if wish.app not in profiles:
            raise ParameterError(
                f"ufw knows no application {wish.app!r}",
                hint=did_you_mean(wish.app, profiles) or "`ufw app list` shows those that there are",
            )
        for part in profiles[wish.app].split("|"):
            ports, _, proto = part.strip().partition("/")
            yield replace(base, dport=_sorted(ports), proto=proto or "any", dapp=wish.app)
        return
    given = wish.proto or "any"
    dport, proto = _port(wish.dport, given, services)
    sport, proto = _port(wish.sport, proto, services)
    several = any(sign in f"{dport}{sport}" for sign in ",:")
    if several and proto not in ("tcp", "udp"):
        raise ParameterError("several ports need `proto`: tcp or udp")
    yield replace(base, dport=dport, sport=sport, proto=proto)


def _port(text: str | None, proto: str, services: Mapping[str, frozenset[str]]) -> tuple[str, str]:
    """Return a port in ufw's form, and the protocol that it stands for."""
    if text is None or text == "any":
        return "any", proto
    ports = text.replace(" ", "")
    if all(_PORTS.fullmatch(part) for part in ports.split(",")):
        return _sorted(ports), proto
    known = {name.partition("/")[::2] for name in services.get(ports, ())}
    known = {(number, kind) for number, kind in known if kind in ("tcp", "udp") and proto in ("any", kind)}
    if not known:
        raise ParameterError(
            f"{text!r} is no port", hint=did_you_mean(text, services) or "a number, 80,443 or 6000:6007"
        )
    kinds = {kind for _, kind in known}
    return next(iter(known))[0], proto if proto != "any" or len(kinds) > 1 else kinds.pop()


def _sorted(ports: str) -> str:
    parts = {part.strip() for part in ports.split(",") if part.strip()}
    return ",".join(sorted(parts, key=lambda part: [int(n) for n in part.split(":") if n.isdigit()]))


def _address(text: str) -> tuple[str | None, bool | None]:
    """Return an address in ufw's form and whether it is one of IPv6; (None, None) for any."""
    import ipaddress  # noqa: PLC0415  (10 ms on the host; most rules are about any address)

    if text.lower() == "any":
        return None, None
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ParameterError(f"{text!r} is no IP address or network") from None
    v6 = network.version == 6
    if str(network) == _ANY[v6]:
        return None, v6
    whole = network.prefixlen == network.max_prefixlen
    return str(network.network_address if whole else network), v6


def parse_services(text: str) -> dict[str, frozenset[str]]:
    """Return the names and aliases in services(5), each with its `PORT/PROTO`."""
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        for name in [words[0], *words[2:]] if len(words) > 1 else ():
            found.setdefault(name, set()).add(words[1])
    return {name: frozenset(ports) for name, ports in found.items()}


def parse_profiles(texts: Iterable[str]) -> dict[str, str]:
    """Return the ports of the applications in the files of /etc/ufw/applications.d, by name."""
    found: dict[str, str] = {}
    for text in texts:
        name = ""
        for line in text.splitlines():
            section = re.fullmatch(r"\s*\[(.+)\]\s*", line)
            key, sign, value = line.partition("=")
            if section is not None:
                name = section[1]
            elif sign and key.strip() == "ports" and name:
                found[name] = value.strip()
    return found


# -- lists of rules ----------------------------------------------------------------------------------------


def alike(rules: Sequence[Rule], wanted: Sequence[Rule]) -> list[Rule | None]:
    """Return, for each wanted rule, the one that has its place now."""
    by_key = {rule.key: rule for rule in rules}
    return [by_key.get(rule.key) for rule in wanted]


def added(rules: Sequence[Rule], wanted: Sequence[Rule], position: int | None = None) -> list[Rule]:
    """Return the rules with the wanted ones in their places, or at the position (1: the first), or last."""
    out = list(rules)
    keys = [rule.key for rule in out]
    for rule in reversed(wanted) if position else wanted:
        if rule.key in keys:
            out[keys.index(rule.key)] = rule
        else:
            place = len(out) if position is None else position - 1
            out.insert(place, rule)
            keys.insert(place, rule.key)
    return out


def removed(rules: Sequence[Rule], unwanted: Sequence[Rule]) -> list[Rule]:
    """Return the rules without the unwanted ones."""
    gone = {rule.key for rule in unwanted}
    return [rule for rule in rules if rule.key not in gone]


def place(rules: Sequence[Rule], wanted: Sequence[Rule], number: int, relative_to: str) -> int | None:
    """Return where `ufw insert` is to put the rules; None behind the last, where it takes no number.

    ufw counts from 1, rules of IPv4 first.
    """
    last4 = sum(not rule.v6 for rule in rules)
    last6 = len(rules) - last4
    base = {
        "zero": 0,
        "first-ipv4": 1,
        "last-ipv4": max(last4, 1),
        "first-ipv6": last4 + 1,
        "last-ipv6": len(rules) if last6 else len(rules) + 1,
    }[relative_to]
    position = max(number + base, 1)
    if not any(rule.v6 for rule in wanted) and position > last4:
        return None
    return position if position <= len(rules) else None
