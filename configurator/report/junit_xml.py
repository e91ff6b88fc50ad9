"""JUnit XML: suites and cases as values, one well-formed document of them, and putting it in its place.

The dialect is what Jenkins, GitLab and GitHub's reporters read alike: `testsuites`, `testsuite`, `testcase`
with at most one of `failure`, `error` and `skipped`, then `system-out`.
"""

from __future__ import annotations

import errno
import math
import os
import re
import secrets
import stat
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from configurator.report.sanitize import one_line, sanitize
from configurator.report.words import shorten

_MAX_MESSAGE = 500  # an attribute is shown on one line; the whole text stands in the element
_FORBIDDEN = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # all but XML 1.0's Char


class Verdict(StrEnum):
    """How a case ended; the values are the names of the elements that say so."""

    PASSED = "passed"
    FAILURE = "failure"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Case:
    """One testcase. `kind`, `message` and `details` belong to a verdict that is not `passed`.

    `file` and `line` say where it is written; `output` is what it has to tell.
    """

    classname: str
    name: str
    time_s: float = 0.0
    verdict: Verdict = Verdict.PASSED
    kind: str = ""
    message: str = ""
    details: str = ""
    output: str = ""
    file: str = ""
    line: str = ""


@dataclass(frozen=True, slots=True)
class Suite:
    """One testsuite; `timestamp` is when it began."""

    name: str
    cases: tuple[Case, ...]
    time_s: float = 0.0
    timestamp: datetime | None = None
    output: str = ""

    def count(self, verdict: Verdict) -> int:
        """Return how many cases ended so."""
        return sum(case.verdict is verdict for case in self.cases)


def document(
    name: str, suites: Sequence[Suite], time_s: float, mask: Callable[[str], str] = lambda text: text
) -> str:
    """Return a well-formed XML 1.0 document, whatever the texts hold; control characters show as pictures.

    Every text goes through `mask` first. The declaration names no encoding: it is to be written as UTF-8.
    """
    root = ET.Element(
        "testsuites", {"name": _attribute(mask(name)), **_counts(suites), "time": _time(time_s)}
    )
    for suite in suites:
        root.append(_suite(suite, mask))
    ET.indent(root)
    return '<?xml version="1.0"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def xml_text(text: str) -> str:
    """Return `text` fit for people and for XML 1.0; what is not becomes a picture or an escape."""
    return _FORBIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", sanitize(text))


def check_place(path: str) -> None:
    """Return if a file can be put at `path`, else raise OSError; nothing is left behind.

    Neither a directory nor a device, a pipe or a socket is a place for it: it would be replaced.
    """
    if not os.path.basename(path):
        raise IsADirectoryError(errno.EISDIR, "it is no name of a file", path)
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError(errno.EINVAL, "what is there is no regular file", path)
    descriptor, temporary = _make_beside(path)
    os.close(descriptor)
    os.unlink(temporary)


def save(path: str, text: str) -> None:
    """Put `text` at `path` all at once: a reader finds the old file or the new one, never a part. OSError."""
    descriptor, temporary = _make_beside(path)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _make_beside(path: str) -> tuple[int, str]:
    """Make an empty file in the directory of `path`, with the permissions that the umask leaves.

    A temporary file of `tempfile` is for its owner alone, and a report is read by others: CI's collectors.
    """
    temporary = os.path.join(os.path.dirname(path) or ".", f".junit-{secrets.token_hex(8)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(temporary, flags, 0o666), temporary


def _suite(suite: Suite, mask: Callable[[str], str]) -> ET.Element:
    element = ET.Element("testsuite", {"name": _attribute(mask(suite.name)), **_counts([suite])})
    element.set("time", _time(suite.time_s))
    if suite.timestamp is not None:
        element.set("timestamp", suite.timestamp.astimezone(UTC).isoformat(timespec="seconds"))
    for case in suite.cases:
        element.append(_case(case, mask))
    _add_output(element, mask(suite.output))
    return element


def _case(case: Case, mask: Callable[[str], str]) -> ET.Element:
    attributes = {"classname": case.classname, "name": case.name, "file": case.file, "line": case.line}
    shown = {key: _attribute(mask(text)) for key, text in attributes.items() if text}
    element = ET.Element("testcase", {**shown, "time": _time(case.time_s)})
    if case.verdict is not Verdict.PASSED:
        why = {"message": _attribute(mask(case.message)), "type": _attribute(mask(case.kind))}
        verdict = ET.SubElement(element, str(case.verdict), {key: text for key, text in why.items() if text})
        verdict.text = xml_text(mask(case.details)) or None
    _add_output(element, mask(case.output))
    return element


def _add_output(element: ET.Element, text: str) -> None:
    if text.strip():
        ET.SubElement(element, "system-out").text = xml_text(text)


def _counts(suites: Sequence[Suite]) -> dict[str, str]:
    verdicts = {"failures": Verdict.FAILURE, "errors": Verdict.ERROR, "skipped": Verdict.SKIPPED}
    counts = {name: sum(suite.count(verdict) for suite in suites) for name, verdict in verdicts.items()}
    counts = {"tests": sum(len(suite.cases) for suite in suites), **counts}
    return {name: str(number) for name, number in counts.items()}


def _attribute(text: str) -> str:
    return xml_text(shorten(one_line(text), _MAX_MESSAGE))


def _time(seconds: float) -> str:
    """Return seconds as JUnit writes them; a host may say anything, even that a task took no number."""
    return f"{max(seconds, 0.0) if math.isfinite(seconds) else 0.0:.3f}"
