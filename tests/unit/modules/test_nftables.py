"""nftables: the script that keeps ssh open, and how a loaded table is told from a changed one."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configurator.core.errors import TaskError
from configurator.modules.nftables import Nftables
from configurator.modules.nftables_script import indented, mask, table_script, without_changing_elements
from configurator.modules.state import Content
from tests.unit.modules.recorded_system import RecordedSystem, change_of, converge, params_of, problems_of

NFT = Nftables()
BODY = """\
  chain input {
    type filter hook input priority filter; policy drop;
    iif lo accept # type filter hook input priority 0;
  }
"""
LISTING = "table inet configurator {\n\tchain input {\n\t\tiif lo accept\n\t}\n}\n"
MISSING = (1, "", "Error: No such file or directory\nlist table inet configurator\n")


def host(listing: Any = MISSING, *, plan: bool = True) -> RecordedSystem:
    system = RecordedSystem({"nft --stateless list": listing, "nft --check": "", "nft --file": ""}, plan=plan)
    system.put("/etc/nftables.conf", "#!/usr/sbin/nft -f\n\nflush ruleset\n", mode=0o755)
    system.put_directory("/var/lib")
    return system


def rules_of(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def test_ssh_stays_open_first_in_every_input_chain() -> None:
    """Both rules stand before all others, also where the policy has a line of its own."""
    body = (
        "chain a { type filter hook input priority 0; policy drop; tcp dport 22 drop; }\n"
        "chain b {\n type filter hook input priority filter - 5\n policy drop\n drop\n}\n"
        "chain c { type filter hook forward priority 0; policy drop; }\n"
    )
    lines = rules_of(table_script("inet", "configurator", body, (2222, 22)))
    assert lines.count('tcp dport { 22, 2222 } accept comment "configurator: ssh stays open"') == 2
    assert (
        lines.count('ct state established,related accept comment "configurator: open connections stay"') == 2
    )
    first, second = [n for n, line in enumerate(lines) if line.startswith("tcp dport { 22, 2222 }")]
    assert "policy drop" in lines[first - 2]
    assert lines[first + 1] == "tcp dport 22 drop; }"
    assert lines[second - 2] == "policy drop"
    assert lines[second + 1] == "drop"


def test_the_table_is_replaced_in_one_transaction() -> None:
    """`add` first, since deleting a table that is not there would undo the whole transaction."""
    lines = rules_of(table_script("inet", "configurator", BODY, (22,)))
    assert lines[1:4] == [
        "add table inet configurator",
        "delete table inet configurator",
        "table inet configurator {",
    ]
    assert lines[-1] == "}"


def test_lines_are_indented_by_the_blocks_they_stand_in() -> None:
    """A plan shows the script, and the rules put in have no way to know how the role indents its own."""
    body = """\
chain input {
  type filter hook input priority 0; policy drop;
      iif lo accept  # } in a comment
\tct state { established,
      related } accept comment "{"

}
chain b { type filter hook input priority 0; tcp dport 25 drop; }
"""
    assert (
        table_script("inet", "t", body, (22,))
        == """\
# Kept by Configurator: change the role, not this file.
add table inet t
delete table inet t
table inet t {
    chain input {
        type filter hook input priority 0; policy drop;
        ct state established,related accept comment "configurator: open connections stay"
        tcp dport { 22 } accept comment "configurator: ssh stays open"
        iif lo accept  # } in a comment
        ct state { established,
            related } accept comment "{"

    }
    chain b { type filter hook input priority 0;
        ct state established,related accept comment "configurator: open connections stay"
        tcp dport { 22 } accept comment "configurator: ssh stays open"
        tcp dport 25 drop; }
}
"""
    )


@given(st.text('{}#"ab; \t\n', max_size=60))
def test_indenting_changes_nothing_but_white_space_around_lines(text: str) -> None:
    """nft must read the same script."""
    once = indented(text)
    assert [line.strip() for line in once.split("\n")] == [line.strip() for line in text.split("\n")]
    assert indented(once) == once


def test_hooks_in_comments_and_strings_are_no_chains() -> None:
    """The comment in BODY looks like a chain's beginning and must not get rules."""
    text = table_script(
        "inet", "t", BODY + '  chain x { comment "type filter hook input priority 0;" }\n', (22,)
    )
    assert text.count("ssh stays open") == 1
    assert len(mask(BODY)) == len(BODY)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("chain a { type filter hook\n input priority 0; }", "cannot be recognised"),
        ("chain a { type filter hook input priority 0; ", "unbalanced"),
        ("} table inet other {", "unbalanced"),
        ("flush ruleset\n", "inside of one table"),
        ("table inet x { }\n", "inside of one table"),
        ('include "/etc/other.nft"\n', "include"),
        ("chain a { type filter hook $hook priority 0; }", "include"),
    ],
)
def test_what_could_hide_a_chain_is_refused(body: str, said: str) -> None:
    """A chain that we do not see could close ssh."""
    with pytest.raises(TaskError, match=said):
        table_script("inet", "t", body, (22,))


def test_families_without_ports_get_no_rules() -> None:
    """arp has an input hook but no tcp; a bridge has tcp but no connection tracking of its own."""
    body = "chain a { type filter hook input priority 0; policy accept; }"
    assert "configurator:" not in table_script("arp", "t", body, (22,))
    bridge = table_script("bridge", "t", body, (22,))
    assert "ssh stays open" in bridge
    assert "ct state" not in bridge


