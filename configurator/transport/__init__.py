"""Reaching a host: SSH connection, agent bootstrap, message frames."""

from __future__ import annotations

import sys

# paramiko imports invoke for `Match exec` in its own parser of ssh_config, which is not used here (see
# endpoint.py). It takes the absence of invoke well, and that saves 60 ms of every start.
sys.modules.setdefault("invoke", None)  # type: ignore[arg-type]
