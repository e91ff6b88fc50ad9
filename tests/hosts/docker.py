"""What the cases about Docker share: a daemon that is installed once, and left without the cases' things.

Images are built from Debian's own busybox, and the only registry is one on the host: nothing is fetched from
elsewhere. A sandbox host has no control groups of its own, so containers run without any, by a runtime that
can do that.
"""

from __future__ import annotations

_DAEMON = r"""
export DEBIAN_FRONTEND=noninteractive
if ! command -v dockerd >/dev/null; then
  apt-get update -qq && apt-get install -y -qq --no-install-recommends docker.io >/dev/null
fi
command -v docker >/dev/null || apt-get install -y -qq --no-install-recommends docker-cli >/dev/null
systemctl start docker
docker ps -aq | xargs -r docker rm -f >/dev/null
docker volume ls -q | xargs -r docker volume rm >/dev/null
docker network ls -q -f name=tnet | xargs -r docker network rm >/dev/null
docker network ls -q -f label=com.docker.compose.project | xargs -r docker network rm >/dev/null
for round in 1 2 3; do  # an image cannot go before those that are built upon it
  docker images -q -f label=test | sort -u | xargs -r docker rmi -f >/dev/null 2>&1
done
test -z "$(docker images -q -f label=test)" || docker images
"""
_RUNTIME = r"""
if ! command -v crun >/dev/null; then
  apt-get update -qq && apt-get install -y -qq --no-install-recommends crun busybox-static >/dev/null 2>&1
  cat >/usr/local/bin/runtime <<'END'
#!/bin/bash
words=(--cgroup-manager=disabled)
for word in "$@"; do words+=("$word"); [ "$word" != create ] || words+=(--no-new-keyring); done
exec crun "${words[@]}"
END
  chmod 755 /usr/local/bin/runtime
  mkdir -p /etc/docker
  echo '{"default-runtime":"test","runtimes":{"test":{"path":"/usr/local/bin/runtime"}}}' \
    >/etc/docker/daemon.json
  systemctl restart docker
fi
image() {  # image NAME LINE...: an image of busybox, with more lines of its Dockerfile
  name=$1; shift
  mkdir -p /srv/t/image && cp /bin/busybox /srv/t/image/busybox && cd /srv/t/image
  printf '%s\n' 'FROM scratch' 'LABEL test=1' 'COPY busybox /bin/busybox' 'COPY busybox /bin/sh' \
    'COPY busybox /bin/sleep' "$@" >Dockerfile
  docker build -q -t "$name" . >/dev/null 2>&1
  cd /srv/t && rm -r image
}
"""


def prepared(script: str = "") -> str:
    """Return what a case prepares: a daemon with nothing, and then what `script` does."""
    return f"{_DAEMON}\n{script}\n"


def runnable(script: str = "") -> str:
    """Return what a case prepares to run containers; `image NAME` makes an image of busybox."""
    return f"{_DAEMON}\n{_RUNTIME}\n{script}\n"
