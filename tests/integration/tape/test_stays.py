"""When symbols were in a list, asked at any moment: as it was, also in the minute that is not over."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

import gapscan
from gapscan.bus.client import Bus
from gapscan.bus.definitions import write_definition
from gapscan.bus.tape import TapeLimits, TapeWriter
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.client.history import kept
from gapscan.client.tape_lists import recorded_lists
from gapscan.lists.recording import Recording
from gapscan.lists.state import Fit
from gapscan.protocol.alerts import HIDDEN_PREFIX
from gapscan.protocol.messages import ListDefinition, Row
from tests.support.strategies import delta_between, snapshot_of
from tests.support.tape import START

LIMITS = TapeLimits(3600.0, 64 * 1024 * 1024)
SYMBOLS = ("AAA", "BBB", "CCC")
STEPS = (1000, 4000, 70_000)
Times = list[tuple[int | None, int | None]]


class Told:
    """A list on its way to a tape, and when each symbol was in it."""

    def __init__(self, bus: Bus, name: str, seed: int) -> None:
        self.name = name
        self.times: dict[str, Times] = {symbol: [] for symbol in SYMBOLS}
        self._dice = random.Random(seed)
        self._writer = TapeWriter(bus, simulated=False)
        self._recording = Recording(name)
        self._rows: list[Row] = []
        self._time, self._sequence = START, 0

    async def begin(self) -> None:
        await self._writer.open(LIMITS)
        self._rows = [Row(symbol="AAA", price=1.0)]
        self.times["AAA"].append((None, None))
        snapshot = replace(snapshot_of(self._rows, 0), list=self.name, as_of=START)
        self._writer.append(self.name, self._recording.begin(snapshot, "not_kept"))
        await self._writer.store()

    async def step(self) -> None:
        """Some symbol comes or goes, and all of it is recorded, but for moves of a minute that is not over."""
        self._time += self._dice.choice(STEPS)
        symbol = self._dice.choice(SYMBOLS)
        rows = [row for row in self._rows if row["symbol"] != symbol]
        times = self.times[symbol]
        if len(rows) == len(self._rows):
            rows.append(Row(symbol=symbol, price=float(self._sequence)))
            times.append((self._time, None))
        else:
            times[-1] = (times[-1][0], self._time)
        delta = replace(delta_between(self._rows, rows, self._sequence), list=self.name, as_of=self._time)
        self._sequence += 1
        fit, records = self._recording.offer(delta, self._sequence)
        assert fit is Fit.APPLIED
        self._writer.append(self.name, [*records, *self._recording.flush()])
        await self._writer.store()
        self._rows = rows


async def defined(bus: Bus, name: str, *, hidden: bool = False) -> None:
    await ensure_shared(bus, Retention())
    await write_definition(
        bus, ListDefinition(name, "Some.", "volume > 0", ["-volume"], 30, [], own=hidden, hidden=hidden)
    )


@pytest.mark.parametrize("seed", range(2))
async def test_at_every_moment_who_is_in_is_said_to_be_in(bus: Bus, seed: int) -> None:
    await defined(bus, "winners")
    told = Told(bus, "winners", seed)
    await told.begin()
    for _ in range(30):
        await told.step()
        for symbol in SYMBOLS:
            stays = await gapscan.when(symbol, bus=bus)
            assert [(stay.entered, stay.left) for stay in stays] == told.times[symbol]
            assert not any(stay.unrecorded or stay.uncertain for stay in stays)


async def test_lists_that_only_alerts_look_at_are_not_among_lists(bus: Bus) -> None:
    """Neither while the alert is there, nor when it was removed; one asks for it by its name."""
    hidden, gone = HIDDEN_PREFIX + "mine", HIDDEN_PREFIX + "gone"
    await defined(bus, "winners")
    await defined(bus, hidden, hidden=True)
    for name in ("winners", hidden, gone):
        told = Told(bus, name, 1)
        await told.begin()
        for _ in range(5):
            await told.step()
    assert {stay.list for stay in await gapscan.when("AAA", bus=bus)} == {"winners"}
    assert [each.list for each in await kept(bus, await recorded_lists(bus))] == ["winners"]
    assert {stay.list for stay in await gapscan.when("AAA", name=hidden, bus=bus)} == {hidden}
