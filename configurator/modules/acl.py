"""acl: a file or directory has an access list entry with its permissions, or has no such entry.

Parameters are those of ansible.posix.acl; everything is done by setfacl(1) and read back with getfacl(1),
which the package acl brings. Lists and masks are as acl(5) and setfacl(1) have them: unless
`recalculate_mask` says otherwise, the mask is set to what all named entries and the owning group need. The
mask is what the mode shows as the group's permissions, so a `mode` that another task gives to the same file
can narrow it again: leave the mode out there, or use `recalculate_mask: no_mask` here. `X` is `x` for a
directory, and for a file whose list has an `x` already.

Differences, on purpose: an entry that is not there is nothing to remove, and the mask stays then. The entries
of the owner, the owning group and others cannot be removed, which is said before any host is touched. An
unknown user or group is an error with `present`. A tree is taken file by file, so that a plan shows each one
that differs; links in it are left alone, as are files where a default entry is asked for, since only
directories have those. `follow: false` refuses a link, which has no list of its own.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from configurator.core.errors import ParameterError, TaskError
from configurator.modules import acl_entries as entries
from configurator.modules.account_files import group_by_gid, user_with
from configurator.modules.acl_entries import Edit
from configurator.modules.acl_lists import Lists, batches, established, key_of, lists_of
from configurator.modules.attributes import clean, path_problems
from configurator.modules.base import Guard, Module
from configurator.modules.effects import Effects, effects, path_keys
from configurator.modules.filetree import walk
from configurator.modules.guards import guard_for_path
from configurator.modules.modes import octal
from configurator.modules.params import ParamProblem, param
from configurator.modules.state import Change, State
from configurator.modules.system import System

_SHOWN = 50  # paths below that are shown one by one; the rest is a number
_REST = "others_below"  # the field that counts them
_MAX_LINKS = 40  # path_resolution(7)
_KINDS = {"user": ("passwd", "uid"), "group": ("group", "gid")}


@dataclass(frozen=True, slots=True)
class AclParams:
    """The parameters of ansible.posix.acl."""

    path: str = param("str", required=True, aliases=("name",), path=True)
    state: str = param("str", "query", choices=("absent", "present", "query"))
    etype: str | None = param("str", choices=("user", "group", "mask", "other"))
    entity: str = param("str", "")
    permissions: str | None = param("str")
    entry: str | None = param("str")
    default: bool = param("bool", False)
    follow: bool = param("bool", True)
    recursive: bool = param("bool", False, aliases=("recurse",))
    recalculate_mask: str = param("str", "default", choices=("default", "mask", "no_mask"))

    @property
    def wish(self) -> AclParams:
        """The same with `etype`, `entity`, `permissions` and `default` out of `entry`; ValueError if none."""
        if self.entry is None:
            return self
        words = self.entry.strip().split(":")
        default = words[0] in ("d", "default")
        tag, *rest = words[1:] if default else words
        if tag not in entries.TAGS or len(rest) > 2:
            raise ValueError(self.entry)
        if len(rest) == 1 and self.state == "present":
            rest = ["", *rest]  # `mask:rx`
        entity, permissions = [*rest, "", ""][:2]
        return replace(
            self,
            entry=None,
            default=default or self.default,
            etype=entries.TAGS[tag],
            entity=entity,
            permissions=permissions or None,
        )


class AccessList(Module[AclParams]):
    """See the module's docstring."""

    name: ClassVar[str] = "acl"
    params: ClassVar[type] = AclParams
    omitted: ClassVar[Mapping[str, str]] = {"use_nfsv4_acls": "Linux has POSIX access lists alone"}

    def check(self, params: AclParams) -> Sequence[ParamProblem]:
        problems = path_problems("path", params.path)
        asked = (params.etype, params.entity or None, params.permissions)
        if params.entry is not None and asked != (None, None, None):
            problems.append(ParamProblem("entry", "'entry' stands for 'etype', 'entity' and 'permissions'"))
            return problems
        if params.state == "query":
            if params.entry is not None:
                problems.append(ParamProblem("entry", "'entry' means nothing with 'state: query'"))
            return problems
        try:
            return problems + _wish_problems(params.wish)
        except ValueError:
            return [
                *problems,
                ParamProblem(
                    "entry", f"{params.entry!r} is no entry", "such as `user:joe:rwX`, `default:group:dev:rx`"
                ),
            ]

    def subject(self, params: AclParams) -> str:
        return key_of(clean(params.path))

    def effects(self, params: AclParams) -> Effects:
        path = clean(params.path)
        named, below = [], []
        if params.state != "query" and (wish := params.wish).entity:
            named.append(f"{wish.etype}:{wish.entity}")
        if params.recursive:
            below += [f"path:{path.rstrip('/')}/**", f"acl:{path.rstrip('/')}/**"]
        touched = [f"path:{path}", key_of(path), *below]
        reads = [*path_keys(path), "package:acl", *named]
        if params.state == "query":
            return effects(reads=[*reads, *touched])
        return effects(reads=reads, writes=touched)

    def locks(self, params: AclParams) -> frozenset[str]:
        # Two edits of one list each read it, change their entry and write it whole: one would be lost.
        return frozenset({f"path:{clean(params.path)}"})

    def guard(self, params: AclParams, system: System) -> Guard | None:
        """Return how to undo it: a key file that others may write is none to sshd(8)."""
        found = guard_for_path(system, clean(params.path))
        if found is None or params.state == "query":
            return None
        commands = [
            command
            for path, lists in self.observe(system, params)["found"].items()
            for command in _restoring(path, lists)
        ]
        return replace(found, restores=(*commands, *found.restores))

    # -- verbs ------------------------------------------------------------------------------------------

    def observe(self, system: System, params: AclParams) -> State:
        """`acl` and `default` of the path; `found` has the lists of it and of all that is below."""
        path = _resolved(system, params)
        stat = system.stat(path)
        if stat is None:
            raise ParameterError(f"{params.path} does not exist")
        paths = {path: stat}
        if params.recursive and stat.kind == "directory":
            paths |= {entry: found for entry, found in walk(system, path) if found.kind != "link"}
        lists = lists_of(system, paths)
        own = lists[path]
        state: State = {"found": lists, "acl": entries.lines(own.access)}
        state |= {"default": entries.lines(own.default)} if own.directory else {}
        state["edit"] = None if params.state == "query" else _edit(system, params.wish)
        if state["edit"] is not None and state["edit"].default and not own.directory:
            raise ParameterError(f"{params.path} is no directory: only those have default entries")
        state["after"] = {name: _edited(name, one, state["edit"]) for name, one in lists.items()}
        state["differing"] = [
            name for name, one in lists.items() if state["after"][name] != (one.access, one.default)
        ]
        below = [name for name in state["differing"] if name != path]
        for name in below[:_SHOWN]:
            state |= _field(name, (lists[name].access, lists[name].default), state["edit"])
        return state | {"below": below, _REST: len(below[_SHOWN:])}

    def desired(self, params: AclParams, actual: State) -> State:  # noqa: ARG002
        edit = actual["edit"]
        if edit is None:
            return {}
        access, default = next(iter(actual["after"].values()))
        wanted: State = {"acl": entries.lines(access)}
        if edit.default:
            wanted = {"default": entries.lines(default)}
        for name in actual["below"][:_SHOWN]:
            wanted |= _field(name, actual["after"][name], edit)
        return wanted | ({_REST: 0} if actual[_REST] else {})

    def converge(self, system: System, params: AclParams, change: Change) -> None:
        before = change.before
        found, after = before["found"], before["after"]
        top = next(iter(found))
        # Changes nothing, but refuses the links of other users, which setfacl(1) would follow.
        system.set_attributes(params.path, mode=octal(found[top].stat.mode), follow=params.follow)
        for some in batches(before["differing"]):
            promised: dict[str, State | None] = {key_of(name): established(*after[name]) for name in some}
            done = system.run([*_command(before["edit"]), "--", *some], establishes=promised, ok=range(256))
            if done.exit_status != 0:
                raise _failure(params, done.argv, done.exit_status, done.stderr)
            for name in some:
                # What setfacl(1) has done to the mode of the file, told to all who ask for that.
                mode = entries.mode_of(after[name][0], found[name].stat.mode)
                system.set_attributes(name, mode=octal(mode), follow=False)

    def outputs(self, params: AclParams, actual: State) -> dict[str, Any]:
        """Return the entries of the path as `acl`: as in Ansible the default ones if those were asked for."""
        edit = actual["edit"]
        default = params.default if edit is None else edit.default
        return {"acl": list(actual.get("default", ()) if default else actual["acl"])}


