"""What the cases about Docker share: a daemon that is installed once, and left without the cases' things."""

from __future__ import annotations

_DAEMON = r"""
if ! command -v dockerd >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq && apt-get install -y -qq --no-install-recommends docker.io >/dev/null
fi
command -v docker >/dev/null || apt-get install -y -qq --no-install-recommends docker-cli >/dev/null
systemctl start docker
docker volume ls -q | xargs -r docker volume rm >/dev/null
docker network ls -q -f name=tnet | xargs -r docker network rm >/dev/null
"""


def prepared(script: str = "") -> str:
    """Return what a case prepares: a daemon with nothing, and then what `script` does."""
    return f"{_DAEMON}\n{script}\n"
