"""`init` and `schema`: a new project, and what editors need to know of its files."""

from __future__ import annotations

import click


@click.command(short_help="Make a small project to begin with.")
@click.argument("folder", default=".", type=click.Path(file_okay=False))
def init(folder: str) -> int:
    """Write a small project into FOLDER (here without one): settings, an inventory, a role, and schemas.

    Nothing that is there already is written over.
    """
    from configurator.app.init import FILES  # noqa: PLC0415  (start-up: --help needs none of this)
    from configurator.app.init import init as make  # noqa: PLC0415

    for path in make(folder)[: len(FILES)]:
        click.echo(path)
    where = "" if folder == "." else f"cd {folder} && "
    click.echo(f"\nTry:  {where}configurator check", err=True)
    return 0


@click.command(short_help="Write JSON Schemas by which editors complete and check.")
@click.argument("kind", required=False)
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    type=click.Path(file_okay=False),
    help="Write KIND.json there instead of writing to stdout.",
)
def schema(kind: str | None, output: str | None) -> int:
    """Write the JSON Schema (draft 2020-12) of one KIND of file, or those of all into .configurator/schemas/.

    KIND is config, inventory, tasks, handlers, playbook, meta or vars. Modules of the project are known.
    """
    from configurator.app import schemas  # noqa: PLC0415

    if kind is not None and kind not in schemas.KINDS:
        from configurator.config.expect import did_you_mean  # noqa: PLC0415

        error = click.UsageError(f"no such kind of file: {kind}; there are {', '.join(schemas.KINDS)}")
        error.hint = did_you_mean(kind, schemas.KINDS)  # type: ignore[attr-defined]
        raise error
    if kind is not None and output is None:
        click.echo(schemas.text(kind), nl=False)
        return 0
    kinds = schemas.KINDS if kind is None else (kind,)
    for path in schemas.write_schemas(output or schemas.FOLDER, kinds=kinds):
        click.echo(path)
    return 0
