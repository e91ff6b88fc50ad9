"""Commands of the real system: always an end, never a stranger hit, nothing left running."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from configurator.agent.output import _KEEP, Kept
from configurator.agent.process import Command, MissingProgramError, run
from configurator.agent.processtable import ProcessTable
from configurator.agent.system import HostContext, RealSystem
from configurator.core.cancel import Cancelled, CancelToken
from configurator.core.errors import ParameterError, TaskError

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def system() -> RealSystem:
    return HostContext().for_task(CancelToken())


def sh(text: str, **options: object) -> Command:
    return Command(("/bin/sh", "-c", text), ENVIRONMENT, **options)  # type: ignore[arg-type]


def test_what_was_asked_is_recalled_until_something_is_done(system: RealSystem) -> None:
    """By every task of the run; a command may change the answer, and so may apt's own files."""
    answers = iter(range(9))
    assert [system.recall("x", lambda: next(answers)) for _ in range(2)] == [0, 0]
    system.query(["true"])
    assert system.recall("x", lambda: next(answers)) == 0
    system.run(["true"])
    assert system.recall("x", lambda: next(answers)) == 1
    system.remove("/etc/apt-of-nobody")
    assert system.recall("x", lambda: next(answers)) == 2


def dies(pid: int) -> bool:
    """Wait for a process that was killed: the kernel ends it, and init reaps it, in their own time."""
    end = time.monotonic() + 10
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return not alive(pid)


def alive(pid: int) -> bool:
    """Return True unless the process is gone or only waits to be reaped."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def in_background(action: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    ended: list[object] = []

    def work() -> None:
        try:
            ended.append(action())
        except (Cancelled, TaskError) as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, ended


def await_file(path: Path) -> str:
    """Return a file's content once there is one."""
    for _ in range(2000):
        if path.exists() and path.read_text().endswith("\n"):
            return path.read_text()
        threading.Event().wait(0.005)
    raise AssertionError(f"{path} was not written")


# -- ends ---------------------------------------------------------------------------------------------


def test_both_outputs_and_the_status_come_back(system: RealSystem) -> None:
    result = system.run(["sh", "-c", "cat; echo err >&2; exit 7"], stdin="in", ok=(7,))
    assert (result.stdout, result.stderr, result.exit_status) == ("in", "err\n", 7)


def test_a_large_input_meets_a_large_output_without_a_deadlock(system: RealSystem) -> None:
    """Both pipes are full at once: whoever only writes, or only reads, waits for ever."""
    text = "x" * 400_000
    assert system.run(["cat"], stdin=text).stdout == text
    assert system.run(["true"], stdin=text).exit_status == 0


def test_output_is_bounded_and_says_so(system: RealSystem) -> None:
    out = system.run(["sh", "-c", "echo first; head -c 5000000 /dev/zero; echo last"]).stdout
    assert out.startswith("first\n")
    assert out.endswith("last\n")
    assert len(out) < 2 * _KEEP + 100
    left_out = re.search(r"\[\.\.\. (\d+) bytes left out \.\.\.\]", out)
    assert left_out is not None
    assert int(left_out[1]) + 2 * _KEEP == 5_000_000 + len("first\nlast\n")


