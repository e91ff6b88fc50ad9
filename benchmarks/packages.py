"""Sixteen packages in sixteen tasks, next to one `apt-get install` and to sixteen of them.

python -m benchmarks.packages; needs root. What is installed is downloaded before the clock runs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.project import write_inventory
from benchmarks.timing import Timed, report
from configurator.sandbox import Lab, LabHost

CONFIGURATOR = str(Path(sys.executable).parent / "configurator")
PACKAGES = "bc dc ed htop jq lsof ncdu pv rsync sqlite3 strace tmux tree unzip whois zip".split()  # noqa: SIM905
ROUNDS = 5
_INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get install -y -q -o Dpkg::Options::=--force-confold"


def main() -> int:
    """Measure the three ways in turn."""
    seconds: dict[str, list[float]] = {"one command": [], "16 tasks": [], "16 commands": []}
    with tempfile.TemporaryDirectory() as directory, Lab.create() as lab:
        (host,) = lab.up(["bench"])
        project = _project(Path(directory), host)
        _on_host(lab, f"apt-get update -q; {_INSTALL} --download-only {' '.join(PACKAGES)}")
        apply = [CONFIGURATOR, "apply", "--yes", "--config", str(project / "config.yaml")]
        for turn in range(ROUNDS + 1):
            for name, values in seconds.items():
                start = time.perf_counter()
                if name == "16 tasks":
                    done = subprocess.run(apply, check=False, capture_output=True, text=True)
                    if done.returncode != 0:
                        raise SystemExit(done.stdout + done.stderr)
                elif name == "one command":
                    _on_host(lab, f"{_INSTALL} {' '.join(PACKAGES)}")
                else:
                    _on_host(lab, "; ".join(f"{_INSTALL} {package}" for package in PACKAGES))
                took = time.perf_counter() - start
                _on_host(lab, f"apt-get purge -y -q --auto-remove {' '.join(PACKAGES)}")
                if turn:  # the first time warms caches
                    values.append(took)
    timed = {name: Timed(name, tuple(values)) for name, values in seconds.items()}
    report("Sixteen packages", timed, "one command")
    return 0


def _project(root: Path, host: LabHost) -> Path:
    tasks = root / "roles" / "tools" / "tasks"
    tasks.mkdir(parents=True)
    (tasks / "main.yml").write_text("".join(f"- apt: {{name: {package}}}\n" for package in PACKAGES))
    write_inventory(root, host, host.address, host.port)
    (root / "config.yaml").write_text("site:\n  - hosts: all\n    roles: [tools]\n")
    return root


def _on_host(lab: Lab, command: str) -> None:
    done = lab.shell("bench", ["sh", "-c", command])
    if done.returncode != 0:
        raise SystemExit(f"{command}: {done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
