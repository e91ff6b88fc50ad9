"""iptables: a rule is in a chain or is not, a chain is there, has a policy, or is empty.

Parameters are those of ansible.builtin.iptables. A rule is looked for with `iptables --check`, so the kernel
says whether it is there. Rules are gone after the next boot unless something keeps them: see nftables and
ufw, or the package iptables-persistent. Where this module differs:
- `flush` changes nothing where the chain (or the table) is empty already.
- `state: absent` removes every copy of the rule, not the first alone.
- a chain that is neither built in nor made by an earlier task is an error unless `chain_management` makes it.
- `numeric` is accepted and means nothing: no rules are listed.
- `policy: DROP` for INPUT is refused while no rule accepts the ports that ssh listens on. Whatever is
  changed, a new login must succeed afterwards; otherwise the old rules are put back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.base import Guard, Module
from configurator.modules.effects import Effects, effects
from configurator.modules.iptables_rule import admits, rule_words
from configurator.modules.iptables_tools import ANY, NOT_INSTALLED, WAIT_S, asked, refused
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, State
from configurator.modules.system import CommandResult, System

_PROGRAMS = {"ipv4": ("iptables",), "ipv6": ("ip6tables",), "both": ("iptables", "ip6tables")}


@dataclass(frozen=True, slots=True)
class IptablesParams:
    """The parameters of ansible.builtin.iptables."""

    table: str = param("str", "filter", choices=("filter", "nat", "mangle", "raw", "security"))
    chain: str | None = param("str")
    state: str = param("str", "present", choices=("present", "absent"))
    action: str = param("str", "append", choices=("append", "insert"))
    rule_num: int | None = param("int")
    ip_version: str = param("str", "ipv4", choices=("ipv4", "ipv6", "both"))
    protocol: str | None = param("str")
    source: str | None = param("str")
    destination: str | None = param("str")
    match: tuple[str, ...] = param("list")
    tcp_flags: dict[str, Any] | None = param("dict")
    jump: str | None = param("str")
    goto: str | None = param("str")
    gateway: str | None = param("str")
    log_prefix: str | None = param("str")
    log_level: str | None = param("str")
    to_destination: str | None = param("str")
    to_source: str | None = param("str")
    to_ports: str | None = param("str")
    in_interface: str | None = param("str")
    out_interface: str | None = param("str")
    fragment: str | None = param("str")
    set_counters: str | None = param("str")
    source_port: str | None = param("str")
    destination_port: str | None = param("str")
    destination_ports: tuple[str, ...] = param("list")
    set_dscp_mark: str | None = param("str")
    set_dscp_mark_class: str | None = param("str")
    syn: str = param("str", "ignore", choices=("ignore", "match", "negate"))
    ctstate: tuple[str, ...] = param("list")
    src_range: str | None = param("str")
    dst_range: str | None = param("str")
    match_set: str | None = param("str")
    match_set_flags: str | None = param("str")
    limit: str | None = param("str")
    limit_burst: str | None = param("str")
    uid_owner: str | None = param("str")
    gid_owner: str | None = param("str")
    reject_with: str | None = param("str")
    icmp_type: str | None = param("str")
    comment: str | None = param("str")
    policy: str | None = param("str", choices=("ACCEPT", "DROP", "QUEUE", "RETURN"))
    flush: bool = param("bool", False)
    chain_management: bool = param("bool", False)
    numeric: bool = param("bool", False)
    wait: str | None = param("str")

    @property
    def programs(self) -> tuple[str, ...]:
        """The programs of the IP versions that are meant."""
        return _PROGRAMS[self.ip_version]

    def rule(self, program: str) -> list[str]:
        """Return the words that describe the rule; none if the task is about its chain alone."""
        return rule_words(self, ipv6=program == "ip6tables")


class Iptables(Module[IptablesParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "iptables"
    params: ClassVar[type] = IptablesParams
    typical_s: ClassVar[float] = 0.1

    def check(self, params: IptablesParams) -> Sequence[ParamProblem]:
        """Return combinations that iptables would refuse, or take for something else."""
        problems = []
        if params.chain is None and not params.flush:
            problems.append(ParamProblem("chain", "missing required parameter 'chain'"))
        if (params.chain or "").startswith("-"):
            problems.append(ParamProblem("chain", f"{params.chain!r} is not the name of a chain"))
        for one, other in (("jump", "goto"), ("flush", "policy")):
            if getattr(params, one) and getattr(params, other):
                problems.append(ParamProblem(one, f"{one!r} and {other!r} exclude each other"))
        if params.rule_num is not None and params.action != "insert":
            problems.append(ParamProblem("rule_num", "'rule_num' needs `action: insert`"))
        if params.tcp_flags and set(params.tcp_flags) != {"flags", "flags_set"}:
            problems.append(ParamProblem("tcp_flags", "'tcp_flags' needs 'flags' and 'flags_set'"))
        if (params.match_set is None) is not (params.match_set_flags is None):
            problems.append(ParamProblem("match_set", "'match_set' and 'match_set_flags' belong together"))
        if params.set_dscp_mark and params.set_dscp_mark_class:
            problems.append(ParamProblem("set_dscp_mark", "give the mark or its class"))
        if len(params.comment or "") > _LONGEST_COMMENT:
            problems.append(ParamProblem("comment", f"a comment has {_LONGEST_COMMENT} characters at most"))
        about_chain = params.flush or params.policy or params.chain_management
        if params.chain and not about_chain and not params.rule("iptables"):
            problems.append(ParamProblem("", "the rule says nothing of the packets nor what to do with them"))
        return problems

    def subject(self, params: IptablesParams) -> str:
        """Return the rule, or the chain."""
        words = [] if params.flush or params.policy else params.rule(params.programs[0])
        chain = params.chain or "**"
        return " ".join([f"iptables:{params.ip_version}/{params.table}/{chain}", *words])

    def effects(self, params: IptablesParams) -> Effects:
        """The rule, in its chain, where the rules come in the order of the tasks."""
        chains = {f"{_key(program, params.table)}{params.chain or '**'}" for program in params.programs}
        targets = {
            f"{_key(program, params.table)}{target}"
            for program in params.programs
            for target in (params.jump, params.goto)
            if target is not None
        }
        return effects(reads={"package:iptables", *targets}, writes={self.subject(params), *chains})

    def locks(self, params: IptablesParams) -> frozenset[str]:  # noqa: ARG002
        """The kernel's tables are replaced as a whole."""
        return frozenset({"iptables"})

    def guard(self, params: IptablesParams, system: System) -> Guard | None:  # noqa: ARG002
        """Packet rules can always cut our access."""
        return Guard(saves_tables=tuple(f"{program} {params.table}" for program in params.programs))

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: IptablesParams) -> State:
        """Return what the kernel has, for each IP version that is meant."""
        state: State = {}
        for program in params.programs:
            mark = _mark(params, program)
            if params.chain is None:
                chains = _chains(system, params, program)
                counts = [_chain(system, params, program, name)["rules"] for name in chains]
                state[f"{mark}empty"] = not any(counts)
                continue
            chain = _chain(system, params, program, params.chain)
            needed = params.state == "present" or params.flush or params.policy
            if needed and not chain["exists"] and not params.chain_management:
                raise TaskError(
                    f"there is no chain {params.chain!r} in table {params.table!r} of {program}",
                    hint="`chain_management: true` makes it",
                )
            state |= {f"{mark}chain": chain["exists"], f"{mark}policy": chain["policy"]}
            state[f"{mark}empty"] = not chain["rules"]
            if params.policy == "DROP" and chain["policy"] != "DROP":
                _refuse_to_close(system, params, program, chain)
            if not (params.flush or params.policy):
                rule = params.rule(program)
                state[f"{mark}rule"] = bool(rule) and _has(system, params, program, chain, rule)
        return state

    def desired(self, params: IptablesParams, actual: State) -> State:  # noqa: ARG002
        """Return the rule, the chain, the policy or no rules."""
        wanted: State = {}
        for program in params.programs:
            mark = _mark(params, program)
            rule = params.rule(program)
            if params.flush:
                wanted[f"{mark}empty"] = True
            elif params.policy:
                wanted[f"{mark}policy"] = params.policy
            else:
                present = params.state == "present"
                if params.chain_management and (present or not rule):
                    wanted[f"{mark}chain"] = present
                if rule:
                    wanted[f"{mark}rule"] = present
        return wanted

    def converge(self, system: System, params: IptablesParams, change: Change) -> State | None:
        """Make the chain before its rule; empty a chain before it goes."""
        for program in params.programs:
            mark = _mark(params, program)
            if params.flush and f"{mark}empty" in change:
                names = [params.chain] if params.chain else _chains(system, params, program)
                for name in names:
                    _Chain(system, params, program, name).run(["--flush", name], rules=0, known={})
                continue
            if params.chain is None:
                continue
            chain = _Chain(system, params, program, params.chain)
            if f"{mark}policy" in change and params.policy:
                chain.run(["--policy", params.chain, params.policy], policy=params.policy)
            if f"{mark}chain" in change and params.state == "present":
                chain.run(["--new-chain", params.chain], exists=True, rules=0, known={})
            if f"{mark}rule" in change:
                chain.change(params.rule(program))
            if f"{mark}chain" in change and params.state == "absent":
                chain.run(["--delete-chain", params.chain], exists=False, rules=0, known={})
        return None

    def outputs(self, params: IptablesParams, actual: State) -> dict[str, Any]:  # noqa: ARG002
        """Return Ansible's values: the chain, the table, and the rule as iptables is told it."""
        rule = " ".join(params.rule(params.programs[0]))
        return {"chain": params.chain, "table": params.table, "ip_version": params.ip_version, "rule": rule}


