"""What a NATS has of all that gapscan needs, line by line."""

from __future__ import annotations

from gapscan.bus.client import BusOptions, connect
from gapscan.bus.survey import survey
from gapscan.bus.topology import Retention
from gapscan_cli import exits, output


async def try_nats(options: BusOptions, retention: Retention) -> int:
    """Print each thing that was tried; the exit code. Raises BusError where there is no NATS."""
    missing = 0
    async with connect(options, "gapscan config check") as bus:
        async for finding in survey(bus, retention):
            output.say(f"{'ok' if finding.good else 'missing'}: {finding.text}")
            missing += not finding.good
    return exits.WORLD if missing else exits.OK
