"""Templates that end, and that fit into memory: what one evaluation may do is counted, not timed.

A template is written by the owner of the hosts, so this is no sandbox: it turns a slip (`range(10**9)`, a
macro that calls itself twice) into an error with its place, where a run would hang or the machine would swap.
The counts are the same on every machine, so that what was refused once is always refused.
"""

from __future__ import annotations

import contextlib
import functools
import math
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.parser import Parser
from jinja2.runtime import Context

MAX_STEPS = 1_000_000  # turns of loops, calls and includes; a long template of a role takes some thousands
MAX_CHARACTERS = 64 * 1024 * 1024  # of all that is put into texts
MAX_ITEMS = 1_000_000  # of one list that a multiplication or a range makes
_MAX_BITS = 100_000  # of an integer: a power beyond takes longer than anybody waits
_MAX_DIGITS = 7  # of a width or a precision in a format
_MAX_WIDTH = 1_000_000
_WIDE = re.compile(r"[0-9]{%d}" % _MAX_DIGITS)  # noqa: UP031  (braces mean something to both)
_NESTED_WIDTH = re.compile(r"\{[^{}]*\{")
CHANGES = "configurator_changes"  # a name in the code of templates that may change values in place
_CHANGING = frozenset(
    {
        "append",
        "clear",
        "extend",
        "insert",
        "pop",
        "popitem",
        "remove",
        "reverse",
        "setdefault",
        "sort",
        "update",
    }
)
_PADS = frozenset({"ljust", "rjust", "center", "zfill", "expandtabs"})
# Filters of which a number says how much they make.
_COUNTED = (
    "center",
    "indent",
    "batch",
    "slice",
    "wordwrap",
    "to_json",
    "to_nice_json",
    "to_nice_yaml",
    "to_yaml",
)
_BROKEN = (RecursionError, MemoryError, OverflowError, SyntaxError, ValueError)


class LimitError(jinja2.TemplateRuntimeError):
    """An evaluation would take too long or need too much memory."""


class _Spent(threading.local):
    depth = 0
    steps = 0
    characters = 0


_spent = _Spent()


@contextlib.contextmanager
def budget() -> Iterator[None]:
    """Count what is done within the block; one inside another belongs to the outermost evaluation."""
    if not _spent.depth:
        _spent.steps = _spent.characters = 0
    _spent.depth += 1
    try:
        yield
    finally:
        _spent.depth -= 1


def step() -> None:
    """Note one more step; LimitError beyond the last."""
    _spent.steps += 1
    if _spent.steps > MAX_STEPS:
        raise LimitError(f"this template takes more than {MAX_STEPS:,} steps")


def characters(count: int) -> None:
    """Note that a text becomes longer by so much; LimitError beyond what a file may be."""
    _spent.characters += count
    if _spent.characters > MAX_CHARACTERS:
        raise LimitError(f"this template makes more than {MAX_CHARACTERS // 1024 // 1024} MB of text")


def joined(parts: Iterable[str]) -> str:
    """Return the text of a template's parts."""
    found = []
    total = 0
    for part in parts:
        total += len(part)
        if total > MAX_CHARACTERS:
            raise LimitError(f"this template makes more than {MAX_CHARACTERS // 1024 // 1024} MB of text")
        found.append(part)
    return "".join(found)


def parse_expression(environment: jinja2.Environment, text: str) -> nodes.Expr:
    """Return the tree of an expression without braces; TemplateSyntaxError if it is none."""
    with _readable():
        parser = Parser(environment, text, state="variable")
        found = parser.parse_expression()
        if not parser.stream.eos:
            parser.fail("an expression ends before this", parser.stream.current.lineno)
        return found