def _wish_problems(wish: AclParams) -> list[ParamProblem]:
    problems = []
    named = wish.etype in _KINDS
    if wish.etype is None:
        problems.append(ParamProblem("", f"'state: {wish.state}' needs 'entry' or 'etype'"))
    elif wish.entity and not named:
        problems.append(ParamProblem("entity", f"an entry of {wish.etype!r} has no name"))
    if set(wish.entity) & set(":,\n\t \0"):
        problems.append(ParamProblem("entity", f"{wish.entity!r} is not the name of a user or group"))
    if wish.state == "present" and (wish.permissions is None or not _valid(wish.permissions)):
        problems.append(
            ParamProblem("permissions", f"must be out of `rwxX-`, such as `rX`, not {wish.permissions!r}")
        )
    if wish.state == "absent" and not wish.entity and wish.etype in ("user", "group", "other"):
        problems.append(
            ParamProblem(
                "entity",
                f"the entry of the file's own {wish.etype} cannot be removed",
                "`entity` names a user or group; `state: present` with `permissions: '-'` grants nothing",
            )
        )
    return problems


def _valid(permissions: str) -> bool:
    return permissions in set("01234567") or (bool(permissions) and set(permissions) <= set("rwxX-"))


def _letters(permissions: str) -> str:
    """Return permissions as letters; setfacl(1) also takes an octal digit."""
    if permissions.isdigit():
        return "".join(letter for letter, bit in (("r", 4), ("w", 2), ("x", 1)) if int(permissions) & bit)
    return permissions


