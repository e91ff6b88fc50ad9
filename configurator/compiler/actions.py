"""The part of a module that runs on the controller: files and templates become contents.

What comes out has no `src` of ours any more: a host is sent contents, never names of files it cannot read.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shlex
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from configurator.agent.protocol import INLINE_BYTES, Held
from configurator.compiler.largefiles import digest_of
from configurator.compiler.scope import Scope
from configurator.compiler.statements import check_assertions, debug
from configurator.compiler.synctree import synchronize
from configurator.compiler.templatefiles import TemplateFiles, find_file
from configurator.compiler.templating import TemplatingError
from configurator.compiler.values import truthy
from configurator.config.diagnostics import Span
from configurator.config.located import LocatedMap
from configurator.config.paths import shown_path
from configurator.config.sealed import HEADER, is_sealed, lines_worth_hiding
from configurator.core.errors import InputError
from configurator.modules.content import LARGE_BYTES
from configurator.modules.fragments import chosen, joined
from configurator.modules.params import ParamSpec

_SENDERS = frozenset({"unarchive", "uri"})  # what they need of `src` is its content, unless the host has it
_MAX_TREE = 5000  # files in one copied folder; each becomes a task, and more is work for another tool


@dataclass(frozen=True, slots=True)
class Part:
    """What one written task becomes on the host; `suffix` tells several parts apart."""

    module: str
    params: Mapping[str, Any]
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class ActionContext:
    """Where an action works: the role, the variables, and the contents that the host may ask for."""

    role_path: str
    root: str
    scope: Scope
    templates: TemplateFiles
    args: LocatedMap
    blobs: dict[str, Held] = field(default_factory=dict)

    def span(self, name: str) -> Span:
        """Return the place of a parameter's value."""
        value = self.args.get(name)
        return value.span if value is not None else self.args.span

    def plain(self, path: str, data: bytes, params: Mapping[str, Any]) -> bytes:
        """Return a file's content; an encrypted file is decrypted unless `decrypt` forbids it."""
        if not is_sealed(data) or not truthy(params.get("decrypt", True)):
            return data
        vault = self.scope.engine.vault
        text = data.decode("ascii", "replace")
        try:
            opened = vault.open(text, Span(shown_path(path), 1, 1, len(HEADER), text.partition("\n")[0]))
        except InputError as error:
            raise TemplatingError(error.diagnostics[0]) from None
        self.hide(opened)
        return opened

    def hide(self, opened: bytes) -> None:
        """Have what came out of an encrypted file masked wherever it is shown."""
        hidden = set(lines_worth_hiding(opened.decode(errors="replace")))
        self.scope.secrets |= hidden
        self.scope.engine.vault.hide(hidden)

    def content(self, data: bytes) -> Any:
        """Return contents as they travel: text, base64, or the digest of what is sent when asked for."""
        if len(data) > INLINE_BYTES:
            digest = hashlib.sha256(data).hexdigest()
            self.blobs[digest] = data
            return {"$blob": digest}
        try:
            return data.decode()
        except UnicodeDecodeError:
            return {"$base64": base64.b64encode(data).decode()}

    def file(self, path: str, span: Span, params: Mapping[str, Any], *, decrypt: Any = True) -> Any:
        """Return a file's content as it travels; a large one is read when a host asks for it, in pieces."""
        with _readable(path, span), open(path, "rb") as file:
            large = os.fstat(file.fileno()).st_size > LARGE_BYTES
            if not large or (truthy(decrypt) and is_sealed(file.read(len(HEADER)))):
                file.seek(0)
                return self.content(self.plain(path, file.read(), {"decrypt": decrypt}))
        with _readable(path, span):
            size, digest = digest_of(path)
            also = {"sha1": digest_of(path, "sha1")[1]} if "checksum" in params else {}
        self.blobs[digest] = Path(path).absolute()
        return {"$file": digest, "size": size, **also}


def run_action(
    module: str, specs: Mapping[str, ParamSpec], raw: Mapping[str, Any], context: ActionContext
) -> list[Part]:
    """Return what a task's rendered parameters become; TemplatingError says what cannot be read."""
    params = {name: value for name, value in raw.items() if value is not None}
    if module == "copy":
        return list(_copy(params, context))
    if module == "assemble" and "src" in params and not truthy(params.get("remote_src", True)):
        return [Part("copy", _assemble(params, context))]
    if module in _SENDERS:
        return [Part(module, _sent(params, context))]
    if module in _COMPILED:
        return [Part(module, _COMPILED[module](params, context))]
    source = specs.get("src")
    if source is not None and source.on_controller and "content" in specs:
        return [Part(module, _kept(_render(params, context), specs))]
    return [Part(module, _kept(params, specs))]


