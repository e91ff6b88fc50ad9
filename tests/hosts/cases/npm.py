"""npm: packages of a project and of the host, from a registry of the tests' own."""

from __future__ import annotations

from typing import Any

from tests.hosts.cases import Case

R = "http://127.0.0.1:8643"
REGISTRY = r"""
export DEBIAN_FRONTEND=noninteractive
test -e /usr/bin/npm || {
  apt-get update -qq; apt-get install -y -qq --no-install-recommends npm >/dev/null 2>&1
}
test ! -e /run/own-npm.pid || kill $(cat /run/own-npm.pid) 2>/dev/null || :
rm -rf /srv/npm /root/.npm; mkdir -p /srv/npm; cd /srv/npm
python3 - <<'end'
import base64, hashlib, io, json, tarfile
for name, needs in (("own-a", {}), ("own-b", {"own-a": "^1.0.0"}), ("own-dev", {})):
    versions = {}
    for version in ("1.0.0", "1.5.0", "2.0.0"):
        manifest = {"name": name, "version": version, "dependencies": needs}
        body, text = io.BytesIO(), json.dumps(manifest).encode()
        with tarfile.open(fileobj=body, mode="w:gz") as archive:
            info = tarfile.TarInfo("package/package.json")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
        file = f"{name}-{version}.tgz"
        open(file, "wb").write(body.getvalue())
        digest = base64.b64encode(hashlib.sha512(body.getvalue()).digest()).decode()
        dist = {"tarball": f"http://127.0.0.1:8643/{file}", "integrity": f"sha512-{digest}"}
        versions[version] = {**manifest, "dist": dist}
    json.dump({"name": name, "dist-tags": {"latest": "2.0.0"}, "versions": versions}, open(name, "w"))
end
setsid python3 -m http.server -d /srv/npm -b 127.0.0.1 8643 >/dev/null 2>&1 & echo $! > /run/own-npm.pid
python3 - <<'end'
import socket, time
while True:
    try:
        socket.create_connection(("127.0.0.1", 8643)).close()
        break
    except OSError:
        time.sleep(0.05)
end
cd /srv/t
export npm_config_registry=http://127.0.0.1:8643 npm_config_update_notifier=false
"""
SHOW = (
    "for f in $(find . -path '*node_modules/own*/package.json' | sort);"
    " do echo $f $(grep -o 'version[^,]*' $f); done"
)


def _npm(title: str, **params: Any) -> tuple[str, str, dict[str, Any]]:
    return title, "npm", {"registry": R} | params


CASES = {
    "a project": Case(
        (
            _npm("newest", name="own-b", path="/srv/t/app"),
            _npm("there", name="own-b", path="/srv/t/app/"),
            _npm("exact", name="own-dev", version="1.5.0", path="/srv/t/app"),
            _npm("latest", name="own-a", state="latest", path="/srv/t/other"),
            _npm("gone", name="own-b", state="absent", path="/srv/t/other"),
            _npm("never there", name="own-c", state="absent", path="/srv/t/other"),
        ),
        SHOW,
        './app/node_modules/own-a/package.json version": "1.5.0"\n'
        './app/node_modules/own-b/package.json version": "2.0.0"\n'
        './app/node_modules/own-dev/package.json version": "1.5.0"\n'
        './other/node_modules/own-a/package.json version": "2.0.0"\n',
        REGISTRY + "mkdir other; cd other; npm install --silent own-a@1.0.0 own-b@1.0.0 >/dev/null",
        frozenset({"there", "never there"}),
    ),
    "what files name": Case(
        (
            _npm("by lock file", path="/srv/t/app", ci=True),
            _npm("by lock file again", path="/srv/t/app"),
            _npm("without development", path="/srv/t/app", production=True),
            _npm("no lock file", path="/srv/t/none", ci=True),
            _npm("no project", path="/srv/t/empty"),
        ),
        SHOW,
        './app/node_modules/own-a/package.json version": "1.0.0"\n'
        './app/node_modules/own-dev/package.json version": "1.0.0"\n',
        REGISTRY + "mkdir app none empty; echo '{}' > none/package.json; cd app\n"
        "npm install --silent own-a@1.0.0 >/dev/null; npm install --silent -D own-dev@1.0.0 >/dev/null\n"
        "rm -r node_modules",
        frozenset({"by lock file again", "without development"}),
        {"no lock file": "package-lock.json", "no project": "no such file: /srv/t/empty/package.json"},
    ),
    "for all": Case(
        (
            _npm("for all", name="own-a", version="1.0.0", **{"global": True}),
            _npm("there", name="own-a", **{"global": True}),
            _npm("no such version", name="own-a", version="9.9.9", path="/srv/t/x"),
            _npm("no such package", name="own-nothing", path="/srv/t/x"),
        ),
        "npm list --global --depth 0 | grep -o own.*; npm uninstall --global own-a >/dev/null 2>&1;"
        " kill $(cat /run/own-npm.pid)",
        "own-a@1.0.0\n",
        REGISTRY,
        frozenset({"there"}),
        plan_blind={
            "no such version": "the registry has no such",
            "no such package": "the registry has no such",
        },
    ),
}
