"""The hello: every connection waits for it, so what it imports is counted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from configurator.agent import facts


def test_nothing_of_the_engine_or_the_modules_comes_before_the_hello() -> None:
    """They are imported while the controller compiles; before that they would delay every host."""
    root = str(Path(facts.__file__).parents[2])
    code = (
        f"import sys; sys.path.insert(0, {root!r}); import configurator.agent.main;"
        "from configurator.agent import facts; facts.collect(); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    ours = {name for name in done.stdout.split() if name.startswith("configurator.")}
    assert ours == {
        "configurator.agent",
        "configurator.agent.agent",
        "configurator.agent.facts",
        "configurator.agent.facts_network",
        "configurator.agent.frames",
        "configurator.agent.main",
    }
    assert {"socket", "subprocess", "asyncio", "dataclasses"}.isdisjoint(done.stdout.split())
