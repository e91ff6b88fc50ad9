"""Names of modules that Ansible has and we do not: no misprints, so they matter only where such tasks run.

Roles that are made for many systems have tasks for `dnf` beside those for `apt`, which a condition keeps from
a Debian host.
"""

from __future__ import annotations

from configurator.config.expect import did_you_mean
from configurator.modules.registry import COLLECTIONS

_PACKAGES = """
    apk apt_repo apt_rpm appget cpanm composer dnf dnf5 flatpak flatpak_remote gem homebrew homebrew_cask
    homebrew_tap installp mas macports openbsd_pkg opkg pacman pacman_key pear pkg5 pkg5_publisher pkgin pkgng
    pkgutil portage portinstall rpm_key rpm_ostree_pkg slackpkg snap sorcery svr4pkg swdepot swupd urpmi xbps
    yarn yum yum_repository zypper zypper_repository
"""
_SYSTEM = """
    aix_filesystem at authselect beadm capabilities crypttab dconf dracut expect filesystem firewalld
    firewalld_info interfaces_file java_cert java_keystore kernel_blacklist launchd lvg lvol make monit nmcli
    nosh open_iscsi openwrt_init osx_defaults pamd parted patch redhat_subscription rhel_facts rhsm_release
    rhsm_repository runit seboolean sefcontext selinux selinux_permissive selogin seport solaris_zone
    ssh_config supervisorctl svc sysrc sysupgrade sysvinit xattr xfs_quota xml zfs zpool
"""
_SERVICES = """
    add_host archive assemble_template elasticsearch_plugin ejabberd_user gconftool2 github_key grafana_user
    group_by hipchat influxdb_database influxdb_user kubectl lxc_container lxd_container mail mongodb_user
    mongodb_replicaset mssql_db mysql_info mysql_query mysql_replication mysql_variables openssl_csr
    openssl_dhparam openssl_pkcs12 openssl_publickey postgresql_info postgresql_query proxysql_backend_servers
    rabbitmq_parameter rabbitmq_plugin rabbitmq_policy rabbitmq_user rabbitmq_vhost redis riak slack
    subversion telegram virt x509_certificate x509_crl zabbix_host
"""
_NAMES = frozenset(f"{_PACKAGES} {_SYSTEM} {_SERVICES}".split())


def is_foreign(name: str, known: list[str]) -> bool:
    """Return True for a module that is none of ours, and that was most likely meant as it is written.

    That is a name of a list, one that begins with `win_`, or the full name of a module of a collection; not
    one that is nearly the name of a module of ours.
    """
    short = name.removeprefix("ansible.legacy.")
    for prefix in COLLECTIONS:
        short = short.removeprefix(prefix)
    if short in _NAMES or short.startswith("win_"):
        return True
    parts = name.split(".")
    full = len(parts) > 2 and all(part.isidentifier() for part in parts)
    return (
        full
        and parts[0] != "configurator"
        and parts[:2] != ["ansible", "builtin"]
        and (parts[:2] != ["ansible", "legacy"] and did_you_mean(short, known) is None)
    )
