"""Package files that are in no index: what they are, read from a path or from the beginning of a URL."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

from configurator.core.errors import TaskError
from configurator.modules.system import System

if TYPE_CHECKING:
    from configurator.modules.web import Request

_MAGIC = b"!<arch>\n"  # deb(5), ar(5): 60 bytes of header before each member
_HEADER = 60
_ENOUGH = 1 << 20  # the control archive comes first; Debian's largest are below this
_MOST = 256 << 20  # what a server that knows no ranges may send into memory
_PATIENCE_S = 60.0
# What an install of the file makes apt look for, in the words of `apt-get satisfy`.
_RELATIONS = {"Pre-Depends": "", "Depends": "", "Conflicts": "Conflicts: ", "Breaks": "Conflicts: "}


def is_url(deb: str) -> bool:
    """Return True if the file is somewhere else."""
    return "://" in deb


def request(url: str, *, start_only: bool = False) -> Request:
    """Return the request for a package, or for its beginning, in which its control file stands."""
    from configurator.modules.web import Request  # noqa: PLC0415  (few tasks fetch anything)

    headers = {"Range": f"bytes=0-{_ENOUGH - 1}"} if start_only else {}
    return Request(url, headers=headers, timeout_s=_PATIENCE_S)


def control_at_url(system: System, url: str) -> Mapping[str, str]:
    """Return the fields of a package's control file; nothing is written, and a MiB is fetched at most.

    A server that does not know ranges (RFC 9110, 14) sends the whole.
    """
    from configurator.modules.web import refused  # noqa: PLC0415

    answer = system.http(request(url, start_only=True), limit=_MOST)
    if answer.status not in (200, 206):
        raise refused(answer, url)
    found = control_of(answer.body)
    if found is None:
        raise TaskError(
            f"{url} is not a Debian package, or not one that can be read from its beginning",
            hint="one that is packed with zstd is fetched with get_url first; `deb` then takes its path",
        )
    return found


def control_of(data: bytes) -> dict[str, str] | None:
    """Return the fields of the control file in the first bytes of a package; None if they are not there."""
    import tarfile  # noqa: PLC0415

    if not data.startswith(_MAGIC):
        return None
    place = len(_MAGIC)
    while place + _HEADER <= len(data):
        name = data[place : place + 16].decode("ascii", "replace").strip().rstrip("/")
        size = data[place + 48 : place + 58].decode("ascii", "replace").strip()
        place += _HEADER
        if not size.isdecimal():
            return None
        if name.startswith("control.tar"):
            try:
                with tarfile.open(fileobj=io.BytesIO(data[place : place + int(size)])) as archive:
                    return _fields(archive)
            except (tarfile.TarError, OSError, EOFError, ValueError, KeyError):
                return None
        place += int(size) + int(size) % 2
    return None


def _fields(archive: object) -> dict[str, str] | None:
    for member in archive:  # type: ignore[attr-defined]
        if member.name.rpartition("/")[2] == "control":
            file = archive.extractfile(member)  # type: ignore[attr-defined]
            return None if file is None else fields(file.read().decode(errors="replace"))
    return None


def fields(text: str) -> dict[str, str]:
    """Return the fields of a control file (deb-control(5)); what is folded is put together."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line[:1] in (" ", "\t"):
            if name:
                found[name] += " " + line.strip()
            continue
        name, colon, value = line.partition(":")
        if colon:
            found[name] = value.strip()
        else:
            name = ""
    return found


def satisfying(control: Mapping[str, str]) -> list[str]:
    """Return the apt-get command that does what an install of the package would do to the others."""
    wanted = [prefix + control[name] for name, prefix in _RELATIONS.items() if control.get(name)]
    return ["satisfy", *wanted] if wanted else []


def archive_name(control: Mapping[str, str]) -> str:
    """Return the file name that apt gives a package in its own cache."""
    version = control["Version"].replace(":", "%3a").replace("/", "_")
    return f"{control['Package']}_{version}_{control.get('Architecture', 'all')}.deb"
