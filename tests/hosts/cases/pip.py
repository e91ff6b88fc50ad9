"""pip: environments, versions and requirements, with wheels of the tests' own instead of an index."""

from __future__ import annotations

from typing import Any

from tests.hosts.cases import Case

V = "/srv/t/venv"
OWN = "--no-index --find-links /srv/t/wheels"
LIST = f"{V}/bin/python -m pip list --format freeze --disable-pip-version-check | grep own"
PACKAGES = r"""
export DEBIAN_FRONTEND=noninteractive
test -e /usr/bin/pip3 -a -d /usr/share/python-wheels || {
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends python3-pip python3-venv >/dev/null 2>&1
}
mkdir wheels; cat > wheel.py <<'end'
import base64, hashlib, zipfile
def wheel(name, version, *more):
    d = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"v = '{version}'\n",
        f"{d}/METADATA": "\n".join([f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *more, ""]),
        f"{d}/WHEEL": "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    def line(path, text):
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        return f"{path},sha256={digest},{len(text)}\n"
    with zipfile.ZipFile(f"wheels/{name}-{version}-py3-none-any.whl", "w") as z:
        for path, text in files.items():
            z.writestr(path, text)
        z.writestr(f"{d}/RECORD", "".join(line(*one) for one in files.items()) + f"{d}/RECORD,,\n")
for name in ("owna", "ownb", "ownc"):
    wheel(name, "1.0"); wheel(name, "1.5"); wheel(name, "2.0")
wheel("own_top", "1.0", "Requires-Dist: owna>=1.5", "Provides-Extra: x", "Requires-Dist: ownc; extra == 'x'")
wheel("ownsys", "1.0")
end
python3 wheel.py
"""
INTO = f"python3 -m venv {V}; {V}/bin/python -m pip install -q --disable-pip-version-check {OWN}"


def _pip(title: str, name: Any = None, /, **params: Any) -> tuple[str, str, dict[str, Any]]:
    given = ({} if name is None else {"name": name}) | {"extra_args": OWN} | params
    return title, "pip", given


CASES = {
    "without the packages": Case(
        (
            _pip("no venv", "owna", virtualenv=V),
            _pip("no pip", "owna", break_system_packages=True),
        ),
        prepare="export DEBIAN_FRONTEND=noninteractive;"
        " apt-get purge -y -qq --autoremove python3-pip python3-venv"
        " 'python3.[0-9]*-venv' >/dev/null 2>&1; rm -rf /usr/share/python-wheels; :",
        fails={
            "no venv": "install the package python3-venv first",
            "no pip": "install the package python3-pip",
        },
    ),
    "a new environment": Case(
        (
            _pip("made", "own_top[x]", virtualenv=V),
            _pip("there", ["own-top", "OwnC"], virtualenv=V),
            _pip("empty", virtualenv="/srv/t/bare", virtualenv_site_packages=True),
            ("inside", "copy", {"dest": f"{V}/note", "content": "x\n"}),
        ),
        f"{LIST}; stat -c '%a %U' {V}; grep ^include /srv/t/bare/pyvenv.cfg; cat {V}/note",
        "own_top==1.0\nowna==2.0\nownc==2.0\n755 root\ninclude-system-site-packages = true\nx\n",
        PACKAGES,
        frozenset({"there"}),
        assumed={"inside": "'made' fills"},
    ),
    "versions": Case(
        (
            _pip("exact", "owna", version="1.5", virtualenv=V),
            _pip("range", "ownb>=1,<2", virtualenv=V),
            _pip("newest", "ownc", state="latest", virtualenv=V),
            _pip("there", "ownc>1", virtualenv=V),
            _pip("none such", "owna==9", virtualenv=V),
            _pip("nobody's", "ownnothing", virtualenv=V),
            _pip("by its pip", "owna==1.5", executable=f"{V}/bin/pip3"),
        ),
        LIST,
        "owna==1.5\nownb==1.5\nownc==2.0\n",
        f"{PACKAGES}{INTO} ownc==1.0",
        frozenset({"there", "by its pip"}),
        {
            "none such": "nothing fits the requirement owna==9 (from versions: 1.0, 1.5, 2.0)",
            "nobody's": "nothing fits the requirement ownnothing",
        },
    ),
    "removed and forced": Case(
        (
            _pip("gone", ["OwnA", "ownnothing"], state="absent", virtualenv=V, extra_args=None),
            _pip("gone again", "owna", state="absent", virtualenv=V, extra_args=None),
            _pip("once more", "ownb", state="forcereinstall", virtualenv=V),
        ),
        LIST,
        "ownb==2.0\n",
        f"{PACKAGES}{INTO} owna ownb",
        frozenset({"gone again"}),
        again=frozenset({"once more"}),
    ),
    "requirements": Case(
        (
            ("file", "copy", {"dest": "/srv/t/app/one.txt", "content": "owna==1.5 # pinned\n\nownb\n"}),
            _pip("from a file", requirements="/srv/t/app/one.txt", virtualenv=V),
            _pip("the same", requirements="one.txt", chdir="/srv/t/app", virtualenv=V),
            _pip("with another", requirements="two.txt", chdir="/srv/t/app", virtualenv=V),
            _pip("missing", requirements="/srv/t/app/none.txt", virtualenv=V),
        ),
        LIST,
        "own_top==1.0\nowna==1.5\nownb==2.0\nownc==1.0\n",
        f"{PACKAGES}{INTO} own_top; mkdir app; cd app; printf -- '-r three.txt\nownc<1.5\n' > two.txt;"
        " echo 'own_top' > three.txt",
        frozenset({"the same"}),
        {"missing": "no such file: /srv/t/app/none.txt"},
    ),
    "the host's own Python": Case(
        (
            _pip("refused", "ownsys"),
            _pip("forced", "ownsys", break_system_packages=True, umask="0022"),
            _pip("there", "ownsys", break_system_packages=True),
        ),
        "python3 -m pip list --format freeze | grep own;"
        " python3 -m pip uninstall -q -y --break-system-packages ownsys 2>/dev/null",
        "ownsys==1.0\n",
        PACKAGES,
        frozenset({"there"}),
        {"refused": "externally-managed-environment"},
    ),
}
