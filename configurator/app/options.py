"""What a person asked for on the command line, as one value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The choices of one run; None means: as config.yaml says.

    `hosts` are names, globs, groups or ad hoc `user@address:port`; empty means every host of the inventory.
    `limit` are patterns, or `@file` with some, that these hosts must match too.
    `only` are `module` or `module:name` selections. `verbosity` counts `-v`.
    `deep` has a plan look into the packages that would be installed. The plays of `playbook` take the place
    of `site:`.
    """

    hosts: tuple[str, ...] = ()
    inventory: tuple[str, ...] = ()
    limit: tuple[str, ...] = ()
    config: str | None = None
    extra_vars: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    forks: int | None = None
    jobs: int | None = None
    fail_fast: bool | None = None
    ask_pass: bool = False
    ask_become_pass: bool = False
    vault_ids: tuple[str, ...] = ()
    vault_password_files: tuple[str, ...] = ()
    ask_vault_pass: bool = False
    playbook: str | None = None
    verbosity: int = 0
    deep: bool = False
