"""Measure the branch coverage of configurator/core by its unit tests: `python -m tools.coverage`.

Each test file runs in a process of its own: a Ctrl-C that a test sends in the middle of the tracer switches
the tracer off for the rest of that process.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
CORE = "configurator/core/*"


def main() -> int:
    """Return 0 if every line and branch was run; print what was not."""
    with tempfile.TemporaryDirectory() as directory:
        data = f"--data-file={directory}/coverage"
        for path in sorted((ROOT / "tests/unit/core").glob("test_*.py")):
            run = ("run", data, "--parallel-mode", "--branch", f"--include={CORE}", "-m", "pytest")
            ended = _coverage(*run, "-q", "-m", "not full", "-p", "no:cacheprovider", str(path))
            if ended:
                return ended
        _coverage("combine", "-q", data)
        return _coverage("report", data, "--show-missing", "--skip-covered", "--fail-under=100")


def _coverage(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