_LONGEST_COMMENT = 256  # iptables-extensions(8), comment


class _Chain:
    """A chain while it is being changed."""

    def __init__(self, system: System, params: IptablesParams, program: str, name: str) -> None:
        self._system = system
        self._params = params
        self._program = program
        self._name = name
        self._state = _chain(system, params, program, name)

    def run(self, words: Sequence[str], **fields: object) -> None:
        """Run iptables, after which `fields` hold of the chain."""
        self._state |= fields
        done = self._try(words)
        if done.exit_status != 0:
            raise refused(self._program, done)

    def change(self, rule: Sequence[str]) -> None:
        """Add the rule, or remove all of its copies."""
        params, name = self._params, self._name
        present = params.state == "present"
        self._state["known"] = self._state["known"] | {" ".join(rule): present}
        self._state["rules"] += 1 if present else -1
        if present:
            place = ["--insert", name, *([str(params.rule_num)] if params.rule_num is not None else [])]
            counters = ["--set-counters", *params.set_counters.split()] if params.set_counters else []
            self.run([*(place if params.action == "insert" else ["--append", name]), *rule, *counters])
            return
        while _has(
            self._system, params, self._program, _chain(self._system, params, self._program, name), rule
        ):
            self.run(["--delete", name, *rule])

    def _try(self, words: Sequence[str]) -> CommandResult:
        table = _key(self._program, self._params.table)
        argv = [*_begin(self._params, self._program), *words]
        # The table is for iptables_state, which cannot tell what a rule will look like in it.
        states = {f"{table}{self._name}": dict(self._state), table: None}
        return self._system.run(argv, establishes=states, ok=ANY)


