"""known_hosts: keys of other hosts, checked with ssh-keygen(1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

ONE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINN9qOXmv1dcTw+JPDjDZlnQgz+nakB/V7N5vm3C3vMI"
TWO = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFTSlzegZd+BV6mhym3E+VUKLAHQJSlZVhiLnPvUfO7k"
OTHER = (
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBGlK169X"
    "GuWIrZRVBJ276YVCurIzurXrwKSLMbUAyBdKxQoxaZ7pJdZf59dmliWlRKC+ZvFU/qc1POwRE6Smbvo="
)


def _known(name: str, host: str, key: str | None = None, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "known_hosts", {"name": host, "path": "/srv/t/kh", "key": key, **params}


CASES: dict[str, Case] = {
    "plain and hashed": Case(
        (
            _known("plain", "Example.org", f"example.org {ONE} a comment"),
            _known("port", "[example.org]:2222", ONE),
            _known("hidden", "hidden.org", f"{ONE}\n{OTHER}", hash_host=True),
            _known("again", "hidden.org", ONE, hash_host=True),
            _known("several", "a.org", f"# a.org:22\na.org,10.0.0.1 {ONE}\na.org {OTHER}\n"),
            _known("deep", "a.org", ONE, path="/srv/t/new/ssh/known_hosts"),
        ),
        "grep -v '^|1|' kh; for h in example.org [example.org]:2222 hidden.org 10.0.0.1 a.org nothing; do"
        " ssh-keygen -F $h -f kh | grep -vc '^#'; done; stat -c '%a %U' kh new/ssh new/ssh/known_hosts",
        f"example.org {ONE} a comment\n[example.org]:2222 {ONE}\na.org,10.0.0.1 {ONE}\na.org {OTHER}\n"
        "1\n1\n2\n1\n2\n0\n600 root\n700 root\n600 root\n",
        idle=frozenset({"again"}),
    ),
    "a new key takes the old one's place": Case(
        (
            _known("changed", "a.org", TWO),
            _known("in a hashed line", "h.org", TWO),
            _known("hashed now", "c.org", OTHER, hash_host=True),
            _known("no more", "b.org", state="absent"),
            _known("this one", "d.org", ONE, state="absent"),
            _known("not there", "e.org", state="absent"),
            _known("revoked", "a.org", f"@revoked * {ONE}".replace("*", "a.org")),
        ),
        "grep -v '^|1|' kh; for h in h.org c.org; do ssh-keygen -F $h -f kh | grep -v '^#' | cut -d' ' -f2-;"
        " done; stat -c '%a %U' kh",
        f"# by hand\n\nb.org no key at all\n*.net {ONE}\n# end\nd.org {OTHER}\na.org {TWO}\n"
        f"@revoked a.org {ONE}\n"
        f"{TWO}\n{OTHER} old\n640 worker\n".replace(f"d.org {OTHER}\n", ""),
        f"ssh-keygen -q -H -f kh 2>/dev/null; printf 'h.org {ONE}\\n' > h; ssh-keygen -q -H -f h 2>/dev/null;"
        f" printf '# by hand\\n\\na.org,b.org {ONE}\\nb.org no key at all\\nc.org {OTHER} old\\n' > kh;"
        f" cat h >> kh; printf '*.net {ONE}\\nd.org {ONE}\\n# end' >> kh; chmod 640 kh; chown worker kh",
        idle=frozenset({"not there"}),
        outputs={"no more": {"keys": []}},
    ),
    "as another user": Case(
        (("own", "known_hosts", {"name": "a.org", "key": ONE}),),
        "cat ~worker/.ssh/known_hosts; stat -c '%a %U' ~worker/.ssh ~worker/.ssh/known_hosts;"
        " rm -r ~worker/.ssh",
        f"a.org {ONE}\n700 worker\n600 worker\n",
        "rm -rf ~worker/.ssh",
        options={"become_user": "worker"},
    ),
    "for another user": Case(
        (
            ("theirs", "known_hosts", {"name": "a.org", "key": ONE, "path": "/home/worker/.ssh/known_hosts"}),
            ("ours", "known_hosts", {"name": "a.org", "key": ONE, "path": "/etc/ssh/ssh_known_hosts"}),
        ),
        "stat -c '%a %U' ~worker/.ssh/known_hosts /etc/ssh/ssh_known_hosts;"
        " rm -r ~worker/.ssh /etc/ssh/ssh_known_hosts",
        "600 worker\n644 root\n",
        "install -d -m 700 -o worker -g worker ~worker/.ssh",
    ),
    "a link of another user": Case(
        (_known("trap", "a.org", ONE, path="/home/worker/.ssh/known_hosts"),),
        "cat target; rm -r ~worker/.ssh",
        "secret\n",
        "echo secret > target; install -d -m 700 -o worker -g worker ~worker/.ssh;"
        " ln -s /srv/t/target ~worker/.ssh/known_hosts; chown -h worker ~worker/.ssh/known_hosts",
        fails={"trap": "link"},
    ),
}
