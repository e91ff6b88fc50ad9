"""ufw: a rule of ufw's is there or is not, ufw's defaults and logging are as wanted, and ufw is on or off.

Parameters are those of community.general.ufw. Where this module differs:
- `delete` and all else is done only where it changes something, and a rule is looked up in ufw's own files.
- `comment` is compared only if it is given: ufw itself would drop a comment that is not repeated.
- `insert` behind the last rule adds the rule there, where ufw refuses; like ufw it does not move a rule.
- `interface` without `direction` means incoming packets; a name of a port is looked up in /etc/services.
- what one task asks for is done in this order: reset or disable, rule, default, logging, reload or enable.
- `reset` does nothing where ufw is off and has no rules; `reloaded` where it is off.
- ufw is never switched on, nor its incoming packets denied, without a rule that admits the ports of ssh
  (the one that this run came in by, and those of `sshd -T`): where there is none, `allow PORT/tcp` is added,
  and shown. Removing the last such rule is refused while ufw is on. A change of a running ufw is undone
  unless a new login succeeds.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules import ufw_rules as syntax
from configurator.modules.base import Guard, Module
from configurator.modules.effects import Effects, effects
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, State
from configurator.modules.system import System
from configurator.modules.ufw_rules import Rule, Wish

_PROGRAM = "/usr/sbin/ufw"
_KEY = "ufw:"
_FILES = ("/etc/ufw/user.rules", "/etc/ufw/user6.rules", "/etc/ufw/ufw.conf", "/etc/default/ufw")
_PROFILES = "/etc/ufw/applications.d"
_WORDS = {"ACCEPT": "allow", "DROP": "deny", "REJECT": "reject"}
_CHAINS = {"incoming": "INPUT", "outgoing": "OUTPUT", "routed": "FORWARD"}
_DIRECTIONS = {"in": "incoming", "out": "outgoing", None: "incoming"}
# What Debian's package brings: /etc/default/ufw and /etc/ufw/ufw.conf.
_FRESH: State = {
    "exists": True, "rules": (), "ipv6": True, "on": False, "logging": "low",
    "incoming": "deny", "outgoing": "allow", "routed": "deny",
}  # fmt: skip
_SSH_COMMENT = "configurator: ssh stays open"


@dataclass(frozen=True, slots=True)
class UfwParams:
    """The parameters of community.general.ufw."""

    state: str | None = param("str", choices=("enabled", "disabled", "reloaded", "reset"))
    default: str | None = param("str", aliases=("policy",), choices=("allow", "deny", "reject"))
    direction: str | None = param("str", choices=("in", "incoming", "out", "outgoing", "routed"))
    logging: str | None = param("str", choices=("on", "off", "low", "medium", "high", "full"))
    rule: str | None = param("str", choices=("allow", "deny", "limit", "reject"))
    route: bool = param("bool", False)
    delete: bool = param("bool", False)
    insert: int | None = param("int")
    insert_relative_to: str = param(
        "str", "zero", choices=("zero", "first-ipv4", "last-ipv4", "first-ipv6", "last-ipv6")
    )
    interface: str | None = param("str", aliases=("if",))
    interface_in: str | None = param("str", aliases=("if_in",))
    interface_out: str | None = param("str", aliases=("if_out",))
    log: bool = param("bool", False)
    from_ip: str = param("str", "any", aliases=("from", "src"))
    from_port: str | None = param("str")
    to_ip: str = param("str", "any", aliases=("dest", "to"))
    to_port: str | None = param("str", aliases=("port",))
    proto: str | None = param(
        "str",
        aliases=("protocol",),
        choices=("any", "tcp", "udp", "ipv6", "esp", "ah", "gre", "igmp", "vrrp"),
    )
    name: str | None = param("str", aliases=("app",))
    comment: str | None = param("str")

    @property
    def wish(self) -> Wish | None:
        """The rule that is asked for."""
        if self.rule is None:
            return None
        return Wish(
            self.rule, self.route, self.direction, self.interface, self.interface_in, self.interface_out,
            self.log, self.from_ip, self.from_port, self.to_ip, self.to_port, self.proto, self.name,
            self.comment,
        )  # fmt: skip

    @property
    def side(self) -> str:
        """The direction that `default` is about."""
        return _DIRECTIONS.get(self.direction, self.direction or "incoming")


class Ufw(Module[UfwParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "ufw"
    params: ClassVar[type] = UfwParams
    typical_s: ClassVar[float] = 0.5

    def check(self, params: UfwParams) -> Sequence[ParamProblem]:
        """Return combinations that mean nothing."""
        problems = []
        if not (params.state or params.default or params.logging or params.rule):
            problems.append(ParamProblem("", "nothing to do: give state, default, logging or rule"))
        if params.default and params.rule:
            problems.append(ParamProblem("default", "'default' and 'rule' each need a task of their own"))
        if params.rule and params.direction == "routed":
            problems.append(ParamProblem("direction", "a rule for routed packets is one with `route: true`"))
        if params.interface and (params.interface_in or params.interface_out):
            problems.append(
                ParamProblem("interface", "use 'interface', or 'interface_in' and 'interface_out'")
            )
        if params.interface_in and params.interface_out and not params.route:
            problems.append(ParamProblem("interface_out", "two interfaces need `route: true`"))
        if params.name and (params.to_port or params.from_port or params.proto):
            problems.append(ParamProblem("name", "an application has its own ports and protocol"))
        if params.delete and not params.rule:
            problems.append(ParamProblem("delete", "'delete' needs 'rule'"))
        if set(params.comment or "") & set("'\n"):
            problems.append(ParamProblem("comment", "ufw takes no comment with a ' or a line break in it"))
        if params.insert is not None and params.insert < 1 and params.insert_relative_to == "zero":
            problems.append(ParamProblem("insert", "ufw counts its rules from 1"))
        return problems

    def subject(self, params: UfwParams) -> str:
        """Return the rule that is meant, without what is to be done with its packets."""
        if params.wish is not None:
            words = [word for word in params.wish.words() if word != "log"]
            return f"{_KEY}{'route ' if params.route else ''}{' '.join(words)}"
        if params.default:
            return f"{_KEY}default {params.side}"
        return f"{_KEY}state" if params.state else f"{_KEY}logging"

    def effects(self, params: UfwParams) -> Effects:
        """The rule; all of them have one list, in which they come in the order of the tasks."""
        keys = {self.subject(params), _KEY}
        return effects(
            reads={"package:ufw", "path:/etc/ssh/**", f"path:{_PROFILES}/**", *(f"path:{f}" for f in _FILES)},
            writes=keys | ({f"{_KEY}state"} if params.state else set()),
        )

    def locks(self, params: UfwParams) -> frozenset[str]:  # noqa: ARG002
        """ufw lets one work at a time."""
        return frozenset({"ufw"})

    def guard(self, params: UfwParams, system: System) -> Guard | None:
        """Return how to undo a change of rules that are in force, or are to be."""
        on = _setting(_text(system, "/etc/ufw/ufw.conf"), "ENABLED") == "yes"
        if not on and params.state != "enabled":
            return None
        undo = ("ufw", "reload") if on else ("ufw", "--force", "disable")
        return Guard(saves=_FILES, restores=(undo,))

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: UfwParams) -> State:
        """Return ufw's state, and of the rule that is meant what it does and its comment."""
        state = _observed(system)
        rules = list(state["rules"])
        state["wanted rules"] = []
        if params.wish is not None:
            wanted = _wanted_rules(system, params.wish, state["ipv6"])
            state["wanted rules"] = wanted
            found = syntax.alike(rules, wanted)
            state |= {"rule": _told(wanted, found), "comment": next((r.comment for r in found if r), None)}
            if params.delete:
                rules = syntax.removed(rules, _to_delete(found, params.wish))
            else:
                rules = syntax.added(rules, wanted)
        state["later rules"] = rules
        state["reloaded"] = False
        return state | _ssh_ports(system, params, state, rules)

    def desired(self, params: UfwParams, actual: State) -> State:
        """Return what is asked for, and the ports of ssh open where packets are denied."""
        wanted: State = {}
        if params.state == "reset":
            wanted |= {"on": False} | ({} if params.rule else {"rules": ()})
        elif params.state in ("enabled", "disabled"):
            wanted["on"] = params.state == "enabled"
        elif params.state == "reloaded" and actual["on"]:
            wanted["reloaded"] = True
        if params.default is not None:
            wanted[params.side] = params.default
        if params.logging is not None:
            wanted["logging"] = "low" if params.logging == "on" else params.logging
            if params.logging == "on" and actual["logging"] != "off":
                wanted["logging"] = actual["logging"]
        if params.wish is not None and params.delete:
            # Like ufw: a rule with another action is another rule, which is not meant.
            if actual["rule"] is not None and actual["rule"].split()[0] == params.rule:
                wanted["rule"] = None
        elif params.wish is not None:
            wanted["rule"] = Rule(params.wish.action, log="log" if params.log else "").does
            if params.comment is not None:
                wanted["comment"] = params.comment
        return wanted | {name: "open" for name, value in actual.items() if value == "closed"}

    def compare(self, params: UfwParams, actual: State, wanted: State) -> Change:
        """Show rules that are reset as text."""
        change = super().compare(params, actual, wanted)
        if "rules" not in change:
            return change
        before = {**change.before, "rules": [f"{rule.does} {rule.key[2:]}" for rule in actual["rules"]]}
        return Change(change.subject, before, {**change.after, "rules": []}, change.fields)

    def converge(self, system: System, params: UfwParams, change: Change) -> State | None:
        """Open what must stay open first, and switch ufw on last."""
        ufw = _Ufw(system, _observed(system))
        if params.state == "reset" and ("rules" in change or "on" in change):
            ufw.run(["ufw", "--force", "reset"], rules=(), on=False)
        elif params.state == "disabled" and "on" in change:
            ufw.run(["ufw", "disable"], on=False)
        if params.wish is not None and ("rule" in change or "comment" in change):
            self._rule(ufw, params, change)
        for port in _named_ports(change.fields):
            ufw.open(port)
        if params.default is not None and params.side in change:
            argv = ["ufw", "default", params.default, params.side]
            ufw.run(argv, **{params.side: params.default})
        if "logging" in change:
            ufw.run(["ufw", "logging", str(params.logging)], logging=change.after["logging"])
        if "on" in change and params.state == "enabled":
            ufw.run(["ufw", "--force", "enable"], on=True)
        if "reloaded" in change:
            ufw.run(["ufw", "reload"])
            return {"reloaded": True}
        return None

    def _rule(self, ufw: _Ufw, params: UfwParams, change: Change) -> None:
        assert params.wish is not None
        wanted = change.before["wanted rules"]
        rules = ufw.state["rules"]
        if params.delete:
            gone = _to_delete(syntax.alike(rules, wanted), params.wish)
            logged = replace(params.wish, log=any(rule.log == "log" for rule in gone))
            ufw.run(logged.command(delete=True), rules=tuple(syntax.removed(rules, gone)))
            return
        position = None
        if params.insert is not None and not all(syntax.alike(rules, wanted)):
            position = syntax.place(rules, wanted, params.insert, params.insert_relative_to)
        comment = change.before["comment"] if params.comment is None else params.comment
        rules = syntax.added(rules, [replace(rule, comment=comment) for rule in wanted], position)
        ufw.run(params.wish.command(position=position, comment=comment), rules=tuple(rules))

    def outputs(self, params: UfwParams, actual: State) -> dict[str, Any]:  # noqa: ARG002
        """Return whether ufw is on, and its defaults."""
        shown = {name: actual[name] for name in ("incoming", "outgoing", "routed", "logging")}
        return {"enabled": actual["on"], "defaults": shown, "rules": len(actual["rules"])}


