"""Says when a scan of a simulated market is ranked, so that the market never outruns the set."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from gapscan.bus.client import NATS_ERRORS, Bus
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Ranked
from gapscan.ranker.ingest import Ingest

_LOOK_SECONDS: Final = 0.01


async def tell_progress(bus: Bus, ingest: Ingest, settled: Callable[[], bool]) -> None:
    """After each scan of a simulated market, say that it is ranked as soon as all that follows from it is stored.

    While reference data are still to come nothing is said: the market waits for them where it is.
    """
    while True:
        await ingest.scanned.wait()
        ingest.scanned.clear()
        if not ingest.universe.simulated:
            continue
        scanned = ingest.universe.scanned_at
        while not settled():  # noqa: ASYNC110  # many things end it
            await asyncio.sleep(_LOOK_SECONDS)
        if ingest.ready and ingest.reference_complete:
            with suppress(*NATS_ERRORS):  # away: it is said again after the next scan
                await bus.nc.publish(bus.names.ranked, encode(Ranked(scanned)))
