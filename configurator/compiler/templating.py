"""Jinja as the compiler uses it: texts to cached templates, and every failure with its place in a file.

A whole value that is one expression (`"{{ port }}"`) keeps the expression's type; anything else is text.
One engine serves all hosts and threads: its caches only ever gain equal entries.
"""

from __future__ import annotations

import ast
import functools
import re
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jinja2
import yaml
from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.utils import missing
from markupsafe import Markup

from configurator.compiler.bounded import (
    CHANGES,
    BoundedEnvironment,
    bind_filters,
    budget,
    characters,
    joined,
    parse_expression,
)
from configurator.compiler.filters import FILTERS
from configurator.compiler.jinja_tests import TESTS
from configurator.compiler.lookups import GLOBALS
from configurator.compiler.surroundings import Kept
from configurator.config.diagnostics import Diagnostic, Span
from configurator.config.expect import did_you_mean
from configurator.config.located import LocatedScalar
from configurator.vault.vault import Vault

_RESULT = "configurator_result"  # the variable that an expression's value is read back from
_NO_FILE = "<template>"  # how Jinja calls a template that was read from a text
_NEWLINES = re.compile("\r\n|\r")  # as Jinja has it
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MARKERS = ("{{", "{%", "{#")
# What an expression can raise besides Jinja's own errors: it is the user's code, run on the user's values.
EVALUATION_ERRORS = (
    jinja2.TemplateError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    NameError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    re.error,
    yaml.YAMLError,
)


class TemplatingError(Exception):
    """A template cannot be read or evaluated; `undefined` if something in it is not defined."""

    def __init__(self, diagnostic: Diagnostic, *, undefined: bool = False) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic
        self.undefined = undefined


class UndefinedInside(jinja2.UndefinedError):
    """A variable was used whose own text uses something undefined; `origin` is that error."""

    def __init__(self, origin: TemplatingError) -> None:
        super().__init__(str(origin))
        self.origin = origin


class NoSuchKeyError(jinja2.UndefinedError):
    """A mapping has no such key; `names` are those that it has.

    A mapping of ours says what is missing with `_absent`, since its own name says nothing to anybody.
    """

    def __init__(self, mapping: Mapping[Any, Any], key: Any, message: str | None = None) -> None:
        self.key = str(key)
        self.names: Iterable[object] = ()
        absent = getattr(mapping, "_absent", None)
        if absent is not None:
            message, self.names = absent(self.key)
        elif type(mapping) is dict:
            self.names = mapping
        super().__init__(message)


class Missing(jinja2.StrictUndefined):
    """An undefined value: using it is an error, `a.b.c is defined` and `default()` work at any depth."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: Any = jinja2.UndefinedError,
    ) -> None:
        if hint is None and isinstance(obj, Mapping):
            exc = functools.partial(NoSuchKeyError, obj, name)
        super().__init__(hint, obj, name, exc)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, _key: Any) -> Any:
        return self


def missing_because(origin: TemplatingError) -> Missing:
    """Return an undefined value that raises `origin` when it is used."""
    # Jinja raises whatever this call returns; it need not be a class.
    raiser: Any = lambda _message=None: UndefinedInside(origin)  # noqa: E731
    return Missing(exc=raiser)


class _LazyContext(Context):
    """Looks names up in the scope when they are used; evaluates nothing else."""

    def get_all(self) -> Any:
        return ChainMap(self.vars, self.parent)

    def derived(self, locals: Any = None) -> Context:  # noqa: A002
        context = type(self)(self.environment, _above(locals, self.get_all()), self.name, {})
        context.eval_ctx = self.eval_ctx
        context.blocks.update((name, list(block)) for name, block in self.blocks.items())
        return context


def _above(names: Mapping[str, Any] | None, parent: Any) -> Any:
    """Return a template's own names in front of a scope, none of which is evaluated."""
    known = {key: value for key, value in (names or {}).items() if value is not missing}
    return ChainMap(known, parent)


class _LazyTemplate(jinja2.Template):
    """Hands the scope on to included templates as it is."""

    changes = False  # True if it may change values in place

    @classmethod
    def _from_namespace(cls, environment: jinja2.Environment, namespace: Any, globals: Any) -> Any:  # noqa: A002
        made: Any = super()._from_namespace(environment, namespace, globals)
        made.changes = namespace.get(CHANGES, False)
        return made

    def new_context(
        self,
        vars: Any = None,  # noqa: A002
        shared: bool = False,  # noqa: ARG002
        locals: Any = None,  # noqa: A002
    ) -> Context:
        parent = _above(locals, ChainMap(vars or {}, self.globals))
        return self.environment.context_class(self.environment, parent, self.name, self.blocks)


