"""authorized_key: public keys may log in as a user, or may not.

Parameters are those of ansible.posix.authorized_key. Left out: `validate_certs`, which only matters for keys
given by URL; these are refused, as is `file://`: the run should not depend on what a server hands out just
then. Differences, on purpose: with `path`, an existing directory is left as it is (Ansible gives it to the
user), and a comment alone is no reason to change a line unless `comment` is given.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from configurator.core.errors import ParameterError, TaskError
from configurator.modules.account_files import user_state
from configurator.modules.base import Guard, Module
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.guards import guard_for_path
from configurator.modules.params import ParamProblem, absolute, param
from configurator.modules.public_keys import PublicKey, parse_keys, parse_line, split_options
from configurator.modules.state import UNKNOWN, Change, Content, State, compare
from configurator.modules.system import System

_OTHERS_WRITE = 0o022  # sshd_config(5), StrictModes: sshd ignores files that others may write


@dataclass(frozen=True, slots=True)
class AuthorizedKeyParams:
    """The parameters of ansible.posix.authorized_key."""

    user: str = param("str", required=True)
    key: str = param("str", required=True)
    path: str | None = param("str", path=True)
    manage_dir: bool = param("bool", True)
    state: str = param("str", "present", choices=("present", "absent"))
    key_options: str | None = param("str")
    exclusive: bool = param("bool", False)
    comment: str | None = param("str")
    follow: bool = param("bool", False)

    @property
    def keys(self) -> list[PublicKey]:
        """The keys as they should stand in the file."""
        keys, _ = parse_keys(self.key)
        if self.key_options is not None:
            options, _ = split_options(self.key_options.strip())
            keys = [replace(key, options=options) for key in keys]
        if self.comment is not None:
            keys = [replace(key, comment=self.comment) for key in keys]
        return keys


class AuthorizedKey(Module[AuthorizedKeyParams]):
    """Keeps keys in a user's authorized_keys file; other lines stay as they are."""

    name = "authorized_key"
    params = AuthorizedKeyParams
    omitted: ClassVar[Mapping[str, str]] = {"validate_certs": "keys by URL are refused"}
    typical_s: ClassVar[float] = 0.05

    def check(self, params: AuthorizedKeyParams) -> Sequence[ParamProblem]:
        """Return what is wrong with the keys: a malformed one would lock its owner out unnoticed."""
        if re.match(r"\s*[a-z]+://", params.key):
            return [
                ParamProblem(
                    "key", "a URL is not fetched: give the key itself", "`lookup('file', ...)` reads a file"
                )
            ]
        problems = [ParamProblem("key", message) for message in parse_keys(params.key)[1]]
        if params.key_options is not None and split_options(params.key_options.strip())[1]:
            problems.append(
                ParamProblem("key_options", "must be options separated by commas, without blanks")
            )
        if params.comment is not None and "\n" in params.comment:
            problems.append(ParamProblem("comment", "must be one line"))
        if params.path is not None and not absolute(params.path):
            problems.append(ParamProblem("path", f"must be an absolute path, not {params.path!r}"))
        return problems

    def subject(self, params: AuthorizedKeyParams) -> str:
        """Return the file's key; the home is guessed where no path is given."""
        return f"path:{_likely_path(params)}"

    def effects(self, params: AuthorizedKeyParams) -> Effects:
        """The file and its directory; the account says where they are."""
        path = _likely_path(params)
        writes = {f"path:{path}"} | ({f"path:{posixpath.dirname(path)}"} if params.manage_dir else set())
        return effects(reads={f"user:{params.user}", *path_keys(posixpath.dirname(path))}, writes=writes)

    def locks(self, params: AuthorizedKeyParams) -> frozenset[str]:
        """Two tasks that edit one file must not overtake each other."""
        return frozenset({f"path:{_likely_path(params)}"})

    def guard(self, params: AuthorizedKeyParams, system: System) -> Guard | None:
        """Return how to undo a change of the keys that we log in by."""
        if system.fact("login_user") not in (None, params.user):
            return None
        state = user_state(system, params.user)
        if not state["exists"] or state["home"] is UNKNOWN:
            return None
        path = _path(params, str(state["home"]))
        return guard_for_path(system, path) or Guard(saves=(path,))

    # -- verbs ----------------------------------------------------------------------------------------

    def observe(self, system: System, params: AuthorizedKeyParams) -> State:
        """Return the file's content and who may write it; a link counts as nothing unless followed."""
        user = user_state(system, params.user)
        if not user["exists"]:
            raise ParameterError(
                f"user {params.user!r} does not exist on the host",
                hint="make it in an earlier task: `user: {name: ...}`",
            )
        if params.path is None and user["home"] is UNKNOWN:
            raise TaskError(f"the home of {params.user!r} is not known before its package is installed")
        path = _path(params, str(user["home"]))
        directory = posixpath.dirname(path)
        state: State = {"path": path, "user": params.user, "group": user["group"], "content": None}
        folder = system.stat(directory, follow=True)
        state["directory"] = None if folder is None else "present"
        if folder is not None:
            state |= {"directory owner": folder.owner, "directory mode": f"{folder.mode:04o}"}
        found = system.stat(path, follow=params.follow)
        if found is not None and found.kind == "file":
            state |= {
                "content": Content(system.read(path)),
                "owner": found.owner,
                "mode": f"{found.mode:04o}",
            }
        return state

    def desired(self, params: AuthorizedKeyParams, actual: State) -> State:
        """Return the content with the keys in or out, and owners and modes that sshd accepts."""
        content = actual["content"]
        old = content.data.decode(errors="surrogateescape") if isinstance(content, Content) else ""
        present = params.state == "present"
        new = edit(old, params.keys, present=present, exclusive=params.exclusive, comment=params.comment)
        if new == old and content is None:
            return {}
        wanted: State = {"content": Content(new.encode(errors="surrogateescape"))}
        if content is not None and params.state == "present":
            wanted |= {"owner": actual["user"], "mode": _without_others(actual["mode"])}
        if params.manage_dir and params.state == "present":
            wanted["directory"] = "present"
            if actual["directory"] is not None and params.path is None:
                wanted["directory owner"] = actual["user"]
                wanted["directory mode"] = _without_others(actual["directory mode"])
        return wanted

    def compare(self, params: AuthorizedKeyParams, actual: State, wanted: State) -> Change:  # noqa: ARG002
        """Return what differs, of the file that it is: a home may be elsewhere than was guessed."""
        return compare(f"path:{actual['path']}", actual, wanted)

    def converge(self, system: System, params: AuthorizedKeyParams, change: Change) -> None:
        """Make or mend the directory first, then replace the file."""
        before = change.before
        path, user, group = str(before["path"]), str(before["user"]), str(before["group"])
        directory = posixpath.dirname(path)
        if "directory" in change:
            system.mkdir(directory, mode="0700", owner=user, group=group)
        elif "directory owner" in change or "directory mode" in change:
            mode = str(change.after["directory mode"])
            system.set_attributes(directory, mode=mode, owner=user, group=group)
        if "content" in change or "owner" in change or "mode" in change:
            new = change.after["content"]
            mode = str(change.after.get("mode", before.get("mode", "0600")))
            system.write(path, new.data, mode=mode, owner=user, group=group, follow=params.follow)

    def outputs(self, params: AuthorizedKeyParams, actual: State) -> dict[str, object]:
        """Return where the keys stand, as Ansible's `keyfile`, and what was asked for."""
        names = (
            "user",
            "key",
            "key_options",
            "comment",
            "exclusive",
            "manage_dir",
            "path",
            "state",
            "follow",
        )
        asked: dict[str, object] = {name: getattr(params, name) for name in names}
        return asked | {"keyfile": actual["path"]} if actual else {}


