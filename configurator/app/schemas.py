"""The use case `schema`: JSON Schemas (draft 2020-12) of the files that people write, for their editors."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping

from configurator.app.schema_inventory import inventory_schema, meta_schema, vars_schema
from configurator.app.schema_tasks import playbook_schema, tasks_schema
from configurator.app.schema_words import Schema
from configurator.compiler.extensions import with_extensions
from configurator.compiler.taskfile import ModuleTable
from configurator.config.diagnostics import Diagnostics
from configurator.config.settings_schema import settings_schema
from configurator.core.errors import InputError
from configurator.modules import registry

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FOLDER = os.path.join(".configurator", "schemas")  # in a project; what `init` has editors look at
_MAKERS: Mapping[str, Callable[[ModuleTable], Schema]] = {
    "config": lambda _modules: settings_schema(),
    "inventory": lambda _modules: inventory_schema(),
    "tasks": tasks_schema,
    "handlers": lambda modules: tasks_schema(modules, handlers=True),
    "playbook": playbook_schema,
    "meta": lambda _modules: meta_schema(),
    "vars": lambda _modules: vars_schema(),
}
KINDS = tuple(_MAKERS)


def schema(kind: str, root: str = ".") -> Schema:
    """Return the schema of one kind of file; a project's own modules in `root` are known.

    InputError if one of these cannot be read.
    """
    problems = Diagnostics()
    modules = with_extensions(registry, root, problems)
    problems.raise_if_any()
    return {"$schema": DIALECT, **_MAKERS[kind](modules)}


def text(kind: str, root: str = ".") -> str:
    """Return the schema of one kind of file as JSON; the same project gives the same text."""
    return json.dumps(schema(kind, root), indent=1, ensure_ascii=False) + "\n"


def write_schemas(folder: str, root: str = ".", kinds: Iterable[str] = KINDS) -> list[str]:
    """Write `KIND.json` for each kind into a folder, over older ones, and return the paths."""
    written = []
    try:
        os.makedirs(folder, exist_ok=True)
        for kind in kinds:
            path = os.path.join(folder, f"{kind}.json")
            content = text(kind, root)
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
            written.append(path)
    except OSError as error:
        raise InputError(f"cannot write the schemas to {folder}: {error.strerror}") from None
    return written