class _Ufw:
    """ufw while a task changes it; knows what the commands so far have made of it."""

    def __init__(self, system: System, state: State) -> None:
        self._system = system
        self.state = state

    def run(self, argv: Sequence[str], **fields: object) -> None:
        """Run ufw, after which `fields` hold; a TaskError says why it refused."""
        self.state = self.state | fields
        done = self._system.run(argv, establishes={_KEY: self.state}, ok=tuple(range(256)))
        if done.exit_status != 0:
            said = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("ERROR: ")]
            problem = said[0].removeprefix("ERROR: ") if said else "it gave no reason"
            denied = "ermission" in problem or "oot" in problem
            raise TaskError(
                f"ufw: {problem}",
                command=done.argv,
                exit_status=done.exit_status,
                output=done.stdout + done.stderr,
                hint="a container needs CAP_NET_ADMIN to have a firewall of its own" if denied else None,
            )

    def open(self, port: int) -> None:
        """Admit the port from everywhere."""
        wish = Wish("allow", dport=str(port), proto="tcp", comment=_SSH_COMMENT)
        new = syntax.rules_of(wish, ipv6=self.state["ipv6"], services={}, profiles={})
        rules = tuple(syntax.added(self.state["rules"], new))
        self.run(wish.command(comment=_SSH_COMMENT), rules=rules)


