"""lineinfile; the cases of the three modules that write files share their contents."""

from tests.hosts.file_cases import LINEINFILE as CASES

__all__ = ["CASES"]