def _key(program: str, table: str) -> str:
    return f"iptables:{'ipv6' if program == 'ip6tables' else 'ipv4'}/{table}/"


def _mark(params: IptablesParams, program: str) -> str:
    """Return the beginning of field names: only where both IP versions are meant they are told apart."""
    if len(params.programs) == 1:
        return ""
    return "IPv6 " if program == "ip6tables" else "IPv4 "


def _begin(params: IptablesParams, program: str) -> list[str]:
    return [program, "--wait", params.wait or WAIT_S, "--table", params.table]


def _asked(system: System, params: IptablesParams, program: str, words: Sequence[str]) -> CommandResult:
    return asked(system, [*_begin(params, program), *words])


def _chains(system: System, params: IptablesParams, program: str) -> list[str]:
    """Return the chains of the table; both `-P NAME POLICY` and `-N NAME` name one."""
    answer = _asked(system, params, program, ["--list-rules"])
    words = [line.split() for line in answer.stdout.splitlines()]
    return [line[1] for line in words if len(line) > 1 and line[0] in ("-P", "-N")]


def _chain(system: System, params: IptablesParams, program: str, name: str) -> State:
    """Return whether the chain exists, its policy and number of rules, and what tasks have made of it.

    `known` says of rules whether an earlier task of a plan has put them there, or away.
    """
    return system.lookup(
        f"{_key(program, params.table)}{name}", lambda: _probe(system, params, program, name)
    )


