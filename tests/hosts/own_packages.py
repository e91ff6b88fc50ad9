"""Small packages in a repository of the host's own: several versions of one, and no mirror is needed."""

from __future__ import annotations

from collections.abc import Sequence

_HEAD = r"""
set -e
export DEBIAN_FRONTEND=noninteractive
rm -rf /srv/own; mkdir -p /srv/own
pack() (
  d=$(mktemp -d); chmod 755 $d; mkdir $d/DEBIAN
  printf 'Package: %s\nVersion: %s\nArchitecture: all\n' $2 $3 > $d/DEBIAN/control
  echo 'Maintainer: N <n@localhost>' >> $d/DEBIAN/control
  where=/srv/own/$1; name=$2; file=$2_$3_all.deb; shift 3
  for line in "$@"; do
    case "$line" in
      /etc/*) mkdir -p $d/etc; echo x > $d$line; echo $line >> $d/DEBIAN/conffiles ;;
      /*) mkdir -p $d${line%/*}; head -c 3000000 /dev/zero > $d$line ;;
      !*) printf '#!/bin/sh\n%s\n' "${line#!}" > $d/DEBIAN/postinst; chmod 755 $d/DEBIAN/postinst ;;
      *) echo "$line" >> $d/DEBIAN/control ;;
    esac
  done
  echo "Description: of the tests" >> $d/DEBIAN/control
  mkdir -p $where
  dpkg-deb -Znone --build $d $where/$file >/dev/null
  case $name in *-unlisted) ;; *)
    cat $d/DEBIAN/control >> $where/Packages
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' $file $(stat -c %s $where/$file) \
      $(sha256sum $where/$file | cut -d' ' -f1) >> $where/Packages ;;
  esac
  rm -r $d
)
"""
_RELEASE = r"""
for where in /srv/own/*; do
  cd $where; suite=$(basename $where)
  printf 'Suite: %s\nCodename: %s\nDate: %s\nSHA256:\n %s %s Packages\n' $suite $suite "$(date -Ru)" \
    $(sha256sum Packages | cut -d' ' -f1) $(stat -c %s Packages) > Release
  echo "deb [trusted=yes] file:$where ./"
done > /etc/apt/sources.list.d/own.list
echo 'APT::Get::List-Cleanup "false";' > /etc/apt/apt.conf.d/99own
apt-get update -qq -o Dir::Etc::sourcelist=/etc/apt/sources.list.d/own.list -o Dir::Etc::sourceparts=-
apt-get check -qq
cd /srv/t
"""
# What is there of them.
SHOW = "dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\\n' 'own-*' | grep -v not-installed"
# Hands them out by HTTP, too.
URL = "http://127.0.0.1:8642"
SERVE = """
setsid python3 -m http.server -d /srv/own/own -b 127.0.0.1 8642 >/dev/null 2>&1 & echo $! > /run/own.pid
python3 - <<'end'
import socket, time
while True:
    try:
        socket.create_connection(("127.0.0.1", 8642)).close()
        break
    except OSError:
        time.sleep(0.05)
end
"""
# Debian's own sources out of the way: an upgrade then concerns the packages of the tests alone.
ALONE = "test ! -e /etc/apt/sources.list || mv /etc/apt/sources.list /etc/apt/sources.list.away\n"
# What a case does last, so that the next one finds the host as it was.
AWAY = """
test ! -e /run/own.pid || kill $(cat /run/own.pid); rm -f /run/own.pid
export DEBIAN_FRONTEND=noninteractive
apt-mark showhold | xargs -r apt-mark unhold >/dev/null
dpkg --purge --force-depends $(dpkg-query -W -f '${Package} ' 'own-*' 2>/dev/null) >/dev/null 2>&1
rm -rf /srv/own /etc/apt/sources.list.d/*own* /etc/apt/apt.conf.d/99own /etc/apt/preferences.d/own*
rm -f /var/lib/apt/lists/_srv_own*
! mountpoint -q /var/cache/apt/archives || umount /var/cache/apt/archives
test ! -e /etc/apt/sources.list.away || mv /etc/apt/sources.list.away /etc/apt/sources.list
"""


def own(*packages: str | Sequence[str], then: str = "", alone: bool = False) -> str:
    """Return a script that makes the packages available; `then` is run afterwards.

    A package is `NAME VERSION` or that with more: lines of its control file, a path below /etc for a
    configuration file, another path for a large file, `!` and a command for its postinst. `SUITE/NAME` puts
    it into another repository than `own`. One whose name ends in `-unlisted` is in no index.
    """
    lines = []
    for package in packages:
        first, *more = (package,) if isinstance(package, str) else package
        name, version = first.split()
        suite, _, bare = name.rpartition("/")
        words = " ".join(f"'{line}'" for line in more)
        lines.append(f"pack {suite or 'own'} {bare} {version} {words}\n")
    return AWAY + _HEAD + "".join(lines) + (ALONE if alone else "") + _RELEASE + then


def ending(command: str) -> str:
    """Return a `check` that prints what `command` prints, and then cleans up."""
    return f"({command}) 2>&1; {AWAY}"
