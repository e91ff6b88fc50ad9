"""Print every figure that the documentation quotes; needs root, as disposable hosts do."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.project import write_project
from benchmarks.timing import in_turn, report
from configurator.sandbox import Lab, LabHost

CONFIGURATOR = str(Path(sys.executable).parent / "configurator")
RUNS = 9


def start_up() -> None:
    """How long a person waits for the help, next to a bare interpreter."""
    timed = in_turn(
        {
            "python -c pass": [sys.executable, "-c", "pass"],
            "configurator --help": [CONFIGURATOR, "--help"],
        },
        runs=20,
    )
    report("Start-up", timed, "python -c pass")
    extra = timed["configurator --help"].median - timed["python -c pass"].median
    print(f"  --help costs {extra * 1000:.0f} ms more than a bare interpreter")


def no_change(host: LabHost, root: Path, delay_s: float) -> None:
    """A whole apply of 40 tasks with nothing to change, next to OpenSSH running `true`."""
    with host.slow_proxy(delay_s) as link:
        project = write_project(root / f"delay-{delay_s}", host, link.address, link.port)
        apply = [CONFIGURATOR, "apply", "--yes", "--config", str(project / "config.yaml")]
        ssh = [
            *("ssh", "-F", "/dev/null", "-i", str(host.key_path), "-p", str(link.port)),
            *("-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ControlPath=none"),
            *("-o", f"UserKnownHostsFile={project / 'known_hosts'}", f"root@{link.address}", "true"),
        ]
        timed = in_turn({"ssh host true": ssh, "configurator apply, 40 tasks, no change": apply}, RUNS)
    report(f"No-change apply, {delay_s * 1000:.0f} ms each way", timed, "ssh host true")


def main() -> int:
    """Measure everything."""
    start_up()
    with tempfile.TemporaryDirectory() as directory, Lab.create() as lab:
        (host,) = lab.up(["bench"])
        for delay_s in (0.0, 0.05):
            no_change(host, Path(directory), delay_s)
    return 0


if __name__ == "__main__":
    sys.exit(main())
