"""What two tools have made of the same host: the sandbox's end states, and the kernel's settings besides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from configurator.sandbox import Lab, LabHost
from configurator.sandbox.endstate import Difference, EndState, differences, read_state

# Both tools leave something behind that is theirs alone: Ansible's folder for its modules on the host.
_OF_THE_TOOLS = re.compile(r"file /(.+/)?\.ansible(/|$)")
# Settings that count or draw lots, and the tables that change by themselves.
_RESTLESS = re.compile(
    r"(_count|_size|stable_secret|\.neigh\.|random|uuid|nf_conntrack_(buckets|count)|hashlimit|_key$)"
)
_SYSCTL = "sysctl --all --pattern '^net[.]' 2>/dev/null || true"


# Ansible's `apt` installs what it is written with, unless that is there: no wish of any role.
_FOR_ANSIBLE = """apt='apt-get -qq -o Dpkg::Use-Pty=0'
$apt install -y python3-apt || { $apt update && $apt install -y python3-apt; }"""


def prepare(lab: Lab, host: LabHost) -> None:
    """Install what Ansible's modules want for themselves."""
    done = lab.shell(host.name, ["sh", "-c", _FOR_ANSIBLE], timeout=300)
    assert done.returncode == 0, done


def state_of(lab: Lab, host: LabHost) -> EndState:
    """Return what the running host has become, the settings of its network included."""

    def shell(script: str) -> str:
        done = lab.shell(host.name, ["sh", "-c", script])
        assert done.returncode == 0, done
        return str(done.stdout)

    state = read_state(host, shell)
    things = {thing: mark for thing, mark in state.things.items() if not _OF_THE_TOOLS.match(thing)}
    for thing in [thing for thing in things if thing.startswith("file /var/spool/cron/crontabs/")]:
        # crontab(1) notes above the jobs when they were installed, and from which file.
        lines = [line for line in state.texts[thing].splitlines() if not line.startswith("# (")]
        things[thing] = f"{things[thing].split(' sha256:', maxsplit=1)[0].rpartition(' ')[0]} {lines}"
    return replace(state, things={**things, **dict(_settings(shell(_SYSCTL)))})


def _settings(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        key, _, value = line.partition(" = ")
        if not _RESTLESS.search(key):
            yield f"sysctl {key}", " ".join(value.split())


def left(ansible: EndState, ours: EndState, justified: Mapping[str, str]) -> list[str]:
    """Return as texts the differences that no pattern of `justified` (of things, with reasons) allows."""
    return [
        _shown(found)
        for found in differences(ansible, ours)
        if not any(fnmatchcase(found.thing, pattern) for pattern in justified)
    ]


def _shown(found: Difference) -> str:
    lines = "".join(f"\n      {line}" for line in found.lines)
    return f"{found.thing}\n    ansible: {found.first}\n    ours:    {found.second}{lines}"
