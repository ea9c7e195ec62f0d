"""Company details: asked for when a symbol enters a list, within the rate, kept in NATS."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from nats.aio.msg import Msg

from gapscan.bus.client import Bus
from gapscan.bus.details import details_subject, read_details, write_detail
from gapscan.feed import service as feed_service
from gapscan.feed.details import DetailLoader, DetailOptions
from gapscan.feed.discovery import Discovery
from gapscan.obs import Tally
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as
from gapscan.protocol.messages import Detail
from gapscan.runtime import end
from gapscan.sim import SimServer
from tests.support.hot_set import Writer
from tests.support.nats import NatsServer
from tests.support.rig import DAY, feed_on, feed_report, market
from tests.support.stack import config_for, provider_on
from tests.support.until import until

QUICK = DetailOptions(retry_first=0.02, retry_limit=0.1, refused_wait=0.1, rest=60.0, look=0.05, mend=0.05)
FAST = 500.0


@pytest.fixture
async def sim() -> AsyncIterator[SimServer]:
    async with market(manual=True) as sim:
        yield sim


@dataclass
class Asking:
    """A running loader on a feed that scans when told to."""

    loader: DetailLoader
    feed: Discovery
    tally: Tally


@asynccontextmanager
async def asking(
    bus: Bus,
    nats_server: NatsServer,
    sim: SimServer,
    *,
    hot: Iterable[str] = (),
    splits: frozenset[str] = frozenset(),
    rate: float = FAST,
    timeout: float = 30.0,
    **options: Any,
) -> AsyncIterator[Asking]:
    """A running loader; `hot` are in lists before it starts."""
    feed, config, tally = feed_on(bus, nats_server.url, sim, details_per_second=rate, request_timeout=timeout)
    await feed.scan()
    provider, settings = provider_on(sim, tally, timeout=timeout), msgspec.structs.replace(QUICK, **options)
    loader = DetailLoader(bus, provider, config, feed, tally, splits=lambda: splits, options=settings)
    loader.want(set(hot))
    task = asyncio.create_task(loader.run())
    try:
        yield Asking(loader, feed, tally)
    finally:
        await end(task)


def is_known(loader: DetailLoader, number: int) -> Callable[[], bool]:
    """Whether that many are known, and nobody is to be asked about."""

    def known() -> bool:
        report = loader.report()
        return bool(loader.opened and report["known"] == number and not report["waiting"])

    return known


def stocks(sim: SimServer, number: int) -> list[str]:
    return [listing.symbol for listing in sim.market.source.listings if listing.free_float][:number]


def expected(sim: SimServer, symbol: str) -> tuple[float, float | None]:
    listing = sim.market.source.listings[sim.market.place[symbol]]
    return (listing.shares, listing.free_float)


async def test_what_enters_a_list_becomes_known(bus: Bus, nats_server: NatsServer, sim: SimServer) -> None:
    heard: list[Detail] = []

    async def hear(message: Msg) -> None:
        heard.append(decode_as(Detail, message.data))

    await bus.nc.subscribe(details_subject(bus), cb=hear)
    hot = stocks(sim, 8)
    async with asking(bus, nats_server, sim, hot=hot[:5]) as one:
        await until(is_known(one.loader, 5), "the details")
        one.loader.want(set(hot))
        await until(is_known(one.loader, 8), "those of the newcomers")
        report = one.loader.report()
    assert report == {"known": 8, "needed": 8, "waiting": 0, "failed": 0, "unknown": 0, "float": "ok"}
    stored = await read_details(bus)
    assert stored.keys() == set(hot)
    for symbol, detail in stored.items():
        assert (detail.shares_outstanding, detail.float_shares) == expected(sim, symbol)
        assert (detail.symbol, detail.date) == (symbol, str(DAY))
        assert detail.market_cap is not None
        assert detail.market_cap > 0
        assert detail.sector
    assert {detail.symbol for detail in heard} == set(hot)
    assert sim.stats.requests["ticker_details"] == sim.stats.requests["float"] == 8


async def test_a_fund_has_neither_float_nor_sector(bus: Bus, nats_server: NatsServer, sim: SimServer) -> None:
    fund = next(listing.symbol for listing in sim.market.source.listings if listing.type == "ETF")
    async with asking(bus, nats_server, sim, hot=[fund]) as one:
        await until(is_known(one.loader, 1), "the detail")
    detail = (await read_details(bus))[fund]
    assert (detail.float_shares, detail.sector) == (None, None)


async def test_the_newest_come_first(bus: Bus, nats_server: NatsServer, sim: SimServer) -> None:
    old, new = stocks(sim, 12)[:10], stocks(sim, 12)[10:]
    sim.faults.set("rest_stall", endpoint="ticker_details", count=1)
    async with asking(bus, nats_server, sim, hot=old, workers=1, timeout=1.5) as one:
        await until(lambda: sim.stats.requests["ticker_details"] == 1, "the first request")
        one.loader.want({*old, *new})
        await until(is_known(one.loader, 12), "all")
        assert set(list(one.loader.store.details)[:2]) == set(new)


async def test_who_left_before_his_turn_is_not_asked_about(bus: Bus, nats_server: NatsServer, sim: SimServer) -> None:
    hot = stocks(sim, 20)
    sim.faults.set("rest_stall", endpoint="ticker_details", count=1)
    async with asking(bus, nats_server, sim, hot=hot, workers=1, timeout=1.5) as one:
        await until(lambda: sim.stats.requests["ticker_details"] == 1, "the first request")
        one.loader.want(set(hot[:3]))
        await until(is_known(one.loader, 3), "those that stayed")
        assert one.loader.store.details.keys() >= set(hot[:3])
        assert sim.stats.requests["ticker_details"] <= 5


async def test_a_started_again_feed_asks_nothing(bus: Bus, nats_server: NatsServer, sim: SimServer) -> None:
    hot = stocks(sim, 6)
    async with asking(bus, nats_server, sim, hot=hot) as one:
        await until(is_known(one.loader, 6), "the details")
    asked = dict(sim.stats.requests)
    async with asking(bus, nats_server, sim, hot=hot) as one:
        await until(is_known(one.loader, 6), "the details in NATS")
        assert [sim.stats.requests[name] - asked[name] for name in ("ticker_details", "float")] == [0, 0]


async def test_what_nats_lost_it_has_again(bus: Bus, nats_server: NatsServer, sim: SimServer) -> None:
    hot = stocks(sim, 6)
    async with asking(bus, nats_server, sim, hot=hot) as one:
        await until(is_known(one.loader, 6), "the details")
        await bus.js.purge_stream(f"KV_{names.DEFAULT.bucket_details}")
        assert await read_details(bus) == {}
        await nats_server.restart()
        await until(lambda: bus.reconnects == 1, "the link")
        async with asyncio.timeout(20):
            while (await read_details(bus)).keys() != set(hot):
                await asyncio.sleep(0.02)
    assert sim.stats.requests["ticker_details"] == 6


@pytest.mark.parametrize(
    ("fault", "options"), [("rest_status", {"status": 429}), ("rest_status", {"status": 500}), ("rest_drop", {})]
)
async def test_what_fails_is_asked_for_again(
    bus: Bus, nats_server: NatsServer, sim: SimServer, fault: str, options: dict[str, Any]
) -> None:
    sim.faults.set(fault, endpoint="ticker_details", count=3, **options)
    async with asking(bus, nats_server, sim, hot=stocks(sim, 5)) as one:
        await until(is_known(one.loader, 5), "the details")
        assert one.tally.counts["details_failed"] == 3
        assert one.loader.report()["failed"] == 0
    assert sim.stats.requests["ticker_details"] == 8


async def test_an_answer_that_cannot_be_read_is_asked_for_again(
    bus: Bus, nats_server: NatsServer, sim: SimServer
) -> None:
    sim.faults.set("rest_truncated", endpoint="ticker_details", count=2)
    async with asking(bus, nats_server, sim, hot=stocks(sim, 2)) as one:
        await until(is_known(one.loader, 2), "the details")
        assert one.tally.counts["details_failed"] == 2


async def test_who_fails_again_and_again_rests(bus: Bus, nats_server: NatsServer, sim: SimServer) -> None:
    sim.faults.set("rest_status", endpoint="ticker_details", status=500)
    async with asking(bus, nats_server, sim, hot=stocks(sim, 2), attempts=3, rest=0.3) as one:
        await until(lambda: one.loader.report()["failed"] == 2, "resting")
        assert sim.stats.requests["ticker_details"] == 6
        sim.faults.clear()
        await until(is_known(one.loader, 2), "the details after the rest")
        await until(lambda: one.loader.report()["failed"] == 0, "the end of the rest")


async def test_a_refused_key_is_not_tried_for_every_symbol(bus: Bus, nats_server: NatsServer, sim: SimServer) -> None:
    sim.faults.set("rest_status", endpoint="ticker_details", status=401)
    async with asking(bus, nats_server, sim, hot=stocks(sim, 10), workers=1, refused_wait=600.0) as one:
        await until(lambda: one.tally.counts["details_failed"], "the refusal")
        await until(lambda: one.loader.report()["waiting"] == 10, "all waiting again")
        assert sim.stats.requests["ticker_details"] == 1


async def test_an_unknown_symbol_is_asked_for_once_a_day(bus: Bus, nats_server: NatsServer, sim: SimServer) -> None:
    async with asking(bus, nats_server, sim, hot=["NOSUCH"]) as one:
        await until(lambda: one.loader.report()["unknown"] == 1, "the refusal")
        one.loader.want({"NOSUCH", *stocks(sim, 1)})
        await until(is_known(one.loader, 1), "the other one")
        one.loader.want(set())
        one.loader.want({"NOSUCH"})
        assert one.loader.report() == {
            "known": 0, "needed": 1, "waiting": 0, "failed": 0, "unknown": 1, "float": "ok",
        }  # fmt: skip
        assert sim.stats.requests["ticker_details"] == 2
        sim.clock.set(sim.clock.now() + 3 * 86_400_000)
        await one.feed.scan()
        await until(lambda: sim.stats.requests["ticker_details"] == 3, "the question of the next day")


@pytest.mark.parametrize("status", [403, 404])
async def test_without_floats_in_the_plan_they_are_null(
    bus: Bus, nats_server: NatsServer, sim: SimServer, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    sim.faults.set("rest_status", endpoint="float", status=status)
    with caplog.at_level(logging.WARNING, "gapscan"):
        async with asking(bus, nats_server, sim, hot=stocks(sim, 5), workers=1) as one:
            await until(is_known(one.loader, 5), "the details")
            assert one.loader.report()["float"] == "not in the plan"
    assert {detail.float_shares for detail in (await read_details(bus)).values()} == {None}
    assert sim.stats.requests["float"] == 1
    assert len([record for record in caplog.records if "no floats" in record.getMessage()]) == 1


async def test_a_float_that_fails_does_not_hold_back_the_rest(
    bus: Bus, nats_server: NatsServer, sim: SimServer
) -> None:
    sim.faults.set("rest_status", endpoint="float", status=500)
    (symbol,) = stocks(sim, 1)
    async with asking(bus, nats_server, sim, hot=[symbol], attempts=1000) as one:
        await until(lambda: one.loader.report()["known"] == 1, "the rest")
        assert one.loader.store.details[symbol].float_shares is None
        sim.faults.clear()
        await until(lambda: one.loader.store.details[symbol].float_shares == expected(sim, symbol)[1], "the float")


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_a_float_that_is_known_is_kept_when_it_is_refused_later(
    bus: Bus, nats_server: NatsServer, sim: SimServer, status: int
) -> None:
    hot = stocks(sim, 3)
    for symbol in hot:
        await write_detail(bus, Detail(symbol, "2026-11-01", 1.0, 2.0, 3.0, None))
    sim.faults.set("rest_status", endpoint="float", status=status)
    async with asking(bus, nats_server, sim, hot=hot, attempts=1000) as one:
        known = one.loader.store.details
        await until(lambda: len(known) == 3 and {known[symbol].date for symbol in hot} == {str(DAY)}, "new details")
        for symbol, detail in (await read_details(bus)).items():
            assert detail.shares_outstanding == expected(sim, symbol)[0]
            assert detail.float_shares == 3.0
        assert one.loader.report()["float"] == ("ok" if status == 500 else "not in the plan")


async def test_details_grow_old(bus: Bus, nats_server: NatsServer, sim: SimServer) -> None:
    hot = stocks(sim, 3)
    for symbol, date in zip(hot, ("2026-11-14", "2026-11-13", "2027-01-01"), strict=True):
        await write_detail(bus, Detail(symbol, date, 1.0, 2.0, 3.0, None))
    async with asking(bus, nats_server, sim, hot=hot) as one:
        await until(lambda: sim.stats.requests["ticker_details"] == 2, "the old ones")
        await until(is_known(one.loader, 3), "all")
        assert [one.loader.store.details[symbol].date for symbol in hot] == ["2026-11-14", str(DAY), str(DAY)]


async def test_after_a_split_the_shares_are_asked_for_again(bus: Bus, nats_server: NatsServer, sim: SimServer) -> None:
    split, other = stocks(sim, 2)
    for symbol in (split, other):
        await write_detail(bus, Detail(symbol, "2026-11-19", 1.0, 2.0, 3.0, None))
    async with asking(bus, nats_server, sim, hot=[split, other], splits=frozenset({split})) as one:
        await until(lambda: one.tally.counts["details"] == 1, "the new detail")
        assert one.loader.store.details[split].date == str(DAY)
        assert one.loader.store.details[other].date == "2026-11-19"
    assert sim.stats.requests["ticker_details"] == 1


async def test_no_faster_than_allowed(bus: Bus, nats_server: NatsServer, sim: SimServer) -> None:
    began = time.monotonic()
    async with asking(bus, nats_server, sim, hot=stocks(sim, 10), rate=25.0) as one:
        await until(is_known(one.loader, 10), "the details")
    requests = sim.stats.requests["ticker_details"] + sim.stats.requests["float"]
    assert requests == 20
    assert time.monotonic() - began >= (requests - 1) / 25.0


async def test_a_rate_of_nothing_asks_nothing(bus: Bus, nats_server: NatsServer, sim: SimServer) -> None:
    async with asking(bus, nats_server, sim, hot=stocks(sim, 3), rate=0.0) as one:
        await one.loader.run()
        assert sim.stats.requests["ticker_details"] == 0


async def test_nats_may_be_away(bus: Bus, nats_server: NatsServer, sim: SimServer) -> None:
    hot = stocks(sim, 6)
    async with asking(bus, nats_server, sim, hot=hot[:2]) as one:
        await until(is_known(one.loader, 2), "the first details")
        await asyncio.to_thread(nats_server.kill)
        await until(lambda: not bus.connected, "the loss")
        one.loader.want(set(hot))
        await until(is_known(one.loader, 6), "the others, meanwhile")
        await asyncio.to_thread(nats_server.start)
        await until(lambda: bus.connected, "the link")
        async with asyncio.timeout(20):
            while (await read_details(bus)).keys() != set(hot):
                await asyncio.sleep(0.05)
    assert sim.stats.requests["ticker_details"] == 6


async def test_more_details_than_a_request_for_subjects_may_name(bus: Bus) -> None:
    for number in range(1100):
        await write_detail(bus, Detail(f"S{number}", "2026-11-20", None, None, None, None))
    await write_detail(bus, Detail("S0", "2026-11-21", None, None, None, None))
    await bus.js.publish(f"$KV.{names.DEFAULT.bucket_details}.BAD", b"nonsense")
    await bus.js.publish(f"$KV.{names.DEFAULT.bucket_details}.GONE", b"")
    details = await read_details(bus)
    assert len(details) == 1100
    assert details["S0"].date == "2026-11-21"


async def test_the_service_follows_the_lists_and_says_so(bus: Bus, nats_server: NatsServer) -> None:
    async with market() as sim:
        config = config_for(nats_server.url, sim, details_per_second=FAST, mode="off")
        stop = asyncio.Event()
        service = asyncio.create_task(feed_service.main(config, stop))
        await Writer(bus).send("subscribe", *stocks(sim, 12))
        report = await feed_report(bus, lambda said: said.get("details", {}).get("known") == 12)
        assert report["details"]["needed"] == 12
        assert report["reference"]["needed"] > 0
        stop.set()
        await service
    assert (await read_details(bus)).keys() == set(stocks(sim, 12))