def edit(
    text: str, keys: Sequence[PublicKey], *, present: bool, exclusive: bool, comment: str | None = None
) -> str:
    """Return the file's text with the keys in it or not; lines that are no keys stay where they are.

    A key that is there with another comment stays as it is, unless `comment` is asked for.
    """
    by_identity = {key.identity: key for key in keys}
    lines: list[str] = []
    seen: set[tuple[str, str]] = set()
    for line in text.splitlines():
        found = parse_line(line)
        wanted = None if found is None else by_identity.get(found.identity)
        if found is None:
            lines.append(line)
        elif wanted is None:
            lines += [] if exclusive and present else [line]
        elif present and found.identity not in seen:
            seen.add(found.identity)
            as_wanted = replace(wanted, comment=found.comment if comment is None else comment)
            same = set(found.options) == set(wanted.options) and found.comment == as_wanted.comment
            lines.append(line if same else as_wanted.line())
    if present:
        lines += [key.line() for key in keys if key.identity not in seen]
    unchanged = "\n".join(lines) == "\n".join(text.splitlines())
    return text if unchanged else "".join(f"{line}\n" for line in lines)


def _likely_path(params: AuthorizedKeyParams) -> str:
    home = "/root" if params.user == "root" else f"/home/{params.user}"
    return _path(params, home)


def _path(params: AuthorizedKeyParams, home: str) -> str:
    return params.path or posixpath.join(home, ".ssh", "authorized_keys")


def _without_others(mode: str) -> str:
    return f"{int(mode, 8) & ~_OTHERS_WRITE:04o}"
