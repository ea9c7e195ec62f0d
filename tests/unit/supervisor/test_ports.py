"""Ports that are given to processes which listen on them only later."""

from __future__ import annotations

from gapscan.supervisor.ports import free_port, is_free


def test_no_two_processes_are_given_one_port() -> None:
    """The system may name a port twice while nobody listens on it: of some thousand, some are the same."""
    ports = [free_port() for _ in range(2000)]
    assert len(set(ports)) == len(ports)
    assert is_free(ports[-1])
