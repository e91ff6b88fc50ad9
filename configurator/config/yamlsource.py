"""YAML read with the place of every key and value; what is wrong becomes a Diagnostic, never a traceback."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import yaml

from configurator.config.diagnostics import Diagnostics, Span
from configurator.config.located import Located, LocatedList, LocatedMap, LocatedScalar, Mark, Scalar
from configurator.config.scalars import resolve_plain
from configurator.config.sealed import HEADER, is_sealed, worth_hiding
from configurator.core.errors import ConfiguratorError, InputError

_MAX_BYTES = 16 * 1024 * 1024  # a larger file is data, not configuration
_MAX_VALUES = 200_000  # counted after aliases are expanded: ten nested lists of ten aliases are 10^10 values
_MAX_DEPTH = 100
_LINE_BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # those of YAML 1.1, section 5.4
_SECRET = re.compile("(!secret[ \t]+)([^\n\r\x85\u2028\u2029]+)")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads ten times as fast
_STANDARD = "tag:yaml.org,2002:"
# For YAML a text that begins so is a mapping: what everybody forgets to quote at first.
_TEMPLATE = ("{{", "{%")
_BLOCK_VALUE = re.compile(
    r"[ \t-]*(?:[^\s:{}\[\]]+[ \t]*:[ \t]+)?"
)  # what stands before a value of its own line
_FLOW_VALUE = re.compile(r"\{\{.*?\}\}(?:\{\{.*?\}\}|[^\s,:{}\[\]]|:(?=[^\s,}\]]))*")
_MARKS = {"!secret": Mark.SECRET, "!unsafe": Mark.UNSAFE}
_VAULT_TAGS = ("!vault", "!vault-encrypted")


class _YamlError(ConfiguratorError):
    """Reading cannot go on; carries the place. Never leaves this module."""

    def __init__(self, span: Span, message: str, hint: str | None = None, *, code: str) -> None:
        super().__init__(message, hint=hint)
        self.span = span
        self.code = code


def load_yaml(
    path: str, diagnostics: Diagnostics, *, name: str | None = None, loose_booleans: bool = True
) -> Located | None:
    """Return what a file contains, or None after noting why it cannot be read; an empty file is a null.

    `name` is how messages call the file. `loose_booleans` takes yes, no, on and off for booleans.
    """
    source = read_source(path, diagnostics, name=name)
    if source is None:
        return None
    return parse_yaml(
        source.text, name or path, diagnostics, loose_booleans=loose_booleans, sealed=source.sealed
    )


@dataclass(frozen=True, slots=True)
class SourceText:
    """A file's text; `sealed` if the file was encrypted, so that nothing of it may be shown."""

    text: str
    sealed: bool = False


def read_text(path: str, diagnostics: Diagnostics, *, name: str | None = None) -> str | None:
    """Return a UTF-8 file's text, or None after noting why it cannot be read."""
    source = read_source(path, diagnostics, name=name)
    return None if source is None else source.text


def read_source(path: str, diagnostics: Diagnostics, *, name: str | None = None) -> SourceText | None:
    """Return a UTF-8 file's text, decrypted if need be, or None after noting why it cannot be read."""
    name = name or path
    data = _read_bytes(path, diagnostics, name)
    if data is None:
        return None
    sealed = is_sealed(data)
    if sealed:
        data = _opened(data, diagnostics, name)
        if data is None:
            return None
    try:
        return SourceText(data.decode("utf-8-sig"), sealed)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        source = "" if sealed else data.splitlines()[line - 1].decode("utf-8", "replace")
        diagnostics.add(
            Span(name, line, column, 1, source),
            "not valid UTF-8",
            "save the file with UTF-8 encoding",
            code="not-utf8",
        )
        return None


