"""Disposable Debian hosts for trying roles and for the tests."""

from configurator.sandbox.hosts import LabHost
from configurator.sandbox.lab import Lab, labs
from configurator.sandbox.machine import missing_packages

__all__ = ["Lab", "LabHost", "labs", "missing_packages"]
