"""What the ranker takes from the bucket of definitions, and what it puts back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.definitions import read_definitions, remove_list, write_definition
from gapscan.bus.keyvalue import put
from gapscan.bus.snapshots import read_snapshot
from gapscan.bus.topology import Retention, ensure_shared, list_names
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.messages import ListDefinition
from gapscan.ranker.definitions import Definitions
from gapscan.ranking.spec import MAX_OWN, OWN_PLACE, shipped_lists
from gapscan.runtime import end
from tests.support.lists import publish_list
from tests.support.nats import NatsServer
from tests.support.until import until

SHIPPED = shipped_lists()


def own(name: str, where: str = "price > 1", place: int = OWN_PLACE) -> ListDefinition:
    return ListDefinition(name, "", where, ["-price"], 10, [], place, own=True)


@pytest.fixture
async def bus(nats_server: NatsServer) -> AsyncIterator[Bus]:
    async with connect(BusOptions(nats_server.url), "test") as bus:
        yield bus


@pytest.fixture
async def definitions(bus: Bus) -> AsyncIterator[Definitions]:
    """Recovered, and following."""
    found = Definitions(bus, SHIPPED, Retention(), Tally(logger("test")))
    await found.recover()
    following = asyncio.ensure_future(found.follow())
    yield found
    await end(following)


def ranked(definitions: Definitions) -> list[str]:
    """The own lists that are ranked; all others must be there, in front."""
    found = [spec.name for spec in definitions.specs]
    assert found[: len(SHIPPED.names)] == SHIPPED.names
    return found[len(SHIPPED.names) :]


async def test_own_lists_come_change_and_go(bus: Bus, definitions: Definitions) -> None:
    assert ranked(definitions) == []
    definitions.changed.clear()
    await write_definition(bus, own("second", place=OWN_PLACE + 1))
    await write_definition(bus, own("first"))
    await until(definitions.changed.is_set, "the news")
    await until(lambda: ranked(definitions) == ["first", "second"], "both lists, in their order")
    before = {spec.name: spec for spec in definitions.specs}
    await write_definition(bus, own("second", "price > 2", OWN_PLACE + 1))
    await until(lambda: definitions.specs[-1].definition.where == "price > 2", "the change")
    assert all(before[spec.name] is spec for spec in definitions.specs[:-1])
    await remove_list(bus, "first")
    await until(lambda: ranked(definitions) == ["second"], "the removal")


async def test_a_list_that_is_added_again_at_once_is_another_one(bus: Bus, definitions: Definitions) -> None:
    await write_definition(bus, own("mine"))
    await until(lambda: ranked(definitions) == ["mine"], "the list")
    definitions.changed.clear()
    await remove_list(bus, "mine")
    await write_definition(bus, own("mine", "price > 2"))
    await until(lambda: ranked(definitions) == [], "the removal")
    assert definitions.changed.is_set()
    await until(lambda: ranked(definitions) == ["mine"], "the list")


async def test_a_bad_one_costs_no_other(bus: Bus, definitions: Definitions) -> None:
    await write_definition(bus, own("good"))
    await write_definition(bus, own("bad", "prise > 1"))
    await put(bus, names.DEFAULT.bucket_lists, "garbage", b"{")
    await until(lambda: ranked(definitions) == ["good"] and len(definitions.refused) == 2, "two refusals")
    assert "did you mean price?" in definitions.report()["refused"]["bad"]
    await write_definition(bus, own("bad", "price > 1"))
    await remove_list(bus, "garbage")
    await until(lambda: ranked(definitions) == ["bad", "good"], "the corrected list")
    assert definitions.report() == {"own": 2, "refused": {}}


async def test_the_number_of_own_lists_is_bounded(bus: Bus, definitions: Definitions) -> None:
    for number in range(MAX_OWN + 2):
        await write_definition(bus, own(f"own_{number:03}"))
    await until(lambda: len(ranked(definitions)) == MAX_OWN and len(definitions.refused) == 2, "two refusals")


async def test_what_comes_with_gapscan_is_put_back(bus: Bus, definitions: Definitions) -> None:
    await write_definition(bus, own("winners", "price > 1"))
    await remove_list(bus, "losers")

    shipped = {spec.name: spec.definition for spec in SHIPPED.specs}

    async def right() -> bool:
        return {found.name: found for found in await read_definitions(bus)} == shipped

    await until(right, "what comes with gapscan")
    assert ranked(definitions) == []


async def test_what_no_longer_comes_with_gapscan_is_cleared_away(bus: Bus) -> None:
    await ensure_shared(bus, Retention())
    old = await publish_list(bus, "old_list")
    await old.step(3)
    await write_definition(bus, ListDefinition("old_list", "", "price > 1", ["-price"], 10, []))
    await publish_list(bus, "orphan")
    await publish_list(bus, "mine")
    await write_definition(bus, own("mine"))
    definitions = Definitions(bus, SHIPPED, Retention(), Tally(logger("test")))
    await definitions.recover()
    assert ranked(definitions) == ["mine"]
    assert await list_names(bus) == {"mine"}
    assert await read_snapshot(bus, "orphan") is None
    assert [found.name for found in await read_definitions(bus)] == ["mine"]


async def test_a_server_that_lost_all_is_told_again(bus: Bus, definitions: Definitions) -> None:
    await write_definition(bus, own("mine"))
    await until(lambda: ranked(definitions) == ["mine"], "the list")
    await bus.js.delete_stream(f"KV_{names.DEFAULT.bucket_lists}")

    async def back() -> bool:
        return {found.name for found in await read_definitions(bus)} == {"mine", *SHIPPED.names}

    await until(back, "all lists")
    assert ranked(definitions) == ["mine"]
