"""raw: shell by another name."""

from __future__ import annotations

from tests.hosts.cases import Case

CASES = {
    "a shell runs it": Case(
        tasks=(
            ("pipe", "raw", {"cmd": "echo a b | tr a-z A-Z; echo $0"}),
            ("bash", "raw", {"cmd": "[[ x == x ]] && echo yes", "executable": "/bin/bash"}),
            ("fails", "raw", {"cmd": "exit 4"}),
        ),
        again=frozenset({"pipe", "bash"}),
        assumed={"bash": "'pipe' runs before"},
        plan_blind={"fails": "exit status 4"},
        outputs={"pipe": {"stdout_lines": ["A B", "/bin/sh"]}, "bash": {"stdout": "yes\n"}},
    ),
}
