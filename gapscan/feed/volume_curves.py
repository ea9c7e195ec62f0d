"""The feed's volume curves: read from minute flat files once a trading day, and published."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Any, Final, Literal

from gapscan.bus.client import NATS_ERRORS, Bus, translated
from gapscan.bus.topology import ensure, feed_config
from gapscan.config import Config, directory_of
from gapscan.errors import DataError, GapscanError
from gapscan.feed.day_reader import DayReader
from gapscan.feed.publisher import FeedPublisher
from gapscan.flatfiles.curves import MeanVolumes, curves_a_part, ratios_since
from gapscan.flatfiles.minutes import KIND, DayVolumes
from gapscan.market.sessions import previous_trading_day
from gapscan.obs import Tally, logger
from gapscan.protocol.codec import encode
from gapscan.provider import Provider, Split
from gapscan.runtime import Backoff
from gapscan.service.connecting import retention

_log = logger("feed")

_RETRY_FIRST: Final = 0.25

State = Literal["off", "waiting", "reading", "ready", "no files"]


class _CurveLoad:
    """How far the curves of `date` are. What has come stays, so that a failure costs one step only."""

    def __init__(self, date: dt.date, days: Sequence[dt.date], missing: Sequence[dt.date]) -> None:
        self.date = date
        self.days = days
        self.missing = missing
        self.splits: Sequence[Split] | None = None
        self.bad_files = 0
        self.bad_lines = 0
        self.mean = MeanVolumes()
        self.left = list(days)


class CurveLoader:
    """Reads the last sessions before a trading day whenever one begins. Without flat files it does nothing."""

    def __init__(
        self, bus: Bus, provider: Provider, config: Config, tally: Tally, publisher: FeedPublisher | None = None
    ) -> None:
        section = config.feed
        self._bus = bus
        self._publisher = publisher or FeedPublisher(bus, tally)
        self._provider = provider
        self._config = config
        self._tally = tally
        self.reader: DayReader | None = None
        files = directory_of(section.flat_files)
        if files is not None and section.baseline_sessions:
            self.reader = DayReader(files, directory_of(section.cache_dir), tally)
        self._day_begins: asyncio.Queue[dt.date] = asyncio.Queue(1)
        self._announced: dt.date | None = None
        self._load: _CurveLoad | None = None
        self._state: State = "waiting" if self.reader else "off"
        self._last_error = ""
        self._published: Sequence[bytes] = ()
        self._publishing = asyncio.Lock()
        self._settled = asyncio.Event()

    def announce(self, date: dt.date) -> None:
        """Say which trading day it is."""
        if self.reader is not None and date != self._announced and self._day_begins.empty():
            self._announced = date
            self._settled.clear()
            self._day_begins.put_nowait(date)

    async def settled(self) -> None:
        """Wait until there is nothing more to come for the day that was announced."""
        if self.reader is not None:
            await self._settled.wait()

    async def run(self) -> None:
        """Load for ever, a day at a time; a day that is over before it is loaded is left for the next."""
        if self.reader is None:
            return
        while True:
            await self._add_day(self.reader, await self._day_begins.get())

    async def _add_day(self, reader: DayReader, date: dt.date) -> None:
        self._state, self._load = "reading", None
        backoff = Backoff(_RETRY_FIRST, self._config.feed.discovery_interval)
        while self._day_begins.empty() and not await self._tried(reader, date):  # noqa: ASYNC110  # grace
            await asyncio.sleep(backoff.next())
        if self._day_begins.empty():
            self._settled.set()

    async def _tried(self, reader: DayReader, date: dt.date) -> bool:
        """Go on loading; whether it is done. No failure is a reason to end the scans."""
        try:
            return await self._go_on(reader, date)
        except (GapscanError, OSError) as error:
            self._failed(date, str(error))
        except Exception as error:  # noqa: BLE001  # curves are an extra: nothing about them may end the feed
            self._load = None  # what it has may be half of something
            self._failed(date, f"{type(error).__name__}: {error}")
            _log.debug("volume curves failed", exc_info=error)
        return False

    def _failed(self, date: dt.date, why: str) -> None:
        self._last_error = why
        self._tally.trouble("curves_failed", f"volume curves of {date} cannot be published yet: {why}")

    def _nothing(self, why: str) -> None:
        self._state, self._last_error = "no files", why
        self._tally.trouble("no_flat_files", f"there are no volume curves: {why}")

    def _look_for_days(self, reader: DayReader, date: dt.date) -> _CurveLoad:
        """The last sessions before `date`, those with a file apart from those without, the newest first."""
        sessions = [previous_trading_day(date)]
        while len(sessions) < self._config.feed.baseline_sessions:
            sessions.append(previous_trading_day(sessions[-1]))
        days = [day for day in sessions if reader.exists(day)]
        return _CurveLoad(date, days, [day for day in sessions if day not in days])

    async def _go_on(self, reader: DayReader, date: dt.date) -> bool:
        """Go on from where it was; whether all is done. Raises FeedError, BusError or OSError."""
        load = self._load
        if load is None:
            self._load = load = await asyncio.to_thread(self._look_for_days, reader, date)
        if not load.days:
            sessions = self._config.feed.baseline_sessions
            self._nothing(f"{reader.files.root / KIND} has none of the {sessions} sessions before {date}")
            return True
        if load.splits is None:
            load.splits = await self._provider.splits(load.days[-1], date)
        while load.left and self._day_begins.empty():
            await self._add(reader, load, load.left[0])
            load.left.pop(0)
        if load.left:
            return False
        if load.mean.days:
            await self._publish(load)
        else:
            self._nothing(f"none of the flat files before {date} can be read")
        await asyncio.to_thread(reader.forget_all_but, load.days)
        return True

    async def _add(self, reader: DayReader, load: _CurveLoad, date: dt.date) -> None:
        try:
            day = await reader.read(date)
        except DataError as error:
            load.bad_files += 1
            self._tally.trouble("bad_flat_files", f"the minute bars of {date} are left out: {error}")
            return
        if day.bad_lines:
            load.bad_lines += day.bad_lines
            self._tally.trouble("bad_flat_lines", f"{day.first_fault} (the line is left out)", day.bad_lines)
        await asyncio.to_thread(self._add_volumes, load, date, day)

    @staticmethod
    def _add_volumes(load: _CurveLoad, date: dt.date, day: DayVolumes) -> None:
        load.mean.add(day, ratios_since(load.splits or (), date))

    async def _publish(self, load: _CurveLoad) -> None:
        size = curves_a_part(self._bus.max_payload)
        self._published = await asyncio.to_thread(lambda: [encode(part) for part in load.mean.parts(load.date, size)])
        await self._send()
        self._state, self._last_error = "ready", ""
        extra = {"date": load.date, "symbols": len(load.mean), "sessions": load.mean.days}
        extra |= {"missing": " ".join(map(str, load.missing))} if load.missing else {}
        _log.info("volume curves published", extra=extra)

    async def _send(self) -> None:
        async with self._publishing:
            for payload in self._published:
                await self._publisher.store(self._bus.names.feed_curves, payload)
            await self._keep_last()

    async def _keep_last(self) -> None:
        """Earlier sets are of no use: whoever starts would have to go through them."""
        self._publisher.check()
        try:
            await self._bus.js.purge_stream(self._bus.names.stream_curves, keep=len(self._published))
        except NATS_ERRORS as error:
            raise translated(error, f"clearing {self._bus.names.stream_curves}") from error

    async def restore(self) -> None:
        """Publish again where NATS has lost it. Raises BusError."""
        if self._state != "ready" or self._publishing.locked():
            return
        named = self._bus.names
        wanted = feed_config(named.stream_curves, named.feed_curves, retention(self._config))
        info = await ensure(self._bus, wanted)
        if not info.state.messages:
            _log.warning("NATS has lost the volume curves, publishing them again")
            self._publisher.look_again(self._bus.names.feed_curves)
            await self._send()

    def report(self) -> dict[str, Any]:
        """What `gapscan status` shows: of how many sessions the curves are, and what was left out."""
        load = self._load
        return {
            "state": self._state,
            "date": str(load.date) if load else None,
            "sessions": load.mean.days if load else 0,
            "missing": len(load.missing) if load else 0,
            "bad_files": load.bad_files if load else 0,
            "bad_lines": load.bad_lines if load else 0,
            "symbols": len(load.mean) if load else 0,
            "last_error": self._last_error,
        }