class _Copies(dict[str, Any]):
    """The lists and mappings among variables, each copied when it is first used."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        super().__init__()
        self._variables = variables

    def __missing__(self, name: str) -> Any:
        value = self._variables[name]
        if type(value) not in (list, dict):
            raise KeyError(name)
        self[name] = value = _copied(value)
        return value


def _copied(value: Any) -> Any:
    if type(value) is dict:
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if type(value) is list else value


def context_of(template: jinja2.Template, variables: Mapping[str, Any]) -> Context:
    """Return a template's context; what it changes in place (`names.append(1)`) is changed for it alone."""
    if getattr(template, "changes", False):
        variables = ChainMap(_Copies(variables), variables)  # type: ignore[arg-type]
    return template.new_context(variables, shared=True)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A parsed text; `native` if the whole of it is one expression, `ends` the newlines that it ends with.

    `literal` is True of statements with one expression behind them, whose list or dictionary is their value.
    """

    template: jinja2.Template
    native: bool
    ends: int = 0
    literal: bool = False


def is_template(text: str) -> bool:
    """Return True if the text has anything to evaluate."""
    return "{" in text and any(marker in text for marker in _MARKERS)


def make_environment(**options: Any) -> jinja2.Environment:
    """Return an environment with Ansible's defaults for templates, its filters and tests."""
    environment = BoundedEnvironment(
        undefined=Missing,
        finalize=_finalize,
        **({"trim_blocks": True, "lstrip_blocks": False} | options),
    )
    environment.context_class = _LazyContext
    environment.template_class = _LazyTemplate
    environment.filters.update(FILTERS)
    bind_filters(environment.filters)
    for name in FILTERS:
        if "." in name:  # a filter by its long name is bound as well
            environment.filters[name] = environment.filters[name.rpartition(".")[2]]
    environment.tests.update(TESTS)
    environment.globals.update(GLOBALS)
    return environment


