"""A project of Docker Compose: what its files say, what of it is there, and the commands that change it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from configurator.core.errors import TaskError
from configurator.modules.docker import Docker
from configurator.modules.state import UNKNOWN, Change, State
from configurator.modules.system import System

if TYPE_CHECKING:
    from configurator.modules.docker_compose import DockerComposeParams

NAMES = ("docker-compose", "docker-compose-plugin", "docker-compose-v2")  # packages
_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_LABEL = "com.docker.compose"
_ANY = tuple(range(256))


def project_name(place: str) -> str:
    """Return the name that Compose gives the project in a directory."""
    name = "".join(sign for sign in posixpath.basename(place).lower() if sign.isascii())
    return "".join(sign for sign in name if sign.isalnum() or sign in "_-").lstrip("_-")


class Compose:
    """One project on the host, by whichever Compose it has; `old` is docker-compose of Debian 12."""

    def __init__(self, system: System, docker: Docker, params: DockerComposeParams) -> None:
        self._system, self._docker, self._params = system, docker, params
        self.there, self.old = not docker.absent, False
        if self.there and not docker.has("docker", "compose", "version"):
            self.old = docker.has("docker-compose", "version", "--short")
            self.there = self.old
        if not self.there and not docker.absent:
            comes = (system.lookup(f"package:{name}", lambda: {"exists": False}) for name in NAMES)
            if not any(package.get("exists") for package in comes):
                raise TaskError(
                    "Docker Compose is not installed on the host",
                    hint="install it first: `apt: {name: docker-compose}`, or docker-compose-plugin of"
                    " Docker's own repository",
                )

    # -- what is there ----------------------------------------------------------------------------------

    def probe(self) -> State:
        """Return the containers of the project by service, and whether anything of it is left."""
        import json  # noqa: PLC0415

        state: State = {"exists": False, "volumes": False, "names": ()}
        if self._docker.absent:
            return state
        mine = f"--filter=label={_LABEL}.project={self._params.project}"
        ids = self._docker.ask(["container", "ls", "--all", "--quiet", "--no-trunc", mine]).stdout.split()
        found = json.loads(self._docker.ask(["container", "inspect", *ids]).stdout) if ids else []
        for one in found:
            labels = one["Config"].get("Labels") or {}
            if labels.get(f"{_LABEL}.oneoff") != "True":
                _add(state, str(labels.get(f"{_LABEL}.service")), one, labels)
        state["exists"] = bool(found or self._docker.ask(["network", "ls", "--quiet", mine]).stdout.strip())
        state["volumes"] = bool(self._docker.ask(["volume", "ls", "--quiet", mine]).stdout.strip())
        state["names"] = tuple(sorted(one["Name"].lstrip("/") for one in found))
        return state

    # -- what the files say -----------------------------------------------------------------------------

    def files(self) -> list[str]:
        """Return the project's files; TaskError if there are none."""
        params = self._params
        if params.definition:
            return []
        if params.files:
            found = [posixpath.join(params.place, name) for name in params.files]
        else:
            found = [path for name in _FILES if self._is_file(path := posixpath.join(params.place, name))][:1]
            if not found and params.check_files_existing and params.state != "absent":
                raise TaskError(f"no file of a project in {params.place}", hint=f"one of {', '.join(_FILES)}")
            stem = found[0].rpartition(".")[0] if found else ""
            others = [f"{stem}.override.{end}" for end in ("yml", "yaml")]
            found += [path for path in others if stem and self._is_file(path)][:1]
        if params.state != "absent":
            for path in found:
                if not self._is_file(path):
                    raise TaskError(f"no such file: {path}")
        return [path for path in found if self._is_file(path)]

    def _is_file(self, path: str) -> bool:
        found = self._system.stat(path, follow=True)
        return found is not None and found.kind == "file"

    def _variables(self) -> list[str]:
        params = self._params
        names = [posixpath.join(params.place, name) for name in params.env_files]
        return names or [path for path in (posixpath.join(params.place, ".env"),) if self._is_file(path)]

    def _pending(self, paths: Sequence[str]) -> list[str]:
        """Return those of the files that a command would not read as they are to be."""
        if not paths:
            return []
        said = self._system.query(["sha256sum", "--", *paths], ok=_ANY).stdout
        known = {line[66:]: line[:64].lstrip("\\") for line in said.splitlines()}
        return [path for path in paths if known.get(path) != self._system.digest(path)]

    def services(self) -> dict[str, Any] | None:
        """Return count and mark of each service that is asked for; None if nobody can read the files yet."""
        files = self.files()
        if not self.there or self._pending(self._variables()):
            return None
        pending, stdin = self._pending(files), None
        if pending:
            if len(files) > 1:
                return None
            stdin, files = self._system.read(files[0]).decode(errors="replace"), ["-"]
        found = self._old_services(files, stdin) if self.old else self._services(files, stdin)
        unknown = [name for name in self._params.services if name not in found]
        if unknown:
            raise TaskError(
                f"the project has no service {unknown[0]!r}", hint=f"it has {', '.join(sorted(found))}"
            )
        return self._asked(found)

    def known(self) -> list[str]:
        """Return all services of the files, those of other profiles too."""
        if not self.there:
            return []
        every = self._words(self.files(), profiles=("*",)) if not self.old else self._every_profile()
        return self._ask([*every, "config", "--services"], None).split()

    def _every_profile(self) -> list[str]:
        words = self._words(self.files())
        return self._words(self.files(), profiles=self._ask([*words, "config", "--profiles"], None).split())

    def _old_services(self, files: Sequence[str], stdin: str | None) -> dict[str, Any]:
        words = self._words(files)
        if files == ["-"] or not files:  # it cannot tell the digests of what it reads from there
            names = self._ask([*words, "config", "--services"], stdin).split()
            marks: dict[str, Any] = dict.fromkeys(names, UNKNOWN)
        else:
            marks = _pairs(self._ask([*words, "config", "--hash=*"], stdin))
        return {
            name: {"count": None, "mark": mark, "built": True, "needs": ()} for name, mark in marks.items()
        }

    def _services(self, files: Sequence[str], stdin: str | None) -> dict[str, Any]:
        import json  # noqa: PLC0415

        words = self._words(files)
        said = json.loads(self._ask([*words, "config", "--format=json"], stdin))
        marks = _pairs(self._ask([*words, "config", "--hash=*"], stdin))
        found = {}
        for name, service in (said.get("services") or {}).items():
            image = service.get("image") or f"{self._params.project}-{name}"
            there = self._docker.inspect("image", image)
            replicas = (service.get("deploy") or {}).get("replicas")
            found[name] = {
                "count": service.get("scale") or (1 if replicas is None else replicas),
                "mark": UNKNOWN if there is None else (marks.get(name), there["Id"]),
                "built": "build" in service,
                "needs": tuple(service.get("depends_on") or ()),
            }
        return found

    def _asked(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Return the services that the task is about, each with the number of its containers."""
        todo, names = list(self._params.services) or list(found), set[str]()
        while todo:
            name = todo.pop()
            if name in found and name not in names:
                names.add(name)
                todo += found[name]["needs"] if self._params.dependencies else ()
        counts = self._params.counts
        return {
            name: found[name] | {"count": counts.get(name, found[name]["count"])}
            for name in sorted(names)
        }  # fmt: skip

    # -- commands ---------------------------------------------------------------------------------------

    def _words(self, files: Sequence[str], profiles: Sequence[str] | None = None) -> list[str]:
        params = self._params
        words = [] if self.old else ["compose"]
        words += ["--ansi=never", f"--project-name={params.project}", f"--project-directory={params.place}"]
        words += [f"--file={path}" for path in files or (["-"] if params.definition else [])]
        words += [f"--env-file={posixpath.join(params.place, name)}" for name in params.env_files]
        chosen = params.profiles if profiles is None else profiles
        return words + [f"--profile={name}" for name in chosen]

    @property
    def _program(self) -> str:
        return "docker-compose" if self.old else "docker"

    @property
    def _stdin(self) -> str | None:
        import json  # noqa: PLC0415

        return json.dumps(self._params.definition) if self._params.definition else None

    def _ask(self, words: Sequence[str], stdin: str | None) -> str:
        return self._docker.ask(words, stdin=stdin or self._stdin, program=self._program).stdout

    def do(self, words: Sequence[str], after: Mapping[str, State | None]) -> None:
        """Have Compose do something with the services that are asked for."""
        params = self._params
        stop = [] if params.timeout is None else [f"--timeout={params.timeout}"]
        line = [*self._words(self.files()), *words, *stop, *params.services]
        self._docker.run(line, after, stdin=self._stdin, program=self._program)

    def up(self, after: Mapping[str, State | None]) -> None:
        """Make and start the containers."""
        params = self._params
        words = ["up", "--detach"]
        for flag, yes in (
            ("--remove-orphans", params.remove_orphans), ("--build", params.build == "always"),
            ("--no-build", params.build == "never"), ("--force-recreate", params.recreate == "always"),
            ("--no-recreate", params.recreate == "never"), ("--no-deps", not params.dependencies),
            ("--renew-anon-volumes", params.renew_anon_volumes), ("--wait", params.wait),
            ("--yes", params.assume_yes),
        ):  # fmt: skip
            words += [flag] if yes else []
        words += [f"--wait-timeout={params.wait_timeout}"] if params.wait and params.wait_timeout else []
        words += [f"--scale={name}={count}" for name, count in params.counts.items()]
        if self.old:
            self._refuse_new()
            if params.pull == "always":
                pulled = [*self._words(self.files()), "pull", "--quiet", *params.services]
                self._docker.run(pulled, after, stdin=self._stdin, program=self._program)
        elif params.pull != "policy":
            words.append(f"--pull={params.pull}")
        self.do(words, after)

    def _refuse_new(self) -> None:
        params = self._params
        given = (("wait", params.wait), ("assume_yes", params.assume_yes), ("pull", params.pull == "never"))
        for name, yes in given:
            if yes:
                raise TaskError(
                    f"docker-compose 1 does not know what {name!r} asks for",
                    hint="docker-compose-plugin of Docker's own repository does, as does Debian 13",
                )

    def down(self, after: Mapping[str, State | None]) -> None:
        """Remove the containers and networks, and more if that is asked for."""
        params = self._params
        words = ["down", *(["--volumes"] if params.remove_volumes else [])]
        words += ["--remove-orphans"] if params.remove_orphans else []
        words += [f"--rmi={params.remove_images}"] if params.remove_images else []
        self.do(words, after)

    def after(self, change: Change) -> State:
        """Return what the command will have made of the project."""
        state = {name: value for name, value in change.before.items() if name not in ("services", "known")}
        if self._params.state == "absent":
            kept = not self._params.remove_volumes and change.before["volumes"]
            return {"exists": False, "volumes": kept, "names": ()}
        for field, value in change.after.items():
            kind, _, name = field.partition(".")
            if kind != "service":
                continue
            state[field] = value
            if value is not None and self._params.state == "present":
                service = change.before["services"][name]
                kept = state.get(f"marks.{name}") if self._params.recreate == "never" else None
                state[f"marks.{name}"] = kept or (service["mark"],)
        if self._params.state == "present":
            state |= {"exists": True, "volumes": UNKNOWN}
        return state


def _add(state: State, service: str, found: Mapping[str, Any], labels: Mapping[str, str]) -> None:
    there = state.get(f"service.{service}") or {"containers": 0, "running": 0}
    running = bool(found["State"].get("Running"))
    state[f"service.{service}"] = {
        "containers": there["containers"] + 1,
        "running": there["running"] + running,
    }
    image, digest = labels.get(f"{_LABEL}.image"), labels.get(f"{_LABEL}.config-hash")
    mark: Any = digest if image is None else (digest, image)
    state[f"marks.{service}"] = (*state.get(f"marks.{service}", ()), mark)
    state[f"ids.{service}"] = (*state.get(f"ids.{service}", ()), found["Id"])


def _pairs(text: str) -> dict[str, str]:
    lines = (line.split() for line in text.splitlines())
    return {words[0]: words[1] for words in lines if len(words) == 2}
