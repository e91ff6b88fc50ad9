"""Host name ranges: `web[01:10]`, `db-[a:f]`, `n[1:9:2]`."""

from __future__ import annotations

import re
from itertools import product
from string import ascii_letters

_RANGE = re.compile(r"\[([0-9]+|[A-Za-z]|):([0-9]+|[A-Za-z])(?::([0-9]+))?\]")
_MAX_NAMES = 65_536  # a typo such as [1:99999999] shall not fill the memory


def expand(pattern: str) -> list[str]:
    """Return the names that a pattern stands for; ValueError says what is wrong with it.

    As in Ansible leading zeros of the first number set the width of all, a missing first number is 0, and
    small letters come before capital ones.
    """
    parts = _RANGE.split(pattern)
    texts = parts[0::4]
    if any("[" in text or "]" in text for text in texts):
        raise ValueError("a range is written [first:last] or [first:last:step]")
    choices: list[list[str]] = []
    total = 1
    for first, last, step in zip(parts[1::4], parts[2::4], parts[3::4], strict=True):
        choices.append(_one_range(first, last, int(step or 1)))
        total *= len(choices[-1])
        if total > _MAX_NAMES:
            raise ValueError(f"the range has more than {_MAX_NAMES} names")
    return [
        "".join(text + chosen for text, chosen in zip(texts, (*combination, ""), strict=True))
        for combination in product(*choices)
    ]


def _one_range(first: str, last: str, step: int) -> list[str]:
    first = first or "0"
    if first.isdigit() != last.isdigit() or step < 1:
        raise ValueError("a range goes from number to number or from letter to letter, in steps of 1 or more")
    if not first.isdigit():
        start, stop = ascii_letters.index(first), ascii_letters.index(last)
        if start > stop:
            raise ValueError(f"the range [{first}:{last}] is empty")
        return list(ascii_letters[start : stop + 1 : step])
    width = len(first) if first.startswith("0") and len(first) > 1 else 0
    if width and len(last) < width:
        raise ValueError(f"the range [{first}:{last}] has numbers of different width")
    low, high = int(first), int(last)
    if low > high:
        raise ValueError(f"the range [{first}:{last}] is empty")
    if (high - low) // step >= _MAX_NAMES:
        raise ValueError(f"the range has more than {_MAX_NAMES} names")
    return [str(number).zfill(width) for number in range(low, high + 1, step)]
