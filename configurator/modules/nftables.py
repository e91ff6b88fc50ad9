"""nftables: one table of packet rules, owned as a whole, loaded atomically and kept for the next boot.

A module of our own. `content` is the inside of the table (sets, chains), usually rendered from the template
`src` on the controller. All other tables (docker's, fail2ban's) stay as they are. Every input chain first
accepts open connections and the ports that ssh listens on; that cannot be switched off.

The kernel lists rules in its own words, so what is loaded cannot be compared with the text. After a load the
digest of the listing is recorded with the script; the table is in order while its listing still has that
digest. A change by hand, a flush and a lost boot are seen; counters and elements that come and go are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules import nftables_script as script
from configurator.modules.base import Guard, Module
from configurator.modules.content import decode_content
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, Content, State
from configurator.modules.system import CommandResult, System

_CONF = "/etc/nftables.conf"  # what Debian's nftables.service loads
_DIRECTORY = "/etc/nftables.d"
_INCLUDE = f'include "{_DIRECTORY}/*.nft"'
_FRESH_CONF = f"#!/usr/sbin/nft -f\n\nflush ruleset\n\n{_INCLUDE}\n"
_STATE = "/var/lib/configurator"
_RECORDS = f"{_STATE}/nftables"
_NOT_INSTALLED = 127  # System.query: the program is missing


@dataclass(frozen=True, slots=True)
class NftablesParams:
    """The parameters of nftables."""

    table: str = param("str", "configurator", aliases=("name",))
    family: str = param("str", "inet", choices=("inet", "ip", "ip6", "arp", "bridge", "netdev"))
    src: str | None = param("str", on_controller=True)
    content: Any = param("raw")
    state: str = param("str", "present", choices=("present", "absent"))
    persist: bool = param("bool", True)

    @property
    def key(self) -> str:
        """The table's effect key."""
        return f"nftables:{self.family}/{self.table}"

    @property
    def path(self) -> str:
        """Where the table is kept for the next boot."""
        return f"{_DIRECTORY}/{self.table}.nft"

    @property
    def record(self) -> str:
        """Where we note what we have loaded."""
        return f"{_RECORDS}/{self.family}-{self.table}.json"


class Nftables(Module[NftablesParams]):
    """Keeps one table of packet rules, in the kernel and on disk."""

    name = "nftables"
    params = NftablesParams
    typical_s: ClassVar[float] = 0.5

    def check(self, params: NftablesParams) -> Sequence[ParamProblem]:
        """Return a bad table name, and a table without rules."""
        problems = []
        if not params.table.replace("_", "a").isalnum() or not params.table[0].isalpha():
            problems.append(
                ParamProblem("table", f"{params.table!r} is not a table name: letters, digits and _ alone")
            )
        if params.state == "present" and params.content is None and params.src is None:
            problems.append(ParamProblem("content", "give 'content' or 'src'"))
        return problems

    def subject(self, params: NftablesParams) -> str:
        """Return the table's key."""
        return params.key

    def effects(self, params: NftablesParams) -> Effects:
        """The table, and where it is kept."""
        kept = {f"path:{params.path}"} if params.persist else set()
        # The boot's own file is only added to, and shared by all tables: two of them do not contradict.
        return effects(
            reads={"package:nftables", "path:/etc/ssh/**", f"path:{_CONF}"},
            writes={params.key, f"path:{params.record}", *kept},
        )

    def locks(self, params: NftablesParams) -> frozenset[str]:  # noqa: ARG002
        """Two tables share the file that includes them."""
        return frozenset({"nftables"})

    def guard(self, params: NftablesParams, system: System) -> Guard | None:  # noqa: ARG002
        """Packet rules can always cut our access, whatever has been inserted."""
        return Guard(
            saves=(params.path, _CONF, params.record), saves_tables=(f"{params.family} {params.table}",)
        )

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: NftablesParams) -> State:
        """Return the loaded rules (as the script that was loaded), and whether they still are in force."""
        loaded = system.lookup(params.key, lambda: _probe(system, params))
        kept = system.read(params.path) if system.stat(params.path) is not None else None
        return {
            "rules": loaded.get("rules"),
            "live": loaded["live"],
            "kept for boot": kept is not None,
            "kept file": None if kept is None else _script(kept.decode(errors="replace")),
            "included at boot": _is_included(system),
            "script": _wanted_script(system, params),
        }

    def desired(self, params: NftablesParams, actual: State) -> State:
        """Return the script, loaded and kept; or neither."""
        if params.state == "absent":
            return {"live": "absent", "kept for boot": False}
        wanted: State = {"rules": actual["script"], "live": "loaded"}
        if params.persist:
            wanted |= {"kept for boot": True, "included at boot": True}
            if actual["kept for boot"]:
                wanted["kept file"] = actual["script"]
        return wanted

    def compare(self, params: NftablesParams, actual: State, wanted: State) -> Change:
        """Leave out the file's own diff where it is that of the rules."""
        change = super().compare(params, actual, wanted)
        if "kept file" in change and "rules" in change and actual["kept file"] == actual["rules"]:
            fields = tuple(field for field in change.fields if field != "kept file")
            return Change(change.subject, change.before, change.after, fields)
        return change

    def converge(self, system: System, params: NftablesParams, change: Change) -> State | None:
        """Check, load in one transaction, note what was loaded, then keep it for the next boot."""
        if params.state == "absent":
            _load(system, params, script.deletion_script(params.family, params.table), {"live": "absent"})
            for path in (params.path, params.record):
                system.remove(path)
            return None
        rules = change.after["rules"]
        text = rules.data.decode()
        if "rules" in change or "live" in change:
            _check(system, text)
            _load(system, params, text, {"live": "loaded", "rules": rules})
            _note(system, params, text)
        if params.persist:
            _keep(system, params, rules.data)
        return None


