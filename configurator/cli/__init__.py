"""The command line: click commands that parse, call app/ and return an exit code."""