def test_what_is_kept_is_the_beginning_and_the_end_whatever_the_pieces() -> None:
    for size in (1000, 65536, 3 * _KEEP):
        kept = Kept()
        data = bytes(range(256)) * (5 * _KEEP // 256)
        for start in range(0, len(data), size):
            kept.add(data[start : start + size])
        text = kept.text()
        assert text.startswith(data[:_KEEP].decode(errors="replace"))
        assert text.endswith(data[-_KEEP:].decode(errors="replace"))
        assert f"{len(data) - 2 * _KEEP} bytes" in text
    short = Kept()
    short.add(b"abc")
    assert short.text() == "abc"


def test_a_background_child_that_keeps_the_pipe_is_left_alone(system: RealSystem) -> None:
    """It is not waited for, and not killed: a daemon was started on purpose."""
    pid = int(system.run(["sh", "-c", "sleep 300 & echo $!"]).stdout)
    assert alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_a_timeout_ends_the_whole_group_even_if_it_does_not_listen(
    system: RealSystem, tmp_path: Path
) -> None:
    """The command ignores SIGTERM, as does its child, which outlives it."""
    text = f"trap '' TERM; (echo $BASHPID > {tmp_path}/child; exec sleep 300) & wait; sleep 300"
    with pytest.raises(TaskError, match=r"did not end within 2 s") as caught:
        system.query(["bash", "-c", f"echo partial; {text}"], timeout_s=2.0)
    assert caught.value.output == "partial\n"
    assert dies(int((tmp_path / "child").read_text()))


def test_a_cancelled_token_ends_the_group(tmp_path: Path) -> None:
    token = CancelToken()
    started = tmp_path / "pids"
    command = sh(f"sleep 300 & echo $$ $! > {started}; wait")
    thread, ended = in_background(lambda: run(command, ProcessTable(), token))
    pids = [int(pid) for pid in await_file(started).split()]
    token.cancel("enough")
    thread.join()
    assert isinstance(ended[0], Cancelled)
    assert ended[0].reason == "enough"
    assert not any(alive(pid) for pid in pids)


def test_a_cancelled_token_starts_nothing(tmp_path: Path) -> None:
    token = CancelToken()
    token.cancel("before")
    with pytest.raises(Cancelled):
        run(sh(f"touch {tmp_path}/ran"), ProcessTable(), token)
    assert not (tmp_path / "ran").exists()


def test_what_must_not_be_interrupted_ends_by_itself(tmp_path: Path) -> None:
    """Killing dpkg in the middle leaves a broken host; its result is not thrown away either."""
    token, table = CancelToken(), ProcessTable()
    go = tmp_path / "go"
    os.mkfifo(go)
    command = sh(f"echo started > {tmp_path}/started; read word < {go}; echo $word", uninterruptible=True)
    thread, ended = in_background(lambda: run(command, table, token))
    await_file(tmp_path / "started")
    token.cancel("enough")
    table.close()
    table.kill_all()
    waiter, waited = in_background(table.wait_uninterruptible)
    assert thread.is_alive()
    assert not waited
    go.write_text("done\n")
    thread.join()
    waiter.join()
    assert ended[0].stdout == "done\n"  # type: ignore[attr-defined]


def test_a_closed_table_starts_nothing_and_kills_what_runs(tmp_path: Path) -> None:
    table = ProcessTable()
    command = sh(f"trap '' TERM; echo $$ > {tmp_path}/pid; while :; do sleep 1; done")
    thread, ended = in_background(lambda: run(command, table, CancelToken()))
    pid = int(await_file(tmp_path / "pid"))
    table.close()
    table.kill_all()
    thread.join()
    assert isinstance(ended[0], Cancelled)
    assert dies(pid)
    with pytest.raises(Cancelled):
        run(sh("true"), table, CancelToken())


def test_an_ended_command_is_no_longer_signalled(system: RealSystem) -> None:
    """Its number may belong to somebody else by then."""
    token = CancelToken()
    table = ProcessTable()
    run(sh("true"), table, token)
    token.cancel("late")
    table.kill_all()


def test_many_at_once_leave_no_descriptor_and_no_zombie(system: RealSystem) -> None:
    before = len(os.listdir("/proc/self/fd"))
    threads = [threading.Thread(target=lambda: [system.run(["true"]) for _ in range(20)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_without_pidfd_the_end_is_found_all_the_same(
    system: RealSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels before 5.3, and containers that forbid the call."""

    def refused(pid: int) -> int:
        raise OSError

    monkeypatch.setattr(os, "pidfd_open", refused)
    assert system.run(["sh", "-c", "exec >&- 2>&-; sleep 0.1; exit 3"], ok=(3,)).exit_status == 3
    with pytest.raises(TaskError, match="did not end"):
        system.query(["sleep", "300"], timeout_s=0.2)


# -- starts -------------------------------------------------------------------------------------------


def test_a_missing_program_is_an_answer_to_a_query_and_an_error_of_a_run(system: RealSystem) -> None:
    assert system.query(["nosuchprogram"]).exit_status == 127
    with pytest.raises(MissingProgramError, match="nosuchprogram is not installed") as missing:
        system.run(["nosuchprogram"])
    assert (missing.value.outputs["rc"], missing.value.outputs["stdout"]) == (2, "")  # as Ansible has it
    with pytest.raises(TaskError, match="sh failed with exit status 127"):
        system.run(["sh", "-c", "nosuchprogram"])


def test_what_cannot_be_started_is_said(system: RealSystem, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("no program")
    with pytest.raises(TaskError, match="cannot start") as refused:
        system.run([str(plain)])
    assert refused.value.outputs["rc"] == 13
    with pytest.raises(TaskError, match="cannot start"):
        system.run(["echo", "a\0b"])
    with pytest.raises(ParameterError, match="none does not exist"):
        system.run(["true"], cwd=f"{tmp_path}/none")


def test_a_signal_is_named(system: RealSystem) -> None:
    with pytest.raises(TaskError, match="sh was ended by signal 9"):
        system.run(["sh", "-c", "kill -9 $$"])


def test_the_environment_is_our_own_and_not_what_a_login_left(
    system: RealSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LD_PRELOAD_OF_SOMEBODY", "1")
    listed = system.run(["env"], env={"OWN": "1"}).stdout.split("\n")
    assert "LC_ALL=C.UTF-8" in listed
    assert "DEBIAN_FRONTEND=noninteractive" in listed
    assert "OWN=1" in listed
    assert not any(line.startswith("LD_PRELOAD") for line in listed)


def test_commands_have_no_terminal_and_an_empty_input(system: RealSystem) -> None:
    """Whatever asks a question must get an end of file, not our input."""
    assert system.run(["sh", "-c", "cat; : < /dev/tty"], ok=range(256)).exit_status != 0
    assert system.run(["cat"]).stdout == ""


def test_only_who_must_not_be_interrupted_inherits_the_lock(tmp_path: Path) -> None:
    """Any other child that lives on would keep the host locked."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    system = HostContext(lock_descriptor=descriptor).for_task(CancelToken())
    listed = [
        system.run(["ls", "/proc/self/fd"], uninterruptible=uninterruptible).stdout.split()
        for uninterruptible in (True, False)
    ]
    os.close(descriptor)
    assert str(descriptor) in listed[0]
    assert len(listed[0]) == len(listed[1]) + 1


# -- the ways in --------------------------------------------------------------------------------------


def test_the_port_that_we_came_in_by_always_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where sshd is missing, stopped or refuses to tell."""
    monkeypatch.setattr("configurator.agent.system._SSHD", "/nonexistent/sshd")
    context = HostContext(ssh_connection="192.0.2.1 50000 192.0.2.2 2222")
    assert context.for_task(CancelToken()).ssh_ports() == (2222,)
    assert HostContext().for_task(CancelToken()).ssh_ports() == ()


def test_sshd_is_asked_each_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A task may have moved the port since the last question."""
    sshd = tmp_path / "sshd"
    monkeypatch.setattr("configurator.agent.system._SSHD", str(sshd))
    system = HostContext(ssh_connection="192.0.2.1 50000 192.0.2.2 22").for_task(CancelToken())
    sshd.write_text("#!/bin/sh\necho port 22\necho port 2200\necho permitrootlogin no\n")
    sshd.chmod(0o755)
    assert system.ssh_ports() == (22, 2200)
    sshd.write_text("#!/bin/sh\necho port 2201\n")
    assert system.ssh_ports() == (22, 2201)
