"""Lookups of variables, of the environment, and of what commands on the controller say."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import jinja2

from configurator.compiler.surroundings import Surroundings


def only(options: Mapping[str, Any], *known: str) -> None:
    """Raise TypeError for an option that the lookup does not know."""
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise TypeError(f"there is no option {unknown[0]!r}" + (f", but {', '.join(known)}" if known else ""))


def env(_around: Surroundings, names: Sequence[Any], options: dict[str, Any]) -> list[Any]:
    """Environment variables of the controller; `default` for those that are not set."""
    only(options, "default")
    default = options.get("default", "")
    found: list[Any] = []
    for name in flat(names):
        value = os.environ.get(str(name), default)
        if isinstance(value, jinja2.Undefined):
            raise jinja2.UndefinedError(f"the environment variable {name!r} is not set")
        found.append(value)
    return found


def flat(terms: Iterable[Any]) -> list[Any]:
    """Return the items, of lists among them the items."""
    return [item for term in terms for item in (term if isinstance(term, list | tuple) else (term,))]


def variables(around: Surroundings, names: Sequence[Any], options: dict[str, Any]) -> list[Any]:
    """Variables whose names are worked out; `default` for those that are not defined."""
    only(options, "default")
    found = []
    for name in flat(names):
        if not isinstance(name, str):
            raise TypeError(f"a variable's name is a text, not {name!r}")
        value = around.get(name)
        if isinstance(value, jinja2.Undefined):
            if "default" not in options:
                str(value)
            value = options["default"]
        found.append(value)
    return found


def varnames(around: Surroundings, patterns: Sequence[Any], options: dict[str, Any]) -> list[str]:
    """Names of variables that the patterns are found in."""
    only(options)
    known: Any = around.scope if around.scope is not None else around.variables
    names = [name for name in known if isinstance(name, str)]
    return [name for pattern in flat(patterns) for name in names if re.search(str(pattern), name)]


def pipe(around: Surroundings, commands: Sequence[Any], options: dict[str, Any]) -> list[str]:
    """What commands write on the controller; they run with each evaluation, also in a plan."""
    only(options)
    return [_output(around, command).rstrip() for command in commands]


def lines(around: Surroundings, commands: Sequence[Any], options: dict[str, Any]) -> list[str]:
    """The lines that commands write on the controller; they run also in a plan."""
    only(options)
    return [line for command in commands for line in _output(around, command).splitlines()]


def _output(around: Surroundings, command: Any) -> str:
    # A role's author means a shell, as with Ansible, and writes the command line.
    done = subprocess.run(
        ["/bin/sh", "-c", str(command)],
        cwd=around.root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise ValueError(f"{str(command)!r} ended with {done.returncode}" + (f": {said}" if said else ""))
    return done.stdout.decode("utf-8")


def inventory_hostnames(around: Surroundings, patterns: Sequence[Any], options: dict[str, Any]) -> list[str]:
    """Hosts that a pattern means: names, globs, groups, `!not` and `&and`."""
    only(options)
    groups: Any = around.get("groups")
    members: Mapping[str, Sequence[str]] = groups if isinstance(groups, Mapping) else {}
    every = list(dict.fromkeys(name for names in members.values() for name in names))
    chosen: dict[str, None] = {}
    parts = [part for pattern in flat(patterns) for part in re.split(r"[,:]", str(pattern)) if part]
    if all(part[0] in "!&" for part in parts):
        chosen = dict.fromkeys(every)
    for part in sorted(parts, key=lambda part: " &!".index(part[0] if part[0] in "&!" else " ")):
        meant = _meant(part.lstrip("!&"), members, every)
        if part[0] == "!":
            chosen = {name: None for name in chosen if name not in meant}
        elif part[0] == "&":
            chosen = {name: None for name in chosen if name in meant}
        else:
            chosen.update(dict.fromkeys(meant))
    return list(chosen)


def _meant(name: str, groups: Mapping[str, Sequence[str]], every: Sequence[str]) -> list[str]:
    if name in ("all", "*"):
        return list(every)
    found = [host for group, hosts in groups.items() if fnmatchcase(group, name) for host in hosts]
    return list(dict.fromkeys([*found, *(host for host in every if fnmatchcase(host, name))]))


LOOKUPS: dict[str, Any] = {
    "env": env,
    "vars": variables,
    "varnames": varnames,
    "pipe": pipe,
    "lines": lines,
    "inventory_hostnames": inventory_hostnames,
}
