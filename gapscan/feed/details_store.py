"""Company details where they last: in a bucket of NATS, and a copy of it in memory, so that nothing is asked twice."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping
from typing import Final

from gapscan.bus.client import Bus
from gapscan.bus.details import can_be_key, read_details, write_detail
from gapscan.errors import BusError
from gapscan.obs import Tally
from gapscan.protocol.messages import Detail

FRESH_DAYS: Final = 7
_MOST: Final = 20_000  # symbols; the oldest go first
_MEND_SECONDS: Final = 10.0


class DetailsStore:
    """Details by symbol. Call `open` first, then run `keep`."""

    def __init__(self, bus: Bus, tally: Tally, mend_seconds: float = _MEND_SECONDS) -> None:
        self.details: dict[str, Detail] = {}
        self.unknown: dict[str, dt.date] = {}  # symbols that the provider did not know, and when it was asked
        self._bus = bus
        self._tally = tally
        self._mend_seconds = mend_seconds
        self._unsent: dict[str, None] = {}  # symbols whose detail is not in the bucket
        self._bucket_may_lack = False

    def is_fresh(self, symbol: str, today: dt.date, *, split: bool = False) -> bool:
        """Whether what is known of `symbol` need not be asked for again: of this week, or of today after a split.

        A float that is not known may be tomorrow: when the account's plan has it.
        """
        detail = self.details.get(symbol)
        if detail is not None:
            days = 1 if split or detail.float_shares is None else FRESH_DAYS
            if _days_before(detail.date, today) < days:
                return True
        return self.is_unknown(symbol, today)

    def is_unknown(self, symbol: str, today: dt.date) -> bool:
        """Whether the provider said today that it does not know the symbol."""
        return self.unknown.get(symbol) == today

    async def open(self) -> None:
        """Read the bucket. Raises BusError."""
        await self._merge_bucket()

    async def put(self, detail: Detail) -> None:
        """Keep a detail. NATS may be away: then the bucket gets it later."""
        self.unknown.pop(detail.symbol, None)
        self._remember(detail)
        self._unsent[detail.symbol] = None
        await self._send()

    def put_unknown(self, symbol: str, today: dt.date) -> None:
        """Keep that the provider does not know the symbol."""
        self.unknown[symbol] = today
        while len(self.unknown) > _MOST:
            del self.unknown[next(iter(self.unknown))]

    def _remember(self, detail: Detail) -> None:
        # Taken out first, so that the order is that of the coming in: what is too much goes from the front.
        self.details.pop(detail.symbol, None)
        self.details[detail.symbol] = detail
        while len(self.details) > _MOST:
            oldest = next(iter(self.details))
            del self.details[oldest]
            self._unsent.pop(oldest, None)

    async def keep(self) -> None:
        """Bring the bucket, for ever, what it lacks: it may have been away, or come back with less than it had."""
        stop_listening = self._bus.on_link_change(self._link_changed)
        try:
            while True:
                await asyncio.sleep(self._mend_seconds)
                await self._mend_bucket()
        finally:
            stop_listening()

    def _link_changed(self) -> None:
        # The server may have come back with less than it had.
        self._bucket_may_lack = True

    async def _mend_bucket(self) -> None:
        if self._bucket_may_lack and self._bus.connected:
            try:
                self._bucket_may_lack = False
                await self._merge_bucket()
            except BusError as error:
                self._bucket_may_lack = True
                self._tally.trouble("details_unread", f"the stored details cannot be read: {error}")
        await self._send()

    async def _merge_bucket(self) -> None:
        """Of each symbol the newer detail counts, here and there."""
        stored = await read_details(self._bus)
        for symbol, detail in stored.items():
            if symbol not in self.details or self.details[symbol].date < detail.date:
                self._remember(detail)
        self._unsent = {symbol: None for symbol in self.details if _is_newer(self.details[symbol], stored)}

    async def _send(self) -> None:
        while self._unsent and self._bus.connected:
            symbol = next(iter(self._unsent))
            del self._unsent[symbol]
            if not can_be_key(symbol):
                self._tally.trouble("details_unsendable", f"{symbol!r} cannot name a value in NATS")
                continue
            try:
                await write_detail(self._bus, self.details[symbol])
            except BusError as error:
                if symbol in self.details:
                    self._unsent[symbol] = None
                self._tally.trouble("details_unsent", f"details cannot be stored, trying again: {error}")
                return


def _days_before(date: str, today: dt.date) -> float:
    """How many days `date` is before `today`; a day that has not come says nothing, and counts as long ago."""
    try:
        days = (today - dt.date.fromisoformat(date)).days
    except ValueError:
        return float("inf")
    return days if days >= 0 else float("inf")


def _is_newer(detail: Detail, stored: Mapping[str, Detail]) -> bool:
    other = stored.get(detail.symbol)
    return other is None or other.date < detail.date