def _kept(params: Mapping[str, Any], specs: Mapping[str, ParamSpec]) -> dict[str, Any]:
    """Return the parameters without those that only concern the controller."""
    return {
        name: value for name, value in params.items() if name not in specs or not specs[name].on_controller
    }


def _render(params: dict[str, Any], context: ActionContext) -> dict[str, Any]:
    if "src" not in params:
        return _with_inline_content(params, context)
    path = find_file(str(params["src"]), "templates", context.role_path, context.root, context.span("src"))
    text = context.templates.render(path, context.role_path, params, context.scope)
    if context.templates.is_sealed(path):
        context.hide(text.encode(errors="replace"))
    encoding = str(params.get("output_encoding", "utf-8"))
    try:
        data = text.encode(encoding)
    except (UnicodeEncodeError, LookupError) as error:
        span = context.span("output_encoding")
        raise TemplatingError(
            span.diagnostic(f"cannot encode the text: {error}", code="wrong-parameter")
        ) from None
    return _with_file(params, path, context.content(data))


def _with_file(params: dict[str, Any], path: str, content: Any) -> dict[str, Any]:
    """Return the parameters with a file's content instead of its name."""
    params = {name: value for name, value in params.items() if name != "src"}
    if params.get("mode") == "preserve":
        params["mode"] = f"{stat.S_IMODE(os.stat(path).st_mode):04o}"
    if "dest" in params:
        params["_original_basename"] = os.path.basename(path)
    return params | {"content": content}


def _fetch(params: dict[str, Any], context: ActionContext) -> dict[str, Any]:
    """Return the parameters with the file on the controller, and what it holds now."""
    source, dest = os.path.normpath(str(params["src"])), str(params["dest"])
    path = os.path.join(context.root, os.path.expanduser(dest))
    host = str(context.scope["inventory_hostname"]).replace("/", "_")
    if not truthy(params.get("flat", False)):
        path = os.path.join(path, host if host not in (".", "..") else "_", source.lstrip("/"))
    elif dest.endswith("/"):
        path = os.path.join(path, os.path.basename(source))
    path = os.path.normpath(path)
    if os.path.isdir(path):
        hint = "a slash behind 'dest' means a file in it" if truthy(params.get("flat", False)) else None
        raise TemplatingError(
            context.span("dest").diagnostic(f"{path} is a directory", hint, code="wrong-file")
        )
    found = _held(path, context.span("dest"))
    return params | {"_dest": path} | ({"_have": found} if found else {})


def _held(path: str, span: Span) -> dict[str, Any]:
    """Return size and sha256 of a file of the controller; nothing if there is none."""
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return {"size": os.fstat(file.fileno()).st_size, "sha256": digest}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise TemplatingError(
            span.diagnostic(f"cannot read {path}: {error.strerror}", code="wrong-file")
        ) from None


