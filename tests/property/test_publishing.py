"""Whatever NATS refuses, and whichever lists come and go, each list ends with what was wanted of it last."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Iterator, Sequence
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gapscan.bus.publisher import ListPublisher
from gapscan.bus.stage_times import StageTimes
from gapscan.errors import BusError, FencedError
from gapscan.market.universe import Universe
from gapscan.obs import Tally, logger
from gapscan.protocol.messages import Row
from gapscan.ranker import publishing as module
from gapscan.ranker.publishing import Publishing

LISTS = ("a", "b", "c")
Fate = tuple[int, type[BusError] | None]  # how many turns of the event loop a publish takes, and what it raises
Step = tuple[str, str, int]  # what is done to which list, and how many turns pass after it
Rows = Sequence[object]


def stories(*actions: str) -> st.SearchStrategy[list[Step]]:
    return st.lists(st.tuples(st.sampled_from(actions), st.sampled_from(LISTS), st.integers(0, 4)), max_size=40)


def fates(*errors: type[BusError]) -> st.SearchStrategy[list[Fate]]:
    return st.lists(st.tuples(st.integers(0, 5), st.sampled_from((None, *errors))), max_size=30)  # then all is taken


any_stories = stories("want", "want", "want", "want_equal", "want_shown", "lose", "remove", "add")


class _Clock:
    now = 0

    def monotonic(self) -> float:
        return self.now


clock = _Clock()


async def turn() -> None:
    """A second of the clock passes with each turn that a test waits for."""
    clock.now += 1
    await asyncio.sleep(0)


@pytest.fixture(autouse=True, scope="module")
def _no_real_time() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("time", clock), ("RETRY_FIRST", 0.0), ("_RETRY_LIMIT", 0.0)):
            patch.setattr(module, name, value)
        yield


class FakePublisher:
    """What `Publishing` needs of a ListPublisher, and since when NATS has taken nothing."""

    def __init__(self, name: str, world: World) -> None:
        self.name, self._world = name, world
        self.rows: Rows = []
        self.unsettled = False
        self.due_since: int | None = None
        self.near: dict[str, object] = {}

    async def publish(self, rows: Rows, as_of: int, times: StageTimes | None = None) -> bool:
        world, (turns, error) = self._world, next(self._world.fates, (0, None))
        assert not world.under_way[self.name].locked(), "two deltas of one list"
        self.due_since = clock.now if self.due_since is None else self.due_since
        async with world.under_way[self.name]:
            for _ in range(turns):
                await asyncio.sleep(0)
        if error:
            failure = error("refused")
            world.refused[error] += [failure] if world.publishers.get(self.name) is self else []
            raise failure
        world.taken += (changed := self.unsettled or self.rows != rows)
        self.rows, self.unsettled, self.due_since = rows, False, None
        return changed


class World:
    """Lists that come and go, what is wanted of them, and a NATS that takes it, or not."""

    def __init__(self, fates: list[Fate]) -> None:
        self.publishers = {name: FakePublisher(name, self) for name in LISTS}
        self.wanted: dict[str, Rows] = {}
        self.refused: dict[type[BusError], list[BusError]] = {BusError: [], FencedError: []}  # of lists that are there
        self.under_way = {name: asyncio.Lock() for name in LISTS}
        self.fates = iter(fates)
        self.tally, self.taken = Tally(logger("test")), 0
        check_soon = functools.partial(self.tally.count, "doubts")
        self.publishing = Publishing(
            cast(dict[str, ListPublisher], self.publishers),
            cast(Universe, SimpleNamespace(as_of=1)),
            self.tally,
            check_soon,
        )

    def want(self, name: str, made_of: Callable[[Rows], Rows] = lambda _: [object()]) -> None:
        if publisher := self.publishers.get(name):
            self.wanted[name] = made_of(publisher.rows)
            self.publishing.want({name: cast(Sequence[Row], self.wanted[name])})

    want_equal = functools.partialmethod(want, made_of=list)  # computed anew, but as they were
    want_shown = functools.partialmethod(want, made_of=lambda rows: rows)

    def lose(self, name: str) -> None:
        """The list's stream is gone."""
        if publisher := self.publishers.get(name):
            publisher.unsettled = True
            self.wanted.setdefault(name, publisher.rows)
            self.publishing.want_anew(cast(ListPublisher, publisher))

    def remove(self, name: str) -> None:
        self.publishing.forget(name)
        self.publishers.pop(name, None)
        self.wanted.pop(name, None)

    def add(self, name: str) -> None:
        self.publishers.setdefault(name, FakePublisher(name, self))

    def check_settled(self) -> None:
        shown = {name: None if p.unsettled else p.rows for name, p in self.publishers.items()}
        assert self.publishing.settled == all(shown[name] is rows for name, rows in self.wanted.items())

    def check_refused(self) -> None:
        """A delta may be due from when it is wanted, or, a turn later, from when it is given to NATS."""
        for name, publisher in self.publishers.items():
            elapsed = 0 if publisher.due_since is None else clock.now - publisher.due_since
            assert elapsed <= self.publishing.refused_for(name) <= elapsed + 1

    async def play(self, story: list[Step], check: Callable[[World], None] = check_settled) -> asyncio.Task[None]:
        """The task that publishes, with whatever it has under way."""
        run = asyncio.create_task(self.publishing.run())
        for action, name, turns in story:
            getattr(self, action)(name)
            for _ in range(turns):
                await turn()
                check(self)
        return run

    async def play_out(self, story: list[Step]) -> asyncio.Task[None]:
        """The same when nothing moves any more; what failed because its list is removed is no trouble."""
        run, quiet = await self.play(story), 0
        while quiet < 5:
            await turn()
            quiet = 0 if asyncio.all_tasks() - {run, asyncio.current_task()} else quiet + 1
        counts, troubles = self.tally.counts, len(self.refused[BusError])
        assert (counts["publish_failed"], counts["doubts"], counts["deltas"]) == (troubles, troubles, self.taken)
        return run


