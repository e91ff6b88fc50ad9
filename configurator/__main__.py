"""`python -m configurator`: the same as the console script."""

from configurator.cli.main import run

run()
