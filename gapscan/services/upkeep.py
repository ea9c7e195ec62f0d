"""What lists live in, kept there while a ranker leads: streams and snapshots that somebody deletes come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from gapscan.bus.client import Bus
from gapscan.bus.publisher import ListPublisher
from gapscan.bus.snapshots import snapshot_names
from gapscan.bus.topology import Retention, ensure_shared, list_names
from gapscan.errors import BusError, FencedError, TopologyError
from gapscan.obs import Tally

LOOK_SECONDS: Final = 10.0  # between two looks while nothing fails: a list that is closed publishes nothing
REST_SECONDS: Final = 1.0  # between two looks, at least


class Upkeep:
    """Looks after the shared streams and buckets, and after the stream and the snapshot of each list.

    `fault` says what stands in their place, or is empty. `losing` is called with a list whose stream is gone, before
    that is made anew: were NATS lost in between, its rows would be only where the caller has noted them.
    """

    def __init__(
        self,
        bus: Bus,
        retention: Retention,
        publishers: Mapping[str, ListPublisher],
        losing: Callable[[ListPublisher], None],
        tally: Tally,
    ) -> None:
        self.fault = ""
        self._bus = bus
        self._retention = retention
        self._publishers = publishers
        self._losing = losing
        self._tally = tally
        self._doubted = asyncio.Event()

    def doubt(self) -> None:
        """NATS did not take something: look soon whether all is there."""
        self._doubted.set()

    async def run(self) -> None:
        """Look now and then, for ever. Raises FencedError when another writer made a list's stream anew."""
        while True:
            await asyncio.sleep(REST_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._doubted.wait()
            self._doubted.clear()
            await self._look()

    async def _look(self) -> None:
        try:
            await self._keep_shared()
            await self._keep_streams()
            await self._keep_snapshots()
        except FencedError:
            raise
        except TopologyError as error:
            self.fault = str(error)
            self._tally.trouble("topology_refused", f"{error}")
        except BusError as error:
            self._tally.trouble("upkeep_failed", f"streams and buckets are not looked after: {error.message}")
        else:
            self.fault = ""

    async def _keep_shared(self) -> None:
        for name in await ensure_shared(self._bus, self._retention):
            self._made_anew(f"stream {name}")

    async def _keep_streams(self) -> None:
        lost = self._publishers.keys() - await list_names(self._bus)
        for publisher in [self._publishers[name] for name in lost if name in self._publishers]:
            self._losing(publisher)
            await publisher.renew()
            self._made_anew(f"the stream of list {publisher.name}")

    async def _keep_snapshots(self) -> None:
        for name in self._publishers.keys() - await snapshot_names(self._bus):
            self._publishers[name].doubt_snapshot()
            self._made_anew(f"the snapshot of list {name}")

    def _made_anew(self, what: str) -> None:
        self._tally.trouble("made_anew", f"{what} was deleted, and is made anew")
