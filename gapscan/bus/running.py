"""Reaching the NATS that `gapscan up` runs: it asks for a login, which only its own user can read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gapscan import runfile
from gapscan.bus.options import Access, BusOptions


@dataclass
class RunningSet(BusOptions):
    """The way to the set in directory `data`: started again, it has another login, which is looked up for each link."""

    data: Path | None = None

    def completed(self) -> Access:
        """As that of BusOptions."""
        running = runfile.read(self.data)
        if running is not None and running.nats_user is not None and running.serves(self.url):
            self.user, self.password = running.nats_user, running.nats_password
            self.prefix = self.prefix or running.prefix
        return super().completed()


def with_login(options: BusOptions, data: Path | None = None) -> BusOptions:
    """`options` with the login of the set that runs at their URL, if it is one's own; else as they are.

    `data` is the set's directory, by default the usual one.
    """
    running = runfile.read(data)
    if running is None or running.nats_user is None or not running.serves(options.url):
        return options
    return RunningSet(
        options.url, running.nats_user, running.nats_password, prefix=options.prefix or running.prefix, data=data
    )
