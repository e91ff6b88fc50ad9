"""System: the only door between a module and the host.

The agent has two of them. RealSystem acts on the host. SimulatedSystem lets reads fall through to the
host and keeps writes in memory; a plan is the whole graph run on it. A module is written once against
this Protocol and cannot tell which one it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from configurator.modules.state import LargeContent, State

if TYPE_CHECKING:
    from configurator.modules.archives import Archive, Member, Placed
    from configurator.modules.staging import Entry
    from configurator.modules.web import Answer, Download, Request


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FileStat:
    """What lstat(2) or stat(2) says. `kind` is `file`, `directory`, `link` or `other`; `mode` the 12 bits.

    `owner` and `group` are names, or the number as text where no name exists. `target` is set for links.
    `device` and `inode` together identify a file, which has `links` names; all three are 0 if unknown.
    `special` tells a kind of `other`: `fifo`, `socket`, `block` or `character`; `special_device` is the
    number of such a device. A `device` below 0 and a `ctime` of 0 are those of something that nobody has
    made or changed yet.
    """

    kind: str
    mode: int
    uid: int
    gid: int
    owner: str
    group: str
    size: int
    mtime: float = 0.0
    atime: float = 0.0
    inode: int = 0
    target: str | None = None
    device: int = 0
    links: int = 0
    ctime: float = 0.0
    blocks: int = 0
    block_size: int = 0
    special: str | None = None
    special_device: int = 0


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended. Output is decoded as UTF-8 with replacement; a huge one keeps head and tail."""

    argv: tuple[str, ...]
    exit_status: int
    stdout: str
    stderr: str


