"""Made-up lists that change at random, and the truth about them."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from gapscan.bus.client import Bus
from gapscan.bus.publisher import ListPublisher
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.client.view import ListView
from gapscan.protocol.messages import Row, State

SYMBOLS = [f"S{number}" for number in range(40)]


def some_rows(dice: random.Random) -> list[Row]:
    """A list of 0 to 30 rows in random order."""
    chosen = dice.sample(SYMBOLS, dice.randint(0, 30))
    return [Row(symbol=symbol, price=dice.randint(1, 9) / 2, name=dice.choice([None, "x"])) for symbol in chosen]


@dataclass
class Published:
    """A list that is published step by step; `truth` has its rows at every sequence."""

    publisher: ListPublisher
    dice: random.Random
    truth: dict[int, list[Row]] = field(default_factory=dict)

    async def step(self, number: int = 1) -> None:
        """Publish some changes."""
        for _ in range(number):
            rows = some_rows(self.dice)
            # What fails may have been stored all the same: the publisher then stands by it.
            self.truth.setdefault(self.publisher.sequence + 1, rows)
            if await self.publisher.publish(rows, self.publisher.sequence + 1):
                self.truth[self.publisher.sequence] = rows

    async def beat(self, state: State = "live") -> None:
        """As a ranker's: its market time is never behind that of the last delta."""
        as_of = max(self.publisher.as_of, self.publisher.sequence)
        await self.publisher.heartbeat(state, as_of, simulated=True)


async def publish_list(bus: Bus, name: str, retention: Retention | None = None, seed: int = 1) -> Published:
    """A new list, empty at sequence 0."""
    await ensure_shared(bus, Retention())
    publisher = ListPublisher(bus, name)
    await publisher.recover(retention or Retention())
    return Published(publisher, random.Random(seed), {0: []})


async def to_the_end(views: AsyncIterator[ListView]) -> None:
    """Look at all that a follower shows, until it ends."""
    async for _ in views:
        pass
