"""How a command ends: errors become words on stderr and an exit code, never a traceback."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

import click

_USAGE = 1  # click says 2, which here means "changes are pending"
INTERRUPTED = 130
BUG_BEFORE_RUN = 1
BUG_IN_RUN = 3
_HABITS = (
    (("-C", "--check"), "a plan is what --check is: run `configurator plan`, which changes nothing"),
    (("-t",), "write --tags"),
    (("-f",), "write --forks"),
    (("-D",), "write --diff"),
    (("-b", "--become"), "write `become: true` in a play or a task, or `ansible_become` in the inventory"),
    (("-u", "--user"), "write `ansible_user` in the inventory"),
    (("--private-key", "--key-file"), "write `ansible_ssh_private_key_file` in the inventory"),
    (("--syntax-check",), "run `configurator check`"),
    (("--list-tasks",), "run `configurator graph`"),
    (("--list-hosts",), "run `configurator hosts`"),
)
_LOOK_S = 0.25  # how often a question looks whether its answer is still wanted


def catch_termination() -> None:
    """Have SIGTERM and SIGHUP end us as Ctrl-C does, so that the terminal and the hosts are left in order."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        # nohup ignores SIGHUP on purpose; a thread that is not the main one may not set handlers.
        try:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, interrupt)
        except ValueError:
            return


def prepare_streams(args: list[str]) -> None:
    """Let no letter that the terminal's encoding lacks end us, and write JSON in UTF-8 under every locale."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if "--json" in args and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")


def exit_code_of(error: BaseException, args: list[str]) -> int:
    """Tell the person about `error` and return the exit code that it means."""
    from configurator.core.errors import ConfiguratorError  # noqa: PLC0415

    if isinstance(error, ConfiguratorError):
        show_error(error)
        return error.exit_code
    if isinstance(error, (click.ClickException, click.exceptions.Exit)):
        return usage_error(error, args) if isinstance(error, click.ClickException) else error.exit_code
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if was_interrupted(error) or isinstance(error, click.Abort):
        say("Interrupted.")
        return INTERRUPTED
    if not isinstance(error, BrokenPipeError):  # `| head` has read what it wanted: that is no error
        report_bug(error, args)
        return BUG_BEFORE_RUN
    return 0


def was_interrupted(error: BaseException | None) -> bool:
    """Return True for a KeyboardInterrupt, also one that was wrapped on its way.

    Python makes a RuntimeError of one that arrives in `__set_name__` while a class is made (before 3.12), and
    one that arrives while something is half made (a lock, a drawing) may make its owner stumble over it.
    """
    seen: set[int] = set()
    while error is not None and not isinstance(error, KeyboardInterrupt) and id(error) not in seen:
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return isinstance(error, KeyboardInterrupt)


def usage_error(error: click.ClickException, args: list[str]) -> int:
    """Tell what is wrong with the command line, and where all options are."""
    message = error.message if isinstance(error, click.NoSuchOption) else error.format_message()
    message = message[:1].lower() + message[1:].rstrip(".")
    hint = getattr(error, "hint", None)
    near = getattr(error, "possibilities", None)
    context = getattr(error, "ctx", None)
    if habit := _habit(error, context):
        hint = habit
    elif near:
        hint = f"did you mean {near[0]}?"
    path = context.command_path if context else "configurator"
    say(f"error: {message}", bold=True)
    if hint:
        say(f"help: {hint}")
    say(f"help: run `{path} --help` for what it takes")
    if "--json" in args:
        json_failure({"type": "error", "error": "usage_error", "message": message, "hint": hint}, _USAGE)
    return _USAGE


def _habit(error: click.ClickException, context: click.Context | None) -> str | None:
    """Return what stands here for what somebody has written as for `ansible-playbook`."""
    takes = {word for param in context.command.params for word in param.opts} if context else set()
    if isinstance(error, click.NoSuchOption):
        return next(
            (text for words, text in _HABITS if error.option_name in words and _can(text, takes)), None
        )
    extra = [
        word
        for word in error.message.strip(").").rpartition("(")[2].split()
        if word.endswith((".yml", ".yaml"))
    ]
    if "--playbook" in takes and "unexpected extra argument" in error.message and extra:
        return f"give a playbook with --playbook: --playbook {extra[0]}"
    return None


def _can(text: str, takes: set[str]) -> bool:
    """Return True if a hint names no option that this command lacks."""
    return not text.startswith("write --") or text.split()[1] in takes


def json_failure(error: dict[str, object], exit_code: int) -> None:
    """Write the JSON Lines of a run that never began."""
    from configurator.report.jsonl import FORMAT, dumps  # noqa: PLC0415

    click.echo(dumps({"type": "version", "format": FORMAT}))
    click.echo(dumps(error))
    click.echo(dumps({"type": "run_finished", "exit_code": exit_code, "hosts": {}, "duration_s": 0.0}))


def show_error(error: BaseException) -> None:
    """Write an error of ours to stderr, with place, source line and help where it has them."""
    from configurator.core.errors import ConfiguratorError  # noqa: PLC0415
    from configurator.report.diagnostics import error_lines  # noqa: PLC0415
    from configurator.report.terminal import make_console, write  # noqa: PLC0415

    assert isinstance(error, ConfiguratorError)
    write(make_console(sys.stderr), error_lines(error))


def report_bug(error: BaseException, args: list[str]) -> None:
    """Say that we are to blame; the traceback goes to a file, or to stderr with -vv or CONFIGURATOR_DEBUG."""
    import traceback  # noqa: PLC0415

    trace = "".join(traceback.format_exception(error))
    say(f"error: this is a bug in configurator: {type(error).__name__}: {error}", bold=True)
    if os.environ.get("CONFIGURATOR_DEBUG") or _very_verbose(args):
        click.echo(trace, err=True)
        return
    path = _save(trace)
    if path:
        say(f"help: please report it with {path}")
    else:
        say("help: run the same command with -vv to see where, and please report it")


def ask_secret(question: str) -> str | None:
    """Ask for a text that is not shown while it is typed; None where nobody can be asked."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    import getpass  # noqa: PLC0415  (only wanted for a password)

    from configurator.report.sanitize import one_line  # noqa: PLC0415

    try:
        return getpass.getpass(one_line(question))
    except EOFError:
        return None