def _finalize(value: Any) -> Any:
    """Return what `{{ value }}` inside a text stands for: nothing for null, as Ansible has it."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        value = value.decode()
    if isinstance(value, str):
        characters(len(value))
        return value
    if isinstance(value, list | tuple | dict) or _is_iterator(value):
        return normalize(value)
    return value


class Engine:
    """Turns texts into values; raises TemplatingError with the place of what is wrong.

    `vault` opens those that are encrypted; `kept` is what the lookups keep, such as new passwords.
    """

    def __init__(self, vault: Vault | None = None) -> None:
        self.vault = vault or Vault()
        self.kept = Kept()
        self.environment = make_environment()
        self._texts: dict[str, Compiled] = {}
        self._conditions: dict[str, Compiled] = {}

    def text(self, text: str, located: LocatedScalar) -> Compiled:
        """Return the parsed text, which stands at `located`."""
        found = self._texts.get(text)
        if found is None:
            try:
                found = self._texts[text] = self._compile_text(text)
            except jinja2.TemplateSyntaxError as error:
                span = located.line_span(error.lineno)
                raise TemplatingError(syntax_problem(error, span, self.environment)) from None
        return found

    def expression(self, text: str, span: Span) -> Compiled:
        """Return the parsed expression of a `when`; braces around it or within its quotes are tolerated."""
        found = self._conditions.get(text)
        if found is None:
            try:
                found = Compiled(self._native(self._expression(text)), True)
            except jinja2.TemplateSyntaxError as error:
                if not is_template(text):
                    raise TemplatingError(syntax_problem(error, span, self.environment)) from None
                found = self._braced(text, span)
            self._conditions[text] = found
        return found

    def _expression(self, text: str) -> nodes.Expr:
        """Return the tree of an expression; in its quotes `{{ }}` stand for values: `"{{ a }}" == "b"`."""
        tree = parse_expression(self.environment, text)
        return tree if not is_template(text) else _Quoted(self.environment).visit(tree)

    def _braced(self, text: str, span: Span) -> Compiled:
        """Return a condition that is a template; TemplatingError if braces are around a part of it alone.

        Its text would be a value that is never empty, so that the condition always held.
        """
        found = self.text(text.strip(), LocatedScalar(text, span))
        body = self.environment.parse(text.strip()).body
        if len(body) == 1 and isinstance(body[0], nodes.Output) and len(body[0].nodes) > 1:
            raise TemplatingError(
                span.diagnostic(
                    "braces are around a part of this condition alone",
                    "a condition is an expression: write its variables without {{ }}",
                    code="condition",
                )
            )
        return found

    def operands(self, text: str) -> dict[str, Compiled]:
        """Return what an expression is about, as it is written: its variables, with what is behind dots."""
        tree = parse_expression(self.environment, text)
        return {name: Compiled(self._native(node), True) for name, node in _operands(tree)}

    def check(self, text: str, located: LocatedScalar) -> None:
        """Raise TemplatingError if a text cannot be parsed or uses an unknown filter or test."""
        self.text(text, located)

    def check_expression(self, text: str, span: Span) -> None:
        """Raise TemplatingError if a condition cannot be parsed or uses an unknown filter or test."""
        self.expression(text, span)

    def _compile_text(self, text: str) -> Compiled:
        tree = self.environment.parse(self._literal(text))
        body, ends = tree.body, newlines_at_end(text)
        last = body[-1].nodes if body and isinstance(body[-1], nodes.Output) else []
        alone = len(last) == 1 and not isinstance(last[0], nodes.TemplateData)
        if alone and len(body) == 1:
            return Compiled(self._native(last[0]), True, ends)
        return Compiled(self.environment.from_string(tree), False, ends, alone)

    def _literal(self, text: str) -> str:
        r"""Return a text in which a backslash within the quotes of `{{ '...' }}` stands for itself.

        So it is in Ansible, but for template files and for conditions: YAML's own quotes have had their turn,
        and a regular expression such as `'\\1'` is not to be read twice.
        """
        if "\\" not in text or "{{" not in text:
            return text
        text = _NEWLINES.sub("\n", text)
        found: list[str] = []
        end, inside = 0, False
        try:
            for _line, kind, token in self.environment.lex(text):
                start = text.index(token, end)
                inside = kind == "variable_begin" or (inside and kind != "variable_end")
                found += [text[end:start], _doubled(token) if inside and kind == "string" else token]
                end = start + len(token)
        except jinja2.TemplateSyntaxError:
            return text  # the parser will say it, with the text as it was written
        return "".join((*found, text[end:]))

    def _native(self, expression: nodes.Expr) -> jinja2.Template:
        target = nodes.Name(_RESULT, "store", lineno=1)
        tree = nodes.Template([nodes.Assign(target, expression, lineno=1)], lineno=1)
        tree.set_environment(self.environment)
        return self.environment.from_string(tree)

    def evaluate(self, compiled: Compiled, variables: Mapping[str, Any], locate: Locator) -> Any:
        """Return the value of a parsed text; `locate` tells where its lines stand."""
        try:
            with budget():
                context = context_of(compiled.template, variables)
                text = joined(compiled.template.root_render_func(context))
            value = normalize(context.vars[_RESULT]) if compiled.native else text
            if compiled.literal:
                value = _read(text)
            if compiled.ends and isinstance(value, int | float) and not isinstance(value, bool):
                value = str(value)  # a number on a line of its own is a line
            return with_newlines(value, compiled.ends) if isinstance(value, str) else value
        except EVALUATION_ERRORS as error:
            raise evaluation_error(error, variables, locate) from None


class _Quoted(jinja2.visitor.NodeTransformer):
    """Puts what templates give into the texts of an expression that have any."""

    def __init__(self, environment: jinja2.Environment) -> None:
        self._environment = environment

    def visit_Const(self, node: nodes.Const) -> nodes.Expr:  # noqa: N802
        if not isinstance(node.value, str) or not is_template(node.value):
            return node
        body = self._environment.parse(node.value).body
        if len(body) != 1 or not isinstance(body[0], nodes.Output):
            raise jinja2.TemplateSyntaxError("statements do not belong within quotes", node.lineno)
        finalize = nodes.EnvironmentAttribute("finalize", lineno=node.lineno)
        parts = [
            nodes.Const(part.data, lineno=node.lineno)
            if isinstance(part, nodes.TemplateData)
            else nodes.Call(finalize, [part], [], None, None, lineno=node.lineno)
            for part in body[0].nodes
        ]
        return nodes.Concat(parts, lineno=node.lineno)


def newlines_at_end(text: str) -> int:
    """Return how many newlines a text ends with."""
    return len(text) - len(text.rstrip("\n"))


def with_newlines(text: str, count: int, newline: str = "\n") -> str:
    """Return what a template gave with at least as many newlines at its end as the template has.

    Jinja drops one, and more of them behind a block; Ansible puts back what is missing.
    """
    missing = count - newlines_at_end(text)
    return text + newline * missing if missing > 0 else text


def _read(text: str) -> Any:
    """Return the list or dictionary that a text is, as Python writes it; any other text as it is."""
    if not text.startswith(("[", "{")):
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, list | dict) else text


def _doubled(literal: str) -> str:
    """Return a text in quotes so that Jinja reads its backslashes as they are; `\\'` does not end it."""
    quote = literal[0]
    return _ESCAPED.sub(lambda pair: "\\\\" + (pair[0] if pair[1] in (quote, "\\") else pair[1]), literal)


def _operands(node: nodes.Node) -> Iterator[tuple[str, nodes.Expr]]:
    if isinstance(node, nodes.Expr) and (name := _operand(node)) is not None:
        yield name, node
        return
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        yield from _operands(node.node.node)  # of `name.startswith("a")` the name
        node = nodes.Tuple([*node.args, *(keyword.value for keyword in node.kwargs)], "load")
    for child in node.iter_child_nodes():
        yield from _operands(child)


def _operand(node: nodes.Expr) -> str | None:
    """Return `a.b['c'][0]` for such a chain of names and constants; None for anything else."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr) and (inner := _operand(node.node)) is not None:
        return f"{inner}.{node.attr}"
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        inner = _operand(node.node)
        return None if inner is None else f"{inner}[{node.arg.value!r}]"
    return None


