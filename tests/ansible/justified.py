"""What Ansible and we leave behind otherwise on purpose, by role: things (patterns) with the reason."""

from __future__ import annotations

from collections.abc import Mapping

_EMPTY_LINE = "community.general begins a new INI file with an empty line, which means nothing"

JUSTIFIED: Mapping[str, Mapping[str, str]] = {
    "accounts": {
        "file /usr/games": "we do not remove a home folder that belongs to another user, root here",
    },
    "application": {
        "file /etc/runtime.log": "each use of a role has handlers of its own, with its own variables;"
        " in Ansible the last use's handler stands for all",
    },
    "daemon": {
        "file /etc/ticker.ini": _EMPTY_LINE,
        "file /var/lib/ticker.seen": "a copy of it",
        "file /etc/systemd/system/ticker.service.d/limits.conf": _EMPTY_LINE,
    },
}

# A plan runs no commands: tasks that it cannot foretell although a second apply changes nothing.
UNFORETOLD: Mapping[str, Mapping[str, str]] = {
    "baseline": {"baseline: Never done": "stands below a command that fails, which a plan cannot know"},
    "packetfilter": {
        "packetfilter: What was kept": "copies a file that a command makes, and that is removed again",
        "packetfilter: restart the loader": "is notified by it",
    },
    "probe": {
        "probe: Is anything to be migrated": "changed_when asks for the output of a command",
        "probe: Fails by what it says": "changed_when asks for the output of a command",
        "probe: Note what was found": "its content tells whether a command had to be tried again",
        "probe: probe configuration changed": "is notified by it",
    },
}