def _probe(system: System, params: IptablesParams, program: str, name: str) -> State:
    answer = _asked(system, params, program, ["--list-rules", name])
    exists, policy, rules = answer.exit_status == 0, None, 0
    for line in answer.stdout.splitlines():
        words = line.split()
        policy = words[2] if words[:1] == ["-P"] else policy
        rules += words[:1] == ["-A"]
    if answer.exit_status == NOT_INSTALLED:
        exists, policy = name.isupper(), "ACCEPT"  # a chain that is built in, as it is after the installation
    return {"exists": exists, "policy": policy, "rules": rules, "known": {}}


def _refuse_to_close(system: System, params: IptablesParams, program: str, chain: State) -> None:
    """Raise where all packets that nothing else accepts are dropped, and nothing accepts those of ssh.

    Even the connection that the run goes by would be cut: nobody could hear that the change is undone.
    """
    if (params.table, params.chain, program) != ("filter", "INPUT", "iptables"):
        return
    answer = _asked(system, params, program, ["--list-rules", "INPUT"])
    rules = [line for line in answer.stdout.splitlines() if line.startswith("-A")]
    rules = [*rules, *(words for words, there in chain["known"].items() if there)]
    for port in system.ssh_ports():
        if not any(admits(rule, port) for rule in rules):
            raise TaskError(
                f"no rule in INPUT accepts port {port}, which ssh listens on",
                hint=f"accept it first: `protocol: tcp`, `destination_port: {port}`, `jump: ACCEPT`",
            )


def _has(system: System, params: IptablesParams, program: str, chain: State, rule: Sequence[str]) -> bool:
    known = chain["known"].get(" ".join(rule))
    if known is not None:
        return bool(known)
    if not chain["exists"] or chain["rules"] <= 0:
        # Nothing to look through, but a rule that iptables does not understand is found now.
        _understood(system, params, program, rule)
        return False
    answer = _asked(system, params, program, ["--check", str(params.chain), *rule])
    if answer.exit_status not in (0, 1):
        _explain(system, params, program, answer)
    return answer.exit_status == 0


def _understood(system: System, params: IptablesParams, program: str, rule: Sequence[str]) -> None:
    answer = _asked(system, params, program, ["--check", str(params.chain), *rule])
    if answer.exit_status not in (0, 1):
        _explain(system, params, program, answer)


def _explain(system: System, params: IptablesParams, program: str, answer: CommandResult) -> None:
    """Raise what iptables has against a rule, unless it is a chain that an earlier task makes."""
    if answer.exit_status == NOT_INSTALLED:
        return
    target = params.jump or params.goto
    missing = target is not None and "does not exist" in answer.stderr
    if missing and (params.state == "absent" or _chain(system, params, program, str(target))["exists"]):
        return
    raise refused(program, answer)
