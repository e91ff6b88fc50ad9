"""Reaching a host: SSH connection, agent bootstrap, message frames."""
