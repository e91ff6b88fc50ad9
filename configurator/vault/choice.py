"""Which vault passwords there are: those of the command line, of the environment, and of config.yaml."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from configurator.vault.sources import VaultId, parse_vault_id

PASSWORD_FILE_VARIABLE = "CONFIGURATOR_VAULT_PASSWORD_FILE"  # noqa: S105  (the name of a variable)
IDS_VARIABLE = "CONFIGURATOR_VAULT_IDS"


@dataclass(frozen=True, slots=True)
class VaultChoice:
    """What the command line says of vault passwords; `ids` are `label@source` or a source."""

    ids: tuple[str, ...] = ()
    password_files: tuple[str, ...] = ()
    ask: bool = False

    def resolve(
        self,
        configured_ids: Sequence[str] = (),
        configured_file: str | None = None,
        root: str = ".",
        environment: Mapping[str, str] = os.environ,
    ) -> tuple[VaultId, ...]:
        """Return all ids in the order in which they are tried; InputError for one that cannot be read.

        Ids add up, as in Ansible; a password file of the command line replaces that of the environment,
        which replaces that of config.yaml. Paths of config.yaml count from its folder `root`.
        """
        found = [parse_vault_id(text) for text in self.ids]
        given = environment.get(IDS_VARIABLE)
        if given is not None:
            found += [parse_vault_id(text.strip()) for text in given.split(",") if text.strip()]
        else:
            found += [parse_vault_id(text, root) for text in configured_ids]
        default = environment.get(PASSWORD_FILE_VARIABLE)
        if self.password_files:
            found += [parse_vault_id(f"@{path}") for path in self.password_files]
        elif default:
            found.append(parse_vault_id(f"@{default}"))
        elif configured_file and not self.ask:
            found.append(parse_vault_id(f"@{configured_file}", root))
        if self.ask:
            found.append(VaultId("prompt"))
        return tuple(dict.fromkeys(found))
