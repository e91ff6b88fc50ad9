"""Template files of roles: found, parsed once for all hosts, and rendered with a host's variables."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Mapping
from typing import Any

import jinja2

from configurator.compiler.bounded import budget, joined
from configurator.compiler.scope import Scope
from configurator.compiler.templating import (
    EVALUATION_ERRORS,
    TemplatingError,
    context_of,
    evaluation_error,
    make_environment,
    newlines_at_end,
    syntax_problem,
    with_newlines,
)
from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.expect import did_you_mean
from configurator.config.paths import line_span, shown_path
from configurator.config.sealed import HEADER, lines_worth_hiding
from configurator.config.yamlsource import read_source
from configurator.vault.vault import Vault

_HEADER = "#jinja2:"  # Ansible's first line of a template that wants other settings
# Parameters of the template module that are settings of Jinja's.
OPTIONS = (
    "newline_sequence",
    "trim_blocks",
    "lstrip_blocks",
    "block_start_string",
    "block_end_string",
    "variable_start_string",
    "variable_end_string",
    "comment_start_string",
    "comment_end_string",
)
# What the first line alone can say, as in Ansible.
_HEADED = (*OPTIONS, "keep_trailing_newline", "line_comment_prefix", "line_statement_prefix")
_ESCAPES = {"\\n": "\n", "\\r": "\r", "\\r\\n": "\r\n"}


def find_file(name: str, kind: str, role_path: str, root: str, span: Span) -> str:
    """Return the file (or folder, but for templates) that a `src` means; TemplatingError if there is none.

    As in Ansible: in the role's templates/ or files/ (`kind`), in the role, in its tasks/, and in the same
    places of the project.
    """
    expanded = os.path.expanduser(name)
    folders = [os.path.join(role_path, kind), role_path, os.path.join(role_path, "tasks")]
    folders += [os.path.join(root, kind), root]
    for folder in folders:
        path = os.path.join(folder, expanded)  # an absolute name stands for itself
        if os.path.isfile(path) or (kind != "templates" and os.path.isdir(path)):
            return path
    near = did_you_mean(name, _names_below(folders[0]))
    hint = near or f"it is looked for in {shown_path(folders[0])} first"
    what = "template" if kind == "templates" else "file"
    raise TemplatingError(span.diagnostic(f"there is no {what} {name!r}", hint, code="no-such-file"))


def _names_below(folder: str) -> list[str]:
    found = []
    for path, _folders, files in os.walk(folder):
        found += [os.path.relpath(os.path.join(path, file), folder) for file in files[:200]]
    return found


class _Loader(jinja2.FileSystemLoader):
    """Finds what templates include or import; encrypted files are opened, and known to `sealed`."""

    def __init__(self, folders: list[str], vault: Vault | None, sealed: set[str]) -> None:
        super().__init__(folders)
        self._vault = vault
        self._sealed_paths = sealed

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        """Return the text of a template, its path, and whether it is still the same."""
        source, path, fresh = super().get_source(environment, template)
        if self._vault is None or not source.startswith(HEADER):
            return source, path, fresh
        problems = Diagnostics(self._vault)
        found = read_source(path, problems, name=shown_path(path))
        if found is None:
            raise jinja2.TemplateError(str(problems.sorted()[0]))
        self._sealed_paths.add(path)
        self._vault.hide(lines_worth_hiding(found.text))
        return found.text, path, fresh


class TemplateFiles:
    """Parsed templates by path and settings; may be used from several threads."""

    def __init__(self, root: str, vault: Vault | None = None) -> None:
        self._root = root
        self._vault = vault
        self._sealed: set[str] = set()
        self._templates: dict[Any, jinja2.Template] = {}
        self._environments: dict[Any, jinja2.Environment] = {}
        self._headed: set[str] = set()
        self._ends: dict[int, int] = {}  # the newlines at the end of parsed templates, which all stay

    def render(self, path: str, role_path: str, options: Mapping[str, Any], scope: Scope) -> str:
        """Return the text that a template gives; TemplatingError names the line of the template."""
        template = self.load(path, role_path, options)
        context = context_of(template, scope)
        try:
            with budget():
                text = joined(template.root_render_func(context))
            return with_newlines(text, self._ends[id(template)], template.environment.newline_sequence)
        except EVALUATION_ERRORS as error:
            raise evaluation_error(error, scope, lambda file, line: self._span(file or path, line)) from None

    def is_sealed(self, path: str) -> bool:
        """Return True if a template that was parsed is an encrypted file."""
        return path in self._sealed

    def _span(self, path: str, line: int) -> Span:
        """Return the place of a line as Jinja counts: it never saw a header, nor that a file is encrypted."""
        if path in self._sealed:
            return Span(shown_path(path), line + 1 if path in self._headed else line, 1)
        return line_span(path, line + 1 if path in self._headed else line)

    def load(self, path: str, role_path: str, options: Mapping[str, Any]) -> jinja2.Template:
        """Return a parsed template; TemplatingError says what is wrong with its syntax."""
        settings = {name: _setting(name, options[name]) for name in OPTIONS if options.get(name) is not None}
        key = (path, role_path, tuple(sorted(settings.items())))
        found = self._templates.get(key)
        if found is None:
            found = self._templates[key] = self._parse(path, role_path, settings)
        return found

    def _parse(self, path: str, role_path: str, settings: dict[str, Any]) -> jinja2.Template:
        problems = Diagnostics(self._vault)
        found = read_source(path, problems, name=shown_path(path))
        if found is None:
            raise TemplatingError(problems.sorted()[0])
        source = found.text
        if found.sealed:
            self._sealed.add(path)
        if source.startswith(_HEADER):
            header, _, source = source.partition("\n")
            settings = settings | _header_settings(header.removeprefix(_HEADER), line_span(path, 1))
            self._headed.add(path)
        environment = self._environment(role_path, settings)
        try:
            code = environment.compile(source, filename=path)
        except jinja2.TemplateSyntaxError as error:
            span = self._span(path, error.lineno)
            raise TemplatingError(syntax_problem(error, span, environment)) from None
        template = environment.template_class.from_code(environment, code, environment.make_globals(None))
        self._ends[id(template)] = newlines_at_end(source)
        return template

    def _environment(self, role_path: str, settings: dict[str, Any]) -> jinja2.Environment:
        key = (role_path, tuple(sorted(settings.items())))
        found = self._environments.get(key)
        if found is None:
            found = self._environments[key] = make_environment(**settings)
            folders = [os.path.join(role_path, "templates"), role_path, os.path.join(self._root, "templates")]
            found.loader = _Loader([*folders, self._root], self._vault, self._sealed)
        return found


def _setting(name: str, value: Any) -> Any:
    return _ESCAPES.get(value, value) if name == "newline_sequence" else value


def _header_settings(text: str, span: Span) -> dict[str, Any]:
    """Return the settings of a `#jinja2: name: value, ...` line."""
    settings: dict[str, Any] = {}
    for pair in text.split(","):
        name, colon, value = (part.strip() for part in pair.partition(":"))
        if name not in _HEADED or not colon:
            hint = did_you_mean(name, _HEADED)
            raise TemplatingError(
                span.diagnostic(f"unknown setting {name!r} of a template", hint, code="template-syntax")
            )
        try:
            settings[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            raise TemplatingError(
                span.diagnostic(f"cannot read the value of {name!r}", code="template-syntax")
            ) from None
    return settings
