"""`vars_files` of plays: read once, those with a plain name before any host is asked."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence

from configurator.compiler.playbook import Play
from configurator.compiler.scope import Scope
from configurator.compiler.templating import TemplatingError, is_template
from configurator.config.diagnostics import Diagnostics
from configurator.config.expect import as_variables, did_you_mean
from configurator.config.located import Located, LocatedScalar
from configurator.config.paths import shown_path
from configurator.config.yamlsource import load_yaml


class VarsFiles:
    """The files of variables that plays name. May be used from several threads."""

    def __init__(self) -> None:
        self._read: dict[str, Mapping[str, Located]] = {}
        self._lock = threading.Lock()

    def check(self, play: Play, problems: Diagnostics) -> list[Mapping[str, Located]]:
        """Read the files whose names need no variables, noting what is wrong; return what they say."""
        found = []
        for names in play.vars_files:
            if not any(is_template(str(name.value)) for name in names):
                found.append(self._first(play, names, [str(name.value) for name in names], problems))
        return found

    def variables(self, play: Play, scope: Scope, problems: Diagnostics) -> Mapping[str, Located]:
        """Return the variables of all files of a play, the later ones winning."""
        merged: dict[str, Located] = {}
        for names in play.vars_files:
            try:
                wanted = [str(scope.value(name)) for name in names]
            except TemplatingError as error:
                problems.extend([error.diagnostic])
                continue
            merged |= self._first(play, names, wanted, problems)
        return merged

    def _first(
        self, play: Play, names: Sequence[LocatedScalar], wanted: Sequence[str], problems: Diagnostics
    ) -> Mapping[str, Located]:
        """Return the variables of the first file that exists, in the play's folder or its vars/."""
        for name in wanted:
            for folder in (play.folder, os.path.join(play.folder, "vars")):
                path = os.path.normpath(os.path.join(folder, os.path.expanduser(name)))
                if os.path.isfile(path):
                    return self._load(path, problems)
        folder = os.path.dirname(os.path.join(play.folder, wanted[-1]))
        near = os.listdir(folder) if os.path.isdir(folder) else ()
        hint = did_you_mean(os.path.basename(wanted[-1]), near)
        shown = " or ".join(repr(name) for name in wanted)
        problems.add(names[0].span, f"there is no file of variables {shown}", hint, code="no-such-file")
        return {}

    def _load(self, path: str, problems: Diagnostics) -> Mapping[str, Located]:
        with self._lock:
            if path in self._read:
                return self._read[path]
            value = load_yaml(path, problems, name=shown_path(path))
            variables = {} if value is None else as_variables(value, "a file of variables", problems)
            self._read[path] = variables
            return variables
