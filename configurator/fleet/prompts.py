"""Questions of tasks (`pause`) to the person at the controller, put once for all hosts that come to them."""

from __future__ import annotations

import threading
from collections.abc import Callable

from configurator.agent.protocol import TaskSpec
from configurator.modules.params import parse
from configurator.modules.pause import DEFAULT_PROMPT, PauseParams

# Shows a text; `echo` says whether the answer is shown while it is typed. Returns None where nobody can be
# asked, and "" once the time (seconds, None: no limit) is over or the event is set.
AskPerson = Callable[[str, bool, float | None, threading.Event], str | None]


class Prompts:
    """One for a whole run. The words are those of our own graph: a host cannot have us ask for anything else.

    `learn` is told what was typed unseen, so that it is masked everywhere.
    """

    def __init__(self, ask: AskPerson | None, learn: Callable[[str], None]) -> None:
        self._ask = ask
        self._learn = learn
        self._answers: dict[tuple[str, str], str | None] = {}
        self._lock = threading.Lock()
        self._given_up = threading.Event()

    def answer(self, spec: TaskSpec) -> str | None:
        """Return the answer to a task's question; a second host with the same one gets the same answer."""
        if spec.module != "pause" or self._ask is None:
            return None
        params, _ = parse(PauseParams, spec.params)
        text = f"[{spec.role}: {spec.name}]\n{params.prompt or DEFAULT_PROMPT}"
        with self._lock:
            key = (spec.id, text)
            if key not in self._answers:
                self._answers[key] = self._ask(text, params.echo, params.duration_s, self._given_up)
                if not params.echo and self._answers[key]:
                    self._learn(self._answers[key] or "")
            return self._answers[key]

    def give_up(self) -> None:
        """Wait for no answer any more."""
        self._given_up.set()
