"""`explain`: what the code at the end of an error's line means, and what to do."""

from __future__ import annotations

import click


@click.command(short_help="Tell what the code of an error means, and what to do.")
@click.argument("code", required=False)
def explain(code: str | None) -> int:
    """Tell what the CODE at the end of an error's line means, and what to do; without one list them all."""
    from configurator.config.codes import EXPLANATIONS  # noqa: PLC0415  (start-up: --help needs none of this)

    if code is None:
        width = max(map(len, EXPLANATIONS))
        for name, item in sorted(EXPLANATIONS.items()):
            click.echo(f"{name:{width}}  {item.title}")
        return 0
    found = EXPLANATIONS.get(code.strip("[]").lower())
    if found is None:
        from configurator.config.expect import did_you_mean  # noqa: PLC0415

        error = click.UsageError(f"no such code: {code}; `configurator explain` lists them")
        error.hint = did_you_mean(code, EXPLANATIONS)  # type: ignore[attr-defined]
        raise error
    click.echo(f"{found.title}\n\n{click.wrap_text(found.text, 100)}")
    for word, example in (("Instead of", found.wrong), ("write", found.right)):
        if example:
            click.echo(f"\n{word}\n")
            click.echo("".join(f"    {line}\n" for line in example.split("\n")), nl=False)
    return 0
