"""iptables_state: a file has the packet rules that the kernel has (`saved`), or the other way (`restored`).

Parameters are those of community.general.iptables_state. Rules are compared in the kernel's own words and
without their counters. Those of a file to be restored are learned by loading it into a network namespace of
its own, which is gone at once (unshare(1)); so a plan shows exactly the rules that would be there. Where that
cannot be done (the rules name an ipset, or the host may not make namespaces) a file that is not as
iptables-save(8) wrote it is loaded each time, and a plan does not know the rules.

A restore is one commit: iptables-restore(8) loads a table whole or not at all. Tables that the file does not
speak of stay as they are. Where this module differs:
- a file whose rules are those of the kernel is left as it is, whatever its comments and counters say. With
  `counters: true` it is written whenever they differ; counters alone never lead to a restore.
- `saved` without `table` writes every table that the kernel can have, also those that are empty, so that a
  restore leads back to just that.
- `restored` with `noflush: true` adds the rules that are missing, and does not add them once more the next
  time. The file must be as iptables-save writes it.
- a new file can be read by its owner alone, as in Ansible; one that is there keeps its mode.
- a restore that sets the policy DROP for INPUT is refused while no rule accepts the ports that ssh listens
  on. Whatever is restored, a new login must succeed afterwards; otherwise the old rules are put back. That
  is why the task need not be `async`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import ParameterError, TaskError
from configurator.modules.attributes import clean, path_problems
from configurator.modules.base import Guard, Module
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.iptables_rule import admits
from configurator.modules.iptables_tables import (
    Chain,
    Dump,
    Table,
    listed,
    merged,
    missing,
    parse,
    policies,
    written,
)
from configurator.modules.iptables_tools import ANY, NOT_INSTALLED, WAIT_S, asked, refused
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import UNKNOWN, Change, Content, State
from configurator.modules.system import CommandResult, System

_TABLES = ("filter", "nat", "mangle", "raw", "security")  # iptables(8), TABLES
# Nothing but the arguments comes from outside.
_TRY = '"$0"-restore "$@" && exec "$0"-save'
# unshare(1) may not; an ipset belongs to the network namespace that it was made in.
_ELSEWHERE = re.compile(r"^unshare: |Set \S+ doesn't exist", re.MULTILINE)
_LEFT_OUT = re.compile(r"^\[\.\.\. \d+ bytes left out \.\.\.\]$", re.MULTILINE)  # System.query


@dataclass(frozen=True, slots=True)
class IptablesStateParams:
    """The parameters of community.general.iptables_state."""

    path: str = param("str", required=True)
    state: str = param("str", required=True, choices=("saved", "restored"))
    table: str | None = param("str", choices=_TABLES)
    ip_version: str = param("str", "ipv4", choices=("ipv4", "ipv6"))
    counters: bool = param("bool", False)
    noflush: bool = param("bool", False)
    wait: int | None = param("int")
    modprobe: str | None = param("str")

    @property
    def program(self) -> str:
        """The program of the IP version."""
        return "ip6tables" if self.ip_version == "ipv6" else "iptables"

    def key(self, table: str | None = None) -> str:
        """The effect key of a table, or the beginning of all of them."""
        return f"iptables:{self.ip_version}/{f'{table}/' if table else ''}"

    def restore_words(self) -> list[str]:
        """The arguments of iptables-restore that the task is about."""
        words = ["--wait", WAIT_S if self.wait is None else str(self.wait)]
        words += ["--table", self.table] if self.table else []
        return words + (["--modprobe", self.modprobe] if self.modprobe else [])


class IptablesState(Module[IptablesStateParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "iptables_state"
    params: ClassVar[type] = IptablesStateParams
    as_user: ClassVar[bool] = False
    typical_s: ClassVar[float] = 0.2

    def check(self, params: IptablesStateParams) -> Sequence[ParamProblem]:
        problems = path_problems("path", params.path)
        if params.noflush and params.state == "saved":
            problems.append(ParamProblem("noflush", "'noflush' needs `state: restored`"))
        if params.modprobe is not None and not params.modprobe.startswith("/"):
            problems.append(ParamProblem("modprobe", "'modprobe' must be an absolute path"))
        if (params.wait or 0) < 0:
            problems.append(ParamProblem("wait", "'wait' cannot be below 0"))
        return problems

    def subject(self, params: IptablesStateParams) -> str:
        """Return what is changed: the file, or the tables."""
        return f"path:{clean(params.path)}" if params.state == "saved" else params.key(params.table)

    def effects(self, params: IptablesStateParams) -> Effects:
        """The file and the rules: one is read, the other written."""
        path, rules = f"path:{clean(params.path)}", f"{params.key(params.table)}**"
        reads = {"package:iptables", *path_keys(clean(params.path))}
        if params.state == "saved":
            return effects(reads={*reads, rules, "ufw:**"}, writes={path})
        return effects(reads={*reads, path, "ufw:**"}, writes={rules})

    def locks(self, params: IptablesStateParams) -> frozenset[str]:  # noqa: ARG002
        """The kernel's tables are replaced as a whole."""
        return frozenset({"iptables"})

    def guard(self, params: IptablesStateParams, system: System) -> Guard | None:
        """Packet rules can always cut our access."""
        if params.state == "saved":
            return None
        try:
            tables = list(_file(system, params).tables)
        except TaskError:  # asked before the run, too, when an earlier task has yet to write the file
            tables = [params.table or "filter"]
        return Guard(saves_tables=tuple(f"{params.program} {table}" for table in tables))

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: IptablesStateParams) -> State:
        """Return the rules of the kernel (None if that cannot be told yet), and those of the file."""
        if params.state == "saved":
            found = system.stat(params.path, follow=True)
            if found is not None and found.kind == "directory":
                raise ParameterError(f"{params.path} is a directory")
            state: State = {"content": None if found is None else Content(system.read(params.path))}
            return state | {"counters": "as of earlier", "rules": _kernel(system, params)}
        dump = _file(system, params)
        now = _kernel(system, params)
        state = {"rules": now, "text": dump.text, "wanted": None, "tables": tuple(dump.tables)}
        for name in dump.tables:
            state[f"{params.key(name)}|rules"] = None if now is None else _shown(name, now.get(name, {}))
        if now is not None:
            wanted = _learned(system, params, dump, now)
            if wanted is not None:
                state |= {"wanted": wanted, "text": _to_load(params, dump, now, wanted)}
                _refuse_to_close(system, params, now, wanted)
        return state

    def desired(self, params: IptablesStateParams, actual: State) -> State:
        """Return the text that the file should have, or the rules of each of its tables."""
        if "proven" in actual:
            return {}
        if params.state == "saved":
            return _wanted_file(params, actual)
        fields = {name: f"{params.key(name)}|rules" for name in actual["tables"]}
        if actual["wanted"] is not None:
            return {field: _shown(name, actual["wanted"][name]) for name, field in fields.items()}
        # A file that iptables-save has written says what the kernel does.
        plain = parse(actual["text"]).tables
        same = {field: _shown(name, plain.get(name, {})) for name, field in fields.items()}
        return {field: same[field] if actual[field] == same[field] else UNKNOWN for field in same}

    def converge(self, system: System, params: IptablesStateParams, change: Change) -> State | None:
        """Write the file; or load the rules in one commit a table."""
        if params.state == "saved":
            return _save(system, params, change)
        states: dict[str, State | None] = {}
        for name in change.before["tables"]:
            now, wanted = change.before["rules"] or {}, change.before["wanted"]
            chains = {*now.get(name, {}), *(wanted[name] if wanted is not None else {})}
            # How many rules a chain has is known, but not which of a task's words mean one of them.
            states |= {f"{params.key(name)}{chain}": None for chain in chains}
            states[params.key(name)] = (
                None if wanted is None else {"exists": True, "chains": dict(wanted[name])}
            )
        argv = [f"{params.program}-restore", *params.restore_words()]
        argv += ["--counters"] if params.counters else []
        argv += ["--noflush"] if params.noflush else []
        done = system.run(argv, stdin=change.before["text"], establishes=states, ok=ANY)
        if done.exit_status != 0:
            raise _refused(params, done)
        return {"proven": True} if change.before["wanted"] is None else None

    def outputs(self, params: IptablesStateParams, actual: State) -> dict[str, Any]:
        """Return Ansible's `tables`, and what was `saved` or `restored`, line by line."""
        rules: Mapping[str, Table] = actual["rules"] or {}
        names = actual.get("tables", tuple(rules))
        tables = {name: written(name, rules.get(name, {})).splitlines()[1:-1] for name in names}
        lines = [line for name in names for line in written(name, rules.get(name, {})).splitlines()]
        return {"tables": tables, params.state: lines}


