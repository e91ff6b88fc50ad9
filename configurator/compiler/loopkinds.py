"""The loops `with_items`, `with_dict` and so on: the items that each gives for what was written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from configurator.compiler.lookups import LOOKUPS, found_by
from configurator.compiler.scope import Scope
from configurator.compiler.surroundings import FOLDERS, Surroundings
from configurator.compiler.templating import EVALUATION_ERRORS, TemplatingError, evaluation_error
from configurator.config.diagnostics import Span

KINDS = tuple(sorted(LOOKUPS))  # what may stand behind `with_`, as in Ansible every lookup
# The folder that `with_first_found` searches first, by the module that it gives its file to.
SUBFOLDERS = {
    "template": "templates",
    "include_vars": "vars",
    "include_tasks": "tasks",
    "import_tasks": "tasks",
}


def loop_items(kind: str, terms: Any, scope: Scope, span: Span, *, module: str | None = None) -> list[Any]:
    """Return the items of the loop `with_KIND`, whose value, already rendered, is `terms`.

    A value that is no list counts as a list of it, and `with_items` flattens one level, as in Ansible.
    `module` is that of the task: files for template or include_vars are looked for in other folders first.
    TemplatingError, at `span`, says what is wrong.
    """
    given: Sequence[Any] = terms if isinstance(terms, list | tuple) else [terms]
    first = SUBFOLDERS.get((module or "").rpartition(".")[2], "files")
    folders = (first, *(folder for folder in FOLDERS if folder != first))
    surroundings = Surroundings(scope, scope.engine.environment.undefined, folders)
    try:
        return found_by(kind, surroundings, given, {})
    except EVALUATION_ERRORS as error:
        found = evaluation_error(error, scope, lambda *_: span)
        raise TemplatingError(_of_loop(found, kind, span), undefined=found.undefined) from None


def _of_loop(error: TemplatingError, kind: str, span: Span) -> Any:
    """Return what is wrong in the words of a loop, not of an expression."""
    message = error.diagnostic.message.removeprefix("this expression fails: ")
    message = message.replace(f"lookup {kind!r}", f"'with_{kind}'", 1)
    return span.diagnostic(message, error.diagnostic.hint, code="loop")
