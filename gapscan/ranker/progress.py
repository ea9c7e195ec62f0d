"""Says when a scan of a simulated market is ranked, so that the market never outruns the set."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from gapscan.bus.client import NATS_ERRORS, Bus
from gapscan.lists.delta import Rows
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Ranked
from gapscan.ranker.ingest import Ingest
from gapscan.ranking.scanner import Scanner

_LOOK_SECONDS: Final = 0.01


class WholeDay:
    """Notices when all that is known beforehand of a simulated market's day has come.

    Who came into a list before, did so by what was not known, and might stay as long as rows do. How long it took to
    load is a matter of the machine: what is shown must not hang on it, so that all are ranked as newcomers then.
    """

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest
        self._whole: dt.date | None = None  # the last day that was
        self._lacking = False  # whether the present one was ranked before

    def members(self, rows: dict[str, Rows], scanner: Scanner) -> dict[str, Rows]:
        """Of what the lists show, who is in them and may stay: at that moment nobody, nor has anybody to wait."""
        if not self._begins():
            return rows
        scanner.lists = scanner.lists
        return {}

    def _begins(self) -> bool:
        """Whether it has come since this was last asked, for the first time on that day."""
        date = self._ingest.universe.date
        if date == self._whole:
            return False
        if not self._ingest.reference_complete:
            self._lacking = True
            return False
        lacked, self._lacking, self._whole = self._lacking, False, date
        return lacked and self._ingest.universe.simulated


async def tell_progress(bus: Bus, ingest: Ingest, settled: Callable[[], bool]) -> None:
    """After each scan of a simulated market, say that it is ranked as soon as all that follows from it is stored.

    While reference data are still to come nothing is said: the market waits for them where it is.
    """
    while True:
        await ingest.scanned.wait()
        ingest.scanned.clear()
        if not ingest.universe.simulated:
            continue
        shown_at = ingest.shown_at
        while not settled():  # noqa: ASYNC110  # many things end it
            await asyncio.sleep(_LOOK_SECONDS)
        if ingest.ready and ingest.reference_complete:
            with suppress(*NATS_ERRORS):  # away: it is said again after the next scan
                await bus.nc.publish(bus.names.ranked, encode(Ranked(shown_at)))
