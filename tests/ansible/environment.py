"""Ansible in a virtual environment of its own, made from pinned requirements where it is not there yet."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
PINS = (HERE / "requirements.txt", HERE / "collections.txt")
COLLECTIONS = ("ansible_collections/ansible/posix/", "ansible_collections/community/general/")


def ansible_playbook() -> Path:
    """Return the program `ansible-playbook`; it is installed first if these very pins were not yet.

    subprocess.CalledProcessError where no package index can be reached.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "configurator/ansible"
    pins = b"".join(file.read_bytes() for file in PINS) + sys.version.encode()
    home = base / hashlib.sha256(pins).hexdigest()[:16]
    base.mkdir(parents=True, exist_ok=True)
    with (base / "lock").open("w") as lock:  # several workers of a test run want it at the same time
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            _install(home)
            (home / "complete").touch()
    return home / "bin/ansible-playbook"


def _install(home: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    pip = [str(home / "bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    requirements, collections = PINS
    subprocess.run([*pip, "install", "--requirement", str(requirements)], check=True)
    site = next(home.glob("lib/python*/site-packages"))
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(
            [*pip, "download", "--no-deps", "--dest", scratch, "--requirement", str(collections)], check=True
        )
        wheel = next(Path(scratch).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            members = [name for name in archive.namelist() if name.startswith(COLLECTIONS)]
            archive.extractall(site, [name for name in members if "/tests/" not in name])
