"""Validators that may run in a plan: they read the file they are given and change nothing on the host."""

from __future__ import annotations

import fnmatch
import posixpath

from configurator.modules.system import System

# Program: the words that make it only look (its manual page); one of the alternatives must be there whole.
# Not here, since they write while they check: nginx -t and php-fpm -t (logs, pid file), apache2ctl -t
# (runtime directories), cloud-init schema (log), caddy validate (storage).
_CHECKERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "bash": (("-n",),),
    "dash": (("-n",),),
    "haproxy": (("-c",),),
    "jq": ((),),
    "logrotate": (("-d",), ("--debug",)),
    "named-checkconf": ((),),
    "nft": (("-c",), ("--check",)),
    "promtool": (("check",),),
    "sh": (("-n",),),
    "sshd": (("-t",), ("-T",)),
    "systemd-analyze": (("verify",),),
    "true": ((),),
    "unbound-checkconf": ((),),
    "visudo": (("-c",), ("--check",)),
    "xmllint": (("--noout",),),
}
_DIRECTORIES = frozenset({"", "/bin", "/sbin", "/usr/bin", "/usr/sbin"})  # where Debian's packages put them
# A command line is split into words and given to no shell, but a person may have meant one.
_SHELL_SIGNS = frozenset("|&;<>`$()\n")


# Files in which a mistake would cut our access are checked whether the task asks for it or not.
_ALWAYS = (
    ("/etc/sudoers", "/usr/sbin/visudo", "-c -f %s"),
    ("/etc/sudoers.d/*", "/usr/sbin/visudo", "-c -f %s"),
    ("/etc/ssh/sshd_config", "/usr/sbin/sshd", "-t -f %s"),
    ("/etc/nftables.conf", "/usr/sbin/nft", "-c -f %s"),
)


def default_validator(system: System, path: str) -> str | None:
    """Return the check that a file gets without being asked for; None where there is none on the host."""
    for pattern, program, options in _ALWAYS:
        if fnmatch.fnmatchcase(path, pattern) and system.stat(program, follow=True) is not None:
            return f"{program} {options}"
    return None


def is_read_only(command: str) -> bool:
    """Return True if a `validate` command is known to look only at the file that `%s` stands for."""
    import shlex  # noqa: PLC0415  (only tasks with `validate` need it)

    if _SHELL_SIGNS & set(command):
        return False
    try:
        words = shlex.split(command)
    except ValueError:
        return False
    if not words:
        return False
    directory, program = posixpath.split(words[0])
    if directory not in _DIRECTORIES:
        return False
    given = _letters(words[1:])
    return any(given.issuperset(option) for option in _CHECKERS.get(program, ()))


def _letters(words: list[str]) -> set[str]:
    """Return the words, and joined short options (`-cf`) also one by one."""
    out = set(words)
    for word in words:
        if word.startswith("-") and not word.startswith("--"):
            out |= {f"-{letter}" for letter in word[1:] if letter.isalpha()}
    return out
