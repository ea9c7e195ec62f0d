"""Reaching the NATS that `gapscan up` runs: it asks for a login, which only its own user can read."""

from __future__ import annotations

from pathlib import Path

from gapscan import runfile
from gapscan.bus.client import BusOptions


def with_login(options: BusOptions, data: Path | None = None) -> BusOptions:
    """`options` with the login of the set that runs at their URL, if it is one's own; else as they are.

    `data` is the set's directory, by default the usual one.
    """
    running = runfile.read(data)
    if running is None or running.nats_user is None or not running.serves(options.url):
        return options
    return BusOptions(options.url, running.nats_user, running.nats_password)
