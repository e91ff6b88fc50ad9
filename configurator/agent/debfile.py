"""What a package file would bring, read without installing it: its files and its maintainer scripts.

deb(5): an ar archive of two tar archives; dpkg-deb(1) prints them. Only what a plan asks for is kept in
memory: the names, and the contents of what people configure.
"""

from __future__ import annotations

import re
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from configurator.core.errors import TaskError

_KEPT = ("/etc/", "/usr/lib/systemd/", "/usr/lib/sysusers.d/", "/usr/lib/tmpfiles.d/")
_KEPT_BYTES = 1 << 20
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)  # it speaks of much that the script does not do
_SCRIPTS = ("preinst", "postinst", "config", "templates", "triggers")
# Debian 12 and later: these are links into /usr (the usrmerge), whatever a package file calls them.
_MERGED = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")
_KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "link",
}


@dataclass(frozen=True, slots=True)
class PackedFile:
    """One entry of a package; owner and group are names."""

    kind: str
    mode: int
    owner: str
    group: str
    size: int
    mtime: float
    target: str | None = None


@dataclass(slots=True)
class DebFile:
    """The contents of one package file; paths are absolute and name no link of the usrmerge."""

    path: str
    name: str
    files: dict[str, PackedFile] = field(default_factory=dict)
    conffiles: frozenset[str] = frozenset()
    scripts: str = ""
    copies: dict[str, str] = field(default_factory=dict)  # what a script makes of another file of the package
    links: dict[str, str] = field(default_factory=dict)  # what a script links, to where
    kept: dict[str, bytes] = field(default_factory=dict)  # contents that a plan is likely to ask for

    def read(self, path: str) -> bytes:
        """Return the content of a regular file in it."""
        path = self.copies.get(path, path)
        if path in self.kept:
            return self.kept[path]
        with _tar(self.path, "--fsys-tarfile") as archive:
            for member in archive:
                if _absolute(member.name) == path and (file := archive.extractfile(member)) is not None:
                    return file.read()
        raise TaskError(f"{path} is not in {self.path}")


def read_deb(path: str, name: str) -> DebFile:
    """Return what a package file holds; TaskError if it is none."""
    deb = DebFile(path, name)
    scripts: list[str] = []
    with _tar(path, "--ctrl-tarfile") as archive:
        for member in archive:
            control = member.name.rpartition("/")[2]
            file = archive.extractfile(member)
            if file is None:
                continue
            text = file.read().decode(errors="replace")
            if control == "conffiles":
                deb.conffiles = frozenset(
                    _absolute(line) for line in text.splitlines() if line.startswith("/")
                )
            elif control in _SCRIPTS:
                scripts.append(text)
    deb.scripts = _COMMENT.sub("", "\n".join(scripts))
    with _tar(path, "--fsys-tarfile") as archive:
        for member in archive:
            _enter(deb, archive, member)
    return deb


def _enter(deb: DebFile, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    path = _absolute(member.name)
    hard = deb.files.get(_absolute(member.linkname)) if member.islnk() else None
    kind = _KINDS.get(member.type, "other")
    deb.files[path] = hard or PackedFile(
        kind,
        member.mode & 0o7777,
        member.uname or str(member.uid),
        member.gname or str(member.gid),
        member.size,
        float(member.mtime),
        member.linkname if kind == "link" else None,
    )
    if kind == "file" and member.size <= _KEPT_BYTES and path.startswith(_KEPT):
        file = archive.extractfile(member)
        if file is not None:
            deb.kept[path] = file.read()


def _absolute(name: str) -> str:
    """Return a member's path as it will be on the host."""
    path = "/" + name.removeprefix("./").strip("/")
    first = path[1:].partition("/")[0]
    return f"/usr{path}" if first in _MERGED else path


@contextmanager
def _tar(path: str, option: str) -> Iterator[tarfile.TarFile]:
    """Read one of a package's two archives as a stream."""
    process = subprocess.Popen(
        ["dpkg-deb", option, path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            yield archive
    except tarfile.TarError as error:
        raise TaskError(f"{path} is no package: {error}") from error
    finally:
        process.stdout.close()  # dpkg-deb ends early where nobody reads on
        process.stderr.close()
        process.wait()