def test_elements_that_come_by_themselves_are_no_drift() -> None:
    """A dynamic set fills with packets; a plain one is what the role wrote."""
    listing = (
        "table inet t {\n\tset seen {\n\t\ttype ipv4_addr\n\t\tflags dynamic,timeout\n"
        "\t\telements = { 1.1.1.1,\n"
        "\t\t\t     2.2.2.2 }\n\t}\n\tset mine {\n\t\ttype ipv4_addr\n\t\telements = { 3.3.3.3 }\n\t}\n}\n"
    )
    kept = without_changing_elements(listing)
    assert "1.1.1.1" not in kept
    assert "2.2.2.2" not in kept
    assert "3.3.3.3" in kept
    assert kept.count("}") == 4  # of the table, both sets and the plain one's elements


def test_a_first_load_shows_the_script_and_is_remembered() -> None:
    """The plan's diff is the script; a later task of the plan finds the table in order."""
    system = host()
    change = change_of(NFT, system, content=BODY)
    assert set(change.fields) == {"rules", "live", "kept for boot", "included at boot"}
    assert change.records()[0].diff is not None
    assert not converge(NFT, system, content=BODY)
    assert not change_of(NFT, system, content=BODY)
    assert system.commands == ["nft --file -"]
    assert system.ran[0][1] == system.read("/etc/nftables.d/configurator.nft").decode()


def test_the_boot_file_is_added_to_and_not_replaced() -> None:
    """What the administrator has in /etc/nftables.conf stays, and the line is added once."""
    system = host()
    converge(NFT, system, content=BODY)
    conf = system.read("/etc/nftables.conf").decode()
    assert conf == '#!/usr/sbin/nft -f\n\nflush ruleset\n\ninclude "/etc/nftables.d/*.nft"\n'
    converge(NFT, system, content=BODY + "  chain more { }\n")
    assert system.read("/etc/nftables.conf").decode() == conf
    entry = system.stat("/etc/nftables.conf")
    assert entry is not None
    assert entry.mode == 0o755


def test_a_change_by_hand_is_seen_and_put_right() -> None:
    """The live listing no longer has the recorded digest, though file and script are as they were."""
    system = host(LISTING, plan=False)
    script = table_script("inet", "configurator", BODY, (22,))
    record = {"script": script, "listing": hashlib.sha256(LISTING.rstrip("\n").encode()).hexdigest()}
    system.put("/var/lib/configurator/nftables/inet-configurator.json", json.dumps(record))
    system.put("/etc/nftables.d/configurator.nft", script)
    system.put("/etc/nftables.conf", 'include "/etc/nftables.d/*.nft"\n')
    assert not change_of(NFT, system, content=BODY)
    assert not change_of(NFT, system, content=BODY.replace("    iif", "\tiif")), "the same rules"
    system.answers["nft --stateless list"] = LISTING.replace("accept", "drop")
    assert change_of(NFT, system, content=BODY).fields == ("live",)
    system.answers["nft --stateless list"] = MISSING
    assert set(change_of(NFT, system, content=BODY).fields) == {"rules", "live"}
    system.answers["nft --stateless list"] = LISTING
    system.put("/etc/nftables.d/configurator.nft", "flush ruleset\n")
    assert change_of(NFT, system, content=BODY).fields == ("kept file",)


def test_bad_rules_are_refused_before_anything_is_loaded() -> None:
    """In a plan too: nft parses the script without loading it, and its words are shown."""
    system = host()
    system.answers["nft --check"] = (
        1,
        "",
        "/dev/stdin:10:19-19: Error: syntax error, unexpected newline\n    iif lo acceptt\n        ^\n",
    )
    with pytest.raises(TaskError) as caught:
        converge(NFT, system, content=BODY)
    assert caught.value.message == "nft: syntax error, unexpected newline: iif lo acceptt"
    assert not system.ran


def test_absent_removes_the_table_and_what_was_kept() -> None:
    """Nothing of it must come back at the next boot."""
    system = host(LISTING)
    system.put("/etc/nftables.d/configurator.nft", "x")
    assert not converge(NFT, system, state="absent")
    assert system.ran[0][1] == "add table inet configurator\ndelete table inet configurator\n"
    assert system.stat("/etc/nftables.d/configurator.nft") is None
    assert not change_of(NFT, host(), state="absent")


def test_a_host_without_nft_needs_its_package_first() -> None:
    """Unless an earlier task of the plan installs it: then nothing is loaded yet."""
    system = host((127, "", "nft: not found"))
    with pytest.raises(TaskError, match="nft is not installed"):
        change_of(NFT, system, content=BODY)
    system.established["package:nftables"] = {"exists": True, "version": "1.0.6"}
    system.answers["nft --check"] = (127, "", "nft: not found")
    assert change_of(NFT, system, content=BODY)
    assert not converge(NFT, system, content=BODY)


def test_every_change_is_guarded_with_file_record_and_live_rules() -> None:
    """Undoing puts back the record as well, or the restored table would look changed by others."""
    guard = NFT.guard(params_of(NFT, content=BODY), host())
    assert guard is not None
    assert guard.saves_tables == ("inet configurator",)
    assert set(guard.saves) == {
        "/etc/nftables.d/configurator.nft",
        "/etc/nftables.conf",
        "/var/lib/configurator/nftables/inet-configurator.json",
    }


def test_parameters_are_checked() -> None:
    """A table name becomes a file name and part of a command."""
    assert problems_of(NFT, content=BODY, table="../x")
    assert problems_of(NFT, content=BODY, table="x; flush ruleset")
    assert problems_of(NFT) == ["give 'content' or 'src'"]
    assert not problems_of(NFT, state="absent")


def test_the_rules_are_content_and_the_ports_those_of_the_host() -> None:
    """A moved ssh port changes the script, so that the table is loaded anew."""
    system = host()
    system.ports = (22, 2222)
    rules = change_of(NFT, system, content=BODY).after["rules"]
    assert isinstance(rules, Content)
    assert re.search(rb"tcp dport \{ 22, 2222 \} accept", rules.data)