def _file(system: System, params: IptablesStateParams) -> Dump:
    """Return the tables of the file that are meant; TaskError if it has none of them."""
    if system.stat(params.path, follow=True) is None:
        raise ParameterError(
            f"{params.path} does not exist on the host", hint="`state: saved` writes such a file"
        )
    try:
        text = system.read(params.path).decode()
    except UnicodeDecodeError:
        raise TaskError(f"{params.path} is no text of packet rules") from None
    dump = parse(text)
    dump.tables = {name: dump.tables[name] for name in dump.tables if params.table in (None, name)}
    if not dump.tables:
        raise TaskError(
            f"{params.path} has no table {params.table!r}"
            if params.table
            else f"{params.path} has no table of packet rules",
            hint="iptables-save writes what can be restored",
        )
    if params.noflush and dump.others:
        raise TaskError(
            f"{params.path} has a line that iptables-save does not write: {dump.others[0]!r}",
            hint="with `noflush: true` chains (`:NAME`) and rules (`-A`) alone are understood",
        )
    return dump


def _kernel(system: System, params: IptablesStateParams) -> dict[str, dict[str, Chain]] | None:
    """Return the tables as they are now, or None where a plan has yet to install iptables."""
    program = params.program
    answer = asked(system, [f"{program}-save", *_modprobe(params)])
    if answer.exit_status == NOT_INSTALLED:
        return None
    if answer.exit_status != 0:
        raise refused(f"{program}-save", answer)
    if not system.lookup("ufw:", lambda: {"exists": True, "as found": True}).get("as found"):
        return None  # ufw writes rules of which a plan knows only what ufw was told
    shown = parse(_whole(answer)).tables
    found: dict[str, dict[str, Chain]] = {}
    for name in _TABLES if params.table is None else (params.table,):
        known = system.lookup(params.key(name), lambda name=name: _probe(system, program, name, shown))  # type: ignore[misc]
        if known["chains"]:
            found[name] = known["chains"]
    return found


