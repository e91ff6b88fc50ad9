"""debconf: answers of every kind, read back by debconf itself, and taken by a package."""

from __future__ import annotations

from typing import Any

from tests.hosts.cases import Case
from tests.hosts.own_packages import ending, own


def _answer(
    title: str, question: str, vtype: str, value: Any, **more: Any
) -> tuple[str, str, dict[str, Any]]:
    return title, "debconf", {"name": "own", "question": question, "vtype": vtype, "value": value, **more}


CASES = {
    "answers": Case(
        (
            _answer("text", "own/text", "string", "Grüße an alle"),
            _answer("text again", "own/text", "string", "Grüße an alle"),
            _answer("yes", "own/yes", "boolean", "Yes"),
            _answer("no", "own/no", "boolean", False),
            _answer("no again", "own/no", "boolean", "false"),
            _answer("choice", "own/choice", "select", "second"),
            _answer("choices", "own/choices", "multiselect", ["one", "two"]),
            _answer("secret", "own/secret", "password", "s3cr et"),
            _answer("other secret", "own/old", "password", "new"),
            _answer("unseen", "own/unseen", "string", "x", unseen=True),
            _answer("changed", "own/changed", "string", "new"),
            _answer("seen", "own/seen", "seen", True),
            ("look", "debconf", {"name": "own"}),
            _answer("wrong", "own/no", "boolean", "maybe"),
            ("no value", "debconf", {"name": "own", "question": "own/no"}),
        ),
        "export DEBIAN_FRONTEND=noninteractive;"
        " for q in text yes no choice choices secret old unseen changed seen;"
        " do echo get own/$q | debconf-communicate own; done;"
        " echo fget own/unseen seen | debconf-communicate own;"
        " echo fget own/seen seen | debconf-communicate own;"
        " grep -c s3cr /var/cache/debconf/config.dat; echo PURGE | debconf-communicate own",
        "0 Grüße an alle\n0 true\n0 false\n0 second\n0 one, two\n0 s3cr et\n0 new\n0 x\n0 new\n0 kept\n"
        "0 false\n0 true\n0\n0\n",
        "printf 'own own/changed string old\nown own/old password old\n' | debconf-set-selections;"
        " printf 'own own/seen string kept\n' | debconf-set-selections --unseen",
        frozenset({"text again", "no again", "look"}),
        {
            "wrong": "must be true or false, not 'maybe'",
            "no value": "'question' needs 'vtype'",
        },
        outputs={"changed": {"current": {"own/changed": "new"}}, "secret": {"current": {"own/secret": ""}}},
    ),
    "for a package": Case(
        (
            _answer("zone", "own-asks/word", "string", "answered"),
            ("package", "apt", {"name": "own-asks"}),
        ),
        ending("cat /srv/own-asked; rm /srv/own-asked"),
        "answered\n",
        own(
            (
                "own-asks 1.0",
                '!. /usr/share/debconf/confmodule; db_get own-asks/word; echo "$RET" >/srv/own-asked',
            )
        ),
    ),
}