Locator = Callable[[str | None, int], Span]


def normalize(value: Any) -> Any:
    """Return a value of plain lists and dictionaries; what is undefined inside it raises.

    Filters such as `map` return generators, which could be read only once.
    """
    if isinstance(value, dict):
        return {key: normalize(item) for key, item in value.items()}
    if isinstance(value, Markup):  # of `escape` and `tojson`: it would escape what is joined to it later on
        return str(value)
    if isinstance(value, str | int | float | None | Mapping):
        return value
    if isinstance(value, list | tuple) or _is_iterator(value):
        return [normalize(item) for item in value]
    if isinstance(value, jinja2.Undefined):
        return str(value)  # raises, with the name in it; `'x' if false` alone is an empty text
    return value.decode() if isinstance(value, bytes) else value


_ITERATORS: tuple[type, ...] = (range, set, frozenset, type({}.keys()), type({}.values()), type({}.items()))


def _is_iterator(value: Any) -> bool:
    return hasattr(value, "__next__") or isinstance(value, _ITERATORS)


def evaluation_error(error: BaseException, variables: Mapping[str, Any], locate: Locator) -> TemplatingError:
    """Return the error at its place: the line of the template that was being evaluated."""
    if isinstance(error, UndefinedInside):
        return error.origin
    if isinstance(error, jinja2.TemplateSyntaxError):  # of a template that was included
        span = locate(error.filename, error.lineno)
        return TemplatingError(span.diagnostic(f"bad template: {error.message}", code="template-syntax"))
    span = locate(*_template_line(error))
    undefined = isinstance(error, jinja2.UndefinedError)
    hint = None
    message = str(error) or type(error).__name__
    if isinstance(error, jinja2.TemplateNotFound):
        message = f"there is no template {error.message!r}"
    elif isinstance(error, jinja2.TemplateError):
        message = error.message or message
        name = re.match(r"'(\w+)' is undefined", message)
        if name:
            hint = did_you_mean(name[1], variables)
            span = narrow(span, name[1])
            message = f"the variable {name[1]!r} is not defined"
        elif isinstance(error, NoSuchKeyError):
            hint = did_you_mean(error.key, error.names)
            span = narrow(span, error.key, inside=True)
    elif isinstance(error, MemoryError | RecursionError):
        message = "this expression needs too much memory"
    else:
        message = f"this expression fails: {message}"
    code = "undefined" if undefined else "template-failed"
    return TemplatingError(span.diagnostic(message, hint, code=code), undefined=undefined)


def _template_line(error: BaseException) -> tuple[str | None, int]:
    """Return the innermost template's file and line in an error's traceback."""
    place: tuple[str | None, int] = (None, 1)
    trace = error.__traceback__
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            file = template.filename if template.filename != _NO_FILE else None
            place = (file, template.get_corresponding_lineno(trace.tb_lineno))
        trace = trace.tb_next
    return place


def narrow(span: Span, word: str, *, inside: bool = False) -> Span:
    """Return the place of a word within the span's line, or the span itself if the word is not there.

    With `inside` it may stand behind a dot.
    """
    before = r"(?<!\w)" if inside else r"(?<![\w.])"
    found = re.search(rf"{before}{re.escape(word)}(?!\w)", span.source[max(0, span.column - 1) :])
    if found is None:
        return span
    return Span(span.path, span.line, span.column + found.start(), len(word), span.source)


def syntax_problem(
    error: jinja2.TemplateSyntaxError, span: Span, environment: jinja2.Environment
) -> Diagnostic:
    """Return what is wrong with a template's syntax; unknown filters and tests get a did-you-mean."""
    message = error.message or "bad template"
    unknown = re.match(r"No (filter|test) named '([\w.]+)'", message)
    if unknown is None:
        return span.diagnostic(f"bad template: {message.rstrip('.')}", code="template-syntax")
    kind, name = unknown[1], unknown[2]
    known = environment.filters if kind == "filter" else environment.tests
    return narrow(span, name).diagnostic(
        f"unknown {kind} {name!r}", did_you_mean(name, known), code="unknown-filter"
    )
