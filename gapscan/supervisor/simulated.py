"""The settings of `gapscan up` where there is no account: a simulated market beside the services."""

from __future__ import annotations

import time
from typing import Final

from msgspec import structs

from gapscan import providers
from gapscan.config import Config, SimSection, simulated_day
from gapscan.config.sim_section import STEP_SECONDS
from gapscan.supervisor import ports

# The simulated market has no quota: it is scanned this often (market seconds), and at most once a wall second; one that
# runs so fast that the minute by which its clock waits is shorter, once in such a minute. It may be asked for so many
# details a second.
_SIMULATED_INTERVAL: Final = 5.0
_LEAST_INTERVAL: Final = 0.1
_SIMULATED_DETAILS: Final = 40.0


def as_simulated(config: Config) -> Config:
    """The settings of a set on a simulated market of its own, on a free port. Raises ConfigError."""
    simulated_day(config.sim)  # said here, before anything starts, and not by a service that ends
    port = config.sim.port or ports.free_port()
    host = f"127.0.0.1:{port}"
    # A recording has its own times.
    section = structs.replace(config.sim, port=port, origin=time.time(), follow=not config.sim.recording)
    interval = _simulated_interval(section)
    details = config.feed.details_per_second and max(_SIMULATED_DETAILS, config.feed.details_per_second)
    return structs.replace(
        config,
        sim=section,
        provider=structs.replace(
            config.provider,
            name=providers.SIMULATED,
            library=config.provider.library if config.provider.name == providers.SIMULATED else None,
            rest_url=f"http://{host}",
            websocket_host=host,
            secure_websocket=False,
            proxy=None,
            simulated=True,
        ),
        feed=structs.replace(
            config.feed,
            discovery_interval=interval,
            details_per_second=details,
            cache_dir="",
            # What real stocks trade says nothing about an invented market.
            flat_files=config.feed.flat_files if config.sim.replay or config.sim.recording else "",
        ),
    )


def _simulated_interval(section: SimSection) -> float:
    """Seconds of wall time from scan to scan."""
    step = STEP_SECONDS / section.speed if section.stepping else 1.0
    return max(_LEAST_INTERVAL, min(1.0, step), _SIMULATED_INTERVAL / section.speed)
