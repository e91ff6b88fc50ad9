"""Configurator: agentless configuration of Debian hosts with a true plan and a parallel apply."""

__version__ = "0.1.0"