def _observed(system: System) -> State:
    """Return ufw's state; that of a fresh one where a plan has yet to install it."""
    if system.stat(_PROGRAM, follow=True) is None:
        if not system.lookup("package:ufw", lambda: {"exists": False})["exists"]:
            raise TaskError("ufw is not installed on the host", hint="install it first: `apt: {name: ufw}`")
        return system.lookup(_KEY, lambda: dict(_FRESH))
    return system.lookup(_KEY, lambda: _probe(system))


def _probe(system: System) -> State:
    rules = [
        rule
        for path, v6 in ((_FILES[0], False), (_FILES[1], True))
        for rule in syntax.parse(_text(system, path), v6=v6)
    ]
    conf, defaults = _text(system, "/etc/ufw/ufw.conf"), _text(system, "/etc/default/ufw")
    on = _setting(conf, "ENABLED") == "yes"
    if on:
        # ufw's own test: somebody may have flushed the rules (`ufw status` calls that inactive).
        live = system.query(["iptables", "-n", "-L", "ufw-user-input"], ok=tuple(range(256)))
        on = live.exit_status == 0
    sides = {
        side: _WORDS.get(_setting(defaults, f"DEFAULT_{chain}_POLICY"), "deny")
        for side, chain in _CHAINS.items()
    }
    ipv6 = _setting(defaults, "IPV6") != "no"
    level = _setting(conf, "LOGLEVEL") or "low"
    return {"exists": True, "rules": tuple(rules), "ipv6": ipv6, "on": on, "logging": level, **sides}


