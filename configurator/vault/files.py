"""Files that are encrypted, decrypted, edited and replaced in place, and never half."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator

from configurator.config.diagnostics import Span
from configurator.config.sealed import HEADER, is_sealed
from configurator.core.errors import InputError
from configurator.vault.sources import DEFAULT_LABEL, Password
from configurator.vault.vault import Vault

_PRIVATE = 0o600
_MAX_BYTES = 256 * 1024 * 1024  # all of it is held in memory, several times
_INDENT = " " * 10  # as ansible-vault writes values


def read(path: str) -> bytes:
    """Return a file's content; InputError says why it cannot be read."""
    with _words("read", path), open(path, "rb") as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise InputError(f"{path} is larger than {_MAX_BYTES // 1024 // 1024} MB")
    return data


def replace(path: str, data: bytes) -> None:
    """Put a file in the place of the one that is there, with its mode and owner; a new one is private.

    Whoever reads sees the whole old content or the whole new one, also after a power cut. A link stays one:
    what it leads to is replaced.
    """
    path = os.path.realpath(path)
    with _words("write", path):
        old = os.stat(path) if os.path.lexists(path) else None
        handle, temporary = tempfile.mkstemp(prefix=".vault-", dir=os.path.dirname(path))
        try:
            with open(handle, "wb") as file:
                file.write(data)
                if old is not None and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(file.fileno(), old.st_uid, old.st_gid)
                os.fchmod(file.fileno(), _PRIVATE if old is None else stat.S_IMODE(old.st_mode))
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise


def sealed(plain: bytes, password: Password, label: str | None = None) -> bytes:
    """Return content encrypted with a password, whose label it gets unless that is the default one."""
    from configurator.vault import cipher  # noqa: PLC0415  (30 ms, for what encrypts alone)

    label = password.label if label is None else label
    return str(cipher.encrypt(plain, password.secret, "" if label == DEFAULT_LABEL else label)).encode()


def opened(name: str, data: bytes, vault: Vault) -> tuple[bytes, Password, str]:
    """Return the plain content of a vault, its password and label; InputError if it cannot be opened."""
    text = data.decode("ascii", "replace")
    if not is_sealed(data):
        raise InputError(f"{name} is not encrypted", hint=f"it would begin with {HEADER}")
    return vault.unlock(text, Span(name, 1, 1, len(HEADER), text.partition("\n")[0]))


def must_be_plain(name: str, data: bytes) -> None:
    """Raise InputError if this is encrypted already: nobody wants to decrypt twice."""
    if is_sealed(data.lstrip()):
        raise InputError(
            f"{name} is encrypted already", hint="`configurator vault rekey` changes its password"
        )


def as_value(text: bytes, name: str | None) -> str:
    """Return an encrypted text as YAML for a file of variables."""
    head = "!vault |" if not name else f"{name}: !vault |"
    rows = (f"{_INDENT}{row}" for row in text.decode().splitlines())
    return "\n".join([head, *rows, ""])


def edited(plain: bytes, suffix: str, edit: Callable[[str], None]) -> bytes:
    """Return what `edit`, given the path of a private file, makes of the content.

    The file lies in a folder that only we may enter, in memory where there is such a place, with whatever
    an editor writes beside it; all of it is gone afterwards.
    """
    with _private_folder() as folder:
        path = os.path.join(folder, f"plain{suffix}")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "wb") as file:
            file.write(plain)
        edit(path)
        return read(path)


@contextlib.contextmanager
def _private_folder() -> Iterator[str]:
    places = (os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm")  # noqa: S108  (a private folder is made in it)
    usable = (place for place in places if place and os.access(place, os.W_OK | os.X_OK))
    folder = tempfile.mkdtemp(prefix="configurator-vault-", dir=next(usable, None))
    try:
        yield folder
    finally:
        for name in os.listdir(folder):
            _wipe(os.path.join(folder, name))
        shutil.rmtree(folder)


def _wipe(path: str) -> None:
    """Write zeros over a file, for the case that the folder is on a disk."""
    with contextlib.suppress(OSError):
        size = os.stat(path, follow_symlinks=False).st_size
        with open(os.open(path, os.O_WRONLY | os.O_NOFOLLOW), "wb") as file:
            file.write(b"\0" * size)
            file.flush()
            os.fsync(file.fileno())


@contextlib.contextmanager
def _words(verb: str, path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise InputError(f"cannot {verb} {path}: {reason}") from None
