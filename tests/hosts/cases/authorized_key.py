"""authorized_key: keys in files that sshd(8) accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case
from tests.hosts.cases.known_hosts import ONE, OTHER, TWO


def _key(name: str, key: str, user: str = "kate", **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "authorized_key", {"user": user, "key": key, **params}


CLEAN = "userdel -f -r kate 2>/dev/null; rm -rf /home/kate"
FRESH = f"{CLEAN}; useradd -m -s /bin/sh kate; cd /home/kate"
HAVE = "install -d -m 700 -o kate -g kate .ssh; cd .ssh"
OPTIONS = 'from="10.0.0.0/8,*.org",command="echo \\"hi, you\\"",no-pty'
FILE = "/home/kate/.ssh/authorized_keys"

CASES: dict[str, Case] = {
    "new": Case(
        (
            _key("several", f"# mine\n{ONE} kate@home\n\n{OTHER} kate@work\n"),
            _key("with options", TWO, key_options=OPTIONS),
            _key("same", f"{ONE} another comment"),
            _key("comment asked for", ONE, comment="kate ☃"),
            _key("no key at all", "ssh-ed25519 AAAA"),
            _key("private", "-----BEGIN OPENSSH PRIVATE KEY-----\nx"),
            _key("nobody", ONE, user="nobody-here"),
        ),
        f"cat {FILE}; stat -c '%a %U:%G' /home/kate/.ssh {FILE}; ssh-keygen -l -f {FILE} | wc -l; {CLEAN}",
        f"{ONE} kate ☃\n{OTHER} kate@work\n{OPTIONS} {TWO}\n700 kate:kate\n600 kate:kate\n3\n",
        FRESH,
        idle=frozenset({"same"}),
        fails={
            "no key at all": "line 1 is no public key",
            "private": "private key",
            "nobody": "user 'nobody-here' does not exist",
        },
        outputs={"same": {"keyfile": FILE}},
    ),
    "there already": Case(
        (
            _key("same key", f"{ONE} x"),
            _key("other options", TWO, key_options="no-pty"),
            _key("gone", OTHER, state="absent"),
            _key("not there", ONE, path="/srv/t/keys/none", state="absent"),
            _key("in another file", ONE, path="/srv/t/keys/kate", manage_dir=False),
        ),
        f"cat {FILE}; stat -c '%a %U' /home/kate/.ssh {FILE} /srv/t/keys /srv/t/keys/kate; {CLEAN}",
        f"# by hand\n\n{ONE} old\ngibberish\nno-pty {TWO}\n755 kate\n644 kate\n755 root\n600 kate\n",
        f"mkdir keys; {FRESH}; {HAVE}; printf '# by hand\\n\\n{ONE} old\\ngibberish\\nno-X11-forwarding"
        f" {TWO}\\n"
        f"{OTHER} x' > authorized_keys; chown kate:kate authorized_keys; chmod 664 authorized_keys; chmod"
        " 775 .",
        idle=frozenset({"not there"}),
    ),
    "only these": Case(
        (_key("only", f"{TWO} new\n{ONE}", exclusive=True), _key("still", ONE)),
        f"cat {FILE}; {CLEAN}",
        f"# by hand\n{ONE} old\n{TWO} new\n",
        f"{FRESH}; {HAVE}; printf '# by hand\\n{ONE} old\\n{OTHER} x\\n' > authorized_keys; chown kate"
        " authorized_keys",
        idle=frozenset({"still"}),
    ),
    "of a user of the plan": Case(
        (
            ("user", "user", {"name": "kate", "home": "/srv/people/kate"}),
            _key("key", ONE),
        ),
        f"stat -c '%a %U' /srv/people/kate/.ssh /srv/people/kate/.ssh/authorized_keys; {CLEAN}; rm -rf"
        " /srv/people",
        "700 kate\n600 kate\n",
        CLEAN + "; :",
    ),
    "a link of the user's": Case(
        (_key("refused", ONE, follow=True),),
        f"cat target; {CLEAN}",
        "root's\n",
        f'echo "root\'s" > target; {FRESH}; {HAVE}; ln -s /srv/t/target authorized_keys; chown -h kate'
        " authorized_keys",
        fails={"refused": "link"},
    ),
}