def _read_bytes(path: str, diagnostics: Diagnostics, name: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        diagnostics.add(Span(name), f"cannot read this file: {reason}", code="unreadable-file")
        return None
    if len(data) > _MAX_BYTES:
        diagnostics.add(
            Span(name), f"this file is larger than {_MAX_BYTES // 1024 // 1024} MB", code="unreadable-file"
        )
        return None
    return data


def _opened(data: bytes, diagnostics: Diagnostics, name: str) -> bytes | None:
    """Return what a file held before it was encrypted as a whole, or None after noting why nobody knows."""
    text = data.decode("ascii", "replace")
    span = Span(name, 1, 1, len(HEADER), text.partition("\n")[0])
    if diagnostics.vault is None:
        diagnostics.add(span, "an encrypted file cannot be read here", code="vault")
        return None
    try:
        return diagnostics.vault.open(text, span)
    except InputError as error:
        diagnostics.extend(error.diagnostics or [span.diagnostic(error.message, error.hint, code="vault")])
        return None


def parse_yaml(
    text: str, name: str, diagnostics: Diagnostics, *, loose_booleans: bool = True, sealed: bool = False
) -> Located | None:
    """Return what `text` contains, or None after noting its first syntax error and all duplicate keys.

    `sealed` says that it was encrypted: all its values are secrets, and messages show no line of it.
    """
    reader = _Reader(text, name, diagnostics, loose_booleans, sealed)
    try:
        value = reader.read()
        if sealed and diagnostics.vault is not None:
            diagnostics.vault.hide(worth_hiding(value))
        return value
    except _YamlError as problem:
        diagnostics.add(problem.span, problem.message, problem.hint, code=problem.code)
    except yaml.MarkedYAMLError as error:
        if not reader.explained(error):
            span = reader.error_span(error)
            diagnostics.add(span, *_explain(error, span), code="yaml-syntax")
    except yaml.reader.ReaderError as error:
        line = len(_LINE_BREAKS.findall(text, 0, error.position)) + 1
        source = "" if sealed else _LINE_BREAKS.split(text)[line - 1]
        column = next((i for i, c in enumerate(source, 1) if c == chr(_code(error.character))), 1)
        diagnostics.add(
            Span(name, line, column, 1, source),
            f"the character #x{_code(error.character):04x} is not allowed in YAML",
            code="yaml-character",
        )
    except UnicodeEncodeError:  # from the command line, where bytes that are no UTF-8 stand for themselves
        diagnostics.add(Span(name), "not valid UTF-8", code="not-utf8")
    return None


def _quoted(text: str) -> str:
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"


def _template_text(before: str, rest: str) -> str:
    """Return as much of `rest` as somebody forgot to quote: all of it where a value ends with its line."""
    if _BLOCK_VALUE.fullmatch(before):
        whole = re.sub(r"[ \t]+#.*", "", rest).rstrip()
        if not re.search(r"\}[ \t]*:(?:[ \t]|$)", whole):  # else it is a key
            return whole
    found = _FLOW_VALUE.match(rest)
    return found[0] if found else rest[:2]


def _code(character: Any) -> int:
    return character if isinstance(character, int) else ord(character)


def _explain(error: yaml.MarkedYAMLError, span: Span) -> tuple[str, str | None]:
    """Return a message and a hint for a syntax error."""
    problem = error.problem or "syntax error"
    if "\\t" in problem or span.source[span.column - 1 : span.column] == "\t":
        return "a tab is used for indentation", "YAML wants spaces"
    if "mapping values are not allowed" in problem:
        return "a ':' is not expected here", "quote a text that contains ': '"
    context = f" {error.context}" if error.context else ""
    return f"YAML syntax: {problem}{context}", None


class _Reader:
    """Builds located values from the events of one document."""

    def __init__(
        self, text: str, name: str, diagnostics: Diagnostics, loose_booleans: bool, sealed: bool
    ) -> None:
        self._text = text
        self._name = name
        self._diagnostics = diagnostics
        self._loose = loose_booleans
        self._sealed = sealed
        # What messages show: the texts of secrets are blotted out, in their length so that columns hold.
        shown = "" if sealed else _SECRET.sub(lambda found: found[1] + "*" * len(found[2]), text)
        self._lines = tuple(_LINE_BREAKS.split(shown))
        self._anchors: dict[str, tuple[Located, int] | None] = {}  # None while it is being read
        self._count = 0
        self._unquoted: set[int] = set()  # lines on which a template should be in quotes
        self._inside = 0  # how many of them the present value is part of
        self._events: Iterator[Any] = iter(())

    def read(self) -> Located:
        """Return the value of the only document."""
        self._events = iter(yaml.parse(self._text, Loader=_LOADER))
        next(self._events)  # the start of the stream
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return LocatedScalar(None, Span(self._name, 1, 1, 1, self._lines[0]))
        value = self._value(next(self._events), 0, Mark.SECRET if self._sealed else Mark.NONE)
        next(self._events)  # the end of the document
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise _YamlError(
                self.span(event.start_mark, event.end_mark),
                "only one document is expected",
                code="yaml-documents",
            )
        return value

    def explained(self, error: yaml.MarkedYAMLError) -> bool:
        """Return True if a syntax error only follows from a template without quotes, which was noted."""
        marks = (error.problem_mark, error.context_mark)
        return any(mark is not None and mark.line in self._unquoted for mark in marks)

    def error_span(self, error: yaml.MarkedYAMLError) -> Span:
        """Return the place to show for a syntax error: where something began if its end was not found."""
        mark = error.problem_mark or error.context_mark
        if mark is None:
            return Span(self._name)
        if error.context_mark and not "".join(self._lines[mark.line :]).strip():
            mark = error.context_mark
        return self.span(mark, mark)

    def span(self, start: Any, end: Any) -> Span:
        """Return the place from one mark to another, cut at the end of its first line."""
        line = start.line
        source = self._lines[line] if line < len(self._lines) else ""
        stop = end.column if end.line == line else len(source.rstrip())
        return Span(self._name, line + 1, start.column + 1, max(1, stop - start.column), source)

    def _value(self, event: Any, depth: int, mark: Mark) -> Located:
        if depth > _MAX_DEPTH:
            raise _YamlError(
                self.span(event.start_mark, event.end_mark),
                f"nested more than {_MAX_DEPTH} deep",
                code="yaml-size",
            )
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        before = self._count
        self._grow(1, event)
        value: Located
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, mark)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._list(event, depth, self._mark(event, mark, "seq"))
        else:
            value = self._map(event, depth, self._mark(event, mark, "map"))
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._count - before)
        return value

    def _grow(self, size: int, event: Any) -> None:
        self._count += size
        if self._count > _MAX_VALUES:
            span = self.span(event.start_mark, event.end_mark)
            raise _YamlError(
                span, f"more than {_MAX_VALUES} values", "are aliases nested in each other?", code="yaml-size"
            )

    def _alias(self, event: Any) -> Located:
        span = self.span(event.start_mark, event.end_mark)
        if event.anchor not in self._anchors:
            raise _YamlError(span, f"unknown anchor {event.anchor!r}", code="yaml-anchor")
        known = self._anchors[event.anchor]
        if known is None:
            raise _YamlError(span, f"the anchor {event.anchor!r} contains itself", code="yaml-anchor")
        value, size = known
        self._grow(size, event)
        return value

    def _list(self, event: Any, depth: int, mark: Mark) -> LocatedList:
        items = []
        while not isinstance(following := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(following, depth + 1, mark))
        return LocatedList(tuple(items), self._collection_span(event))

    def _collection_span(self, event: Any) -> Span:
        """Return the place where a list or mapping begins: its first line says which one is meant."""
        return self.span(event.start_mark, event.end_mark)

    def _map(self, event: Any, depth: int, mark: Mark) -> LocatedMap | LocatedScalar:
        entries: dict[Any, Located] = {}
        keys: dict[Any, Span] = {}
        merged: list[LocatedMap] = []
        template = self._unquoted_template(event)
        self._inside += template is not None
        while not isinstance(key_event := next(self._events), yaml.MappingEndEvent):
            key_node = self._value(key_event, depth + 1, Mark.NONE)
            value = self._value(next(self._events), depth + 1, mark)
            span = self.span(key_event.start_mark, key_event.end_mark)
            if not isinstance(key_node, LocatedScalar):
                if not self._inside and span.line - 1 not in self._unquoted:
                    self._diagnostics.add(span, "a key must be a single word or number", code="yaml-key")
                continue
            key = key_node.value
            if key == "<<" and isinstance(key_event, yaml.ScalarEvent) and key_event.implicit[0]:
                merged += self._merge_sources(value, span)
            elif key in keys:
                hint = f"first written at line {keys[key].line}"
                self._diagnostics.add(span, f"duplicate key {str(key)!r}", hint, code="duplicate-key")
            else:
                entries[key], keys[key] = value, span
        if template is not None:
            self._inside -= 1
            return template
        for source in merged:
            for key, value in source.entries.items():
                if key not in entries:
                    entries[key], keys[key] = value, source.key_span(key)
        return LocatedMap(entries, self._collection_span(event), keys)

    def _unquoted_template(self, event: Any) -> LocatedScalar | None:
        """Return the text for what YAML takes for a mapping, after noting that it wants quotes; else None."""
        start = event.start_mark
        span = self.span(start, start)
        rest = span.source[start.column :]
        if self._inside or not event.flow_style or not rest.startswith(_TEMPLATE):
            return None
        text = _template_text(span.source[: start.column], rest)
        whole = "}}" in text or "%}" in text
        span = replace(span, length=len(text))
        hint = f"write {_quoted(text)}" if whole else "put the whole text in quotes"
        self._diagnostics.add(
            span, f"a value that begins with '{rest[:2]}' must be in quotes", hint, code="unquoted-template"
        )
        self._unquoted.add(start.line)
        return LocatedScalar(text if whole else "", span)

    def _merge_sources(self, value: Located, span: Span) -> list[LocatedMap]:
        sources = value.items if isinstance(value, LocatedList) else (value,)
        found = [source for source in sources if isinstance(source, LocatedMap)]
        if len(found) < len(sources):
            self._diagnostics.add(span, "'<<' wants a mapping or a list of mappings", code="yaml-merge")
        return found

    def _scalar(self, event: Any, mark: Mark) -> LocatedScalar:
        span = self.span(event.start_mark, event.end_mark)
        text: str = event.value
        value: Scalar = text
        tag = event.tag
        if tag is None or (event.implicit[0] and not tag.startswith("!")):
            if event.implicit[0] and event.style in (None, ""):
                value = resolve_plain(text, loose_booleans=self._loose)
        elif tag.startswith(_STANDARD):
            value = self._standard(tag.removeprefix(_STANDARD), text, span)
        elif tag in _VAULT_TAGS:
            return self._vault(text, span)
        else:
            mark = self._mark(event, mark, "str")
        literal = event.style == "|" and Mark.SECRET not in mark
        return LocatedScalar(value, span, mark, self._lines if literal else ())

    def _vault(self, text: str, span: Span) -> LocatedScalar:
        """Return an encrypted text as it is: only what uses it pays for opening it."""
        if self._diagnostics.vault is None:
            raise _YamlError(span, "an encrypted value cannot be read here", code="vault")
        try:
            self._diagnostics.vault.expect(text, span)
        except InputError as error:
            self._diagnostics.extend(error.diagnostics)
        return LocatedScalar(text, span, Mark.VAULT)

    def _standard(self, kind: str, text: str, span: Span) -> Scalar:
        """Return the value of a text with one of YAML's own tags, such as `!!int "5"`."""
        if kind == "str":
            return text
        value = resolve_plain(text, loose_booleans=self._loose)
        wanted: dict[str, tuple[type, ...]] = {
            "int": (int,),
            "float": (float, int),
            "bool": (bool,),
            "null": (type(None),),
        }
        if kind not in wanted:
            raise _YamlError(span, f"the tag '!!{kind}' is not supported", code="yaml-tag")
        if type(value) not in wanted[kind]:
            shown = "this" if self._sealed else repr(text)
            raise _YamlError(span, f"{shown} is not what '!!{kind}' says", code="yaml-tag")
        return float(value) if kind == "float" and isinstance(value, int) else value

    def _mark(self, event: Any, inherited: Mark, kind: str) -> Mark:
        """Return what a node's tag marks it (and all below it) as."""
        tag = event.tag
        if tag is None or tag in ("!", _STANDARD + kind):
            return inherited
        span = self.span(event.start_mark, event.end_mark)
        if tag in _MARKS:
            return inherited | _MARKS[tag] if self._sealed else _MARKS[tag]
        if tag in _VAULT_TAGS:
            raise _YamlError(span, f"the tag {tag!r} is for texts alone", code="yaml-tag")
        shown = tag.replace(_STANDARD, "!!", 1)
        raise _YamlError(
            span,
            f"unknown tag {shown!r}",
            "the tags '!secret', '!unsafe' and '!vault' have a meaning here",
            code="vault",
        )
