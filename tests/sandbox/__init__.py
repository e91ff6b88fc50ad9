"""Tests of the disposable hosts."""
