"""git: a directory is a checkout of a repository at a version: a branch, a tag or a commit.

Parameters are those of ansible.builtin.git. What the version means is asked of the other side (`git
ls-remote`), so that a plan names the commit; nothing is asked if `version` is the whole hash of the commit
that is checked out, or with `update: false`. What is different in the checkout itself is a failure unless
`force` discards it; files that git does not know stay.

Otherwise than in Ansible: with `clone: false` a missing checkout is no change; with `depth` only the wanted
branch or tag is fetched, later as well; `archive` is made again when the commit changes or the file is
missing, and not compared otherwise; a commit whose signature is refused by `verify_commit` is never checked
out.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from configurator.core.errors import TaskError
from configurator.modules.attributes import clean, make_parents
from configurator.modules.base import Module
from configurator.modules.effects import Effects, effects, parent_keys, path_keys
from configurator.modules.git_remote import Target, is_hash
from configurator.modules.git_repository import ARCHIVES, Repository
from configurator.modules.params import ParamProblem, absolute, param
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import System


@dataclass(frozen=True, slots=True)
class GitParams:
    """The parameters of ansible.builtin.git."""

    repo: str = param("str", required=True, aliases=("name",))
    dest: str | None = param("str", path=True)
    version: str = param("str", "HEAD")
    update: bool = param("bool", True)
    clone: bool = param("bool", True)
    force: bool = param("bool", False)
    depth: int | None = param("int")
    single_branch: bool = param("bool", False)
    remote: str = param("str", "origin")
    refspec: str | None = param("str")
    reference: str | None = param("str", path=True)
    bare: bool = param("bool", False)
    separate_git_dir: str | None = param("str", path=True)
    recursive: bool = param("bool", True)
    track_submodules: bool = param("bool", False)
    key_file: str | None = param("str", path=True)
    ssh_opts: str | None = param("str")
    accept_hostkey: bool = param("bool", False)
    accept_newhostkey: bool = param("bool", False)
    verify_commit: bool = param("bool", False)
    gpg_allowlist: tuple[str, ...] = param("list", aliases=("gpg_whitelist",))
    archive: str | None = param("str", path=True)
    archive_prefix: str | None = param("str")
    executable: str = param("str", "git")

    @property
    def place(self) -> str:
        """The directory; `/` stands for none where nothing is to be cloned."""
        return clean(self.dest or "/")


class Git(Module[GitParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "git"
    params: ClassVar[type] = GitParams
    omitted: ClassVar[Mapping[str, str]] = {
        "umask": "the umask belongs to the whole process, which does other tasks meanwhile",
    }
    timeout_s: ClassVar[float] = 3600.0
    typical_s: ClassVar[float] = 3.0

    def check(self, params: GitParams) -> Sequence[ParamProblem]:
        found = []
        if params.dest is None and params.clone:
            found.append(ParamProblem("dest", "missing required parameter 'dest'"))
        for name in ("dest", "separate_git_dir", "key_file", "reference", "archive"):
            if not absolute(getattr(params, name) or "/"):
                found.append(ParamProblem(name, f"{name!r} must be an absolute path"))
        # A word that git would take for an option could run anything.
        for name in ("repo", "version", "remote", "refspec", "archive_prefix"):
            if (getattr(params, name) or "").startswith("-"):
                found.append(ParamProblem(name, f"{name!r} must not begin with a dash"))
        if params.repo.startswith("ext::"):
            found.append(ParamProblem("repo", "'repo' must not be a command"))
        if params.depth is not None and params.depth < 1:
            found.append(ParamProblem("depth", "'depth' must be at least 1"))
        if params.bare and (params.separate_git_dir or params.track_submodules):
            name = "separate_git_dir" if params.separate_git_dir else "track_submodules"
            found.append(ParamProblem(name, f"{name!r} and 'bare' exclude each other"))
        if params.archive_prefix is not None and params.archive is None:
            found.append(ParamProblem("archive_prefix", "'archive_prefix' needs 'archive'"))
        if params.archive is not None and posixpath.splitext(params.archive)[1] not in ARCHIVES:
            found.append(ParamProblem("archive", f"'archive' must end in {', '.join(ARCHIVES)}"))
        return found

    def subject(self, params: GitParams) -> str:
        return f"path:{params.place}"

    def effects(self, params: GitParams) -> Effects:
        path = params.place
        reads = [*path_keys(path), "package:git", "path:/etc/hosts", "path:/etc/resolv.conf"]
        reads += [f"path:{name}" for name in (params.key_file,) if name is not None]
        if params.repo.startswith(("/", "file://")):
            source = clean(params.repo.removeprefix("file://"))
            reads += [*path_keys(source), f"path:{source}", f"path:{source}/**"]
        writes = [f"git:{path}", f"path:{path}", f"path:{path}/**"]
        writes += [f"path:{clean(params.archive)}"] if params.archive is not None else []
        if params.separate_git_dir is not None:
            writes.append(f"path:{clean(params.separate_git_dir)}/**")
        return effects(reads=reads, writes=writes, makes=parent_keys(path))

    def locks(self, params: GitParams) -> frozenset[str]:
        return frozenset({f"git:{params.place}"})

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: GitParams) -> State:
        """The checkout's commit, remote and changes; `target` is what the version means, if it was asked."""
        repo = Repository(system, params)
        state: State = {"exists": False}
        if params.dest is not None:
            state = dict(system.lookup(f"git:{params.place}", repo.probe))
        state["archive"] = None
        if params.archive is not None and system.stat(params.archive, follow=True) is not None:
            state["archive"] = state.get("commit")
        if state.get("pending"):
            return state | {"target": Target("hash", "", None)}
        if state["exists"] and not params.update:
            return state
        if state["exists"] and state["changed"] and not params.force:
            raise TaskError(
                f"{params.place} has changes of its own: {_listed(state['changed'])}",
                hint="`force: true` discards them",
            )
        known = state["exists"] and is_hash(params.version) and state["commit"] == params.version
        if known:
            return state | {"target": Target("hash", params.version, params.version)}
        return state | {"target": repo.ask()}

    def desired(self, params: GitParams, actual: State) -> State:
        target: Target | None = actual.get("target")
        if target is None or (not actual["exists"] and not params.clone):
            return {}
        commit = UNKNOWN if target.commit is None else target.commit
        wanted: State = {"commit": commit, "remote": params.repo}
        if actual["exists"]:
            wanted["changed"] = ()
            if params.recursive and not params.bare:
                wanted["submodules"] = actual.get("tracked", UNKNOWN) if _tracks(params, actual) else ()
        if params.archive is not None:
            wanted["archive"] = commit
        return wanted

    def converge(self, system: System, params: GitParams, change: Change) -> State | None:
        target: Target = change.before["target"]
        repo = Repository(system, params)
        if change.before.get("pending"):
            repo.missing()
        made = not change.before["exists"]
        if made:
            make_parents(system, posixpath.dirname(params.place))
            repo.clone(target, change)
        else:
            repo.update(target, change)
        commit = repo.resolved(target)
        proof: State = {
            "target": Target(target.kind, target.name, commit, target.ref),
            "before": change.before,
        }
        if params.track_submodules:
            proof["tracked"] = repo.probe().get("submodules", ())
        if params.archive is not None and "archive" in change:
            repo.archive(commit or "HEAD")
        return proof

    def outputs(self, params: GitParams, actual: State) -> dict[str, Any]:
        """Return Ansible's `before`, `after` and `remote_url_changed`."""
        before = actual.get("before", actual)
        target: Target | None = actual.get("target")
        after = actual.get("commit") if actual["exists"] else target.commit if target else None
        moved = before["exists"] and before.get("remote") != params.repo
        return {"before": before.get("commit"), "after": after, "remote_url_changed": bool(moved)}


def _tracks(params: GitParams, actual: State) -> bool:
    return params.track_submodules and bool(actual.get("modules"))


def _listed(names: Sequence[str]) -> str:
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")
