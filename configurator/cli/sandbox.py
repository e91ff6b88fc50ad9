"""`configurator sandbox`: disposable Debian hosts on this machine."""

from __future__ import annotations

import sys

import click

LAB = click.option(
    "--lab", default="default", show_default=True, help="Name of the sandbox; each has a network of its own."
)


@click.group()
def sandbox() -> None:
    """Make disposable Debian hosts on this machine, to try roles on."""


@sandbox.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--release", default="bookworm", show_default=True, help="Debian release: bookworm or trixie.")
@click.option(
    "--count", type=click.IntRange(1, 50), default=1, help="Without names: how many, named box1, box2..."
)
@click.option(
    "--memory",
    metavar="SIZE",
    default="1G",
    show_default=True,
    help="The most that one host may write to its disk: 512M, 4G, 25%.",
)
@LAB
def up(names: tuple[str, ...], release: str, count: int, memory: str, lab: str) -> None:
    """Boot hosts, in a few seconds each; those that run already are left alone."""
    from configurator.sandbox.lab import Lab, how_to_use  # noqa: PLC0415

    place = Lab.open(lab, say=lambda line: click.echo(line, err=True))
    hosts = place.up(names or [f"box{number}" for number in range(1, count + 1)], release, memory=memory)
    for host in hosts:
        click.echo(f"{host.name}  {host.address}  {host.release}")
    click.echo(f"\nTry:  {how_to_use(place, hosts[0].name)}")


@sandbox.command("list")
def list_() -> None:
    """List the hosts of all sandboxes of this user."""
    from configurator.report.grid import grid  # noqa: PLC0415
    from configurator.sandbox.lab import labs  # noqa: PLC0415

    rows = []
    for lab in labs():
        states = lab.states()
        rows += [(lab.name, host.name, host.address, host.release, states[host.name]) for host in lab.hosts()]
    if sys.stdout.isatty() and rows:
        lines = grid(("sandbox", "host", "address", "release", "state"), rows)
    else:
        lines = map("  ".join, rows)  # scripts read this: one host a line and nothing else
    for line in lines:
        click.echo(line)


@sandbox.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--user", default="root", show_default=True, help="root, admin (sudo) or operator (sudo by password)."
)
@LAB
@click.pass_context
def ssh(context: click.Context, name: str, command: tuple[str, ...], user: str, lab: str) -> None:
    """Log in to a host, or run a command on it."""
    from configurator.sandbox.lab import Lab  # noqa: PLC0415

    context.exit(Lab.open(lab).connect(name, command, user=user))


@sandbox.command()
@click.argument("role")
@click.option("--release", default="bookworm", show_default=True, help="Debian release: bookworm or trixie.")
@click.option(
    "--shuffle",
    type=click.IntRange(0, 1000),
    default=0,
    metavar="N",
    help="Also apply it in N orders that its declared and found prerequisites allow, each on a fresh host.",
)
@click.option(
    "--seed", type=int, metavar="NUMBER", help="Repeat the orders of an earlier run, which printed it."
)
@click.option("--config", metavar="FILE", type=click.Path(), help="Settings and site (default: config.yaml).")
@click.option(
    "-e",
    "--extra-vars",
    multiple=True,
    metavar="VARS",
    help="Variables of the role: key=value, JSON, or @FILE. Repeatable.",
)
def test(
    role: str, release: str, shuffle: int, seed: int | None, config: str | None, extra_vars: tuple[str, ...]
) -> int:
    """Apply a role to a fresh host, twice: the second time must change nothing.

    With --shuffle every order must lead to the same files, packages, accounts, units and rules. What differs
    is shown with the order that led to it. The hosts are destroyed again.
    """
    import random  # noqa: PLC0415

    from configurator.app.options import RunOptions  # noqa: PLC0415
    from configurator.app.roletest import test_role  # noqa: PLC0415
    from configurator.report.roletest import role_test_lines  # noqa: PLC0415

    number = random.randrange(10**6) if seed is None else seed  # noqa: S311  (to be repeatable)
    options = RunOptions(config=config, extra_vars=extra_vars)
    report = test_role(
        role, options, release, shuffle, number, lambda line: click.echo(f"{line} ...", err=True)
    )
    for line in role_test_lines(role, report):
        click.echo(line)
    return 0 if report.passed else 3


@sandbox.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All hosts of the sandbox, and its network and key.")
@LAB
def down(names: tuple[str, ...], everything: bool, lab: str) -> None:
    """Destroy hosts with everything on them."""
    from configurator.sandbox.lab import Lab  # noqa: PLC0415

    if bool(names) == everything:
        raise click.UsageError("give the names of hosts, or --all")
    Lab.open(lab).down(None if everything else names)
