"""Filters and tests as Jinja is to call them: whose answers may change, and who give iterators."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from jinja2 import pass_context


def each_time(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function so that Jinja asks it anew each time.

    Of constants Jinja works out a filter when it reads the template: `{{ 60 | random }}` would be one number
    for all hosts.
    """

    @pass_context
    @functools.wraps(function)
    def called(_context: Any, *args: Any, **options: Any) -> Any:
        return function(*args, **options)

    return called


def listed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with a list for an iterator: as in Ansible `map('x') | length` needs no `list`."""

    @functools.wraps(function)
    def called(*args: Any, **options: Any) -> Any:
        found = function(*args, **options)
        return list(found) if hasattr(found, "__next__") else found

    return called
