"""Disposable Debian hosts for trying roles and for the tests."""
