"""Roles, variables and facts to a graph of concrete tasks for one host."""
