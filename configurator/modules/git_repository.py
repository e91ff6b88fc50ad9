"""One checkout of a repository: looking at it, and having it be another commit."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import Any

from configurator.core.errors import ParameterError, TaskError
from configurator.modules.git_remote import Target, environment, failure, patterns, ssh_command, understand
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import CommandResult, System

ARCHIVES = {".zip": "zip", ".tar": "tar", ".tgz": "tar.gz", ".gz": "tar.gz"}  # endings and formats
_MISSING_PROGRAM = 127  # System.query
_ANY = range(256)


class Repository:
    """The git commands of one task. Those that only look are queries."""

    def __init__(self, system: System, params: Any) -> None:
        self._system = system
        self._params = params
        ssh = ssh_command(
            key_file=params.key_file,
            accept_new=params.accept_newhostkey,
            accept_any=params.accept_hostkey,
            options=params.ssh_opts,
        )
        self._env = environment(ssh)
        # Settings of a repository may name programs, which looking at it must not start.
        self._look = [params.executable, "-c", "core.fsmonitor=false", "-C", params.place]

    # -- looking ----------------------------------------------------------------------------------------

    def probe(self) -> State:
        """Return the state of what is at `dest`."""
        system, params = self._system, self._params
        found = system.stat(params.place, follow=True)
        if found is not None and found.kind != "directory":
            raise ParameterError(f"{params.place} is no directory")
        if not self._is_there():
            if found is not None and system.listdir(params.place):
                raise TaskError(
                    f"{params.place} is not empty, and no git repository",
                    hint="choose another `dest`, or empty it",
                )
            return {"exists": False, "commit": None, "remote": None}
        # Of a bare repository any branch can be meant, not only the one that it shows first.
        version = params.version if params.bare else "HEAD"
        head = self._query("rev-parse", "--verify", "--quiet", f"{version}^{{commit}}", ok=(0, 1))
        if head is None:
            return {"exists": True, "pending": True, "commit": UNKNOWN, "remote": UNKNOWN, "changed": ()}
        remote = self._query("config", "--get", f"remote.{params.remote}.url", ok=(0, 1)) or ""
        state: State = {"exists": True, "commit": head.strip() or None, "remote": remote.strip() or None}
        state |= {"changed": (), "submodules": (), "modules": False}
        if not params.bare:
            state["changed"] = self._changes()
            state["modules"] = system.stat(posixpath.join(params.place, ".gitmodules")) is not None
        if state["modules"] and params.recursive:
            state["submodules"] = submodules(self._query("submodule", "status", "--recursive") or "", params)
        return state

    def _is_there(self) -> bool:
        place, look = self._params.place, self._system.stat
        if look(posixpath.join(place, ".git")) is not None:
            return True
        return (
            look(posixpath.join(place, "HEAD")) is not None
            and look(posixpath.join(place, "objects")) is not None
        )

    def _changes(self) -> tuple[str, ...]:
        """Return the files of the checkout that are not as in its commit."""
        text = (
            self._query("status", "--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=all")
            or ""
        )
        return tuple(sorted(part[3:] for part in text.split("\0") if part[2:3] == " "))

    def ask(self) -> Target:
        """Return what the version means to the other side; TaskError if that does not know it."""
        params = self._params
        argv = [params.executable, "ls-remote", "--symref", "--", params.repo, *patterns(params.version)]
        answer = self._system.query(argv, ok=_ANY, env=self._env, timeout_s=120)
        if answer.exit_status == _MISSING_PROGRAM:
            self._refuse_missing(answer)
            return Target("hash", params.version, None)
        if answer.exit_status != 0:
            raise failure(answer, f"cannot read {params.repo}")
        found = understand(params.version, answer.stdout)
        if found is None:
            what = (
                "it has no commits"
                if params.version == "HEAD"
                else f"it has no branch or tag {params.version!r}"
            )
            raise TaskError(f"{params.repo}: {what}", hint="'version'")
        return found

    def _query(self, *words: str, ok: Sequence[int] = (0,)) -> str | None:
        """Return what git prints; None if it is only going to be installed."""
        answer = self._system.query([*self._look, *words], ok=_ANY, env=self._env)
        if answer.exit_status == _MISSING_PROGRAM:
            self._refuse_missing(answer)
            return None
        if answer.exit_status not in ok:
            raise failure(answer, f"cannot look at {self._params.place}")
        return answer.stdout

    def _refuse_missing(self, answer: CommandResult) -> None:
        if not self._system.lookup("package:git", lambda: {"exists": False})["exists"]:
            raise TaskError(
                f"{answer.argv[0]} is not installed on the host", hint="install it first: `apt: {name: git}`"
            )

    def missing(self) -> None:
        """Fail: what an earlier task was to install is not there."""
        self._query("--version")

    def resolved(self, target: Target) -> str | None:
        """Return the commit of a target whose hash was cut short."""
        if target.commit is not None:
            return target.commit
        found = self._query("rev-parse", "--verify", "--quiet", f"{target.name}^{{commit}}", ok=_ANY)
        return (found or "").strip() or None

    # -- changing ---------------------------------------------------------------------------------------

    def clone(self, target: Target, change: Change) -> None:
        """Clone, and check the target out; what cannot be verified is removed again."""
        params = self._params
        words = ["clone", "--origin", params.remote]
        named = target.kind in ("branch", "tag")
        if params.bare:
            words.append("--bare")
        if named and not params.verify_commit:
            words += ["--branch", target.name]
        elif not params.bare:
            words.append("--no-checkout")
        if params.depth is not None and named:
            words += ["--depth", str(params.depth)]
            words += ["--branch", target.name] if "--branch" not in words else []
        words += ["--single-branch"] if params.single_branch else []
        words += ["--reference", params.reference] if params.reference is not None else []
        if params.separate_git_dir is not None:
            words += ["--separate-git-dir", params.separate_git_dir]
        there = self._system.stat(params.place, follow=True) is not None
        self._run([params.executable, *words, "--", params.repo, params.place], change)
        try:
            if params.refspec is not None or target.kind == "ref":
                self._fetch(target, change)
            if "--no-checkout" in words:
                self._check_out(target, change)
            self._update_submodules(change)
        except TaskError:
            # A clone without its checkout would look like one in which everything was deleted.
            for name in self._system.listdir(params.place):
                self._system.remove(posixpath.join(params.place, name))
            if not there:
                self._system.remove(params.place)
            raise

    def update(self, target: Target, change: Change) -> None:
        """Fetch from the other side, and have the target in the place of what is checked out."""
        params = self._params
        if "remote" in change:
            verb = "add" if change.before["remote"] is None else "set-url"
            self._git(change, "remote", verb, "--", params.remote, params.repo)
        if "changed" in change:
            self._git(change, "reset", "--hard")
        if "commit" in change:
            self._fetch(target, change)
            if params.bare:
                return
            self._check_out(target, change)
        if {"commit", "submodules"} & set(change.fields):
            self._update_submodules(change)

    def _fetch(self, target: Target, change: Change) -> None:
        params = self._params
        words = ["fetch", "--force"]
        mirror = "refs/heads" if params.bare else f"refs/remotes/{params.remote}"
        refs = [] if params.refspec is None else [params.refspec]
        if target.kind == "branch":
            refs.append(f"+refs/heads/{target.name}:{mirror}/{target.name}")
        elif target.kind == "tag":
            refs.append(f"+{target.ref}:{target.ref}")
        elif target.kind == "ref":
            refs.append(f"+{target.ref}")
        if params.depth is not None and target.kind != "hash":
            words += ["--depth", str(params.depth)]
        elif not params.single_branch or not refs:
            words.append("--tags")
            refs.append(f"+refs/heads/*:{mirror}/*")
        if params.bare:
            words.append("--update-head-ok")
        self._git(change, *words, "--", params.remote, *dict.fromkeys(refs))

    def _check_out(self, target: Target, change: Change) -> None:
        self._verify(target)
        if target.kind == "branch":
            # A branch that is fetched by its name alone cannot be tracked.
            narrow = self._params.single_branch or self._params.depth is not None
            track = "--no-track" if narrow else "--track"
            start = f"refs/remotes/{self._params.remote}/{target.name}"
            self._git(change, "checkout", "--force", "-B", target.name, track, start)
            return
        self._git(change, "checkout", "--force", "--detach", target.commit or target.name)

    def _verify(self, target: Target) -> None:
        """Refuse a commit or tag without a good signature, by one of the keys that are allowed."""
        params = self._params
        if not params.verify_commit:
            return
        signed_tag = target.kind == "tag" and self._query("cat-file", "-t", target.ref) == "tag\n"
        verb, what = (
            ("verify-tag", target.ref) if signed_tag else ("verify-commit", target.commit or target.name)
        )
        done = self._system.run([*self._look, verb, "--raw", what], establishes={}, ok=_ANY, env=self._env)
        if done.exit_status != 0:
            raise TaskError(
                f"the signature of {target.name} is not good", output=done.stderr, hint="'verify_commit'"
            )
        marks = [line.split() for line in done.stderr.splitlines() if "VALIDSIG" in line]
        keys = {
            word for words in marks for word in (words[2], words[-1])
        }  # gnupg's DETAILS: key, primary key
        if params.gpg_allowlist and marks and not keys & set(params.gpg_allowlist):
            raise TaskError(f"{target.name} is signed by {sorted(keys)[0]}", hint="not in 'gpg_allowlist'")

    def _update_submodules(self, change: Change) -> None:
        params = self._params
        if not params.recursive or params.bare:
            return
        self._git(change, "submodule", "sync", "--quiet", "--recursive")
        remote = ["--remote"] if params.track_submodules else []
        force = ["--force"] if params.force else []
        self._git(change, "submodule", "update", "--init", "--recursive", *force, *remote)

    def archive(self, commit: str) -> None:
        """Write the commit's files into an archive."""
        params = self._params
        assert params.archive is not None
        form = ARCHIVES[posixpath.splitext(params.archive)[1]]
        prefix = [] if params.archive_prefix is None else [f"--prefix={params.archive_prefix}"]
        argv = [*self._look, "archive", f"--format={form}", *prefix, f"--output={params.archive}", commit]
        done = self._system.run(argv, establishes={f"path:{params.archive}": None}, ok=_ANY, env=self._env)
        if done.exit_status != 0:
            raise failure(done, f"cannot write {params.archive}")

    def _git(self, change: Change, *words: str) -> None:
        self._run([self._params.executable, "-C", self._params.place, *words], change)

    def _run(self, argv: Sequence[str], change: Change) -> None:
        place = self._params.place
        after = {name: value for name, value in change.after.items() if name != "archive"}
        state = {"changed": (), "submodules": (), "modules": False, **change.before, **after, "exists": True}
        for name in ("target", "archive", "before"):
            state.pop(name, None)
        # What is in the files nobody knows before they are fetched.
        there: State = {"exists": True, "kind": "directory"}
        establishes: dict[str, State | None] = {f"git:{place}": state, f"path:{place}/**": None}
        if not change.before["exists"] and self._system.stat(place, follow=True) is None:
            establishes = {f"path:{place}": there, **establishes}
        done = self._system.run(argv, establishes=establishes, ok=_ANY, env=self._env)
        if done.exit_status != 0:
            what = (
                f"cannot clone {self._params.repo}"
                if argv[1] == "clone"
                else f"git {argv[3]} failed in {place}"
            )
            raise failure(done, what)


def submodules(status: str, params: Any) -> Any:
    """Return the submodules that are not as the commit records them; all of them, where they are tracked."""
    lines = status.splitlines()
    if params.track_submodules:
        return tuple(sorted(" ".join(line[1:].split()[:2]) for line in lines))
    return tuple(sorted(line[1:].split()[1] for line in lines if line[:1] != " "))
