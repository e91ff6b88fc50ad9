"""Which hosts a pattern means: names, globs, groups, `!not`, `:&and`, lists, and `user@address:port`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.expect import did_you_mean
from configurator.config.yamlsource import read_text
from configurator.inventory.hosts import Host
from configurator.inventory.model import Inventory

_ADHOC = re.compile(
    r"(?P<user>[^@:,\[\]!&\s]+)@(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^@:,\[\]\s]+))(?::(?P<port>[0-9]+))?"
)
_SLICE = re.compile(r"(?P<name>.+)\[(?P<first>-?[0-9]+)(?P<range>[:-](?P<last>[0-9]*))?\]")


@dataclass(frozen=True, slots=True)
class _Atom:
    """One part of a pattern; `sign` is "" (add), "&" (keep only) or "!" (take away)."""

    sign: str
    text: str


def select(
    inventory: Inventory, patterns: Sequence[tuple[str, Span]], diagnostics: Diagnostics
) -> list[Host]:
    """Return the hosts that any of the patterns means, in the order of the inventory, ad hoc ones last.

    As in Ansible: within all patterns together, `!` and `&` parts apply to the sum of the others. A part
    that matches nothing is a problem, since a typo must never quietly select fewer hosts. No patterns: all.
    """
    chosen: dict[str, None] = {}
    adhoc: dict[str, Host] = {}
    atoms = [(atom, span) for text, span in patterns for atom in _split(text, inventory)]
    if all(atom.sign for atom, _ in atoms):
        chosen = dict.fromkeys(inventory.hosts)
    for atom, span in sorted(atoms, key=lambda pair: ("", "&", "!").index(pair[0].sign)):
        host = None if atom.sign else _adhoc(atom.text, inventory, span, diagnostics)
        if host is not None:
            adhoc[host.name] = host
            continue
        found = _matches(atom.text, inventory)
        if not found and (not atom.sign or not _is_glob(atom.text)) and not _known(atom.text, inventory):
            diagnostics.add(span, *_unmatched(atom.text, inventory), code="no-such-host")
        elif not found and not atom.sign and inventory.hosts:
            diagnostics.add(span, f"no host matches {atom.text!r}", code="no-such-host")
        if atom.sign == "":
            chosen.update(dict.fromkeys(found))
        elif atom.sign == "&":
            chosen = {name: None for name in chosen if name in found}
        else:
            chosen = {name: None for name in chosen if name not in found}
    hosts = [host for name, host in inventory.hosts.items() if name in chosen]
    return [*hosts, *adhoc.values()]


def read_limit(texts: Sequence[str], diagnostics: Diagnostics) -> list[tuple[str, Span]]:
    """Return the patterns of `--limit`; `@file` stands for the lines of that file, as in Ansible."""
    found: list[tuple[str, Span]] = []
    for text in (part.strip() for whole in texts for part in whole.split(",")):
        if not text.startswith("@"):
            found.append((text, Span("--limit")))
            continue
        lines = (read_text(os.path.expanduser(text[1:]), diagnostics) or "").splitlines()
        for number, line in enumerate(lines, 1):
            word = line.partition("#")[0].strip()
            if word:
                found.append((word, Span(text[1:], number, line.index(word) + 1, len(word), line)))
    return [(text, span) for text, span in found if text]


def means_adhoc(patterns: Sequence[str]) -> bool:
    """Return True if the patterns mean hosts that are not in the inventory too: those are in `all`."""
    words = {word.strip() for text in patterns for word in text.split(",")}
    return not words.isdisjoint({"all", "*"})


def _split(text: str, inventory: Inventory) -> list[_Atom]:
    """Return the parts of a pattern; a colon separates too, but in names and addresses that contain one."""
    atoms: list[_Atom] = []
    for piece in (piece.strip() for piece in text.split(",")):
        whole = piece.lstrip("!&")
        single = _known(whole, inventory) or "@" in piece or whole.startswith("~") or _is_address(whole)
        for part in [piece] if single else _split_colons(piece):
            sign = part[0] if part[:1] in ("!", "&") else ""
            if part:
                atoms.append(_Atom(sign, part[len(sign) :].strip()))
    return atoms


def _split_colons(piece: str) -> list[str]:
    """Split at colons outside brackets."""
    return [part for part in re.split(r":(?![^\[]*\])", piece) if part]


def _is_address(text: str) -> bool:
    if text.count(":") < 2:
        return False
    import ipaddress  # noqa: PLC0415  (only where a pattern has several colons)

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_glob(text: str) -> bool:
    return text.startswith("~") or any(sign in text for sign in "*?[")


def _known(text: str, inventory: Inventory) -> bool:
    return text in inventory.hosts or text in inventory.groups


def _adhoc(text: str, inventory: Inventory, span: Span, diagnostics: Diagnostics) -> Host | None:
    if "@" not in text or _known(text, inventory):
        return None
    match = _ADHOC.fullmatch(text)
    if match is None or not 0 < int(match["port"] or 22) < 65536:
        diagnostics.add(
            span,
            f"cannot read the address {text!r}",
            "write user@address or user@address:port",
            code="no-such-host",
        )
        return Host(text, span)
    variables: dict[str, str | int] = {
        "ansible_host": match["v6"] or match["host"],
        "ansible_user": match["user"],
    }
    if match["port"]:
        variables["ansible_port"] = int(match["port"])
    return Host(text, span, variables)


def _matches(text: str, inventory: Inventory) -> tuple[str, ...]:
    """Return the hosts that one part means."""
    if text in ("all", "*"):
        return tuple(inventory.hosts)
    if _known(text, inventory):
        return (text,) if text in inventory.hosts else inventory.members(text)
    if text.startswith("~"):
        try:
            expression = re.compile(text[1:])
        except re.error:
            return ()
        return _by(lambda name: expression.match(name) is not None, inventory)
    sliced = _SLICE.fullmatch(text)
    if sliced and (found := _matches(sliced["name"], inventory)):
        return _slice(found, sliced)
    return _by(lambda name: fnmatchcase(name, text), inventory)


def _by(wanted: Callable[[str], bool], inventory: Inventory) -> tuple[str, ...]:
    found = {name: None for name in inventory.hosts if wanted(name)}
    for group in inventory.groups:
        if wanted(group):
            found.update(dict.fromkeys(inventory.members(group)))
    return tuple(found)


def _slice(found: tuple[str, ...], sliced: re.Match[str]) -> tuple[str, ...]:
    """Return `web[0]` or the inclusive range `web[1:3]` of a group's hosts."""
    first = int(sliced["first"])
    if not sliced["range"]:
        return found[first : first + 1 or None]
    last = int(sliced["last"]) if sliced["last"] else len(found) - 1
    return found[first : last + 1 or None]


def _unmatched(text: str, inventory: Inventory) -> tuple[str, str | None]:
    hint = did_you_mean(text, inventory.names())
    if hint is None and _looks_like_address(text):
        hint = f"a host that is not in the inventory is written with its user: root@{text}"
    return f"no host or group is named {text!r}" if not _is_glob(text) else f"no host matches {text!r}", hint


def _looks_like_address(text: str) -> bool:
    return re.fullmatch(r"[\w-]+(\.[\w-]+)+|[0-9A-Fa-f:]+:[0-9A-Fa-f:]+", text) is not None
