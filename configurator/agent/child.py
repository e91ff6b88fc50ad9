"""Work as another user: one child agent per user, so that credentials never change inside a process.

setuid(2) and umask(2) concern a whole process with all its threads; a child of its own is the only clean
way. The child is this same agent started with `--child`; parent and child speak the same frames.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

from configurator.agent.contents import FetchPiece
from configurator.agent.extensions import load_kept
from configurator.agent.frames import Message, encode, messages
from configurator.agent.protocol import TaskSpec
from configurator.agent.system import HostContext
from configurator.agent.work import Done, LocalWork, Observation
from configurator.core.cancel import CancelToken
from configurator.core.changes import FieldChange
from configurator.core.errors import ParameterError, TaskError


class ChildWork:
    """A task whose verbs run in the child agent of its user; implements Work."""

    def __init__(
        self, child: _Child, spec: TaskSpec, token: CancelToken, extension: str | None = None
    ) -> None:
        self._child = child
        self._extension = extension
        self._spec = spec
        self._token = token

    def observe(self) -> Observation:
        """Return what would change, as seen by that user."""
        question = {"type": "observe", "spec": self._spec.to_json(), "extension": self._extension}
        answer = self._child.ask(question, self._token)
        return Observation(_changes(answer), bool(answer.get("exact", True)))

    def converge(self) -> Done:
        """Make the observed change as that user."""
        changes: tuple[FieldChange, ...] | None = None
        try:
            answer = self._child.ask({"type": "converge", "task_id": self._spec.id}, self._token)
            changes = _changes(answer)
        finally:
            if changes is None or changes:
                self._child.has_acted()
        outputs, warnings = answer.get("outputs", {}), tuple(answer.get("warnings", ()))
        return Done(changes, outputs, warnings, says=answer.get("says", ""))


def _changes(answer: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    return tuple(FieldChange.from_json(change) for change in answer.get("changes", ()))


class Children:
    """The child agents of a run, started when first needed."""

    def __init__(
        self, context: HostContext, command: Sequence[str], extensions: Mapping[str, str] | None = None
    ) -> None:
        self._extensions = extensions or {}  # where the sources of the project's modules are
        self._context = context
        self._command = tuple(command)
        self._children: dict[str, _Child] = {}
        self._lock = threading.Lock()

    def work(self, spec: TaskSpec, token: CancelToken) -> ChildWork:
        """Return the work of a task that has a `become_user`."""
        user = str(spec.become_user)
        with self._lock:
            child = self._children.get(user)
            if child is None or not child.alive:
                child = self._children[user] = _Child(user, self._command, self._context)
        return ChildWork(child, spec, token, self._extensions.get(spec.module))

    def close(self) -> None:
        """End every child; its own end of input makes it stop what it runs."""
        for child in self._children.values():
            child.close()


class _Child:
    """One process that runs as one user; one question at a time."""

    def __init__(self, user: str, command: Sequence[str], context: HostContext) -> None:
        import pwd  # noqa: PLC0415

        try:
            entry = pwd.getpwnam(user)
        except KeyError:
            raise ParameterError(f"user {user!r} does not exist on the host", hint="`become_user`") from None
        self._context = context
        self._lock = threading.Lock()
        self._task = ""  # which is under way: what the child asks for is asked in its name
        options: dict[str, Any] = {}
        argv = list(command)
        if os.geteuid() == 0:
            groups = os.getgrouplist(user, entry.pw_gid)
            options = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": groups}
        elif os.geteuid() != entry.pw_uid:
            argv = ["sudo", "-n", "-u", user, "--", *argv]
        environment = {
            "HOME": entry.pw_dir,
            "USER": user,
            "LOGNAME": user,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
        }
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
            start_new_session=True,
            **options,
        )
        self._answers = messages(_exactly(self._process.stdout))

    def has_acted(self) -> None:
        """Note that the child has done something: what was found out here may hold no more."""
        self._context.memo.forget()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, question: Mapping[str, Any], token: CancelToken) -> Message:
        """Send a question and return its answer, handing contents over on the way."""
        with self._lock:
            self._task = str(question.get("task_id") or question["spec"]["id"])
            forget = token.on_cancel(self._process.terminate)
            try:
                self._send({**question, "changes": self._context.memo.changes})
                for answer in self._answers:
                    if answer["type"] == "blob":
                        self._send(self._piece(answer, token))
                        continue
                    if answer["type"] == "fetch":
                        told = self._context.ask({**answer, "task_id": self._task}, 60.0, token)
                        self._send({"type": "answer", **(told or {"error": "it does not answer"})})
                        continue
                    if answer["type"] == "failed":
                        raise _task_error(answer)
                    return answer
            except OSError as error:
                raise TaskError(f"the agent of this user ended: {error}") from error
            finally:
                forget()
        token.raise_if_cancelled()
        raise TaskError("the agent of this user ended")

    def _piece(self, question: Message, token: CancelToken) -> dict[str, Any]:
        """Return the answer to a child that asks for a piece of a content; it must get one."""
        try:
            data, size = self._context.fetch_piece(str(question["digest"]), int(question["offset"]), token)
        except TaskError as error:
            return {"type": "blob", "error": error.message}
        return {"type": "blob", "data": data, "size": size}

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(encode(message))
        self._process.stdin.flush()


def _task_error(answer: Mapping[str, Any]) -> TaskError:
    return TaskError(
        str(answer.get("message")),
        command=answer.get("command", ()),
        exit_status=answer.get("exit_status"),
        outputs=answer.get("outputs"),
        output=answer.get("output", ""),
        hint=answer.get("hint"),
    )


def _exactly(stream: Any) -> Callable[[int], bytes]:
    return lambda count: stream.read(count) or b""


def serve(stdin: BinaryIO, stdout: BinaryIO, make_context: Callable[[FetchPiece], HostContext]) -> None:
    """Answer a parent's questions until its end; this is the child's whole life."""
    incoming = messages(_exactly(stdin))

    def send(message: Mapping[str, Any]) -> None:
        stdout.write(encode(message))
        stdout.flush()

    def piece(digest: str, offset: int, _token: CancelToken | None) -> tuple[bytes, int]:
        send({"type": "blob", "digest": digest, "offset": offset})
        answer = next(incoming)
        if answer.get("error"):
            raise TaskError(str(answer["error"]))
        return answer["data"], answer["size"]

    def ask(question: Mapping[str, Any], _timeout_s: float | None, _token: CancelToken) -> Message | None:
        if question["type"] != "fetch":
            return None  # nothing else is the child's to ask
        send(question)
        return next(incoming, None)

    context = make_context(piece)
    context.ask = ask
    works: dict[str, LocalWork] = {}
    done_outside = 0
    for message in incoming:
        if done_outside != (done_outside := message["changes"]):
            context.memo.forget()
        try:
            if message["type"] == "observe":
                spec = TaskSpec.from_json(message["spec"])
                if message.get("extension"):
                    load_kept(spec.module, message["extension"])
                system = context.for_task(CancelToken(), environment=spec.environment)
                works[spec.id] = LocalWork(spec, system)
                seen = works[spec.id].observe()
                changes = [change.to_json() for change in seen.changes]
                send({"type": "observed", "changes": changes, "exact": seen.exact})
            else:
                done = works.pop(message["task_id"]).converge()
                changes = [change.to_json() for change in done.changes]
                outputs, warnings = dict(done.outputs), list(done.warnings)
                told = {"outputs": outputs, "warnings": warnings, "says": done.says}
                send({"type": "done", "changes": changes, **told})
        except (TaskError, OSError) as error:
            send({"type": "failed", **_details(error)})


def _details(error: TaskError | OSError) -> dict[str, Any]:
    if not isinstance(error, TaskError):
        return {"message": str(error)}
    return {
        "message": error.message,
        "command": list(error.command),
        "exit_status": error.exit_status,
        "output": error.output,
        "hint": error.hint,
        "outputs": dict(error.outputs),
    }
