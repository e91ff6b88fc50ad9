"""One file per kind of thing a host is configured with. Standard library only."""
