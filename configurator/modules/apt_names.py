"""What a package name that the index does not know may have been meant for: Debian's renamed packages.

Facts are from the releases' own indices and release notes (bookworm, trixie).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from configurator.modules.params import did_you_mean

# What a package is called in the releases that no longer have it by its old name.
_SUCCESSORS = {
    "apt-key": "`deb822_repository` with `signed_by` does what it did",
    "cpufrequtils": "linux-cpupower",
    "dnsutils": "bind9-dnsutils",
    "dovecot-antispam": "dovecot-imapd with its plugin imap_sieve does what it did",
    "exa": "eza",
    "exfat-utils": "exfatprogs",
    "iproute": "iproute2",
    "letsencrypt": "certbot",
    "libapache2-mod-wsgi": "libapache2-mod-wsgi-py3",
    "libmysqlclient-dev": "default-libmysqlclient-dev",
    "libpcre3": "libpcre2-8-0",
    "libpcre3-dev": "libpcre2-dev",
    "mysql-client": "default-mysql-client",
    "mysql-server": "default-mysql-server",
    "neofetch": "fastfetch",
    "netcat": "netcat-openbsd",
    "nodejs-legacy": "nodejs",
    "ntp": "ntpsec",
    "policykit-1": "polkitd",
    "python": "python3",
    "python-dev": "python3-dev",
    "python-mysqldb": "python3-mysqldb",
    "python3-distutils": "python3-setuptools",
    "software-properties-common": "`deb822_repository` adds sources without it",
    "sqlite": "sqlite3",
    "ttf-dejavu": "fonts-dejavu",
    "youtube-dl": "yt-dlp",
}
# What Debian has never had, or has no more: it comes from its maker's own repository.
_ELSEWHERE = {
    "containerd.io": "Docker's",
    "docker-buildx-plugin": "Docker's",
    "docker-ce": "Docker's",
    "docker-ce-cli": "Docker's",
    "docker-compose-plugin": "Docker's",
    "elasticsearch": "Elastic's",
    "grafana": "Grafana's",
    "kubeadm": "Kubernetes'",
    "kubelet": "Kubernetes'",
    "mongodb": "MongoDB's",
    "mongodb-org": "MongoDB's",
    "terraform": "HashiCorp's",
}
_NUMBER = re.compile(r"\d+(?:\.\d+)*")


def hint_for(name: str, known: Callable[[str], Sequence[str]]) -> str | None:
    """Return what may help with an unknown package name; `known` lists the index's names like another."""
    bare = name.partition(":")[0]
    if (successor := _SUCCESSORS.get(bare)) is not None:
        return successor if " " in successor else f"this release has it as {successor!r}"
    if (maker := _ELSEWHERE.get(bare)) is not None:
        return f"it comes from {maker} own repository: add that with `deb822_repository`"
    names = known(bare)
    if other := of_other_version(bare, names):
        return "this release has " + ", ".join(repr(one) for one in other[:3])
    if bare.startswith("python-"):
        modern = "python3-" + bare.removeprefix("python-")
        if modern in known(modern):
            return f"this release has it as {modern!r}"
    return did_you_mean(bare, names)


def of_other_version(name: str, known: Iterable[str]) -> list[str]:
    """Return the known names that differ in their version numbers alone: php7.4-fpm and php8.2-fpm."""
    if _NUMBER.search(name) is None:
        return []
    words = [re.escape(word) for word in _NUMBER.split(name)]
    # Debian 13 marks libraries with 64-bit times at the end of their names.
    pattern = re.compile(r"\d+(?:\.\d+)*".join(words) + "(?:t64)?")
    return sorted(other for other in known if other != name and pattern.fullmatch(other))
