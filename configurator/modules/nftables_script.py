"""The nftables script that replaces one table as a whole, with the way in for ssh built in.

Grammar as in nft(8): statements end with a semicolon or a line, blocks stand in braces, comments begin with
`#`, strings are quoted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from configurator.core.errors import TaskError

_INDENT = "    "
HEADER = "# Kept by Configurator: change the role, not this file."
# Families that see tcp ports and have an input hook (nft(8), ADDRESS FAMILIES).
_WITH_PORTS = frozenset({"inet", "ip", "ip6", "bridge"})
_OPEN_CONNECTIONS = 'ct state established,related accept comment "configurator: open connections stay"'
_INPUT = re.compile(
    r"\btype[ \t]+\w+[ \t]+hook[ \t]+input\b[^;\n{}]*[;\n]([ \t\n;]*policy[ \t]+\w+[ \t]*[;\n])?"
)


def table_script(family: str, table: str, body: str, ports: Sequence[int]) -> str:
    """Return the script that atomically replaces the table by `body`; TaskError if it cannot be kept safe.

    `add` before `delete` makes the deletion work where there is no such table yet. Every base chain with
    hook input first accepts open connections and new ones to `ports`, whatever the rest says.
    """
    masked = mask(body)
    _refuse(masked)
    lines = [
        HEADER,
        f"add table {family} {table}",
        f"delete table {family} {table}",
        f"table {family} {table} {{",
    ]
    return indented("\n".join([*lines, _open_ssh(family, body, masked, ports).strip("\n"), "}", ""]))


def deletion_script(family: str, table: str) -> str:
    """Return the script that removes the table; it succeeds also where there is none."""
    return f"add table {family} {table}\ndelete table {family} {table}\n"


def indented(text: str) -> str:
    """Return the script with every line indented by the blocks that it stands in; nothing else is changed.

    Two scripts that differ in the white space around their lines are the same after this.
    """
    out: list[str] = []
    depth = 0
    for line, masked in zip(text.split("\n"), mask(text).split("\n"), strict=True):
        closing = len(masked.strip()) - len(masked.strip().lstrip("}"))
        out.append((_INDENT * max(0, depth - closing) + line.strip()).rstrip())
        depth += masked.count("{") - masked.count("}")
    return "\n".join(out)


def mask(text: str) -> str:
    """Return `text` with comments and quoted strings blanked, every other character in its place."""
    return re.sub(r'"[^"\n]*"|#[^\n]*', lambda found: " " * len(found[0]), text)


def _refuse(masked: str) -> None:
    """Refuse what would reach beyond the table, or hide a chain from us."""
    depth = 0
    for sign in masked:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if depth < 0:
            break
    if depth != 0:
        raise TaskError("the nftables content has unbalanced braces", hint="every `{` needs its `}`")
    if re.search(r"^\s*(?:table|flush|add|delete|destroy)\b", masked, re.MULTILINE):
        raise TaskError(
            "the nftables content must be the inside of one table",
            hint="leave out `flush ruleset` and the `table ... { }` around the chains: they are added",
        )
    if re.search(r"\binclude\b", masked) or re.search(r"\bhook\s+\$", masked):
        raise TaskError(
            "the nftables content uses `include` or a variable hook, so its input chains cannot be found",
            hint="write the chains out: ssh must be seen to stay open",
        )


def _open_ssh(family: str, body: str, masked: str, ports: Sequence[int]) -> str:
    if family not in _WITH_PORTS:
        return body
    found = list(_INPUT.finditer(masked))
    if len(found) != len(re.findall(r"\bhook\s+input\b", masked)):
        raise TaskError(
            "an input chain of the nftables content cannot be recognised",
            hint="write its first line as `type filter hook input priority 0; policy drop;`",
        )
    # The kernel tracks no connections for a bridge unless a module of its own is there.
    rules = [] if family == "bridge" else [_OPEN_CONNECTIONS]
    if ports:
        listed = ", ".join(str(port) for port in sorted(ports))
        rules.append(f'tcp dport {{ {listed} }} accept comment "configurator: ssh stays open"')
    inserted = "".join(f"\n{rule}" for rule in rules) + "\n"
    for match in reversed(found):
        body = body[: match.end()].rstrip("\n") + inserted + body[match.end() :].lstrip("\n")
    return body


def without_changing_elements(listing: str) -> str:
    """Return a listing less the elements of sets that packets or timeouts change by themselves."""
    out: list[str] = []
    lines = iter(listing.splitlines())
    flags = ""
    for line in lines:
        words = line.strip()
        if re.match(r"(?:set|map)\s", words):
            flags = ""
        elif words.startswith("flags "):
            flags = words
        elif words.startswith("timeout "):
            flags += " timeout"
        elif words.startswith("elements = {") and re.search(r"dynamic|timeout", flags):
            while "}" not in line:
                line = next(lines, "}")  # noqa: PLW2901  (the elements go on over several lines)
            continue
        out.append(line)
    return "\n".join(out)
