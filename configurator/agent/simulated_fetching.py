"""What SimulatedSystem does with other servers: it asks what can be asked, and fetches nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from configurator.agent.overlay import Later
from configurator.agent.simulated_files import SimulatedFiles
from configurator.core.errors import TaskError
from configurator.modules.state import UnknownState

if TYPE_CHECKING:
    from configurator.modules.archives import Archive, Member, Placed
    from configurator.modules.web import Answer, Download, Request

_FAILURES = 400  # RFC 9110, 15: 4xx and 5xx


class SimulatedFetching(SimulatedFiles):
    """The doors of Fetching and Unpacking, see modules/system.py."""

    def http(self, request: Request, *, limit: int = 64 << 20) -> Answer:
        from configurator.modules.web import READING, shown  # noqa: PLC0415

        if request.method not in READING:
            raise UnknownState(f"a plan sends no {request.method} to {shown(request.url)}")
        try:
            answer = self._real.http(request, limit=limit)
        except TaskError:
            self._doubt_failure(request)
            raise
        if answer.status >= _FAILURES:
            self._doubt_failure(request)
        return answer

    def _doubt_failure(self, request: Request) -> None:
        """What fails now may work later, if an earlier task changes this host or what runs there."""
        from configurator.modules.web import shown  # noqa: PLC0415

        world = self._world
        if world.files.changed or world.states or world.pending.any or world.pending.opaque is not None:
            raise UnknownState(f"{shown(request.url)} may answer otherwise after the changes before it")

    def download(
        self,
        request: Request,
        *,
        newer_than: float | None = None,
        algorithm: str = "sha256",  # noqa: ARG002
        directory: str | None = None,  # noqa: ARG002
    ) -> Download:
        from configurator.agent.fetching import conditional  # noqa: PLC0415
        from configurator.modules.web import Download  # noqa: PLC0415

        asked = request if newer_than is None else conditional(request, newer_than)
        return Download(self.http(asked, limit=0))

    def install(
        self,
        download: Download,  # noqa: ARG002
        path: str,
        *,
        mode: str | None = None,
        owner: str | None = None,
        group: str | None = None,
        backup: bool = False,
    ) -> str | None:
        content = Later.because(f"{path} is downloaded in the apply")
        return self.write(path, content, mode=mode, owner=owner, group=group, backup=backup)

    def digest(self, path: str, algorithm: str = "sha256") -> str:
        resolved, found = self._world.files.stat(path)
        held = self._world.files.holds(resolved) or self._world.files.unsettled(resolved) is not None
        ahead = self._world.ahead  # the files that its packages bring are in no place to be read in pieces
        if found is not None and not held and (ahead is None or not ahead.brings(resolved)):
            return self._real.digest(resolved, algorithm)
        import hashlib  # noqa: PLC0415

        kept = self._world.files.kept(resolved)
        if isinstance(kept, Later) and kept.sha256 is not None and algorithm == "sha256":
            return kept.sha256
        return hashlib.new(algorithm, self.read(path), usedforsecurity=False).hexdigest()

    def members(self, archive: Archive) -> tuple[Member, ...]:
        from configurator.modules.web import Download  # noqa: PLC0415

        if isinstance(archive, str):
            resolved, found = self._world.files.stat(archive)
            if found is not None and not self._world.files.holds(resolved):
                return self._real.members(resolved)
            return self._real.members(self.read(archive))
        if isinstance(archive, Download):
            raise UnknownState("what is in the archive is known once it is downloaded, in the apply")
        return self._real.members(archive)

    def unpack(self, archive: Archive, placed: Sequence[Placed]) -> None:  # noqa: ARG002
        files = self._world.files
        for item in placed:
            attributes: dict[str, Any] = {"mode": item.mode, "owner": item.owner, "group": item.group}
            if item.kind == "directory" and self.stat(item.path, follow=True) is None:
                self.mkdir(item.path, **attributes)
            elif item.kind == "directory":
                self.set_attributes(item.path, **attributes)
            elif item.kind == "link":
                self.symlink(item.member.target, item.path)
                self.set_attributes(item.path, **attributes, follow=False)
            elif item.kind == "hardlink":
                source, found = files.stat(item.source)
                assert found is not None
                files.put(files.lstat(item.path)[0], found, files.kept(source))
            else:
                content = item.member.content
                if content is None:
                    content = Later.because(f"{item.path} is unpacked in the apply", item.member.digest)
                self.write(item.path, content, **attributes, follow=False)
                resolved, stat = files.lstat(item.path)
                assert stat is not None
                files.put(resolved, replace(stat, size=item.member.size, mtime=item.member.mtime), content)

    def dial(
        self,
        host: str,
        port: int,
        *,
        timeout_s: float,
        heard: Callable[[bytes], bool] | None = None,
        listen_s: float = 0.0,
    ) -> bool | None:
        return self._real.dial(host, port, timeout_s=timeout_s, heard=heard, listen_s=listen_s)

    def wait_until(self, met: Callable[[], bool], *, every_s: float, timeout_s: float) -> bool:  # noqa: ARG002
        raise UnknownState(f"up to {timeout_s:g} s of waiting tell whether it comes")