def _probe(system: System, program: str, name: str, shown: Mapping[str, dict[str, Chain]]) -> State:
    """Return a table's chains. One that nobody has used yet is not shown by iptables-save."""
    if name in shown:
        return {"exists": True, "chains": shown[name]}
    answer = asked(system, [program, "--wait", WAIT_S, "--table", name, "--list-rules"])
    return {"exists": True, "chains": listed(_whole(answer)) if answer.exit_status == 0 else {}}


def _whole(answer: CommandResult) -> str:
    if _LEFT_OUT.search(answer.stdout):
        raise TaskError("there are more packet rules than can be looked at (1 MiB)", command=answer.argv)
    return answer.stdout


def _modprobe(params: IptablesStateParams) -> list[str]:
    return ["--modprobe", params.modprobe] if params.modprobe else []


# -- saved --------------------------------------------------------------------------------------------------


def _wanted_file(params: IptablesStateParams, actual: State) -> State:
    rules, content = actual["rules"], actual["content"]
    if rules is None:
        return {"content": UNKNOWN}
    known = {} if content is None else parse(content.data.decode(errors="replace")).tables
    same = {name: dict(table) for name, table in rules.items()} == known
    text = "".join(written(name, rules[name]) for name in rules)
    wanted: State = {"content": content if same else Content(text.encode())}
    return wanted | ({"counters": UNKNOWN} if params.counters else {})


def _save(system: System, params: IptablesStateParams, change: Change) -> State | None:
    rules = change.before["rules"]
    if rules is None or params.counters:
        return _save_counted(system, params, change)
    _write(system, params, change, change.after["content"].data)
    return None


def _write(system: System, params: IptablesStateParams, change: Change, data: bytes) -> None:
    # Packet rules tell strangers where to knock: a new file is for root alone.
    system.write(params.path, data, mode="0600" if change.before["content"] is None else None)


