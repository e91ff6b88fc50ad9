"""What is installed in one Python environment, what pip would do there, and what its complaints mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from configurator.core.errors import TaskError
from configurator.modules.state import State
from configurator.modules.system import CommandResult, System

# No bytecode: looking must not write. pip's own settings of the user stay in force.
ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
_WHEELS = "/usr/share/python-wheels"  # Debian's python3-pip-whl, from which a new environment gets its pip
# Run by the environment's own interpreter; importlib.metadata takes a tenth of the time of `pip list`.
_LOOK = """
import importlib.metadata as m, importlib.util as u, json, os, sys, sysconfig
found, editable = {}, {}
for d in m.distributions():
    name = d.metadata["Name"]
    if not name or name in found: continue
    found[name] = d.version
    told = json.loads(d.read_text("direct_url.json") or "{}")
    if told.get("dir_info", {}).get("editable"): editable[name] = told.get("url", "")
managed = sys.prefix == sys.base_prefix and os.path.exists(
    os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED"))
print(json.dumps({"packages": found, "editable": editable, "managed": managed,
    "pip": u.find_spec("pip") is not None, "venv": u.find_spec("ensurepip") is not None}))
"""
_SPEC = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:===?\s*(?P<version>[A-Za-z0-9.!+_-]+))?"
)
_NAMED = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_HINTS = (
    (
        "externally-managed-environment",
        "`virtualenv` keeps it apart from Debian's Python; `break_system_packages: true` does not",
    ),
    ("ensurepip is not", "install the package python3-venv first"),
    ("No module named venv", "install the package python3-venv first"),
    ("No module named pip", "install the package python3-pip first"),
    ("Temporary failure in name resolution", "the host cannot reach the package index: look at its network"),
    ("Failed to establish a new connection", "the host cannot reach the package index: look at its network"),
    ("Connection to pypi.org timed out", "the host cannot reach the package index: look at its network"),
    ("No space left on device", "free some space on the host"),
    (
        "Failed building wheel",
        "a compiler or a library's -dev package is missing, or take Debian's python3-NAME",
    ),
    ("Permission denied", "`become: true` installs for all, `virtualenv` for one user"),
)


def normal(name: str) -> str:
    """Return the form in which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True, slots=True)
class Wanted:
    """One requirement; `version` is the exact one, and `plain` is False if only pip can judge it."""

    text: str
    name: str | None = None
    version: str | None = None
    plain: bool = False

    def met_by(self, packages: Mapping[str, str]) -> bool:
        """Return True if that can be told without pip."""
        if not self.plain or self.name is None:
            return False
        there = packages.get(self.name)
        return there is not None and self.version in (None, there)


def wanted(text: str) -> Wanted:
    """Return what a requirement asks for: `flask`, `flask==2.0`, or anything else that pip takes."""
    text = text.strip()
    if match := _SPEC.fullmatch(text):
        return Wanted(text, normal(match["name"]), match["version"], plain=True)
    named, place = _NAMED.match(text), text.partition("@")[0]
    if named is None or "/" in place or ":" in place:  # a path or a URL; `NAME @ URL` has a name
        return Wanted(text)
    return Wanted(text, normal(named[0]))


def listed(text: str) -> list[Wanted] | None:
    """Return the requirements in a file; None if it has options or other files in it, which are for pip."""
    found = []
    for written in text.replace("\\\n", "").splitlines():
        line = re.sub(r"(^|\s)#.*$", "", written).strip()
        if line.startswith("-"):
            return None
        if line:
            found.append(wanted(line))
    return found


def look(system: System, python: str) -> State:
    """Return what an interpreter finds: `packages` by normal name, and whether Debian manages them."""
    import json  # noqa: PLC0415  (3 ms on the host)

    answer = system.query([python, "-c", _LOOK], ok=tuple(range(256)), env=ENVIRONMENT)
    try:
        found = json.loads(answer.stdout)
    except ValueError:
        return {
            "exists": False,
            "packages": {},
            "editable": {},
            "managed": False,
            "pip": False,
            "venv": False,
        }
    for key in ("packages", "editable"):
        found[key] = {normal(name): value for name, value in found[key].items()}
    return {"exists": True, **found}


def own_pip(system: System, python: str) -> list[str] | None:
    """Return how pip is run for an environment that is yet to be made: from what it will get its pip."""
    wheels = [name for name in system.listdir(_WHEELS) if name.startswith("pip-") and name.endswith(".whl")]
    return [python, f"{_WHEELS}/{wheels[-1]}/pip"] if wheels else None


def report(
    system: System, pip: Sequence[str], options: Sequence[str], stdin: str | None, cwd: str | None
) -> dict[str, str]:
    """Return what pip would install, with versions, writing nothing; TaskError if it could not."""
    import json  # noqa: PLC0415

    argv = [*pip, "install", "--dry-run", "--quiet", "--no-cache-dir", "--report", "-", *options]
    # query has no directory of its own: relative paths in what pip is given are told from there.
    argv = ["env", f"--chdir={cwd}", *argv] if cwd else argv
    answer = system.query(argv, ok=tuple(range(256)), stdin=stdin, env=ENVIRONMENT, timeout_s=300.0)
    if answer.exit_status != 0:
        raise explain(answer)
    try:
        told = json.loads(answer.stdout[answer.stdout.index("{") :])
        return {normal(one["metadata"]["name"]): one["metadata"]["version"] for one in told["install"]}
    except (ValueError, KeyError, TypeError):
        raise TaskError(
            "pip's report cannot be read", command=argv, output=answer.stdout + answer.stderr
        ) from None


def explain(result: CommandResult) -> TaskError:
    """Return the error for a refusal of pip or venv, with what helps."""
    text = result.stdout + result.stderr
    errors = [line.partition("ERROR: ")[2] for line in text.splitlines() if "ERROR: " in line]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    message = (errors or lines[-1:] or ["pip gave no reason"])[-1]
    if "externally-managed-environment" in text:
        message = "Debian manages the packages of this Python (externally-managed-environment)"
    if match := re.search(r"Could not find a version that satisfies the requirement ([^\n]+)", text):
        message = f"nothing fits the requirement {match[1]}"
    if "ensurepip is not" in text:
        message = "a virtual environment cannot be made without ensurepip"
    hint = next((hint for sign, hint in _HINTS if sign in text), None)
    return TaskError(message, command=result.argv, exit_status=result.exit_status, output=text, hint=hint)
