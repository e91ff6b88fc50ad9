"""htpasswd: users of password files, checked with htpasswd(1) and openssl(1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case

READY = "which htpasswd >/dev/null || apt-get install -y -qq apache2-utils >/dev/null; "
SECRET = "s3cret pä$$w0rd"
# An accepted password is told as 0.
FITS = 'v() { printf %s "$3" | htpasswd -vi $1 $2 >/dev/null 2>&1; echo "$2 $?"; }; '


def _user(name: str, user: str, **params: Any) -> tuple[str, str, Mapping[str, Any]]:
    return name, "htpasswd", {"path": "/srv/t/h", "name": user, "password": SECRET, **params}


CASES: dict[str, Case] = {
    "every kind of hash": Case(
        (
            _user("plain default", "def"),
            _user("the same", "def"),
            _user("any kind fits", "def", password=SECRET, state="present"),
            *(
                _user(scheme, scheme, crypt_scheme=scheme)
                for scheme in (
                    *("bcrypt", "sha256_crypt", "sha512_crypt", "md5_crypt", "ldap_sha1", "apr_md5_crypt"),
                )
            ),
        ),
        f"{FITS} for u in def bcrypt sha256_crypt sha512_crypt md5_crypt ldap_sha1 apr_md5_crypt;"
        f" do v h $u '{SECRET}'; v h $u wrong; done; cut -d: -f2 h | cut -c1-7 | sed 's/[^$]*$//' | sort;"
        " grep ldap_sha1: h; stat -c '%a %U' h",
        "def 0\ndef 3\nbcrypt 0\nbcrypt 3\nsha256_crypt 0\nsha256_crypt 3\nsha512_crypt 0\nsha512_crypt 3\n"
        "md5_crypt 0\nmd5_crypt 3\nldap_sha1 0\nldap_sha1 3\napr_md5_crypt 0\napr_md5_crypt 3\n"
        "\n$1$\n$2y$10$\n$5$\n$6$\n$apr1$\n$apr1$\nldap_sha1:{SHA}h2giWA+ALzhuv5+QPJCkwG7bhD8=\n644 root\n",
        READY,
        idle=frozenset({"the same", "any kind fits"}),
    ),
    "a file with other lines": Case(
        (
            _user("changed", "old", hash_scheme="apr_md5_crypt"),
            _user("stronger now", "weak", hash_scheme="bcrypt"),
            _user("left", "salted"),
            _user("old DES", "des", password="abcdefgh"),
            _user("keeps its kind", "six", password="new"),
            _user("gone", "gone", state="absent", password=None),
            _user("not there", "none", state="absent", password=None),
            _user("last", "last", path="/srv/t/last"),
            _user("attributes", "old", mode="0640", group="www-data", password=None),
            _user("no password", "newcomer", password=None),
            _user("no file", "x", path="/srv/t/none", create=False),
            _user("no file, no user", "x", path="/srv/t/none", state="absent", password=None),
            _user("deep", "x", path="/srv/t/new/dir/h", mode="0600", owner="worker"),
            _user("a directory", "x", path="/srv/t"),
        ),
        # htpasswd(1), unlike the servers, takes a comment for a part of the hash.
        f"sed 's/:a comment//' h > bare; {FITS} v bare old '{SECRET}'; v h weak '{SECRET}'; v h six new;"
        " sed 's/:\\$.*\\(:.*\\)/:\\1/; s/:\\$.*/:/' h | cat -A; stat -c '%a %U %G' h new/dir/h;"
        " cut -d: -f1 last; wc -l < last; ls none 2>&1 | wc -l; grep -c '^six:.6' h",
        "old 0\nweak 0\nsix 0\n"
        "# by hand$\n$\nold::a comment$\nweak:$\nsalted:$\ndes:abYH7TYgEKz2Q$\nolder:x^M$\nsix:$\n"
        "640 worker www-data\n600 worker root\nfirst\nlast\n2\n1\n1\n",
        READY + f"{{ printf '# by hand\\n\\nold:%s:a comment\\n' $(openssl passwd -apr1 other);"
        f" printf 'weak:%s\\ngone:a\\n' $(openssl passwd -apr1 '{SECRET}');"
        f" printf 'salted:%s\\n' $(openssl passwd -6 '{SECRET}');"
        ' echo des:$(perl -e \'print crypt("abcdefgh", "ab")\');'
        " printf 'older:x\\r\\n'; printf 'six:%s\\ngone:b' $(openssl passwd -6 x); } > h;"
        " chown worker h; printf first:x > last",
        idle=frozenset({"left", "old DES", "not there", "no file, no user"}),
        fails={
            "no password": "has no user 'newcomer' yet",
            "no file": "/srv/t/none does not exist",
            "a directory": "is no file",
        },
    ),
}
