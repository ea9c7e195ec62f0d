"""Definitions in their bucket, and removal that leaves nothing behind."""

from __future__ import annotations

import asyncio

import pytest

from gapscan.bus.client import Bus
from gapscan.bus.definitions import definition_news, is_removed, read_definitions, remove_list, write_definition
from gapscan.bus.keyvalue import put
from gapscan.bus.snapshots import read_snapshot
from gapscan.bus.topology import Retention, ensure_shared, list_names
from gapscan.client.api import Follower
from gapscan.errors import UnknownListError
from gapscan.protocol import names
from gapscan.protocol.messages import ListDefinition
from tests.support.lists import publish_list, to_the_end

KV_LISTS, KV_SNAPSHOTS = f"KV_{names.DEFAULT.bucket_lists}", f"KV_{names.DEFAULT.bucket_snapshots}"


def definition(name: str, **more: object) -> ListDefinition:
    return ListDefinition(name, "", "price > 1", ["-price"], 10, [], **more)  # type: ignore[arg-type]


async def defined(bus: Bus) -> list[str]:
    return [found.name for found in await read_definitions(bus)]


async def messages_in(bus: Bus, stream: str) -> int:
    return (await bus.js.stream_info(stream)).state.messages


async def test_shown_in_order_and_bad_ones_passed_over(bus: Bus) -> None:
    assert await defined(bus) == []
    await ensure_shared(bus, Retention())
    for found in (definition("late", place=1000, own=True), definition("second", place=1), definition("first")):
        await write_definition(bus, found)
    await put(bus, names.DEFAULT.bucket_lists, "broken", b"{}")
    await put(bus, names.DEFAULT.bucket_lists, "other", b'{"type":"list","name":"first"}')
    await put(bus, names.DEFAULT.bucket_lists, "gone", b"")
    assert await defined(bus) == ["first", "second", "late"]


async def test_removal_leaves_nothing_behind(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    await write_definition(bus, definition("movers"))
    await write_definition(bus, definition("others"))
    await published.step(5)
    await published.publisher.write_snapshot(simulated=True)
    assert await list_names(bus) == {"movers"}

    assert await remove_list(bus, "movers")
    assert await list_names(bus) == set()
    assert await read_snapshot(bus, "movers") is None
    assert await defined(bus) == ["others"]
    assert await messages_in(bus, KV_LISTS) == 1
    assert await messages_in(bus, KV_SNAPSHOTS) == 0
    assert not await remove_list(bus, "movers")


async def test_removing_where_nothing_was_ever_kept(bus: Bus) -> None:
    assert not await remove_list(bus, "movers")


async def test_a_list_that_comes_back_begins_anew(bus: Bus) -> None:
    before = await publish_list(bus, "movers")
    await before.step(3)
    await remove_list(bus, "movers")
    after = await publish_list(bus, "movers")
    assert after.publisher.sequence == 0
    assert after.publisher.epoch != before.publisher.epoch


async def test_a_follower_hears_of_the_removal(bus: Bus) -> None:
    published = await publish_list(bus, "movers")
    await write_definition(bus, definition("movers"))
    views = Follower(bus, "movers").views()
    await anext(views)
    await write_definition(bus, definition("movers", place=3))  # a change is no removal
    await published.step()
    await anext(views)
    await remove_list(bus, "movers")
    with pytest.raises(UnknownListError, match="movers was removed"):
        await asyncio.wait_for(to_the_end(views), 20)


async def test_a_follower_that_did_not_hear_of_the_removal_finds_out(bus: Bus) -> None:
    await publish_list(bus, "movers")
    await write_definition(bus, definition("others"))  # and movers was never defined: nothing is told
    views = Follower(bus, "movers").views()
    await anext(views)
    await remove_list(bus, "movers")
    with pytest.raises(UnknownListError, match="movers was removed"):
        await asyncio.wait_for(to_the_end(views), 20)


async def test_a_server_that_lost_all_has_removed_nothing(bus: Bus) -> None:
    assert not await is_removed(bus, "movers")
    await ensure_shared(bus, Retention())
    assert not await is_removed(bus, "movers")
    await write_definition(bus, definition("others"))
    assert await is_removed(bus, "movers")
    await publish_list(bus, "movers")
    assert not await is_removed(bus, "movers")


async def test_news_comes_at_once(bus: Bus) -> None:
    await ensure_shared(bus, Retention())
    async with definition_news(bus) as news, asyncio.timeout(20):
        waiting = asyncio.ensure_future(news.wait(3600))
        await asyncio.sleep(0)
        await write_definition(bus, definition("movers"))
        await waiting
        assert await defined(bus) == ["movers"]
        await news.wait(0.01)  # nothing happened: it comes back all the same