def _text(system: System, path: str) -> str:
    found = system.stat(path, follow=True)
    return "" if found is None else system.read(path).decode(errors="replace")


def _setting(text: str, name: str) -> str:
    """Return the last value of a shell assignment."""
    value = ""
    for line in text.splitlines():
        key, sign, rest = line.strip().partition("=")
        if sign and key == name:
            value = rest.strip().strip("\"'")
    return value


def _wanted_rules(system: System, wish: Wish, ipv6: bool) -> list[Rule]:
    services: Mapping[str, frozenset[str]] = {}
    profiles: Mapping[str, str] = {}
    if any(sign.isalpha() for port in (wish.sport, wish.dport) if port and port != "any" for sign in port):
        services = syntax.parse_services(_text(system, "/etc/services"))
    if wish.app is not None:
        files = [name for name in system.listdir(_PROFILES) if not name.startswith(".")]
        profiles = syntax.parse_profiles(_text(system, f"{_PROFILES}/{name}") for name in files)
        if wish.app not in profiles:
            # A package that a plan installs may bring it: asking for its file tells the plan so.
            system.stat(posixpath.join(_PROFILES, wish.app.split()[0].lower()))
    return syntax.rules_of(wish, ipv6=ipv6, services=services, profiles=profiles)


def _told(wanted: Sequence[Rule], found: Sequence[Rule | None]) -> str | None:
    """Return what is done with the packets of the rules; None where there is no such rule."""
    said = list(dict.fromkeys(rule.does for rule in found if rule is not None))
    if not said:
        return None
    missing = [rule for rule, known in zip(wanted, found, strict=True) if known is None]
    if missing:
        said.append("not for IPv6" if missing[0].v6 else "not for IPv4")
    return ", ".join(said)


def _to_delete(found: Sequence[Rule | None], wish: Wish) -> list[Rule]:
    return [rule for rule in found if rule is not None and rule.action == wish.action]


def _ssh_ports(system: System, params: UfwParams, state: State, rules: Sequence[Rule]) -> State:
    """Return each port of ssh that the task would leave closed, as `ssh port N`.

    TaskError if it is this task that closes one. Where ufw is on and nothing but rules change, a port that
    no rule admits is somebody else's decision, which has let us in.
    """
    starts = params.state == "enabled" and not state["on"]
    on = starts or (state["on"] and params.state not in ("disabled", "reset"))
    turns = params.default is not None and params.side == "incoming"
    if not on or (params.default if turns else state["incoming"]) == "allow":
        return {}
    if not starts and not turns and params.wish is None:
        return {}
    closed = [port for port in system.ssh_ports() if not any(rule.admits(port) for rule in rules)]
    ours = [port for port in closed if any(rule.admits(port) for rule in state["rules"])]
    if ours and state["on"]:
        raise TaskError(
            f"this would close port {ours[0]}, which ssh listens on",
            hint="allow it in another way first, such as from your own network alone",
        )
    return {f"ssh port {port}": "closed" for port in closed} if starts or turns else {}


def _named_ports(fields: Sequence[str]) -> list[int]:
    return [int(field.removeprefix("ssh port ")) for field in fields if field.startswith("ssh port ")]