def _edit(system: System, wish: AclParams) -> Edit:
    entity = _entity(system, wish)
    permissions = None if wish.state == "absent" else _letters(wish.permissions or "")
    return Edit((str(wish.etype), entity), permissions, wish.default, wish.recalculate_mask)


def _entity(system: System, wish: AclParams) -> str:
    """Return the name that getfacl(1) would tell; ParameterError for one that is unknown."""
    if not wish.entity:
        return ""
    database, number = _KINDS[str(wish.etype)]

    def probe() -> State:
        # Not the host's own files alone: a list may name whom a directory service knows.
        answer = system.query(["getent", "--", database, wish.entity], ok=range(256))
        return {"exists": answer.exit_status == 0, "told": answer.stdout.partition(":")[0]}

    if wish.entity.isdigit():
        own = user_with(system, "uid", int(wish.entity)) if number == "uid" else None
        own = group_by_gid(system, int(wish.entity)) if number == "gid" else own
        return own or probe()["told"] or wish.entity
    if not system.lookup(f"{wish.etype}:{wish.entity}", probe)["exists"] and wish.state == "present":
        raise ParameterError(
            f"{wish.etype} {wish.entity!r} does not exist on the host",
            hint=f"make it in an earlier task: `{wish.etype}: {{name: ...}}`",
        )
    return wish.entity


def _edited(path: str, lists: Lists, edit: Edit | None) -> tuple[entries.Acl, entries.Acl]:
    if edit is None or (edit.default and not lists.directory):
        return lists.access, lists.default
    try:
        return entries.edited(lists.access, lists.default, edit, directory=lists.directory)
    except entries.BareMaskError:
        raise TaskError(
            f"the mask of {path} cannot go while named users or groups have entries",
            hint="remove those first",
        ) from None


def _field(path: str, both: tuple[entries.Acl, entries.Acl], edit: Edit) -> State:
    kind = "default" if edit.default else "acl"
    return {f"{key_of(path)}|{kind}": entries.lines(both[edit.default])}


def _command(edit: Edit) -> list[str]:
    options = {"mask": ["--mask"], "no_mask": ["--no-mask"]}.get(edit.recalculate, [])
    options += ["--default"] if edit.default else []
    tag, name = edit.entry
    name = name.replace("\\", "\\\\")
    if edit.permissions is None:
        return ["setfacl", *options, "--remove", f"{tag}:{name}"]
    return ["setfacl", *options, "--modify", f"{tag}:{name}:{edit.permissions or '-'}"]


def _restoring(path: str, lists: Lists) -> list[tuple[str, ...]]:
    """Return commands that give a path the lists that it has now."""
    words = [*entries.lines(lists.access), *(entries.DEFAULT + line for line in entries.lines(lists.default))]
    drop = [("setfacl", "--remove-default", "--", path)] if lists.directory and not lists.default else []
    return [("setfacl", "--set", ",".join(words), "--", path), *drop]


def _resolved(system: System, params: AclParams) -> str:
    """Return where the path leads; a link has no list of its own."""
    path = clean(params.path)
    for _ in range(_MAX_LINKS):
        found = system.stat(path)
        if found is None or found.kind != "link":
            return path
        if not params.follow:
            raise ParameterError(
                f"{params.path} is a link, which has no access list",
                hint="`follow: true` means what it names",
            )
        path = clean(posixpath.join(posixpath.dirname(path), str(found.target)))
    raise TaskError(f"links lead in a circle: {params.path}")


def _failure(params: AclParams, argv: Sequence[str], status: int, said: str) -> TaskError:
    hint = None
    if "not supported" in said:
        hint = "its file system has no access lists, or is mounted with `noacl`"
    return TaskError(
        f"cannot change the access list of {params.path}",
        command=tuple(argv[:8]),
        exit_status=status,
        output=said,
        hint=hint,
    )
