"""docker_container: containers of a real daemon, made of an image of busybox, read back with docker(1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.hosts.cases import Case
from tests.hosts.docker import runnable

Task = tuple[str, str, Mapping[str, Any]]


def _container(name: str, container: str, **params: Any) -> Task:
    return name, "docker_container", {"name": container, "image": "tbox:1", "stop_timeout": 1, **params}


_IMAGE = "image tbox:1 'ENV PATH=/bin FROM=image' 'LABEL own=image' 'CMD [\"/bin/sleep\", \"600\"]';"

_ALL: dict[str, Any] = {
    "command": "sh -c 'echo \"$A\"; sleep 500'",
    "env": {"A": "one two", "N": 1, "LINES": "a\nb"},
    "env_file": "/srv/t/env",
    "labels": {"n": 1, "yes": True},
    "published_ports": ["127.0.0.1:8081:80", "8082-8083:82-83/udp", "90"],
    "exposed_ports": ["70"],
    "volumes": ["/srv/t/data:/data:ro", "tvolume:/named", "/anonymous"],
    "mounts": [
        {"type": "bind", "source": "/srv/t", "target": "/bind", "read_only": True},
        {"type": "tmpfs", "target": "/mem", "tmpfs_size": "1m", "tmpfs_mode": "1770"},
    ],
    "tmpfs": ["/run:size=1m"],
    "networks": [
        {"name": "tnet1", "aliases": ["web"], "ipv4_address": "10.201.0.9"},
        {"name": "tnet2", "aliases": ["back"]},
    ],
    "restart_policy": "on-failure",
    "restart_retries": 3,
    "memory": "64m",
    "cpus": 0.5,
    "pids_limit": 50,
    "ulimits": ["nofile:100:200"],
    "capabilities": ["net_admin"],
    "cap_drop": ["CAP_MKNOD"],
    "user": "0:0",
    "working_dir": "/bin",
    "hostname": "boxed",
    "etc_hosts": {"db": "10.0.0.1"},
    "dns_servers": ["10.0.0.2"],
    "dns_search_domains": ["example.com"],
    "log_driver": "json-file",
    "log_options": {"max-size": "1m", "max-file": 2},
    "healthcheck": {"test": ["CMD", "sh", "-c", "true"], "interval": "1m30s", "retries": 2},
    "devices": ["/dev/null:/dev/nothing:rw"],
    "security_opts": ["no-new-privileges:true"],
    "shm_size": "32M",
    "stop_signal": "SIGKILL",
    "init": False,
    "read_only": True,
    "tty": False,
    "groups": ["20"],
    "sysctls": {"net.ipv4.ip_unprivileged_port_start": 0},
}
_RESPELLED = {
    **_ALL,
    "command": ["sh", "-c", 'echo "$A"; sleep 500'],
    "env": {"A": "one two"},
    "labels": {"yes": "true"},
    "ports": ["90/tcp", "127.0.0.1:8081:80/tcp"],
    "memory": "67108864",
    "shm_size": "32768k",
    "capabilities": ["CAP_NET_ADMIN"],
    "networks": [{"name": "tnet1"}],
    "network_mode": "tnet1",
    "volumes": ["tvolume:/named:rw"],
    "healthcheck": {"test": "sh -c true", "interval": "90s"},
    "security_opts": ["no-new-privileges"],
}
del _RESPELLED["published_ports"]

_SHOWN = (
    "docker inspect -f '{{.State.Running}} {{.Path}} {{json .Args}} {{json .HostConfig.PortBindings}}"
    " {{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}"
    " {{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{json .Config.Labels}}' tall;"
    " docker inspect -f '{{range .Config.Env}}{{println .}}{{end}}' tall | sort | sed '/^$/d';"
    " docker logs tall; docker exec tall sh -c 'busybox id -u; busybox hostname; busybox pwd'"
)

CASES: dict[str, Case] = {
    "made": Case(
        (
            _container("with all", "tall", **_ALL),
            _container("respelled", "tall", **_RESPELLED),
            _container("plain", "tplain"),
            _container("plain again", "tplain", state="present"),
            _container("not started", "tcreated", state="present"),
            _container("stopped at once", "tstopped", state="stopped"),
            _container("without image", "tnone", image="tnone:1", pull="never"),
        ),
        _SHOWN + "; docker ps -a --format '{{.Names}} {{.State}}' | sort",
        'true sh ["-c","echo \\"$A\\"; sleep 500"]'
        ' {"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8081"}],"82/udp":[{"HostIp":"","HostPort":"8082"}],'
        '"83/udp":[{"HostIp":"","HostPort":"8083"}],"90/tcp":[{"HostIp":"","HostPort":""}]}'
        ' on-failure:3 67108864 500000000 {"n":"1","own":"image","test":"1","yes":"true"}\n'
        "A=one two\nB=from # file\nFROM=image\nLINES=a\nN=1\nPATH=/bin\nb\n"
        "one two\n0\nboxed\n/bin\n"
        "tall running\ntcreated created\ntplain running\ntstopped created\n",
        runnable(
            f"{_IMAGE} mkdir data; printf '#comment\\nA=hidden\\nB=from # file\\n' >env;"
            "docker network create --subnet 10.201.0.0/24 tnet1 >/dev/null;"
            "docker network create tnet2 >/dev/null"
        ),
        idle=frozenset({"respelled", "plain again"}),
        fails={"without image": "there is no image 'tnone:1'"},
    ),
    "changed": Case(
        (
            _container("in place", "tkept", restart_policy="always", state="present"),
            _container(
                "joined", "tjoined", networks=[{"name": "tnet2"}, {"name": "tnet1", "aliases": ["x"]}]
            ),
            _container("left", "tleft", networks=[{"name": "tnet2"}], comparisons={"networks": "strict"}),
            _container("moved", "tmoved", networks=[{"name": "tnet2"}]),
            _container("made again", "tenv", env={"A": "2"}, labels={"a": "b"}),
            _container("nothing else", "textra", comparisons={"env": "strict"}, env={"A": "1"}),
            _container("ignored", "tignored", env={"A": "2"}, comparisons={"*": "ignore"}),
            _container("other image", "timage", image="tbox:2"),
            _container("stopped", "tstopped", state="stopped"),
            _container("killed", "tkilled", state="stopped", force_kill=True, kill_signal="KILL"),
            _container("started", "tstarted"),
            _container("removed", "tgone", state="absent"),
            _container("never there", "tnever", state="absent"),
            _container("removed by itself", "tauto", state="absent"),
        ),
        "docker inspect -f '{{.Name}} {{.State.Status}} {{.Config.Image}} {{.HostConfig.RestartPolicy.Name}}'"
        " $(docker ps -aq) | sort; docker inspect -f '{{json .Config.Env}}' tenv textra tignored;"
        " docker inspect -f '{{range $n, $e := .NetworkSettings.Networks}}{{$n}} {{end}}'"
        " tjoined tleft tmoved",
        "/tenv running tbox:1 no\n/textra running tbox:1 no\n/tignored running tbox:1 no\n"
        "/timage running tbox:2 no\n/tjoined running tbox:1 no\n/tkept created tbox:1 always\n"
        "/tkilled exited tbox:1 no\n/tleft running tbox:1 no\n/tmoved running tbox:1 no\n"
        "/tstarted running tbox:1 no\n/tstopped exited tbox:1 no\n"
        '["A=2","PATH=/bin","FROM=image"]\n["A=1","PATH=/bin","FROM=image"]\n["A=1","PATH=/bin","FROM=image"]\n'
        "tnet1 tnet2 \ntnet2 \ntnet2 \n",
        runnable(
            f"{_IMAGE} image tbox:2 'ENV PATH=/bin' 'LABEL n=2' 'CMD [\"/bin/sleep\", \"600\"]';"
            "docker network create tnet1 >/dev/null; docker network create tnet2 >/dev/null;"
            "docker create --name tkept tbox:1 >/dev/null; docker create --name tstarted tbox:1 >/dev/null;"
            "for n in tmoved timage tkilled tgone tstopped; do"
            " docker run -d --name $n tbox:1 >/dev/null; done;"
            "docker run -d --network tnet2 --name tleft tbox:1 >/dev/null;"
            "docker run -d --network tnet2 --name tjoined tbox:1 >/dev/null;"
            "docker network connect tnet1 tleft;"
            "docker run -d --rm --name tauto tbox:1 >/dev/null;"
            "docker run -d --name tenv -e A=1 -e B=2 tbox:1 >/dev/null;"
            "docker run -d --name textra -e A=1 -e B=2 tbox:1 >/dev/null;"
            "docker run -d --name tignored -e A=1 tbox:1 >/dev/null"
        ),
        idle=frozenset({"ignored", "never there"}),
    ),
    "again": Case(
        (
            _container("made again", "tone", recreate=True),
            _container("restarted", "ttwo", restart=True),
            _container("not restarted", "tthree", restart=True),
        ),
        "docker ps --format '{{.Names}}' | sort",
        "tone\ntthree\nttwo\n",
        runnable(
            f"{_IMAGE} docker run -d --name tone tbox:1 >/dev/null;"
            "docker run -d --name ttwo tbox:1 >/dev/null"
        ),
        again=frozenset({"made again", "restarted", "not restarted"}),
    ),
    "image built": Case(
        (
            (
                "built",
                "docker_image",
                {"name": "tnew:1", "source": "build", "build": {"path": "/srv/t/b"}},
            ),
            _container("of it", "tnew", image="tnew:1", labels={"a": 1}),
            _container("same", "tnew", image="tnew:1", labels={"a": 1}),
        ),
        "docker inspect -f '{{json .Config.Labels}}' tnew",
        '{"a":"1","test":"1"}\n',
        runnable(
            "mkdir b; cp /bin/busybox b/;"
            "printf '%s\\n' 'FROM scratch' 'LABEL test=1' 'COPY busybox /bin/sleep'"
            ' \'CMD ["/bin/sleep", "600"]\' >b/Dockerfile'
        ),
        idle=frozenset({"same"}),
    ),
    "image built again": Case(
        (
            ("changed context", "copy", {"dest": "/srv/t/b/more", "content": "anew\n"}),
            (
                "built",
                "docker_image",
                {"name": "tnew", "source": "build", "force_source": True, "build": {"path": "/srv/t/b"}},
            ),
            _container("of it", "tnew", image="tnew"),
        ),
        "docker cp tnew:/more - | tar -xO",
        "anew\n",
        runnable(
            "mkdir b; cp /bin/busybox b/; echo old >b/more;"
            "printf '%s\\n' 'FROM scratch' 'LABEL test=1' 'COPY busybox /bin/sleep' 'COPY more /more'"
            ' \'CMD ["/bin/sleep", "600"]\' >b/Dockerfile;'
            "docker build -q -t tnew b >/dev/null 2>&1; docker run -d --name tnew tnew >/dev/null"
        ),
        assumed={"built": "", "of it": ""},
    ),
    "ended": Case(
        (
            _container("well", "twell", command="sh -c 'exit 0'"),
            _container("badly", "tbadly", command="sh -c 'echo so; exit 3'", detach=False),
            _container(
                "to its end", "tjob", command=["sh", "-c", "echo said"], detach=False, output_logs=True
            ),
            _container("cleaned up", "tclean", command=["sh", "-c", "true"], detach=False, cleanup=True),
            _container("no program", "tnothing", command="/none"),
        ),
        "docker ps -a --format '{{.Names}}' | sort",
        "tbadly\ntjob\ntnothing\ntwell\n",
        runnable(_IMAGE),
        again=frozenset({"well", "to its end", "cleaned up"}),
        outputs={"to its end": {"status": 0, "container": {"Output": "said\n"}}},
        plan_blind={  # what a program does is known when it has run
            "badly": "has ended with status 3",
            "no program": "executable file",
        },
    ),
    "health": Case(
        (
            _container("healthy", "twell", state="healthy", healthcheck={"test": "true", "interval": "1s"}),
            _container("healthy again", "twell", state="healthy"),
            _container("no check", "tnone", state="healthy"),
        ),
        "docker inspect -f '{{.State.Health.Status}}' twell",
        "healthy\n",
        runnable(_IMAGE),
        idle=frozenset({"healthy again"}),
        assumed={"healthy": "waiting"},
        plan_blind={"no check": "has no health check"},  # it is looked for when it runs
    ),
}
