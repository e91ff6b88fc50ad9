"""Ansible Vault: reading and writing what it has encrypted."""
