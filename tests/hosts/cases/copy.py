"""copy; the cases of the three modules that write files share their contents."""

from tests.hosts.file_cases import COPY as CASES

__all__ = ["CASES"]