def script_name(command: str, span: Span) -> str:
    """Return the file that the text of a `script` task begins with."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise TemplatingError(
            span.diagnostic(f"cannot be split into words: {error}", code="free-form")
        ) from None
    if not words:
        raise TemplatingError(span.diagnostic("no script given", code="free-form"))
    return words[0]


def _script(params: dict[str, Any], context: ActionContext) -> dict[str, Any]:
    written = "cmd" if "cmd" in params else "_raw_params"
    span = context.span(written)
    name = script_name(str(params.get(written, "")), span)
    path = find_file(name, "files", context.role_path, context.root, span)
    data = context.plain(path, _read(path, span), params)
    kept = {name: value for name, value in params.items() if name != "decrypt"}
    return kept | {"_content": context.content(data)}


def _with_inline_content(params: dict[str, Any], context: ActionContext) -> dict[str, Any]:
    if "content" not in params:
        return params
    content = params["content"]
    if not isinstance(content, str | int | float):
        content = json.dumps(content)  # a mapping or list becomes JSON, as in Ansible
    return params | {"content": context.content(str(content).encode())}


def _copy(raw: dict[str, Any], context: ActionContext) -> Iterator[Part]:
    follow = truthy(raw.get("local_follow", True))
    params = {name: value for name, value in raw.items() if name not in ("local_follow", "decrypt")}
    if truthy(params.get("remote_src", False)) or "src" not in params:
        yield Part("copy", _with_inline_content(params, context))
        return
    span = context.span("src")
    name = str(params["src"])
    path = find_file(name, "files", context.role_path, context.root, span)
    if not os.path.isdir(path):
        content = context.file(path, span, params, decrypt=raw.get("decrypt", True))
        yield Part("copy", _with_file(params, path, content))
        return
    decrypt = raw.get("decrypt", True)
    yield from _copy_folder(params, path, name, span, follow, decrypt, context)


def _sent(params: dict[str, Any], context: ActionContext) -> dict[str, Any]:
    """Return the parameters with the content of `src` instead of its name, if the controller has it."""
    of_host = truthy(params.get("remote_src", False)) or not truthy(params.get("copy", True))
    kept = {name: value for name, value in params.items() if name != "decrypt"}
    if "src" not in params or of_host or "://" in str(params["src"]):
        return kept
    span = context.span("src")
    path = find_file(str(params["src"]), "files", context.role_path, context.root, span)
    if os.path.isdir(path):
        raise TemplatingError(span.diagnostic(f"{path} is a directory", code="wrong-file"))
    del kept["src"]
    return kept | {
        "_content": context.file(path, span, {}, decrypt=params.get("decrypt", True)),
        "_original_basename": os.path.basename(path),
    }


def _copy_folder(
    params: dict[str, Any],
    path: str,
    name: str,
    span: Span,
    follow: bool,
    decrypt: Any,
    context: ActionContext,
) -> Iterator[Part]:
    """Yield a task for every folder and file of a tree; with a slash behind `src`, for its inside alone."""
    base = str(params.get("dest", "")).rstrip("/")
    if not name.endswith("/"):
        base = f"{base}/{os.path.basename(path)}"
    owner = {key: params[key] for key in ("owner", "group") if key in params}
    # As in Ansible it is the mode of those that are made, and those that are there keep theirs.
    folder_params = owner | (
        {"_directory_mode": params["directory_mode"]} if "directory_mode" in params else {}
    )
    count = 0
    for current, folders, files in os.walk(path, followlinks=follow):
        folders.sort()
        relative = os.path.relpath(current, path)
        dest = base if relative == "." else f"{base}/{relative}"
        yield Part("file", {"path": dest or "/", "state": "directory", **folder_params}, f"{dest}/")
        links = [name for name in (*folders, *files) if not follow and _is_link(current, name)]
        for link in sorted(links):
            target = {"src": os.readlink(os.path.join(current, link)), "force": True, "follow": False}
            place = {"path": f"{dest}/{link}", "state": "link"}
            yield Part("file", owner | place | target, f"{dest}/{link}")
        for file in sorted(set(files) - set(links)):
            count += 1
            if count > _MAX_TREE:
                raise TemplatingError(
                    span.diagnostic(f"this folder has more than {_MAX_TREE} files", code="wrong-file")
                )
            source = os.path.join(current, file)
            single = params | {"dest": f"{dest}/{file}"}
            content = context.file(source, span, params, decrypt=decrypt)
            yield Part("copy", _with_file(single, source, content), f"{dest}/{file}")


def _is_link(folder: str, name: str) -> bool:
    return os.path.islink(os.path.join(folder, name))


def _assemble(params: dict[str, Any], context: ActionContext) -> dict[str, Any]:
    """Return the parameters of a copy with the fragments of a folder of the controller, joined."""
    span = context.span("src")
    path = find_file(str(params["src"]), "files", context.role_path, context.root, span)
    if not os.path.isdir(path):
        raise TemplatingError(span.diagnostic(f"{path} is no folder of fragments", code="wrong-file"))
    regexp, delimiter = params.get("regexp"), params.get("delimiter")
    hidden = truthy(params.get("ignore_hidden", False))
    try:
        names = chosen(os.listdir(path), None if regexp is None else str(regexp), ignore_hidden=hidden)
        files = [file for file in (os.path.join(path, name) for name in names) if os.path.isfile(file)]
        read = (context.plain(file, _read(file, span), params) for file in files)
        data = joined(read, None if delimiter is None else str(delimiter))
    except re.error as error:
        message = f"'regexp' is no regular expression: {error}"
        raise TemplatingError(context.span("regexp").diagnostic(message, code="wrong-file")) from None
    ours = ("src", "regexp", "delimiter", "ignore_hidden", "remote_src", "decrypt")
    kept = {name: value for name, value in params.items() if name not in ours}
    return kept | {"content": context.content(data)}


def _read(path: str, span: Span) -> bytes:
    with _readable(path, span), open(path, "rb") as file:
        return file.read()


@contextmanager
def _readable(path: str, span: Span) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise TemplatingError(span.diagnostic(f"cannot read {path}: {reason}", code="wrong-file")) from None


# What becomes of the parameters of modules that work on the controller, and are one task on the host.
_COMPILED: Mapping[str, Callable[[dict[str, Any], ActionContext], dict[str, Any]]] = {
    "assert": lambda params, context: check_assertions(params, context.args, context.scope),
    "debug": lambda params, context: debug(params, context.args, context.scope),
    "fetch": _fetch,
    "script": _script,
    "synchronize": synchronize,
}