def in_a_loop(test: Callable[..., Coroutine[None, None, None]]) -> Callable[..., None]:
    return functools.wraps(test)(lambda *args, **kwargs: asyncio.run(test(*args, **kwargs)))


async def assert_all_is_shown_in_the_end(world: World, story: list[Step]) -> None:
    run = await world.play_out(story)
    assert not run.done(), run.exception()
    assert all(world.publishers[name].rows is rows for name, rows in world.wanted.items())
    assert world.publishing.settled
    assert not any(map(world.publishing.refused_for, LISTS))


@given(any_stories, fates(BusError))
@in_a_loop
async def test_every_list_shows_what_was_wanted_last(story: list[Step], fates: list[Fate]) -> None:
    await assert_all_is_shown_in_the_end(World(fates), story)


@in_a_loop
async def test_nats_may_refuse_for_an_hour() -> None:
    await assert_all_is_shown_in_the_end(World([(0, BusError)] * 2_000), [("want", "a", 0)])


@pytest.mark.parametrize("error", [BusError, FencedError])
@in_a_loop
async def test_a_list_removed_while_its_publish_fails_is_no_trouble(error: type[BusError]) -> None:
    world, story = World([(3, error)]), [("want", "a", 2), ("remove", "a", 0), ("add", "a", 0), ("want", "a", 0)]
    await assert_all_is_shown_in_the_end(world, story)
    assert world.tally.counts == {"deltas": 1}


@given(stories("want", "want", "lose", "remove", "add"), fates(BusError))
@example([("want", "a", 2), ("remove", "a", 0), ("add", "a", 0), ("want", "a", 4)], [(0, BusError)] * 9)
@in_a_loop
async def test_refused_since_the_delta_is_due(story: list[Step], fates: list[Fate]) -> None:
    await World(fates).play(story, World.check_refused)


@given(any_stories, fates(BusError))
@in_a_loop
async def test_a_cancel_leaves_no_task(story: list[Step], fates: list[Fate]) -> None:
    world = World(fates)
    run = await world.play(story)
    run.cancel()
    await asyncio.wait([run])
    world.want("a")
    assert run.cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@given(any_stories, fates(BusError, FencedError))
@in_a_loop
async def test_another_writer_ends_all_and_leaves_no_task(story: list[Step], fates: list[Fate]) -> None:
    world = World(fates)
    run = await world.play_out(story)
    world.want("a")
    assert (run.exception() if run.done() else None) is next(iter(world.refused[FencedError]), None)
    assert not run.done() or asyncio.all_tasks() == {asyncio.current_task()}
