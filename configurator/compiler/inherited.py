"""What a task takes over from the blocks, includes and the role use around it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from configurator.compiler.blocks import BlockPart
from configurator.compiler.scope import Scope
from configurator.compiler.tasknodes import Keywords
from configurator.config.located import Located, LocatedMap, LocatedScalar


@dataclass(frozen=True, slots=True, eq=False)
class Inherited:
    """The keywords in force at one place of a role, and the variables there.

    Conditions, environments, defaults and notifications add up, the outer ones first; of the rest the
    innermost counts. `part` is where in a block with a rescue or an always it is, if it is in one.
    """

    scope: Scope
    when: tuple[LocatedScalar, ...] = ()
    tags: tuple[LocatedScalar, ...] = ()
    become: LocatedScalar | None = None
    become_user: LocatedScalar | None = None
    environment: tuple[Located, ...] = ()
    no_log: LocatedScalar | None = None
    ignore_errors: LocatedScalar | None = None
    ignore_unreachable: LocatedScalar | None = None
    check_mode: LocatedScalar | None = None
    critical: LocatedScalar | None = None
    guarded: LocatedScalar | None = None
    notify: tuple[LocatedScalar, ...] = ()
    diff: LocatedScalar | None = None
    timeout: LocatedScalar | None = None
    delegate_to: LocatedScalar | None = None
    run_once: LocatedScalar | None = None
    throttle: LocatedScalar | None = None
    any_errors_fatal: LocatedScalar | None = None
    module_defaults: tuple[LocatedMap, ...] = ()
    part: BlockPart | None = None

    def enter(self, keywords: Keywords, *, but: Collection[str] = ()) -> Inherited:
        """Return what is in force inside something with these keywords; `but` names those to leave out."""
        return replace(
            self,
            scope=self.scope.child(keywords.vars) if keywords.vars else self.scope,
            when=self.when if "when" in but else self.when + keywords.when,
            tags=self.tags if "tags" in but else self.tags + keywords.tags,
            environment=self.environment + keywords.environment,
            notify=self.notify + keywords.notify,
            become=keywords.become or self.become,
            become_user=keywords.become_user or self.become_user,
            no_log=keywords.no_log or self.no_log,
            ignore_errors=keywords.ignore_errors or self.ignore_errors,
            ignore_unreachable=keywords.ignore_unreachable or self.ignore_unreachable,
            check_mode=keywords.check_mode or self.check_mode,
            critical=keywords.critical or self.critical,
            guarded=keywords.guarded or self.guarded,
            diff=keywords.diff or self.diff,
            timeout=keywords.timeout or self.timeout,
            delegate_to=keywords.delegate_to or self.delegate_to,
            run_once=keywords.run_once or self.run_once,
            throttle=keywords.throttle or self.throttle,
            any_errors_fatal=keywords.any_errors_fatal or self.any_errors_fatal,
            module_defaults=self.module_defaults + keywords.module_defaults,
        )
