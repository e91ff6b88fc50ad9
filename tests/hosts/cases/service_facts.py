"""service_facts: what is returned of services that run, have failed, or are only there on the disk."""

from __future__ import annotations

from tests.hosts.cases import Case

CASES: dict[str, Case] = {
    "every kind": Case(
        (("look", "service_facts", {}),),
        prepare="cd /etc/systemd/system; printf '[Service]\nExecStart=/bin/false\n' > cfgfacts.service;"
        " printf '[Service]\nExecStart=/bin/sleep 9\n' > cfgfacts@.service; systemctl daemon-reload;"
        " systemctl start cfgfacts; sleep 0.2",
        idle=frozenset({"look"}),
        outputs={
            "look": {
                "ansible_facts": {
                    "services": {
                        "ssh.service": {
                            "name": "ssh.service",
                            "state": "running",
                            "status": "enabled",
                            "source": "systemd",
                        },
                        "cfgfacts.service": {
                            "name": "cfgfacts.service",
                            "state": "failed",
                            "status": "static",
                            "source": "systemd",
                        },
                        "cfgfacts@.service": {
                            "name": "cfgfacts@.service",
                            "state": "unknown",
                            "status": "static",
                            "source": "systemd",
                        },
                        "rescue.service": {
                            "name": "rescue.service",
                            "state": "inactive",
                            "status": "static",
                            "source": "systemd",
                        },
                    }
                }
            }
        },
    ),
}
