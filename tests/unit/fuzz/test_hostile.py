"""Files made to hang a reader or to eat the memory: each reader takes all of them with small means.

The kernel ends a process that takes more than its seconds of CPU, and gives none more memory; both are far
above what is needed, and far below what would be taken without bounds.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

CPU_S = 120
MEMORY = 2 * 1024**3
_LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
_MERGED = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n}\n  <<: [{','.join([f'*a{n - 1}'] * 10)}]\n  k{n}: 1\n" for n in range(1, 12)
)
YAML = {
    "billion laughs": _LAUGHS,
    "billion laughs by merge keys": _MERGED,
    "100,000 brackets": "[" * 100_000,
    "100,000 braces": "{" * 100_000,
    "100,000 dashes": "- " * 100_000,
    "100,000 question marks": "? " * 100_000,
    "100,000 quotes": "'" * 100_001,
    "100,000 double quotes": '"' * 100_001,
    "100,000 colons": ":" * 100_000,
    "100,000 anchors": "- &a 1\n" * 100_000,
    "a text of 15 MB": "x" * 15_000_000,
    "a quoted text of 10 MB": "a: '" + "x" * 10_000_000 + "'",
    "a key of 1 MB": "? " + "k" * 1_000_000 + "\n: 1",
    "a number of 10,000 digits": "a: " + "9" * 10_000,
    "90,000 times the same key": "a: b\n" * 90_000,
    "200,000 keys": "".join(f"k{n}: v\n" for n in range(200_000)),
    "5,000 templates without quotes": "a: {{ x }}\n" * 5_000,
    "10,000 braces after a key": "a: {{" + "{" * 10_000,
    "a million lines": "\n" * 1_000_000,
    "tags without end": "!secret " * 10_000,
    "a list that is not closed": "a: [\n" + "b, \n" * 150_000,
}
TASKS = {
    "60,000 tasks of an unknown module": "- x: y\n" * 60_000,
    "5,000 unknown modules": "".join(f"- mod{n}: y\n" for n in range(5_000)),
    "5,000 unknown keywords": "- ping:\n" + "".join(f"  key{n}: 1\n" for n in range(5_000)),
    "50,000 free words": "- copy: " + "a=b " * 50_000,
    "100,000 words": "- copy: " + "x " * 100_000,
    "blocks within blocks": "- block:\n" + "".join("  " * n + " - block:\n" for n in range(1, 98)),
    "a module's name of 1000 characters": "- " + "k" * 1000 + ": 1",
    "10,000 braces": "- command: '" + "{{" * 10_000 + "'",
    "200,000 values in a when": "- ping:\n  when: [" + "a, " * 190_000 + "]",
}
INI = {
    "a range of ten million": "h[1:10000000]",
    "ranges of ranges": "h[1:100][1:100][1:100][1:100]",
    "100,000 brackets": "[" * 100_000,
    "100,000 brackets in a value": "h x=" + "[" * 100_000,
    "50,000 variables": "h " + "x=y " * 50_000,
    "100,000 times the same host": "[a]\n" + "h\n" * 100_000,
    "2,000 groups": "".join(f"[g{n}:children]\ng{n + 1}\n" for n in range(2_000)),
}
TEMPLATES = {
    "a loop without end": "{% for i in range(10**9) %}x{% endfor %}",
    "a list without end": "{{ range(10**10) | list }}",
    "a text without end": "{{ 'a' * 10**10 }}",
    "a number without end": "{{ 10**(10**10) }}",
    "loops within loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "brackets": "{{ " + "(" * 100_000 + " }}",
    "doubling": "{% set x = 'aaaa' %}" + "{% set x = x ~ x %}" * 60,
    "a chain of operators": "{{ 1" + "+1" * 50_000 + " }}",
}
# Those that are no error: long, but what they say is clear.
TAKEN = {
    *("a text of 15 MB", "a quoted text of 10 MB", "a key of 1 MB", "a number of 10,000 digits"),
    *("100,000 anchors", "a million lines", "50,000 free words", "100,000 brackets in a value"),
    *("50,000 variables", "100,000 times the same host", "200,000 values in a when"),
}
PROGRAM = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, ({cpu}, {cpu}))
resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
from tests.unit.fuzz.readers import READERS, held
cases = json.load(sys.stdin)
found = {{}}
for name, text in cases.items():
    problems = READERS[{reader!r}](text)
    held(text, problems)
    found[name] = len(problems)
print(json.dumps(found))
"""


@pytest.mark.parametrize(
    ("reader", "cases"),
    [
        ("yaml", YAML),
        ("tasks", TASKS | {name: YAML[name] for name in ("billion laughs", "100,000 brackets")}),
        ("settings", {name: YAML[name] for name in ("billion laughs", "100,000 brackets", "a key of 1 MB")}),
        ("yaml_inventory", {name: YAML[name] for name in ("billion laughs", "200,000 keys")}),
        ("ini_inventory", INI),
        ("template", TEMPLATES),
    ],
)
def test_the_reader_ends_with_little_memory(reader: str, cases: dict[str, str]) -> None:
    """And says what is wrong, where something is."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(cpu=CPU_S, memory=MEMORY, reader=reader)],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    wrong = {name for name, problems in found.items() if (problems == 0) != (name in TAKEN)}
    # A text or a number is no configuration, whatever its length.
    assert {name for name in wrong if reader in ("yaml", "ini_inventory", "template")} == set()
    assert all(found[name] for name in cases if name not in TAKEN), found
