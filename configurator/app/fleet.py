"""From what a person asked for to hosts that can be run: the wiring of project, endpoints and passwords."""

from __future__ import annotations

import contextlib
import functools
import getpass
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from configurator.app.options import RunOptions
from configurator.app.plays import PlayHost
from configurator.app.questions import Answers, ask_all
from configurator.compiler.order import OrderedGraph
from configurator.compiler.plays import PlayTurn
from configurator.compiler.project import Project
from configurator.compiler.putoff import Answer
from configurator.compiler.selection import Met
from configurator.core.errors import ConfiguratorError, InputError, RefusedError
from configurator.fleet.delegates import Delegates
from configurator.fleet.host import Compile, Emit, HostRun, HostSettings
from configurator.fleet.prompts import AskPerson, Prompts
from configurator.fleet.shared import Shared
from configurator.inventory.hosts import Host
from configurator.report.redact import RedactingSink, Redactor
from configurator.transport.endpoint import Endpoint, resolve
from configurator.transport.sshauth import Prompt, Secrets
from configurator.vault.choice import VaultChoice
from configurator.vault.vault import Vault

Arrange = Callable[[OrderedGraph], OrderedGraph]
FleetHost = HostRun | PlayHost  # a host and what `site:` says of it, or what the plays of a playbook do


@dataclass(frozen=True, slots=True)
class Fleet:
    """The hosts of a run, and how many of them run at once."""

    project: Project
    hosts: tuple[FleetHost, ...]
    forks: int
    only: tuple[str, ...]
    met: Met
    redactor: Redactor
    shared: Shared

    def check_only(self) -> None:
        """Raise InputError if an `--only` means no task of any host; call it when they are prepared.

        Where a host could not be asked, nobody can say that: its own error is shown then.
        """
        if all(host.compiled for host in self.hosts):
            problems = self.redactor.redact(self.project.unmet(self.only, self.met))
            if problems:
                raise InputError(str(problems[0]), problems)


def load_project(
    options: RunOptions, prompt: Prompt | None = None, redactor: Redactor | None = None
) -> Project:
    """Return the project, checked as far as no host is needed; InputError with every problem.

    `prompt` asks for vault passwords; `redactor` learns what comes out of vaults, now and later.
    """
    redactor = redactor or Redactor()
    choice = VaultChoice(options.vault_ids, options.vault_password_files, options.ask_vault_pass)
    vault = Vault(choice, ask=prompt, hide=redactor.add)
    with masking(redactor):
        project = Project.load(
            config_path=options.config,
            inventory=options.inventory or None,
            extra_vars=options.extra_vars,
            vault=vault,
            playbook=options.playbook,
        )
        vault.prepare()
    return project


@contextlib.contextmanager
def masking(redactor: Redactor) -> Iterator[None]:
    """Let no error pass that quotes a secret."""
    try:
        yield
    except ConfiguratorError as error:
        masked(error, redactor)
        raise


def masked(error: ConfiguratorError, redactor: Redactor) -> ConfiguratorError:
    """Return the error without secrets: it may quote what a host or a file says."""
    for name in ("message", "hint", "output", "diagnostics"):
        if hasattr(error, name):
            setattr(error, name, redactor.redact(getattr(error, name)))
    return error


def load_fleet(
    options: RunOptions,
    sink: RedactingSink,
    redactor: Redactor,
    prompt: Prompt | None,
    ask: AskPerson | None = None,
    arrange: Arrange | None = None,
    questions: AskPerson | None = None,
) -> Fleet:
    """Return the selected hosts, ready to connect; InputError or RefusedError before anything is touched.

    `prompt` asks for passwords, `ask` what tasks want to know, `questions` what plays do. `arrange` may order
    compiled tasks further.
    """
    project = load_project(options, prompt, redactor)
    with masking(redactor):
        selected = project.hosts(options.hosts, options.limit)
        project.check_selection(
            selected,
            roles=options.roles,
            tags=options.tags,
            skip_tags=options.skip_tags,
            only=options.only,
        )
        selected = project.with_work(selected, options.roles)  # what has nothing to do need not be there
    secrets = ask_secrets(options, prompt)
    redactor.add({text for text in (secrets.password, secrets.become_password) if text})
    settings = project.settings
    execution = settings.performance.parallel_execution
    jobs = options.jobs or (execution.max_workers if execution.enabled else 1)
    fail_fast = execution.fail_fast if options.fail_fast is None else options.fail_fast
    met = Met()
    prompts = Prompts(_masked(ask, redactor), lambda text: redactor.add({text}))
    work = HostSettings(jobs, fail_fast, options.deep)
    shared = Shared(Delegates(functools.partial(delegate_endpoint, project, redactor), secrets), project.keep)
    peers = tuple(host.name for host in selected)
    crew = _Crew(project, options, redactor, sink, met, work, secrets, prompts, shared, peers, arrange)
    hosts: tuple[FleetHost, ...] = tuple(crew.host(host) for host in selected)
    if project.playbook is not None:
        numbers = {host.name: own for host in selected if (own := project.playbook.numbers(host))}
        meant = {number for own in numbers.values() for number in own}
        wanted = [(number, play) for number, play in enumerate(project.plays) if number in meant]
        answers = ask_all(wanted, prompt, questions, redactor)
        chosen = [host for host in selected if host.name in numbers]
        hosts = tuple(crew.played(host, numbers[host.name], answers) for host in chosen)
    forks = options.forks or settings.performance.forks
    return Fleet(project, hosts, forks, options.only, met, redactor, shared)