def _save_counted(system: System, params: IptablesStateParams, change: Change) -> State:
    """Write the file with the counters of this moment, which a plan leaves open."""
    argv = [f"{params.program}-save", *_modprobe(params), *(["--counters"] if params.counters else [])]
    argv += ["--table", params.table] if params.table else []
    answer = system.run(argv, establishes={f"path:{clean(params.path)}": None}, ok=ANY)
    if answer.exit_status != 0:
        raise refused(f"{params.program}-save", answer)
    lines = [line for line in _whole(answer).splitlines() if not line.startswith("#")]
    shown = parse(answer.stdout).tables
    rules: Mapping[str, Table] = change.before["rules"] or {}
    rest = [written(name, table) for name, table in rules.items() if name not in shown]
    if lines:
        text = "".join([*(f"{line}\n" for line in lines), *rest])
        _write(system, params, change, text.encode())
    return {"proven": True, "counters": "as of now"}


# -- restored -----------------------------------------------------------------------------------------------


def _learned(
    system: System, params: IptablesStateParams, dump: Dump, now: Mapping[str, Table]
) -> dict[str, dict[str, Chain]] | None:
    """Return the tables as the file would have them, in the kernel's words; None if that cannot be told."""
    # What a file does not say of the policies stays: the namespace has to begin with them.
    before = "".join(written(name, policies(now.get(name, {}))) for name in dump.tables)
    script = ("unshare", "--net", "--", "sh", "-c", _TRY, params.program, *params.restore_words())
    tried = system.query(script, stdin=before + dump.text, ok=ANY)
    if tried.exit_status != 0:
        if not _ELSEWHERE.search(tried.stderr):
            raise _refused(params, tried)
        argv = [f"{params.program}-restore", "--test", *params.restore_words()]
        answer = asked(system, argv, stdin=dump.text)
        if answer.exit_status != 0:
            raise _refused(params, answer)
        if params.noflush:
            raise TaskError(
                f"nobody can tell which rules of {params.path} are there already",
                command=tried.argv,
                exit_status=tried.exit_status,
                output=tried.stderr,
                hint="`noflush: true` needs rules that can be loaded into a network namespace of their own",
            )
        return None
    file = parse(_whole(tried)).tables
    if not params.noflush:
        return {name: file.get(name, {}) for name in dump.tables}
    out = {}
    for name in dump.tables:
        table = now.get(name, {})
        out[name] = merged(table, missing(table, _spoken_of(file.get(name, {}), dump.tables[name])))
    return out


def _spoken_of(file: Table, said: Table) -> dict[str, Chain]:
    return {name: chain for name, chain in file.items() if name in said}


def _to_load(
    params: IptablesStateParams, dump: Dump, now: Mapping[str, Table], wanted: Mapping[str, Table]
) -> str:
    """Return the text for iptables-restore: the file's own, or what is missing of it."""
    if not params.noflush:
        return dump.text
    out = []
    for name in dump.tables:
        table, after = now.get(name, {}), wanted[name]
        added = missing(table, {chain: after[chain] for chain in after if table.get(chain) != after[chain]})
        out.append(written(name, added) if added else "")
    return "".join(out)


def _refuse_to_close(
    system: System, params: IptablesStateParams, now: Mapping[str, Table], wanted: Mapping[str, Table]
) -> None:
    """Raise where all packets that nothing else accepts are dropped, and nothing accepts those of ssh.

    Even the connection that the run goes by would be cut: nobody could hear that the change is undone.
    """
    old, new = (tables.get("filter", {}).get("INPUT") for tables in (now, wanted))
    if params.ip_version != "ipv4" or new is None or new == old or new.policy != "DROP":
        return
    for port in system.ssh_ports():
        if not any(admits(rule, port) for rule in new.rules):
            raise TaskError(
                f"no rule in INPUT would accept port {port}, which ssh listens on",
                hint=f"{params.path} needs a rule such as `-A INPUT -p tcp --dport {port} -j ACCEPT`",
            )


def _shown(name: str, table: Table) -> Content:
    return Content(written(name, table).encode())


def _refused(params: IptablesStateParams, done: CommandResult) -> TaskError:
    """Return what iptables-restore has against the file; it names the line."""
    error = refused(f"{params.program}-restore", done)
    lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("Try ")]
    said = "; ".join(line.partition("): ")[2].strip() or line.strip() for line in lines[:3])
    return TaskError(
        f"{params.program}-restore refuses {params.path}: {said or 'it gave no reason'}",
        command=done.argv,
        exit_status=done.exit_status,
        output=done.stderr,
        hint=error.hint,
    )