class BoundedEnvironment(jinja2.Environment):
    """Counts loops, calls and includes, and refuses operators and methods that make something huge of little.

    `sandboxed` makes Jinja's compiler hand calls and operators to this class; nothing else hangs on it.
    """

    sandboxed = True
    intercepted_binops = frozenset({"*", "**", "+", "%"})
    intercepted_unops: frozenset[str] = frozenset()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.globals["range"] = _range
        self.globals.pop("lipsum", None)  # random texts are no configuration
        bind_filters(self.filters)

    def parse(self, source: str, name: str | None = None, filename: str | None = None) -> nodes.Template:
        """Return the tree of a template."""
        with _readable():
            return super().parse(source, name, filename)

    def compile(self, source: Any, *args: Any, **options: Any) -> Any:
        """Return the code of a template; one that Python cannot read is a TemplateSyntaxError as well."""
        with _readable():
            return super().compile(source, *args, **options)

    def _generate(self, source: nodes.Template, *args: Any, **options: Any) -> str:
        changes = _changes_values(source)
        code = super()._generate(_counting(source), *args, **options)
        return f"{code}\n{CHANGES} = True\n" if changes else code

    def _load_template(self, *args: Any, **options: Any) -> jinja2.Template:
        step()
        return super()._load_template(*args, **options)

    def call(__self, __context: Context, __called: Any, *args: Any, **options: Any) -> Any:  # noqa: N805
        """Call for a template; the names leave all others to what is called."""
        step()
        _check_call(__called, args, options)
        return __context.call(__called, *args, **options)

    def call_binop(self, _context: Context, operator: str, left: Any, right: Any) -> Any:
        """Return `left operator right`, unless that would be huge."""
        return _OPERATORS[operator](left, right)

    @staticmethod
    def counted(items: Any) -> Iterator[Any]:
        """Return what a loop goes through; each turn is a step."""
        return _steps(iter(items))

    @staticmethod
    def concatenated(*parts: Any) -> str:
        """Return what `~` makes of values."""
        texts = [str(part) for part in parts]
        characters(sum(map(len, texts)))
        return "".join(texts)


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except jinja2.TemplateError:
        raise
    except _BROKEN as error:
        what = (
            "it has a number that is too long" if isinstance(error, ValueError) else "it is nested too deeply"
        )
        raise jinja2.TemplateSyntaxError(what, 1) from None


def _changes_values(tree: nodes.Template) -> bool:
    """Return True if a template may change a list or a mapping in place: `{% set _ = names.append(1) %}`."""
    return any(
        isinstance(call.node, nodes.Getattr) and call.node.attr in _CHANGING
        for call in tree.find_all(nodes.Call)
    )


def _counting(tree: nodes.Template) -> nodes.Template:
    """Return the tree with its loops counted and its `~` measured."""
    for loop in [*tree.find_all(nodes.For)]:
        loop.iter = _method("counted", [loop.iter], loop.lineno)  # type: ignore[list-item]
    return _Measured().visit(tree)  # type: ignore[no-any-return]


class _Measured(jinja2.visitor.NodeTransformer):
    def visit_Concat(self, node: nodes.Concat, *args: Any, **options: Any) -> nodes.Node:  # noqa: N802
        self.generic_visit(node, *args, **options)
        return _method("concatenated", node.nodes, node.lineno)


def _method(name: str, args: list[nodes.Expr], lineno: int) -> nodes.Call:
    attribute = nodes.EnvironmentAttribute(name, lineno=lineno)
    return nodes.Call(attribute, args, [], None, None, lineno=lineno)


def _steps(items: Iterator[Any]) -> Iterator[Any]:
    for item in items:
        step()
        yield item


def _range(*args: int) -> range:
    made = range(*args)
    _check_items(len(made))
    return made


def _check_items(count: int) -> None:
    if count > MAX_ITEMS:
        raise LimitError(f"a list of {count:,} items is too long: at most {MAX_ITEMS:,}")


def _check_length(count: int) -> None:
    if count > MAX_CHARACTERS:
        raise LimitError(f"a text of {count:,} characters is too long")
    characters(count)


def _times(left: Any, right: Any) -> Any:
    for sequence, number in ((left, right), (right, left)):
        if isinstance(number, int) and isinstance(sequence, str | bytes):
            _check_length(len(sequence) * max(number, 0))
        elif isinstance(number, int) and isinstance(sequence, list | tuple):
            _check_items(len(sequence) * max(number, 0))
    if isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() + right.bit_length())
    return left * right