@dataclass(frozen=True, slots=True)
class _Crew:
    """What all hosts of a run have in common; makes their runs."""

    project: Project
    options: RunOptions
    redactor: Redactor
    sink: RedactingSink
    met: Met
    settings: HostSettings
    secrets: Secrets
    prompts: Prompts
    shared: Shared
    peers: tuple[str, ...]
    arrange: Arrange | None = None

    def host(self, host: Host) -> HostRun:
        """Return the run of what `site:` says of a host."""
        return HostRun(
            host.name,
            functools.partial(endpoint_of, self.project, host, self.redactor),
            functools.partial(self.compile, host),
            self.settings,
            self.secrets,
            self.sink.handle,
            self.prompts,
            functools.partial(self.learn, host),
            self.shared,
        )

    def played(self, host: Host, numbers: Sequence[int], answers: Answers) -> PlayHost:
        """Return a host with its plays."""

        def reach() -> Endpoint:
            endpoint = endpoint_of(self.project, host, self.redactor)
            made.turn.login = endpoint.user
            return endpoint

        def make(number: int, later: bool, compiled: Compile, emit: Emit) -> HostRun:
            settings = replace(self.settings, play=str(number + 1), continues=later)
            settings = replace(settings, more=number != numbers[-1])
            learn = functools.partial(self.learn, host)
            asked, shared = self.prompts, self.shared
            return HostRun(host.name, reach, compiled, settings, self.secrets, emit, asked, learn, shared)

        def compile_play(number: int, facts: Mapping[str, Any], turn: PlayTurn) -> OrderedGraph:
            turn = replace(turn, answers=answers.get(number, {}))
            return self.compile(host, facts, play=self.project.plays[number], turn=turn)

        made = PlayHost(host.name, numbers, make, compile_play, self.sink.handle)
        return made

    def compile(self, host: Host, facts: Mapping[str, Any], **play: Any) -> OrderedGraph:
        """Return what is to be done on a host; its secrets are masked from now on."""
        options = self.options
        graph = self.project.compile(
            host,
            facts,
            roles=options.roles,
            tags=options.tags,
            skip_tags=options.skip_tags,
            only=options.only,
            met=self.met,
            verbosity=options.verbosity,
            peers=self.peers,
            limit=(*options.hosts, *options.limit),
            **play,
        )
        self.redactor.add(graph.secrets)
        # The agent blanks these; should it ever not, nothing of them gets past here either.
        self.sink.hide(host.name, {spec.id: spec.params for spec in graph.tasks if spec.no_log})
        return graph if self.arrange is None else self.arrange(graph)

    def learn(self, host: Host, answer: Answer) -> None:
        """Take note of what must not be shown of tasks that are known only now."""
        self.redactor.add(answer.secrets)
        self.sink.hide(host.name, {spec.id: spec.params for spec in answer.tasks if spec.no_log})


def _masked(ask: AskPerson | None, redactor: Redactor) -> AskPerson | None:
    """Return the same, which shows no secret."""
    if ask is None:
        return None
    return lambda text, *rest: ask(redactor.text(text), *rest)


def ask_secrets(options: RunOptions, prompt: Prompt | None) -> Secrets:
    """Return the passwords of this run; those asked for on the command line are asked now."""
    secrets = Secrets(prompt or (lambda _question: None))
    if options.ask_pass:
        secrets.password = secrets.ask("SSH password: ")
    if options.ask_become_pass:
        secrets.become_password = secrets.ask("sudo password (empty: the SSH password): ") or secrets.password
    if (options.ask_pass and secrets.password is None) or (
        options.ask_become_pass and secrets.become_password is None
    ):
        raise RefusedError("a password was to be asked for, and there is no terminal")
    return secrets


def delegate_endpoint(project: Project, redactor: Redactor, name: str) -> Endpoint:
    """Return how a host is reached that does tasks for others; this machine need not be in the inventory."""
    known = project.inventory.hosts
    if name in known:
        return endpoint_of(project, known[name], redactor)
    user, python = getpass.getuser(), sys.executable
    return Endpoint(name, "127.0.0.1", user=user, become=False, local=True, python=python)


def endpoint_of(project: Project, host: Host, redactor: Redactor) -> Endpoint:
    """Return where and as whom a host is reached."""
    connection = project.connection(host)
    redactor.add({text for text in (connection.password, connection.become_password) if text})
    settings = project.settings.ssh
    return resolve(
        host.name,
        address=connection.address,
        port=connection.port,
        user=connection.user,
        identity=connection.private_key_file,
        known_hosts=connection.known_hosts_file,
        host_key_checking=str(settings.host_key_checking),
        connect_timeout_s=settings.connect_timeout_s,
        password=connection.password,
        become=connection.become,
        become_password=connection.become_password,
        python=connection.python_interpreter or "python3",
        local=connection.local,
    )
