"""Company details where they last: in memory, in the bucket, and in a file, so that nothing is asked for twice."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from gapscan.bus.client import Bus
from gapscan.bus.details import can_be_key, read_details, write_detail
from gapscan.config import directory_of
from gapscan.errors import BusError
from gapscan.files import replace_file
from gapscan.obs import Tally
from gapscan.protocol.messages import Detail

FRESH_DAYS: Final = 7
_MOST: Final = 20_000  # symbols; the oldest go first
_WRITE_SECONDS: Final = 10.0


class Saved(Struct):
    """The file: details, and the symbols that the provider did not know, with the day on which it was asked."""

    details: list[Detail]
    unknown: dict[str, str]


def cache_path(setting: str, *, simulated: bool) -> Path | None:
    """The file in the directory that `setting` names, if it names one. Invented details have a file of their own."""
    folder = directory_of(setting)
    return folder / ("details-simulated.json" if simulated else "details.json") if folder else None


class DetailsCache:
    """Details by symbol. Call `open` first, then run `keep`."""

    def __init__(self, bus: Bus, path: Path | None, tally: Tally, write_seconds: float = _WRITE_SECONDS) -> None:
        self.details: dict[str, Detail] = {}
        self.unknown: dict[str, str] = {}
        self._bus = bus
        self._path = path
        self._tally = tally
        self._write_seconds = write_seconds
        self._unsent: dict[str, None] = {}  # symbols whose detail is not in the bucket
        self._unsaved = False
        self._writing = threading.Lock()  # a thread that is given up at the end may still write, early or late
        self._editions = self._written = 0
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
        date = self.unknown.get(symbol)
        return date is not None and _days_before(date, today) < 1

    async def open(self) -> None:
        """Take in the file and the bucket. Raises BusError."""
        self._load()
        await self._merge_bucket()

    async def put(self, detail: Detail) -> None:
        """Keep a detail. NATS may be away: then the bucket gets it later."""
        self.unknown.pop(detail.symbol, None)
        self._remember(detail)
        self._unsent[detail.symbol] = None
        self._unsaved = True
        await self._send()

    def put_unknown(self, symbol: str, today: dt.date) -> None:
        """Keep that the provider does not know the symbol."""
        self.unknown[symbol] = today.isoformat()
        while len(self.unknown) > _MOST:
            del self.unknown[next(iter(self.unknown))]
        self._unsaved = True

    def _remember(self, detail: Detail) -> None:
        # Taken out first, so that the order is that of the coming in: what is too much goes from the front.
        self.details.pop(detail.symbol, None)
        self.details[detail.symbol] = detail
        while len(self.details) > _MOST:
            oldest = next(iter(self.details))
            del self.details[oldest]
            self._unsent.pop(oldest, None)

    async def keep(self) -> None:
        """Write for ever what is not written: the file from time to time, the bucket when it comes back."""
        stop_listening = self._bus.on_link_change(self._link_changed)
        try:
            while True:
                await asyncio.sleep(self._write_seconds)
                await self._mend_bucket()
                if self._unsaved:
                    await asyncio.to_thread(self._save, *self._edition())
        finally:
            stop_listening()
            if self._unsaved:
                self._save(*self._edition())

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
                self._unsaved = True
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

    def _load(self) -> None:
        if self._path is None or not self._path.exists():
            return
        try:
            saved = msgspec.json.decode(self._path.read_bytes(), type=Saved)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            self._tally.trouble("details_file", f"{self._path} cannot be read, its details are asked for anew: {error}")
            return
        for detail in saved.details[-_MOST:]:
            self._remember(detail)
        self.unknown.update(saved.unknown)

    def _edition(self) -> tuple[int, bytes]:
        """The next content of the file, and its number."""
        self._unsaved = False
        self._editions += 1
        return self._editions, msgspec.json.encode(Saved(list(self.details.values()), self.unknown))

    def _save(self, edition: int, content: bytes) -> None:
        """Write the file, unless a later edition is there."""
        if self._path is None:
            return
        try:
            with self._writing:
                if edition > self._written:
                    replace_file(self._path, content)
                    self._written = edition
        except OSError as error:
            self._unsaved = True
            self._tally.trouble("details_file", f"{self._path} cannot be written: {error.strerror}")


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