class System(Protocol):
    """Files, commands and the state that commands establish. Every error is a TaskError that says why."""

    # -- files: reading ------------------------------------------------------------------------------

    def stat(self, path: str, *, follow: bool = False) -> FileStat | None:
        """Return what is at `path`, or None if nothing is (or, with `follow`, if the link dangles)."""

    def read(self, path: str) -> bytes:
        """Return a file's content, following links; TaskError if it is missing, too large or no file."""

    def listdir(self, path: str) -> list[str]:
        """Return the names in a directory, sorted; an empty list if it does not exist."""

    def entries(self, path: str) -> list[tuple[str, FileStat]]:
        """Return what is in a directory by name, sorted: `listdir` and `stat` of each name in one go."""

    def access(self, path: str) -> str:
        """Return which of `r`, `w` and `x` the task may do with what is at `path`, following links."""

    def digest(self, path: str, algorithm: str = "sha256") -> str:
        """Return the checksum of a file of any size, in hexadecimal; errors are those of `read`.

        ParameterError for an algorithm that hashlib does not have.
        """

    # -- files: writing ------------------------------------------------------------------------------

    def write(
        self,
        path: str,
        content: bytes | LargeContent,
        *,
        mode: str | None = None,
        owner: str | None = None,
        group: str | None = None,
        backup: bool = False,
        validate: str | None = None,
        follow: bool = True,
    ) -> str | None:
        """Replace a file atomically; return the backup's path if one was made.

        A large content is fetched and written piece by piece; TaskError if it is not what it should be.
        A new file gets `mode` (default 0644) and the owner; an existing one keeps what is not given. Owner
        and mode are set before the content is visible. `validate` is a command with `%s` for the temporary
        file; if it fails, nothing changed. A missing directory is a TaskError. A link at `path` is written
        through, to the file that it names; without `follow` the link itself is replaced. As root, a link
        that another user has made is never followed: TaskError.
        """

    def mkdir(
        self, path: str, *, mode: str | None = None, owner: str | None = None, group: str | None = None
    ) -> None:
        """Make one directory; TaskError if its parent is missing."""

    def symlink(self, target: str, path: str) -> None:
        """Make (or atomically replace) a symbolic link at `path` that contains `target`."""

    def hardlink(self, target: str, path: str) -> None:
        """Make (or atomically replace) `path` as another name of the file `target`."""

    def set_attributes(
        self,
        path: str,
        *,
        mode: str | None = None,
        owner: str | None = None,
        group: str | None = None,
        follow: bool = True,
    ) -> None:
        """Set mode (octal or symbolic), owner and group where given."""

    def set_times(self, path: str, *, atime: float | None = None, mtime: float | None = None) -> None:
        """Set the given times, in seconds since the epoch."""

    def remove(self, path: str) -> None:
        """Remove a file, link or whole directory tree without following links; absent is fine."""

    # -- state that commands establish ---------------------------------------------------------------

    def lookup(self, key: str, probe: Callable[[], State]) -> State:
        """Return the state of `key`: what an earlier `run(..., establishes=...)` promised, else `probe()`.

        Keys are effect keys: `user:deploy`, `group:www-data`, `package:nginx`, `unit:nginx.service`,
        `sysctl:vm.swappiness`, `hostname:`, `timezone:`, `nftables:inet/filter`. `probe` only reads, and
        returns the whole state with the field `exists` (False when there is no such thing).
        """

    def recall(self, key: str, find: Callable[[], T]) -> T:
        """Return what `find` returned when this was last asked in the run, unless something was done since.

        For what is costly to ask and the same for many tasks. The value may be added to by whoever asks. A
        change of a file counts for keys that begin with `units `, and of one below /etc/apt for all.
        """

    def fresh_index(self) -> bool:
        """Return True if apt's commands answer by a current package index though the host's own is old."""

    def query(
        self,
        argv: Sequence[str],
        *,
        ok: Sequence[int] = (0,),
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> CommandResult:
        """Run a command that only reads; an exit status outside `ok` is a TaskError.

        It runs in a plan too. `LC_ALL=C.UTF-8` is set. A missing program gives exit status 127.
        """

    def run(
        self,
        argv: Sequence[str],
        *,
        establishes: Mapping[str, State | None] | None = None,
        ok: Sequence[int] = (0,),
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        uninterruptible: bool = False,
    ) -> CommandResult:
        """Run a command that changes the host; an exit status outside `ok` is a TaskError with its output.

        `establishes` is the state that the command makes so, by effect key (None: unknown afterwards): a
        plan remembers it instead of running the command. `uninterruptible` is for dpkg: a lost connection
        waits for it instead of killing it.
        """

    def shell(
        self,
        command: str,
        *,
        executable: str = "/bin/sh",
        ok: Sequence[int] = (0,),
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> CommandResult:
        """Run a command line through a shell: for the module `shell` alone."""

    # -- archives ------------------------------------------------------------------------------------

    def members(self, archive: Archive) -> tuple[Member, ...]:
        """Return what is in a tar or zip archive, in its order; TaskError for one that cannot be read."""

    def unpack(self, archive: Archive, placed: Sequence[Placed]) -> None:
        """Put entries of an archive where they belong; what is there already is replaced one by one.

        The directories that they need are there or among them. Links are never followed by what is put in
        their place; those of directories on the way are followed as by `write`.
        """

    # -- trees of the controller ---------------------------------------------------------------------

    def stage(
        self, tree: Sequence[Entry], name: str, *, hollow: bool = False, like: str | None = None
    ) -> str:
        """Have a tree of the controller stand in a private directory; return its path, which ends in `name`.

        It is gone with the task. Entries come from the top down, with their modes, times and owners. A
        `hollow` one has files of the right size without their contents, of which nothing is sent. What is
        in a file of the tree `like` on the host need not be sent either. In a plan, too, it stands in the
        agent's cache.
        """

    def settled(self, path: str) -> None:
        """UnknownState if earlier tasks of a plan change something at a path or below it.

        For commands that look at files: they see those of the host, not what a plan would make of them.
        """

    # -- other servers -------------------------------------------------------------------------------

    def http(self, request: Request, *, limit: int = 64 << 20) -> Answer:
        """Send a request; return its answer whatever the status, with at most `limit` bytes of body.

        With a `limit` of 0 the body is not read. No answer, or a larger one, is a TaskError. A plan sends
        only methods that read (GET, HEAD, OPTIONS).
        """

    def download(
        self,
        request: Request,
        *,
        newer_than: float | None = None,
        algorithm: str = "sha256",
        directory: str | None = None,
    ) -> Download:
        """Fetch a body of any size into a file without a name in `directory` (/var/tmp), for `install`.

        Once a task: the same request again returns the same. An answer without a status of success has no
        body, also 304 where nothing is newer than `newer_than` (seconds since the epoch). A plan asks for
        the status and the headers, and fetches nothing: digest and size are UNKNOWN.
        """

    def install(
        self,
        download: Download,
        path: str,
        *,
        mode: str | None = None,
        owner: str | None = None,
        group: str | None = None,
        backup: bool = False,
    ) -> str | None:
        """Put a downloaded body at `path`, as `write` does with a content."""

    def dial(
        self,
        host: str,
        port: int,
        *,
        timeout_s: float,
        heard: Callable[[bytes], bool] | None = None,
        listen_s: float = 0.0,
    ) -> bool | None:
        """Connect to a TCP port once: None if nobody accepts within `timeout_s`, else True.

        `heard` is given all that the server has said (its last 512 KiB), each time it says more: False if
        it does not return True for it within `listen_s`.
        """

    def script(
        self,
        name: str,
        content: bytes,
        arguments: Sequence[str] = (),
        *,
        executable: str | None = None,
        ok: Sequence[int] = (0,),
        cwd: str | None = None,
    ) -> CommandResult:
        """Run a script of the controller from a private file called `name`, which is gone afterwards."""

    # -- waiting and asking --------------------------------------------------------------------------

    def pause(self, seconds: float) -> None:
        """Wait; a plan does not."""

    def wait_until(self, met: Callable[[], bool], *, every_s: float, timeout_s: float) -> bool:
        """Look again and again until `met` returns True; return False if it has not within `timeout_s`.

        A plan does not look, and ends here: what time would bring is not known.
        """

    def ask(self, *, timeout_s: float | None = None) -> str | None:
        """Ask the person at the controller what this task's `prompt` says; None if nobody can be asked.

        After `timeout_s` the answer is "". A plan asks nothing, and its answer is "".
        """

    def send_file(self, path: str) -> tuple[int, str]:
        """Have the controller write a file to where this task's parameters say; return size and sha256.

        It is sent piece by piece, whatever its size. A plan sends nothing.
        """

    def reboot(
        self, command: Sequence[str], *, boot_time_command: str, delay_s: float, timeout_s: float
    ) -> float:
        """Restart the host with `command`; return when it is back, after how many seconds.

        It is back when the shell command `boot_time_command` says something else than before. The agent does
        not outlive it: another one takes the same task again, for which this returns at once. TaskError if
        the host has not gone down, or has come back without restarting, within `timeout_s`.
        """

    # -- what a run knows ----------------------------------------------------------------------------

    def blob(self, digest: str) -> bytes:
        """Return the content with this sha256 that the controller holds (a file's content, say)."""

    def ssh_ports(self) -> tuple[int, ...]:
        """Return the ports that must stay open: the one this run came in by, and those of `sshd -T`."""

    def notice(self, message: str) -> None:
        """Attach a warning to the running task's result."""

    def gather(self, parts: Collection[str], timeout_s: float) -> dict[str, Any]:
        """Return the facts of these parts as they are now: for the module `setup` alone."""

    def fact(self, name: str) -> Any:
        """Return a fact of the host by Ansible's name without prefix (`virtualization_type`), or None."""