def _power(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int) and right > 0:
        _check_bits(left.bit_length() * right if abs(left) > 1 else 1)
    return left**right


def _check_bits(bits: int) -> None:
    if bits > _MAX_BITS:
        raise LimitError(f"a number of {bits // 3:,} digits is too long")


def _plus(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        characters(len(left) + len(right))
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple):
        _check_items(len(left) + len(right))
    return left + right


def _modulo(left: Any, right: Any) -> Any:
    if isinstance(left, str | bytes):
        text = left.decode("latin-1") if isinstance(left, bytes) else left
        _check_format(text, "*" in text, right if isinstance(right, tuple) else (right,))
    return left % right


_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {"*": _times, "**": _power, "+": _plus, "%": _modulo}


def _check_format(text: str, widths_among_values: bool, values: Iterable[Any]) -> None:
    numbers = [value for value in values if isinstance(value, int)]
    if _WIDE.search(text) or (widths_among_values and any(_too_wide(number) for number in numbers)):
        raise LimitError("a width in this format is too large")


def _too_wide(number: int) -> bool:
    return abs(number) >= _MAX_WIDTH


def _check_call(called: Any, args: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    """Refuse methods of texts that make something huge of little."""
    text = getattr(called, "__self__", None)
    name = getattr(called, "__name__", "")
    if not isinstance(text, str | bytes):
        return
    values = (*args, *options.values())
    if name in _PADS:
        _check_numbers(values)
    elif name in ("format", "format_map") and isinstance(text, str):
        _check_format(text, _NESTED_WIDTH.search(text) is not None, values)
    elif name == "replace" and len(args) >= 2 and all(isinstance(arg, type(text)) for arg in args[:2]):
        _check_length(len(text) + text.count(args[0]) * len(args[1]))
    elif name == "join" and args and hasattr(args[0], "__len__"):
        _check_length(len(text) * len(args[0]))


def _check_numbers(values: Iterable[Any]) -> None:
    if any(isinstance(value, int) and _too_wide(value) for value in values):
        raise LimitError("a width is too large")


# -- filters -----------------------------------------------------------------------------------------


def bind_filters(filters: dict[str, Any]) -> None:
    """Have the filters that make much of little look first at how much; may be called again for new ones."""
    for name in _COUNTED:
        _guard(filters, name, lambda _value, *args, **options: _check_numbers((*args, *options.values())))
    _guard(filters, "format", lambda text, *args, **_options: _modulo_check(text, args))
    _guard(filters, "replace", _replace_check)
    _guard(filters, "join", _join_check)
    _guard(filters, "product", _product_check)


def _guard(filters: dict[str, Any], name: str, check: Callable[..., None]) -> None:
    inner = filters.get(name)
    if inner is None or hasattr(inner, "bounded"):
        return
    passes = hasattr(inner, "jinja_pass_arg")  # then the context or the environment comes first

    @functools.wraps(inner)
    def guarded(*args: Any, **options: Any) -> Any:
        check(*args[1 if passes else 0 :], **options)
        return inner(*args, **options)

    guarded.bounded = True  # type: ignore[attr-defined]
    filters[name] = guarded


def _modulo_check(text: Any, values: tuple[Any, ...]) -> None:
    if isinstance(text, str):
        _check_format(text, "*" in text, values)


def _replace_check(text: Any, old: Any = "", new: Any = "", *_rest: Any, **_options: Any) -> None:
    if isinstance(text, str) and isinstance(old, str) and isinstance(new, str):
        _check_length(len(text) + text.count(old) * len(new))


def _join_check(items: Any, separator: Any = "", *_rest: Any, **_options: Any) -> None:
    if isinstance(separator, str) and hasattr(type(items), "__len__"):
        _check_length(len(separator) * len(items))


def _product_check(*lists: Any, repeat: Any = 1) -> None:
    known = [len(items) for items in lists if hasattr(type(items), "__len__")]
    if isinstance(repeat, int) and repeat > 0:
        _check_numbers([repeat])
        # Beyond twenty times even lists of two items are too long.
        _check_items(math.prod(known * min(repeat, 20)))
