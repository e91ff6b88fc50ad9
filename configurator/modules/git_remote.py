"""What a git module asks of the other side, and what git says when it cannot: one `git ls-remote`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from configurator.core.errors import TaskError
from configurator.modules.system import CommandResult

_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT_HASH = re.compile(r"[0-9a-f]{4,63}")


@dataclass(frozen=True, slots=True)
class Target:
    """What a version means: a commit (None: not known before it is fetched), and the ref that has it.

    `kind` is `branch`, `tag`, `hash` or `ref`; `name` is the branch's or tag's own name.
    """

    kind: str
    name: str
    commit: str | None
    ref: str = ""


def is_hash(version: str) -> bool:
    """Return True for a whole commit hash."""
    return _HASH.fullmatch(version) is not None


def patterns(version: str) -> list[str]:
    """Return what to ask `git ls-remote` for, to understand a version."""
    if version == "HEAD" or is_hash(version):
        return ["HEAD"]
    if version.startswith("refs/"):
        return ["HEAD", version, f"{version}^{{}}"]
    return ["HEAD", f"refs/heads/{version}", f"refs/tags/{version}", f"refs/tags/{version}^{{}}"]


def understand(version: str, listing: str) -> Target | None:  # noqa: PLR0911  (one for each kind)
    """Return what a version is by `git ls-remote --symref`; None if the other side does not know it."""
    refs: dict[str, str] = {}
    default = ""
    for line in listing.splitlines():
        value, _, name = line.partition("\t")
        if value.startswith("ref: ") and name == "HEAD":
            default = value.removeprefix("ref: refs/heads/")
        elif name:
            refs[name] = value
    if version == "HEAD":
        commit = refs.get("HEAD")
        if commit is None:
            return None
        return (
            Target("branch", default, commit, f"refs/heads/{default}")
            if default
            else Target("hash", commit, commit)
        )
    if is_hash(version):
        return Target("hash", version, version)
    if version.startswith("refs/"):
        commit = refs.get(f"{version}^{{}}") or refs.get(version)
        return None if commit is None else Target("ref", version, commit, version)
    if commit := refs.get(f"refs/heads/{version}"):
        return Target("branch", version, commit, f"refs/heads/{version}")
    tag = f"refs/tags/{version}"
    if commit := refs.get(f"{tag}^{{}}") or refs.get(tag):
        return Target("tag", version, commit, tag)
    if _SHORT_HASH.fullmatch(version):
        return Target("hash", version, None)
    return None


def ssh_command(
    *, key_file: str | None, accept_new: bool, accept_any: bool, options: str | None
) -> str | None:
    """Return the command by which git reaches ssh; None where its own will do."""
    words: list[str] = []
    if key_file is not None:
        words += ["-i", key_file, "-o", "IdentitiesOnly=yes"]
    if accept_any:
        words += ["-o", "StrictHostKeyChecking=no"]
    elif accept_new:
        words += ["-o", "StrictHostKeyChecking=accept-new"]
    if not words and not options:
        return None
    return " ".join([shlex.join(["ssh", "-o", "BatchMode=yes", *words]), *([options] if options else [])])


# What git and ssh say, and what may help.
_HINTS: Sequence[tuple[str, str]] = (
    ("Permission denied (publickey", "`key_file` names the key that the other side knows"),
    (
        "Host key verification failed",
        "`accept_newhostkey: true` learns the key, or known_hosts puts it there",
    ),
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", "the server has another key than before: find out why"),
    ("could not read Username", "the other side wants a name and a password; is the address right?"),
    ("Authentication failed", "name or password were not accepted"),
    ("Could not resolve host", "is the name right, and does the host resolve names?"),
    ("not found", "is the address right, and may this user read it?"),
    ("does not appear to be a git repository", "is the address right, and may this user read it?"),
    ("dubious ownership", "work as the owner of the directory: `become_user`"),
    ("No space left on device", "there is no space left"),
    ("index.lock", "another git works there, or was killed: remove that file if none does"),
    (
        "transport 'file' not allowed",
        "git refuses submodules from local paths: see protocol.file.allow in git-config(1)",
    ),
)


def failure(result: CommandResult, what: str) -> TaskError:
    """Return the error for a git command that failed, with its last words and what may help."""
    said = [line for line in result.stderr.splitlines() if line.strip()]
    fatal = next((line for line in said if line.startswith(("fatal: ", "error: "))), said[-1] if said else "")
    hint = next((hint for text, hint in _HINTS if text in result.stderr), None)
    return TaskError(
        f"{what}: {fatal.partition(': ')[2] or fatal or f'exit status {result.exit_status}'}",
        command=result.argv,
        exit_status=result.exit_status,
        output=result.stderr,
        hint=hint,
    )


def environment(ssh: str | None) -> Mapping[str, str]:
    """Return what keeps git from asking anybody, and from writing where it only looks."""
    # What only looks must not even refresh the index (git(1), GIT_OPTIONAL_LOCKS).
    fixed = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_ASKPASS": "/bin/true",
        "SSH_ASKPASS": "/bin/true",
    }
    return fixed | ({} if ssh is None else {"GIT_SSH_COMMAND": ssh})
