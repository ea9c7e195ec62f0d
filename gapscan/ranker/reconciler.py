"""What lists live in, kept there while a ranker leads: streams and snapshots that somebody deletes come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

from gapscan.bus.client import Bus
from gapscan.bus.publisher import ListPublisher
from gapscan.bus.snapshots import snapshot_names
from gapscan.bus.topology import Retention, ensured, list_names, shared
from gapscan.errors import BusError, FencedError, TopologyError
from gapscan.obs import Tally, logger

CHECK_SECONDS: Final = 10.0  # between two checks while nothing fails: a list that is closed publishes nothing
REST_SECONDS: Final = 1.0  # between two checks, at least
_FAULTS_SHOWN: Final = 3

_log = logger("ranker")


class Reconciler:
    """Keeps the shared streams and buckets as they are to be, and the stream and the snapshot of each list.

    Each is checked by itself: what stands in the place of one keeps no other away. `fault` says what the last check
    failed at, or is empty. `losing` is called with a list whose stream is gone, before that is made anew: were
    NATS lost in between, its rows would be only where the caller has noted them.
    """

    def __init__(
        self,
        bus: Bus,
        retention: Retention,
        publishers: Mapping[str, ListPublisher],
        losing: Callable[[ListPublisher], None],
        tally: Tally,
    ) -> None:
        self._bus = bus
        self._retention = retention
        self._publishers = publishers
        self._losing = losing
        self._tally = tally
        self._check_due = asyncio.Event()
        self._faults: dict[str, str] = {}  # by what they are of

    @property
    def fault(self) -> str:
        """What is wrong, in one line."""
        return _in_one_line(self._faults)

    def check_soon(self) -> None:
        """NATS did not take something: check soon whether all is there."""
        self._check_due.set()

    async def run(self) -> None:
        """Check now and then, for ever. Raises FencedError when another writer made a list's stream anew."""
        while True:
            await asyncio.sleep(REST_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(CHECK_SECONDS):
                    await self._check_due.wait()
            self._check_due.clear()
            await self._check()

    async def _check(self) -> None:
        faults: dict[str, BusError] = {}
        for wanted in shared(self._bus.names, self._retention):
            with _noting(f"stream {wanted.name}", faults) as what:
                if (await ensured(self._bus, wanted))[1]:
                    self._made_anew(what)
        with _noting("the lists' streams", faults):
            there = await list_names(self._bus)
            for name in sorted(self._publishers):
                await self._keep_stream(name, there, faults)
        with _noting("the snapshots", faults):
            await self._keep_snapshots()
        self._report(faults)

    async def _keep_stream(self, name: str, there: set[str], faults: dict[str, BusError]) -> None:
        publisher = self._publishers.get(name)
        if publisher is None or (name in there and not publisher.unsettled):
            return
        with _noting(f"the stream of list {name}", faults) as what:
            self._losing(publisher)
            await publisher.renew()
            self._made_anew(what)

    async def _keep_snapshots(self) -> None:
        stored = await snapshot_names(self._bus)
        for name, publisher in sorted(self._publishers.items()):
            if name not in stored and not publisher.unsettled:
                publisher.check_snapshot_soon()
                self._made_anew(f"the snapshot of list {name}")

    def _made_anew(self, what: str) -> None:
        self._tally.trouble("made_anew", f"{what} was deleted, and is made anew")

    def _report(self, faults: Mapping[str, BusError]) -> None:
        """Count what failed, log what is new of it, and show all of it until the next check."""
        for error in faults.values():
            self._tally.count("topology_refused" if isinstance(error, TopologyError) else "upkeep_failed")
            if error.retry:
                self.check_soon()
        before, self._faults = self._faults, {what: str(error) for what, error in faults.items()}
        new = {what: fault for what, fault in self._faults.items() if before.get(what) != fault}
        if new:
            _log.warning("streams and buckets are not as they should be: %s", _in_one_line(new))


@contextmanager
def _noting(what: str, faults: dict[str, BusError]) -> Iterator[str]:
    """What fails in here is noted and costs nothing else; only another writer ends it all."""
    try:
        yield what
    except FencedError:
        raise
    except BusError as error:
        faults[what] = error


def _in_one_line(faults: Mapping[str, str]) -> str:
    different = list(dict.fromkeys(faults.values()))
    more = len(different) - _FAULTS_SHOWN
    return "; ".join(different[:_FAULTS_SHOWN]) + (f"; and {more} more" if more > 0 else "")
