"""Figures with the limits that they must keep, and the table that prints both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `at_most` and `at_least` are limits; without one the figure is for comparison.

    `value` None means that it was not measured, and `note` says why.
    """

    name: str
    value: float | None
    unit: str = "x"
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """Return `met` or `MISSED`; nothing where there is no limit or no value."""
        if self.value is None or (self.at_most is None and self.at_least is None):
            return ""
        high = self.at_most is not None and self.value > self.at_most
        low = self.at_least is not None and self.value < self.at_least
        return "MISSED" if high or low else "met"


def print_figures(title: str, figures: Iterable[Figure], out: TextIO | None = None) -> None:
    """Print one section of the table."""
    print(f"\n{title}", file=out)
    for figure in figures:
        shown = "-" if figure.value is None else f"{_number(figure.value)} {figure.unit}"
        line = f"  {figure.name:<58} {shown:>14}  {_limit(figure):<11} {figure.verdict:<6} {figure.note}"
        print(line.rstrip(), file=out, flush=True)


def print_verdict(figures: Iterable[Figure], out: TextIO | None = None) -> None:
    """Print how many limits are kept, and name those that are not."""
    judged = [figure for figure in figures if figure.verdict]
    missed = [figure.name for figure in judged if figure.verdict == "MISSED"]
    print(f"\n{len(judged) - len(missed)} of {len(judged)} limits met", file=out)
    for name in missed:
        print(f"  MISSED: {name}", file=out)


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _limit(figure: Figure) -> str:
    if figure.at_most is not None:
        return f"<= {figure.at_most:g}"
    return f">= {figure.at_least:g}" if figure.at_least is not None else ""
