"""A secret is in no event that leaves the redactor, in whatever spelling and at whatever depth."""

from __future__ import annotations

import base64
import json
import shlex
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core.changes import Certainty, FieldChange
from configurator.core.run_events import (
    HostConnected,
    HostFailed,
    RunEvent,
    RunStarted,
    TaskFinished,
    TaskStarted,
)
from configurator.core.status import Outcome
from configurator.report.jsonl import dumps, event_json
from configurator.report.redact import HIDDEN, MASK, RedactingSink, Redactor, blanked

SECRETS = st.text(
    st.characters(blacklist_characters="*", blacklist_categories=("Cs", "Cc")), min_size=4, max_size=40
).filter(lambda text: text.strip() == text)


class Kept:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.events: list[RunEvent] = []

    def handle(self, event: RunEvent) -> None:
        self.events.append(event)

    def close(self) -> None:
        pass


def through(event: RunEvent, *secrets: str) -> RunEvent:
    kept = Kept()
    RedactingSink(kept, Redactor(secrets)).handle(event)
    return kept.events[0]


def failed(text: str, **fields: Any) -> TaskFinished:
    """A failure that has `text` everywhere."""
    return TaskFinished(
        "web1",
        1.0,
        "role/task",
        text,
        text,
        "command",
        Outcome.FAILED,
        changes=(
            FieldChange(
                f"path:/{text}", "content", text, [text, {text: text}], because=text, diff=f"+{text}\n"
            ),
        ),
        message=text,
        command=("curl", "-u", text),
        output=f"before {text} after\n",
        hint=text,
        warnings=(text,),
        **fields,
    )


@given(SECRETS, st.text(max_size=20), st.text(max_size=20))
def test_a_secret_never_leaves_in_any_text_of_an_event(secret: str, before: str, after: str) -> None:
    spelled = [
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret, safe=""),
        quote_plus(secret),
        shlex.quote(secret),
        base64.b64encode(secret.encode()).decode(),
    ]
    shown = through(failed("\n".join([before, *spelled, after])), secret)
    assert isinstance(shown, TaskFinished)
    (change,) = shown.changes
    inside = next(iter(change.after[1].items()))
    texts = [shown.role, shown.task, shown.message, *shown.command, shown.output, shown.hint, *shown.warnings]
    texts += [change.subject, change.before, change.after[0], *inside, change.because, change.diff]
    for spelling in spelled:
        assert not [text for text in texts if text is None or spelling in text], spelling


@given(st.binary(max_size=7), SECRETS.filter(lambda text: len(text.encode()) >= 9), st.binary(max_size=7))
def test_a_secret_inside_a_longer_base64_text_is_masked(before: bytes, secret: str, after: bytes) -> None:
    """`Authorization: Basic` encodes user and password together: the password stands at any offset."""
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    shown = Redactor([secret]).text(f"Authorization: Basic {encoded}")
    assert MASK in shown
    # Beside the neighbours only the two letters may be left that hold bits of neighbour and secret at once.
    left = shown.rpartition(" ")[2].replace(MASK, "").rstrip("=")
    assert len(left) <= len(before) * 8 // 6 + len(after) * 8 // 6 + 4


def test_facts_and_diagnostics_are_masked_too() -> None:
    assert "hunter22" not in dumps(
        event_json(through(HostConnected("web1", 0, "a", {"x": ["hunter22"]}), "hunter22"))
    )
    event = HostFailed("web1", 0, Outcome.FAILED, "bad", diagnostics=({"source": "pw: hunter22"},))
    assert "hunter22" not in repr(through(event, "hunter22"))


def test_each_line_of_a_longer_secret_is_masked_in_a_diff() -> None:
    """A diff puts a sign before every line of a private key, so the whole never stands there in one piece."""
    key = "-----BEGIN KEY-----\nb3BlbnNzaC1rZXk\nAAAABG5vbmUAAA\n-----END KEY-----\n"
    diff = "".join(f"+{line}\n" for line in key.splitlines())
    shown = Redactor([key]).text(diff)
    assert shown == f"+{MASK}\n" * 4


def test_a_number_that_is_a_secret_is_masked() -> None:
    assert Redactor(["48151623"]).redact({"pin": 48151623, "n": 7}) == {"pin": MASK, "n": 7}


def test_the_longer_of_two_secrets_with_one_beginning_is_masked_whole() -> None:
    assert Redactor(["pass", "password1"]).text("x password1 pass") == f"x {MASK} {MASK}"


@pytest.mark.parametrize("secret", ["", "abc", "\n", "1"])
def test_a_secret_too_short_to_tell_from_ordinary_text_is_left(secret: str) -> None:
    event = failed("abc 1")
    assert through(event, secret) is event


def changed(*changes: FieldChange, command: tuple[str, ...] = ()) -> TaskFinished:
    """A task that changed something."""
    return TaskFinished("h", 0.0, "i", "r", "t", "copy", Outcome.CHANGED, changes=changes, command=command)


