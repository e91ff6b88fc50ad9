"""Which validators may run in a plan: those known to look at their file alone and to write nothing."""

from __future__ import annotations

import shlex

# program: the words that must all be among its arguments.
_READ_ONLY: dict[str, tuple[str, ...]] = {
    "sshd": ("-t",),  # sshd(8): test mode
    "visudo": ("-c",),  # visudo(8): check only
    "nft": ("-c",),  # nft(8): check commands without applying
    "named-checkconf": (),
    "apache2ctl": ("-t",),
    "haproxy": ("-c",),
    "logrotate": ("-d",),
    "sh": ("-n",),
    "bash": ("-n",),
    "systemd-analyze": ("verify",),
    "true": (),
}


def is_read_only(command: str) -> bool:
    """Return True if a `validate` command can be run in a plan."""
    try:
        words = shlex.split(command)
    except ValueError:
        return False
    if not words:
        return False
    needed = _READ_ONLY.get(words[0].rpartition("/")[2])
    return needed is not None and all(_has(words[1:], option) for option in needed)


def _has(words: list[str], option: str) -> bool:
    if option in words:
        return True
    # Short options may be joined: `visudo -cf %s`.
    return len(option) == 2 and any(
        word.startswith("-") and not word.startswith("--") and option[1] in word[1:] for word in words
    )
