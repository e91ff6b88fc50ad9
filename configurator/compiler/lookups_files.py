"""Lookups of files on the controller: what is in them, which of them there are, and templates."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from configurator.compiler.lookup_password import password
from configurator.compiler.lookups_values import flat, only
from configurator.compiler.surroundings import Surroundings
from configurator.compiler.values import truthy

_TEMPLATE = ("template_vars", "convert_data", "jinja2_native")


def file(around: Surroundings, names: Sequence[Any], options: dict[str, Any]) -> list[str]:
    """The texts of files, without the white space at the end (`rstrip`) or at the beginning (`lstrip`)."""
    only(options, "rstrip", "lstrip")
    found = []
    for name in flat(names):
        text = around.read(str(name))
        text = text.rstrip() if truthy(options.get("rstrip", True)) else text
        found.append(text.lstrip() if truthy(options.get("lstrip", False)) else text)
    return found


def unvault(around: Surroundings, names: Sequence[Any], options: dict[str, Any]) -> list[str]:
    """The texts of files as they are, decrypted if they are encrypted by ansible-vault."""
    only(options)
    return [around.read(str(name)) for name in flat(names)]


def template(around: Surroundings, names: Sequence[Any], options: dict[str, Any]) -> list[str]:
    """What templates give, with `template_vars` besides the task's own variables."""
    from configurator.compiler.templatefiles import OPTIONS, TemplateFiles  # noqa: PLC0415  (a circle)

    settings = {name: value for name, value in options.items() if name in OPTIONS}
    only({name: value for name, value in options.items() if name not in settings}, *_TEMPLATE)
    scope = around.scope
    if scope is None:
        raise ValueError("a template needs the variables of a task")
    more = options.get("template_vars") or {}
    if not isinstance(more, Mapping):
        raise TypeError(f"template_vars is a mapping, not {more!r}")
    kept = around.kept()
    with kept.lock:
        files = kept.templates.setdefault(around.root, TemplateFiles(around.root, scope.engine.vault))
    role_path = around.text("role_path") or around.root
    inner = scope.child(loops=more) if more else scope
    found = []
    for name in flat(names):
        path = around.needed(str(name), ("templates",))
        found.append(files.render(path, role_path, settings, inner))
        if files.is_sealed(path):
            around.hide({found[-1]})
    return found


def fileglob(around: Surroundings, patterns: Sequence[Any], options: dict[str, Any]) -> list[str]:
    """The files that patterns match, in order; as in Ansible no folders, and nothing below them."""
    only(options)
    found: dict[str, None] = {}
    for pattern in flat(patterns):
        folder, name = os.path.split(str(pattern))
        place = next(filter(os.path.isdir, around.places(folder or ".", ("files",))), None)
        if place is not None:
            paths = glob.glob(os.path.join(glob.escape(place), name))
            found.update(dict.fromkeys(path for path in sorted(paths) if os.path.isfile(path)))
    return list(found)


def first_found(around: Surroundings, terms: Sequence[Any], options: dict[str, Any]) -> list[str]:
    """The first of several files that there is; `files` in `paths`; `skip` to have none if there is none."""
    only(options, "files", "paths", "skip")
    tried: list[str] = []
    skip = truthy(options.get("skip", False))
    for name, leave in _candidates(list(terms), options):
        skip = skip or leave
        tried.append(name)
        places = around.places(name) if name else ()
        if (path := next(filter(os.path.exists, places), None)) is not None:  # a folder counts as well
            return [path]
    if skip:
        return []
    raise ValueError(f"there is none of the files {', '.join(dict.fromkeys(tried)) or '(none is named)'}")


def _candidates(terms: Sequence[Any], options: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield the files that are meant, in order, and whether it is fine if there is none."""
    paths = _split(options.get("paths"), ",:;")
    skip = truthy(options.get("skip", False))
    if not terms:
        terms = _split(options.get("files"), ",;")
    for term in terms:
        if isinstance(term, list | tuple):
            yield from _candidates(term, options)
        elif isinstance(term, Mapping):
            only(term, "files", "paths", "skip")
            leave = truthy(term.get("skip", skip))
            for name in _in(_split(term.get("paths"), ",:;"), _split(term.get("files"), ",;")):
                yield name, leave
        else:
            for name in _in(paths, _split(term, ",;")):
                yield name, skip


def _in(paths: Sequence[str], names: Sequence[str]) -> list[str]:
    if not names:
        return list(paths)
    return [os.path.join(path, name) for path in paths or [""] for name in names]


def _split(value: Any, separators: str) -> list[str]:
    """Return the parts of a text, or of the texts of a list."""
    parts = value if isinstance(value, list | tuple) else [] if value is None else [value]
    return [word for part in parts for word in re.split(f"[{separators}]", str(part).strip()) if word]


LOOKUPS: dict[str, Callable[[Surroundings, Sequence[Any], dict[str, Any]], list[Any]]] = {
    "file": file,
    "unvault": unvault,
    "template": template,
    "fileglob": fileglob,
    "first_found": first_found,
    "password": password,
}
