"""A folder or file of the controller as `synchronize` takes it to a host: every entry with its attributes."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from configurator.compiler.templatefiles import find_file
from configurator.compiler.templating import TemplatingError
from configurator.compiler.values import truthy
from configurator.config.diagnostics import Span
from configurator.modules.staging import readable, travelling

if TYPE_CHECKING:
    from configurator.compiler.actions import ActionContext

_MAX_TREE = 10_000  # entries: each is a line of what is sent, and a file on the host for a while
_INLINE_TREE = 4 << 20  # bytes of small files that travel with the tasks, before anybody asks for them


def synchronize(params: dict[str, Any], context: ActionContext) -> dict[str, Any]:
    """Return the parameters with the tree that `src` names; a `src` of the host stays a name."""
    if "src" not in params or truthy(params.get("remote_src", False)) or params.get("mode") == "pull":
        return params
    span, name = context.span("src"), str(params["src"])
    path = find_file(name, "files", context.role_path, context.root, span)
    tree = _Tree(span, context, follow=truthy(params.get("copy_links", False)))
    entries = list(tree.entries(os.path.abspath(path)))
    kept = {key: value for key, value in params.items() if key != "src"}
    top = os.path.basename(os.path.abspath(path))
    return kept | {"_tree": {"name": travelling(top), "inside": name.endswith("/"), "entries": entries}}


class _Tree:
    def __init__(self, span: Span, context: ActionContext, *, follow: bool) -> None:
        self._span = span
        self._context = context
        self._follow = follow
        self._inline = _INLINE_TREE
        self._count = 0

    def entries(self, top: str) -> Iterator[dict[str, Any]]:
        """Yield the file or folder and all in it, from the top down, in an order that is always the same."""
        todo = [("", top)]
        while todo:
            relative, path = todo.pop()
            self._count += 1
            if self._count > _MAX_TREE:
                raise self._error(f"this folder has more than {_MAX_TREE} entries")
            try:
                # The folder itself may be a link, as behind a slash.
                found = os.stat(path) if self._follow or not relative else os.lstat(path)
                yield self._entry(relative, path, found)
                if stat.S_ISDIR(found.st_mode):
                    names = sorted(os.listdir(path), reverse=True)
                    todo += [(os.path.join(relative, one), os.path.join(path, one)) for one in names]
            except OSError as error:
                reason = os.strerror(error.errno).lower() if error.errno else str(error)
                raise self._error(f"cannot read {readable(path)}: {reason}") from None

    def _entry(self, relative: str, path: str, found: os.stat_result) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "path": travelling(relative),
            "mode": stat.S_IMODE(found.st_mode),
            "mtime_ns": found.st_mtime_ns,
            "uid": found.st_uid,
            "gid": found.st_gid,
        }
        with suppress(KeyError):
            entry["owner"] = pwd.getpwuid(found.st_uid).pw_name
        with suppress(KeyError):
            entry["group"] = grp.getgrgid(found.st_gid).gr_name
        if stat.S_ISDIR(found.st_mode):
            return entry | {"kind": "directory"}
        if stat.S_ISLNK(found.st_mode):
            return entry | {"kind": "link", "target": travelling(os.readlink(path))}
        if stat.S_ISREG(found.st_mode):
            return entry | {"kind": "file", "size": found.st_size, "content": self._content(path, found)}
        raise self._error(f"{readable(path)} is a device, a pipe or a socket, which cannot be taken along")

    def _content(self, path: str, found: os.stat_result) -> Any:
        """Return the content as it travels: small ones with the task, until there are too many of them."""
        content = self._context.file(path, self._span, {}, decrypt=False)
        if isinstance(content, Mapping) and "$base64" not in content:
            return content
        self._inline -= found.st_size
        if self._inline >= 0 or not found.st_size:
            return content
        with open(path, "rb") as file:
            data = file.read()
        digest = hashlib.sha256(data).hexdigest()
        self._context.blobs[digest] = data
        return {"$blob": digest}

    def _error(self, message: str) -> TemplatingError:
        return TemplatingError(self._span.diagnostic(message, code="wrong-file"))
