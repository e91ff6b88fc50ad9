"""What plays want to know from the person before anything begins (`vars_prompt`)."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from configurator.compiler.filters_hashes import password_hash
from configurator.compiler.playbook import Prompted
from configurator.compiler.plays import BoundPlay
from configurator.config.located import Located, Mark, locate
from configurator.core.errors import RefusedError
from configurator.fleet.prompts import AskPerson
from configurator.report.redact import Redactor
from configurator.transport.sshauth import Prompt

_TRIES = 3

Answers = Mapping[int, Mapping[str, Located]]  # by the number of the play


def ask_all(
    plays: Iterable[tuple[int, BoundPlay]], prompt: Prompt | None, ask: AskPerson | None, redactor: Redactor
) -> Answers:
    """Return the answers to the questions of these plays; one variable is asked for once.

    RefusedError where nobody can be asked and there is no default. What is typed unseen is masked everywhere.
    """
    known: dict[str, Located] = {}
    found: dict[int, dict[str, Located]] = {}
    for number, bound in plays:
        for one in bound.play.prompts:
            if one.name not in known:
                known[one.name] = _answer(one, prompt, ask, redactor)
            found.setdefault(number, {})[one.name] = known[one.name]
    return found


def _answer(one: Prompted, prompt: Prompt | None, ask: AskPerson | None, redactor: Redactor) -> Located:
    default = "" if one.default is None or one.private else f" [{one.default}]"
    text = f"{redactor.text(one.text).rstrip(': ')}{default}: "
    for _ in range(_TRIES):
        typed = _typed(one, text, prompt, ask)
        if typed is None:
            break
        typed = typed or one.default or ""
        if not one.confirm or typed == (_typed(one, f"confirm {text}", prompt, ask) or one.default or ""):
            return _value(one, typed, redactor)
    else:
        raise RefusedError(f"the answers for {one.name!r} differ from each other")
    if one.default is None:
        hint = f"give the value with -e {one.name}=..."
        raise RefusedError(f"{one.span}: {one.name!r} is asked for, and there is no terminal", hint=hint)
    return _value(one, one.default, redactor)


def _typed(one: Prompted, text: str, prompt: Prompt | None, ask: AskPerson | None) -> str | None:
    if one.private or ask is None:
        return None if prompt is None else prompt(text)
    return ask(text, True, None, threading.Event())


def _value(one: Prompted, text: str, redactor: Redactor) -> Located:
    if one.private and text:
        redactor.add({text})
    if one.encrypt is not None:
        try:
            text = password_hash(text, one.encrypt, one.salt, one.salt_size)
        except ValueError as error:
            raise RefusedError(f"{one.span}: {one.name!r} cannot be encrypted: {error}") from None
        redactor.add({text})
    return locate(text, one.span, Mark.SECRET if one.private else Mark.NONE)
