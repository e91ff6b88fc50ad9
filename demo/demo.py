"""`make demo`: a disposable Debian host, the built-in roles, a plan, an apply, and a second apply.

Every step is a command that a person could type; it is shown before it runs. The host is gone afterwards.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from configurator.core.errors import SandboxError
from configurator.sandbox import Lab, LabHost

PROJECT = Path(__file__).resolve().parent.parent
CONFIGURATOR = str(Path(sys.executable).parent / "configurator")


def say(text: str) -> None:
    """Show a heading between the commands' own outputs."""
    sys.stdout.write(f"\n\033[1m== {text}\033[0m\n" if sys.stdout.isatty() else f"\n== {text}\n")
    sys.stdout.flush()


def tell(line: str) -> None:
    """Show what the sandbox is busy with."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def configurator(arguments: Sequence[str]) -> None:
    """Show and run a configurator command; its failure is the demo's."""
    sys.stdout.write(f"$ configurator {' '.join(arguments)}\n")
    sys.stdout.flush()
    subprocess.run([CONFIGURATOR, *arguments], cwd=PROJECT, check=True)


def show(lab: Lab, host: LabHost, command: Sequence[str]) -> str:
    """Show and run a command on the host over plain ssh; return what it printed."""
    sys.stdout.write(f"{host.name}$ {' '.join(command)}\n")
    done = lab.shell(host.name, list(command))
    done.check_returncode()
    sys.stdout.write(done.stdout)
    sys.stdout.flush()
    return str(done.stdout)


def fetch(address: str, expected: str) -> str:
    """Return the page that nginx serves; a reload replaces its workers a moment after it was asked to."""
    end = time.monotonic() + 10
    while True:
        with urllib.request.urlopen(f"http://{address}/", timeout=10) as answer:
            page = str(answer.read().decode())
        if expected in page:
            return page
        if time.monotonic() > end:
            raise SystemExit(f"nginx does not serve the page:\n{page}")
        time.sleep(0.1)


def run(lab: Lab) -> None:
    """Go through the whole story on one host."""
    say("A disposable Debian host (the first time, its tree takes about a minute to build)")
    (host,) = lab.up(["web1"])
    sys.stdout.write(f"{host.name} runs at {host.address}\n")
    target = ["--config", "demo/config.yaml", "-i", str(lab.inventory_path), "--host", host.name]

    say("plan: exactly what apply would do; nothing is touched")
    configurator(["plan", *target])

    say("apply")
    configurator(["apply", "--yes", *target])

    say("What is there now")
    page = fetch(host.address, "<h1>Hello from web1")
    sys.stdout.write(f"http://{host.address}/ answers:\n{page}\n")
    rules = show(lab, host, ["nft", "list", "table", "inet", "configurator"])
    if "policy drop" not in rules:
        raise SystemExit("the firewall is not active")

    say("apply again: nothing to do")
    configurator(["plan", "--detailed-exitcode", *target])
    configurator(["apply", "--yes", *target])


def main() -> int:
    """Run the demo; the host is destroyed whatever happens."""
    os.chdir(PROJECT)
    try:
        with Lab.create(say=tell) as lab:
            run(lab)
    except SandboxError as error:
        sys.stderr.write(f"error: {error.message}\n" + (f"help: {error.hint}\n" if error.hint else ""))
        return 1
    except subprocess.CalledProcessError as error:
        return int(error.returncode)
    say("Done: the host is gone")
    return 0


if __name__ == "__main__":
    sys.exit(main())
