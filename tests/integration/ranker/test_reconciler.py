"""Streams and buckets that somebody deletes come back while the ranker leads; nothing that lists show is lost."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest
from msgspec import structs

from gapscan.bus import fenced, keyvalue
from gapscan.bus.client import Bus
from gapscan.bus.definitions import remove_list, write_definition
from gapscan.bus.direct_get import Stored
from gapscan.bus.snapshots import read_snapshot, snapshot_names
from gapscan.bus.topology import list_names
from gapscan.client.api import Follower
from gapscan.errors import BusError
from gapscan.market.sessions import session_times
from gapscan.protocol import names
from gapscan.protocol.messages import ListDefinition, Snapshot
from gapscan.ranker import reconciler, term
from gapscan.ranking.spec import shipped_lists
from tests.support.nats import NatsServer
from tests.support.stack import Stack, small_market
from tests.support.until import until

DAY = dt.date(2026, 3, 10)
TIMES = session_times(DAY)
MINUTE = 60_000
BUCKET = f"KV_{names.DEFAULT.bucket_snapshots}"
OPEN, CLOSED = "most_active", "gappers_up"  # in the evening
MINE = ListDefinition("mine", "", "price > 1", ["-price"], 10, [], 1000, own=True)


@pytest.fixture
async def evening(nats_server: NatsServer) -> AsyncIterator[Stack]:
    """A market after the close: some lists stand until tomorrow."""
    async with small_market(nats_server.url, DAY, TIMES.post - 31 * MINUTE, 300) as stack:
        await stack.load_reference()
        await stack.scan_at(TIMES.post - 30 * MINUTE)
        await stack.scan_at(TIMES.post + 10 * MINUTE)
        assert stack.report()["lists"][CLOSED]["state"] == "closed"
        assert stack.report()["lists"][CLOSED]["rows"] > 0
        yield stack


@pytest.fixture
def looking_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciler, "CHECK_SECONDS", 0.1)
    monkeypatch.setattr(reconciler, "REST_SECONDS", 0.05)


@pytest.fixture
def looking_after_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciler, "CHECK_SECONDS", 3600.0)
    monkeypatch.setattr(reconciler, "REST_SECONDS", 0.05)


async def snapshots(stack: Stack) -> dict[str, Snapshot]:
    """All that are stored; one that never changed may have been stored before anybody knew what data it is of."""
    found = {name: await read_snapshot(stack.bus, name) for name in stack.report()["lists"]}
    return {name: structs.replace(one, simulated=True) for name, one in found.items() if one is not None}


async def all_stored(stack: Stack) -> bool:
    return await snapshot_names(stack.bus) == set(shipped_lists().names)


@pytest.mark.usefixtures("looking_often")
async def test_the_snapshots_come_back_though_nothing_changes(evening: Stack) -> None:
    before = await snapshots(evening)
    await evening.bus.js.delete_stream(BUCKET)
    await until(lambda: all_stored(evening), "all snapshots")
    assert await snapshots(evening) == before
    assert not evening.report()["counts"].get("terms_lost")
    assert evening.report()["counts"]["made_anew"] >= 1


@pytest.mark.usefixtures("looking_after_trouble")
async def test_a_snapshot_that_cannot_be_stored_brings_the_bucket_back(evening: Stack) -> None:
    await evening.bus.js.delete_stream(BUCKET)
    await evening.feed.scan()
    evening.sim.clock.set(TIMES.post + 20 * MINUTE)
    await evening.feed.scan()
    await until(lambda: all_stored(evening), "all snapshots")
    await evening.settled()
    assert evening.report()["counts"]["snapshot_failed"] >= 1
    assert not evening.report()["counts"].get("terms_lost")
    for name, snapshot in (await snapshots(evening)).items():
        assert snapshot.sequence == evening.report()["lists"][name]["sequence"]


@pytest.mark.usefixtures("looking_often")
async def test_one_snapshot_comes_back(evening: Stack) -> None:
    before = await snapshots(evening)
    await evening.bus.js.purge_stream(BUCKET, subject=f"$KV.{names.DEFAULT.bucket_snapshots}.{CLOSED}")
    await until(lambda: all_stored(evening), "all snapshots")
    assert await snapshots(evening) == before


@pytest.mark.usefixtures("looking_after_trouble")
async def test_a_snapshot_deleted_by_its_key_is_written_over(evening: Stack) -> None:
    subject = f"$KV.{names.DEFAULT.bucket_snapshots}.{OPEN}"
    await evening.bus.js.publish(subject, b"", headers={names.HEADER_KV_OPERATION: "DEL"})
    await evening.scan_at(TIMES.post + 20 * MINUTE)
    snapshot = await read_snapshot(evening.bus, OPEN)
    assert snapshot is not None
    assert snapshot.sequence == evening.report()["lists"][OPEN]["sequence"]
    assert not evening.report()["counts"].get("terms_lost")


@pytest.mark.usefixtures("looking_often")
async def test_a_snapshot_deleted_by_its_key_comes_back_though_nothing_changes(evening: Stack) -> None:
    before = await snapshots(evening)
    subject = f"$KV.{names.DEFAULT.bucket_snapshots}.{CLOSED}"
    await evening.bus.js.publish(subject, b"", headers={names.HEADER_KV_OPERATION: "DEL"})
    await until(lambda: all_stored(evening), "all snapshots")
    assert await snapshots(evening) == before
    assert not evening.report()["counts"].get("terms_lost")


@pytest.mark.usefixtures("looking_often")
@pytest.mark.parametrize("name", [OPEN, CLOSED])
async def test_a_lists_stream_comes_back_with_its_rows(evening: Stack, name: str) -> None:
    """Whoever follows it is never shown the list empty."""
    before = await snapshots(evening)
    sizes: list[int] = []
    epochs: list[str] = []

    async def follow() -> None:
        async for view in Follower(evening.bus, name).views():
            sizes.append(len(view.rows))
            epochs.append(view.epoch)

    following = asyncio.create_task(follow())
    evening.tasks.append(following)
    await until(lambda: epochs, "the first view")
    await evening.bus.js.delete_stream(names.DEFAULT.list_stream(name))
    await until(lambda: epochs[-1] != before[name].epoch, "the new epoch")
    assert min(sizes) == len(before[name].rows)
    assert name in await list_names(evening.bus)
    after = await snapshots(evening)
    assert after[name].rows == before[name].rows
    assert {other: after[other] for other in after if other != name} == {
        other: before[other] for other in before if other != name
    }
    await evening.scan_at(TIMES.post + 20 * MINUTE)
    assert not evening.report()["counts"].get("terms_lost")


@pytest.mark.usefixtures("looking_often")
async def test_a_removed_list_is_not_brought_back(evening: Stack) -> None:
    await write_definition(evening.bus, MINE)
    await until(lambda: evening.report()["lists"].get("mine", {}).get("rows"), "the list")
    await remove_list(evening.bus, "mine")
    await until(lambda: "mine" not in evening.report()["lists"], "the removal")
    for _ in range(3):
        await a_look(evening)
    assert "mine" not in await list_names(evening.bus)
    assert "mine" not in await snapshot_names(evening.bus)


async def a_look(stack: Stack) -> None:
    """Wait until something that is deleted is seen to be gone, and made anew."""
    epoch = stack.report()["lists"][CLOSED]["epoch"]
    await stack.bus.js.delete_stream(names.DEFAULT.list_stream(CLOSED))
    await until(lambda: stack.report()["lists"][CLOSED]["epoch"] != epoch, "a look")


@pytest.mark.usefixtures("looking_often")
async def test_what_stands_in_a_buckets_place_is_told(evening: Stack) -> None:
    await evening.bus.js.delete_stream(BUCKET)
    await evening.bus.js.add_stream(name=BUCKET, subjects=[f"$KV.{names.DEFAULT.bucket_snapshots}.>"])
    said = f"stream {BUCKET} exists with"  # and before, if it is looked for between the two, that it cannot be made
    await until(lambda: said in evening.report()["last_error"], lambda: f"{said}, not {evening.report()['last_error']}")
    await evening.bus.js.delete_stream(BUCKET)
    await until(lambda: not evening.report()["last_error"], "the repair")
    await until(lambda: all_stored(evening), "all snapshots")


async def all_streams_but(stack: Stack, *missing: str) -> bool:
    return await list_names(stack.bus) == set(shipped_lists().names) - set(missing)


@pytest.mark.usefixtures("looking_often")
async def test_what_stands_in_one_lists_place_costs_no_other(evening: Stack, caplog: pytest.LogCaptureFixture) -> None:
    before = await snapshots(evening)
    foreign = min(before)  # looked after first
    for name in before:
        await evening.bus.js.delete_stream(names.DEFAULT.list_stream(name))
        if name == foreign:
            await evening.bus.js.add_stream(name="FOREIGN", subjects=[names.DEFAULT.delta_subject(name)])
    await until(lambda: all_streams_but(evening, foreign), "all streams but one")
    await evening.bus.js.purge_stream(BUCKET, subject=f"$KV.{names.DEFAULT.bucket_snapshots}.{CLOSED}")
    await until(lambda: all_stored(evening), "all snapshots")
    fault = f"stream {names.DEFAULT.list_stream(foreign)} cannot be created: subjects overlap with an existing stream"
    await until(lambda: evening.report()["last_error"] == fault, "the fault")
    refused = evening.report()["counts"]["topology_refused"]
    await until(lambda: evening.report()["counts"]["topology_refused"] > refused + 2, "more looks")
    assert len([record for record in caplog.records if "not as they should be" in record.getMessage()]) == 1
    await evening.bus.js.delete_stream("FOREIGN")
    await until(lambda: not evening.report()["last_error"], "the repair")
    await until(lambda: all_streams_but(evening), "all streams")
    await until(lambda: shown_as(evening, before), "the rows under new epochs")
    assert not evening.report()["counts"].get("terms_lost")


async def shown_as(stack: Stack, before: dict[str, Snapshot]) -> bool:
    now = await snapshots(stack)
    return all(now[name].rows == before[name].rows and now[name].epoch != before[name].epoch for name in before)


@pytest.mark.usefixtures("looking_often")
async def test_what_stands_in_a_buckets_place_costs_no_list(evening: Stack) -> None:
    bucket = f"KV_{names.DEFAULT.bucket_hot}"
    await evening.bus.js.delete_stream(bucket)
    await evening.bus.js.add_stream(name=bucket, subjects=[f"$KV.{names.DEFAULT.bucket_hot}.>"])
    await until(lambda: evening.report()["last_error"], "the fault")
    for name in (OPEN, CLOSED):
        await evening.bus.js.delete_stream(names.DEFAULT.list_stream(name))
    await until(lambda: all_streams_but(evening), "all streams")
    assert f"stream {bucket} exists with" in evening.report()["last_error"]


@pytest.mark.usefixtures("looking_often")
async def test_a_list_whose_renewal_failed_is_renewed_again(evening: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the next look, though its stream is there by then and nothing changes in the list."""
    before = await snapshots(evening)
    left = iter(range(2))

    async def get(bus: Bus, bucket: str, key: str) -> Stored | None:
        if key == CLOSED and next(left, None) is not None:
            raise BusError("NATS did not answer in time")
        return await keyvalue.get(bus, bucket, key)

    monkeypatch.setattr(fenced, "keyvalue", SimpleNamespace(get_of_leader=get, put=keyvalue.put))
    await evening.bus.js.delete_stream(names.DEFAULT.list_stream(CLOSED))
    await until(lambda: shown_as(evening, {CLOSED: before[CLOSED]}), "its rows under a new epoch")
    assert evening.report()["lists"][CLOSED]["rows"] == len(before[CLOSED].rows)
    assert evening.report()["counts"]["upkeep_failed"] >= 1
    assert not evening.report()["counts"].get("terms_lost")


@pytest.mark.usefixtures("looking_often")
async def test_a_list_whose_stream_somebody_else_took_is_not_called_live(
    evening: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(term, "REFUSED_IS_STALE", 0.3)
    assert evening.report()["lists"][OPEN]["state"] == "live"
    stream = names.DEFAULT.list_stream(OPEN)
    await evening.bus.js.delete_stream(stream)
    await evening.bus.js.add_stream(name=stream, subjects=["somebody.elses"])
    others = [name for name, of in evening.report()["lists"].items() if of["state"] == "live" and name != OPEN]
    minutes = iter(range(11, 60))

    async def is_stale() -> bool:
        evening.sim.clock.set(TIMES.post + next(minutes) * MINUTE)
        await evening.feed.scan()
        await asyncio.sleep(0.2)
        return bool(evening.report()["lists"][OPEN]["state"] == "stale")

    await until(is_stale, "the list to be called stale")
    assert others
    assert all(evening.report()["lists"][name]["state"] == "live" for name in others)
    await evening.bus.js.delete_stream(stream)

    async def is_live() -> bool:
        return bool(evening.report()["lists"][OPEN]["state"] == "live")

    await until(is_live, "the list to be called live")
    assert not evening.report()["counts"].get("terms_lost")