def test_a_short_secret_is_masked_where_it_is_a_whole_value() -> None:
    """A PIN as the value of a field or as a word of a command is told by nothing around it."""
    event = changed(
        FieldChange("x:y", "pin", None, 123),
        FieldChange("x:y", "pins", ["123", "1234"], {"a": "123\n", "b": "x123"}),
        command=("set", "123", "--pin=123"),
    )
    shown = through(event, "123")
    assert isinstance(shown, TaskFinished)
    assert [(change.before, change.after) for change in shown.changes] == [
        (None, MASK),
        ([MASK, "1234"], {"a": MASK, "b": "x123"}),
    ]
    assert shown.command == ("set", MASK, "--pin=123")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("-122\n+123\n", f"-{MASK}\n+{MASK}\n"),  # the file is the secret, and so was the old one
        (" x\n-122\n+123\n+y\n", f" x\n-122\n+{MASK}\n+y\n"),
        (" 123\n-123\n+y 123\n", f" {MASK}\n-{MASK}\n+y 123\n"),
    ],
)
def test_a_short_secret_is_masked_where_it_is_a_whole_line_of_a_diff(rows: str, expected: str) -> None:
    head = "--- /x\n+++ /x\n@@ -1 +1 @@\n"
    event = changed(FieldChange("path:/x", "content", "4 bytes", "5 bytes", diff=head + rows))
    shown = through(event, "123")
    assert isinstance(shown, TaskFinished)
    assert shown.changes[0].diff == head + expected


def test_what_the_module_has_masked_says_what_was_there_before() -> None:
    """A module knows whether there was a password at all, and shows no old one."""
    change = FieldChange("user:x", "password", "locked", MASK)
    shown = through(changed(change), "hunter22")
    assert isinstance(shown, TaskFinished)
    assert shown.changes == (change,)


@pytest.mark.parametrize(("old", "new"), [("122", "123"), ("oldsecret", "newsecret"), (7, 123)])
def test_the_value_that_a_secret_takes_the_place_of_is_a_secret(old: object, new: object) -> None:
    """It is nowhere in the configuration any more, and may still be good elsewhere."""
    shown = through(changed(FieldChange("x:y", "pin", old, new)), str(new))
    assert isinstance(shown, TaskFinished)
    assert (shown.changes[0].before, shown.changes[0].after) == (MASK, MASK)


def test_secrets_may_be_added_while_events_pass() -> None:
    redactor = Redactor()
    assert redactor.text("hunter22") == "hunter22"
    redactor.add(["hunter22"])
    assert redactor.text("hunter22") == MASK


def test_hosts_modules_and_statuses_keep_their_names() -> None:
    """A host that is called like a secret must still be told from the others."""
    event = through(failed("x", handler=True), "web1", "command", "failed", "handler")
    assert isinstance(event, TaskFinished)
    assert (event.host, event.module, event.status) == ("web1", "command", Outcome.FAILED)
    assert through(RunStarted("apply", ("web1",)), "web1", "apply") == RunStarted("apply", ("web1",))


def test_tasks_whose_ids_differ_only_in_a_secret_stay_different() -> None:
    kept = Kept()
    sink = RedactingSink(kept, Redactor(["hunter22", "hunter33"]))
    for name in ("set hunter22", "set hunter33", "set hunter22"):
        sink.handle(TaskStarted("web1", 0, name, "r", name, "command"))
    ids = [event.task_id for event in kept.events if isinstance(event, TaskStarted)]
    assert "hunter" not in "".join(ids)
    assert ids[0] == ids[2] != ids[1]


def test_a_no_log_task_is_blanked_even_if_the_host_sends_everything() -> None:
    kept = Kept()
    sink = RedactingSink(kept, Redactor())
    sink.hide("web1", {"role/task": {}})
    sink.handle(failed("private"))
    (event,) = kept.events
    assert isinstance(event, TaskFinished)
    assert event.message == event.output == HIDDEN
    assert event.command == (HIDDEN,)
    assert [(change.before, change.after, change.diff) for change in event.changes] == [
        (HIDDEN, HIDDEN, None)
    ]
    assert event.warnings == ()


@pytest.mark.parametrize(
    ("params", "because", "shown"),
    [
        ({"content": "hunter22"}, "nginx is not installed yet", "nginx is not installed yet"),
        ({"content": "hunter22"}, "/srv/hunter22 is changed by an earlier task", HIDDEN),
        ({"args": [{"x": 12345}]}, "'take 12345' comes first", HIDDEN),
        ({"content": "hunter22\n"}, "'set hunter22' comes first", HIDDEN),
        (
            {"dest": "/etc/nginx/x", "mode": "is"},
            "/etc/nginx is not there yet",
            "/etc/nginx is not there yet",
        ),
        ({"dest": "/etc/nginx/x"}, "/etc/nginx/x comes later", "/etc/nginx/x comes later"),
        ({}, None, None),
    ],
)
def test_why_a_no_log_task_is_unsure_is_told_unless_it_quotes_the_task(
    params: dict[str, Any], because: str | None, shown: str | None
) -> None:
    """`assumed` alone helps nobody; the reason is mostly another task, and the subject is shown anyway."""
    change = FieldChange("path:/etc/nginx/x", "content", None, "x", Certainty.ASSUMED, because)
    event = TaskFinished("h", 0.0, "i", "r", "t", "copy", Outcome.CHANGED, changes=(change,))
    assert blanked(event, params).changes[0].because == shown


def test_the_old_value_of_a_rotated_secret_is_not_shown() -> None:
    """The value that a new secret replaces stands nowhere any more, and is a secret all the same."""
    diff = "--- a\n+++ a\n@@ -1,2 +1,2 @@\n kept\n-key = oldsecret99\n+key = newsecret99\n"
    change = FieldChange("path:/a", "content", "1", "2", diff=diff)
    event = TaskFinished("h", 0.0, "i", "r", "t", "copy", Outcome.CHANGED, changes=(change,))
    shown = through(event, "newsecret99")
    assert isinstance(shown, TaskFinished)
    assert shown.changes[0].diff == ("--- a\n+++ a\n@@ -1,2 +1,2 @@\n kept\n-********\n+key = ********\n")
