"""File modes as people write them: octal, or the symbolic form of chmod(1)."""

from __future__ import annotations

from configurator.core.errors import ParameterError

_ALL = 0o7777
_EXECUTE = 0o111
_GROUP_EXECUTE = 0o010
# Which bits a class of users owns (chmod(1)): set-user-ID, set-group-ID and sticky belong to u, g and o.
_CLASS = {"u": 0o4700, "g": 0o2070, "o": 0o1007, "a": _ALL}
_SHIFT = {"u": 6, "g": 3, "o": 0}
_PERMISSION = {"r": 0o444, "w": 0o222, "x": _EXECUTE, "s": 0o6000, "t": 0o1000}
# A clause that names nobody (`+w`) spares the bits of the umask. The agent's own is whatever sshd or sudo
# handed down, so that a plan and an apply could differ; this is root's on Debian (login.defs(5), UMASK).
_UMASK = 0o022


def apply_mode(spec: str, current: int, is_dir: bool) -> int:
    """Return the 12 mode bits that `spec` makes of `current`; ParameterError if it is no file mode.

    Octal replaces all bits. Symbolic clauses apply from left to right, each to what the ones before it
    left: `X` means execute for directories and for what somebody may execute already, `u`, `g` and `o` on
    the right copy that class. `=` clears a directory's set-ID bits too, as Ansible does; chmod(1) does not.
    """
    digits = spec.removeprefix("0o")
    if digits.isdigit():
        try:
            bits = int(digits, 8)
        except ValueError:
            raise _wrong(spec) from None
        if bits > _ALL:
            raise _wrong(spec)
        return bits
    mode = current & _ALL
    for clause in spec.split(","):
        mode = _apply_clause(clause, mode, is_dir, spec)
    return mode


def after_chown(mode: int) -> int:
    """Return what a new owner or group leaves of a file's mode: chown(2) takes the set-ID bits away.

    Rightly so: a program that a user has put there must not run with the rights of its new owner.
    """
    return mode & ~(0o6000 if mode & _GROUP_EXECUTE else 0o4000)


def permitted(mode: int, *, root: bool, owner: bool, member: bool) -> str:
    """Return which of `r`, `w` and `x` the bits allow; root may all but run what nobody may."""
    if root:
        return "rwx" if mode & _EXECUTE else "rw"
    bits = mode >> (6 if owner else 3 if member else 0)
    return "".join(letter for letter, bit in (("r", 4), ("w", 2), ("x", 1)) if bits & bit)


def mode_problem(spec: str | None, *, preserve: bool = False) -> str | None:
    """Return what is wrong with a mode, or None; `preserve` allows that word."""
    if spec is None or (preserve and spec == "preserve"):
        return None
    try:
        apply_mode(spec, 0, False)
    except ParameterError as error:
        return error.message
    return None


def octal(mode: int) -> str:
    """Return mode bits as people write them: `0644`."""
    return f"{mode:04o}"


def _apply_clause(clause: str, mode: int, is_dir: bool, spec: str) -> int:
    who = clause[: len(clause) - len(clause.lstrip("ugoa"))]
    rest = clause[len(who) :]
    if not rest or rest[0] not in "+-=":
        raise _wrong(spec)
    owned = 0
    for letter in who:
        owned |= _CLASS[letter]
    while rest:
        operator, rest = rest[0], rest[1:]
        end = next((place for place, letter in enumerate(rest) if letter in "+-="), len(rest))
        bits = _bits(rest[:end], mode, is_dir, spec) & (owned if who else ~_UMASK)
        rest = rest[end:]
        if operator == "+":
            mode |= bits
        elif operator == "-":
            mode &= ~bits
        else:
            mode = (mode & ~(owned if who else _ALL)) | bits
    return mode


def _bits(letters: str, mode: int, is_dir: bool, spec: str) -> int:
    bits = 0
    for letter in letters:
        if letter in _PERMISSION:
            bits |= _PERMISSION[letter]
        elif letter == "X":
            bits |= _EXECUTE if is_dir or mode & _EXECUTE else 0
        elif letter in _SHIFT:
            copied = mode >> _SHIFT[letter] & 0o7
            bits |= copied << 6 | copied << 3 | copied
        else:
            raise _wrong(spec)
    return bits


def _wrong(spec: str) -> ParameterError:
    return ParameterError(f"{spec!r} is no file mode; write it like '0644' or 'u=rw,g=r,o='")