def _wanted_script(system: System, params: NftablesParams) -> Content | None:
    if params.state == "absent":
        return None
    body = decode_content(system, params.content).decode(errors="replace")
    return Content(script.table_script(params.family, params.table, body, system.ssh_ports()).encode())


def _script(text: str) -> Content:
    """Return a script as it is compared and shown: white space at the beginning of lines means nothing."""
    return Content(script.indented(text).encode())


def _probe(system: System, params: NftablesParams) -> State:
    """Compare the live table with what was recorded after the last load."""
    listing = _listing(system, params)
    if listing is None:
        return {"exists": False, "live": "absent"}
    record = _read_record(system, params)
    state = {"exists": True, "rules": _script(str(record.get("script", ""))) if record else None}
    known = record.get("listing") == _digest(listing)
    return state | {"live": "loaded" if known else "changed by others"}


def _listing(system: System, params: NftablesParams) -> str | None:
    """Return the live table in nft's words, or None if there is none; TaskError without nft."""
    # -s leaves out what packets count (nft(8), --stateless).
    answer = system.query(
        ["nft", "--stateless", "list", "table", params.family, params.table], ok=(0, 1, _NOT_INSTALLED)
    )
    if answer.exit_status == 0:
        return script.without_changing_elements(answer.stdout)
    if answer.exit_status == _NOT_INSTALLED:
        package = system.lookup("package:nftables", lambda: {"exists": False})
        if not package["exists"]:
            raise TaskError(
                "nft is not installed on the host", hint="install it first: `apt: {name: nftables}`"
            )
    elif "No such file or directory" not in answer.stderr:
        raise _explain(answer)
    return None


def _check(system: System, text: str) -> None:
    """Have nft parse the whole script without loading it; skipped only where nft is yet to be installed."""
    answer = system.query(["nft", "--check", "--file", "-"], stdin=text, ok=(0, 1, _NOT_INSTALLED))
    if answer.exit_status == 1:
        raise _explain(answer)


def _explain(answer: CommandResult) -> TaskError:
    lines = answer.stderr.splitlines()
    said = "the rules were refused"
    for number, line in enumerate(lines):
        if "Error:" in line:
            # nft quotes the offending line right below.
            quoted = lines[number + 1].strip() if number + 1 < len(lines) else ""
            said = line.partition("Error:")[2].strip() + (f": {quoted}" if quoted else "")
            break
    hint = None
    if "Operation not permitted" in answer.stderr:
        hint = "the host may not set packet rules: run as root; a container needs CAP_NET_ADMIN"
    return TaskError(
        f"nft: {said}", command=answer.argv, exit_status=answer.exit_status, output=answer.stderr, hint=hint
    )


def _load(system: System, params: NftablesParams, text: str, state: State) -> None:
    established = {"exists": state["live"] != "absent"} | state
    answer = system.run(["nft", "--file", "-"], stdin=text, establishes={params.key: established}, ok=(0, 1))
    if answer.exit_status != 0:
        raise _explain(answer)


def _note(system: System, params: NftablesParams, text: str) -> None:
    """Record what was loaded, and how the kernel lists it."""
    import json  # noqa: PLC0415  (not needed where nothing changes)

    for directory in (_STATE, _RECORDS):
        if system.stat(directory) is None:
            system.mkdir(directory, mode="0700")
    record = {"script": text, "listing": _digest(_listing(system, params) or "")}
    system.write(params.record, json.dumps(record).encode(), mode="0600")


def _read_record(system: System, params: NftablesParams) -> dict[str, Any]:
    import json  # noqa: PLC0415

    if system.stat(params.record) is None:
        return {}
    try:
        record = json.loads(system.read(params.record))
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _keep(system: System, params: NftablesParams, data: bytes) -> None:
    """Write the table's file, and have the boot's own file include it."""
    if system.stat(_DIRECTORY) is None:
        system.mkdir(_DIRECTORY, mode="0755")
    system.write(params.path, data, mode="0600")
    if _is_included(system):
        return
    if system.stat(_CONF, follow=True) is None:
        system.write(_CONF, _FRESH_CONF.encode(), mode="0755")
    else:
        old = system.read(_CONF).decode(errors="surrogateescape")
        new = f"{old.rstrip()}\n\n{_INCLUDE}\n"
        system.write(_CONF, new.encode(errors="surrogateescape"))


def _is_included(system: System) -> bool:
    if system.stat(_CONF, follow=True) is None:
        return False
    lines = system.read(_CONF).decode(errors="replace").splitlines()
    return any(line.split() == _INCLUDE.split() for line in lines)


def _digest(text: str) -> str:
    import hashlib  # noqa: PLC0415  (3 ms on the host)

    return hashlib.sha256(text.encode()).hexdigest()
