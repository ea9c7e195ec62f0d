"""Whatever NATS refuses, and whichever lists come and go, each list ends with what was wanted of it last."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.errors import BusError, FencedError
from gapscan.obs import Tally, logger
from gapscan.services import publishing as module
from gapscan.services.publishing import Publishing

LISTS = ("a", "b", "c")
ENOUGH = 1_000  # turns of the event loop, more than any story below needs to come to rest

Fate = tuple[int, type[BusError] | None]  # how many turns a publish takes, and what it raises in the end
Step = tuple[str, str, int]  # what is done to which list, and how many turns pass after it
Rows = Sequence[int]


def stories(*actions: str) -> st.SearchStrategy[list[Step]]:
    return st.lists(st.tuples(st.sampled_from(actions), st.sampled_from(LISTS), st.integers(0, 4)), max_size=40)


def fates(*errors: type[BusError]) -> st.SearchStrategy[list[Fate]]:
    """Of the first publishes; those after them are taken at once."""
    return st.lists(st.tuples(st.integers(0, 5), st.sampled_from((None, *errors))), max_size=30)


all_stories = stories("want", "want", "want", "want_equal", "want_shown", "lose", "remove", "add")


class Clock:
    """A second passes with each turn of the event loop that a test makes."""

    now = 0

    def monotonic(self) -> float:
        return self.now

    async def turn(self) -> None:
        self.now += 1
        await asyncio.sleep(0)


clock = Clock()


@pytest.fixture(autouse=True, scope="module")
def _no_real_time() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "time", clock)
        patch.setattr(module, "RETRY_FIRST", 0.0)
        patch.setattr(module, "RETRY_LIMIT", 0.0)
        yield


class FakePublisher:
    """What `Publishing` needs of a ListPublisher."""

    def __init__(self, name: str, world: World) -> None:
        self.name = name
        self.rows: Rows = []
        self.unsettled = False
        self.due_since: int | None = None  # since when no publish was taken
        self._world = world

    async def publish(self, rows: Rows, as_of: int) -> bool:
        async with self._world.publish_of(self.name):
            if self.due_since is None:
                self.due_since = clock.now
            await self._world.suffer(self)
            changed = self.unsettled or self.rows != rows
            self.rows, self.unsettled, self.due_since = rows, False, None
            self._world.taken += changed
            return changed

    async def write_snapshot(self, simulated: bool) -> bool:
        async with self._world.snapshot_of(self.name):
            await self._world.suffer(self)
            return True


class World:
    """Lists that come and go, what is wanted of them, and a NATS that takes it, or not."""

    def __init__(self, fates: list[Fate]) -> None:
        self.publishers = {name: FakePublisher(name, self) for name in LISTS}
        self.wanted: dict[str, Rows] = {}
        self.taken = self.refused = self.doubts = self.versions = 0
        self.fenced: list[FencedError] = []
        self.tally = Tally(logger("test"))
        universe = SimpleNamespace(as_of=1, simulated=False)
        self.publishing = Publishing(self.publishers, universe, self.tally, self._doubt)
        self._fates = iter(fates)
        self._inside: set[str] = set()