def ask_person(text: str, echo: bool, timeout_s: float | None, given_up: threading.Event) -> str | None:
    """Ask for a line; "" when the time is over or the event is set, None where nobody can be asked."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    import select  # noqa: PLC0415  (only wanted for a question)

    from configurator.report.sanitize import sanitize  # noqa: PLC0415

    end = None if timeout_s is None else time.monotonic() + timeout_s
    try:
        with _echo(echo):  # before the question: what is typed at its sight must not be shown any more
            sys.stderr.write(f"{sanitize(text).rstrip(': ')}: ")
            sys.stderr.flush()
            while not given_up.is_set() and (end is None or time.monotonic() < end):
                ready, _, _ = select.select([sys.stdin], [], [], _LOOK_S)
                if ready:
                    return sys.stdin.readline().rstrip("\r\n")
            return ""
    finally:
        if not echo or given_up.is_set():
            sys.stderr.write("\n")


@contextlib.contextmanager
def _echo(wanted: bool) -> Iterator[None]:
    """Have the terminal show what is typed, or not, within the block (termios(3))."""
    import termios  # noqa: PLC0415

    before = termios.tcgetattr(sys.stdin)
    now = termios.tcgetattr(sys.stdin)
    if not wanted:
        now[3] &= ~termios.ECHO
    termios.tcsetattr(sys.stdin, termios.TCSADRAIN, now)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def flushed(code: int) -> int:
    """Flush stdout and return `code`; a reader that is gone is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes again at exit and would complain then: give it somewhere to write to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def say(text: str, *, bold: bool = False) -> None:
    """Write one line to stderr, sanitised, without colour where that is not wanted."""
    from configurator.report.sanitize import sanitize  # noqa: PLC0415

    head, colon, rest = sanitize(text).partition(": ")
    if bold and colon and not os.environ.get("NO_COLOR"):
        head = click.style(head, fg="red", bold=True)
    click.echo(head + colon + rest, err=True)


def _very_verbose(args: list[str]) -> bool:
    letters = sum(arg.count("v") for arg in args if arg.startswith("-v") and set(arg[1:]) == {"v"})
    return letters + args.count("--verbose") >= 2


def _save(trace: str) -> str | None:
    """Write a traceback beside the logs and return its path; None if that cannot be done."""
    from configurator.report.log import LogSink, new_log_path  # noqa: PLC0415

    sink = LogSink(new_log_path("bug"))
    try:
        sink.open()
    except OSError:
        return None
    sink.note(trace)
    sink.close()
    return sink.path
