"""Polygon behind the port, by either name of its client library, against the simulated market."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import get_args

import numpy as np
import pytest

from gapscan import providers
from gapscan.config import ProviderSection
from gapscan.errors import ConfigError, FeedError, NotEntitledError, NotFoundError
from gapscan.market.sessions import previous_trading_day
from gapscan.obs import Tally, logger
from gapscan.polygon.library import Library
from gapscan.polygon.provider import PolygonProvider
from gapscan.provider import SECOND_BARS
from gapscan.sim import SimServer
from tests.support.market import OBSERVATIONS
from tests.support.rig import DAY, KEY, market
from tests.support.simulator import bars_of
from tests.support.stack import provider_on

BEFORE = previous_trading_day(DAY)


@pytest.fixture
async def sim() -> AsyncIterator[SimServer]:
    async with market(manual=True, symbols=1200, start="10:00") as sim:
        yield sim


@pytest.fixture(params=get_args(Library))
def provider(sim: SimServer, request: pytest.FixtureRequest) -> PolygonProvider:
    return provider_on(sim, Tally(logger("feed")), key=KEY, library=request.param)


async def test_clock_and_session(sim: SimServer, provider: PolygonProvider) -> None:
    status = await provider.status()
    assert (status.at, status.session) == (sim.clock.now() // 1000 * 1000, "regular")


async def test_the_snapshot_as_columns(sim: SimServer, provider: PolygonProvider) -> None:
    snapshot = await provider.snapshot()
    listed = {listing.symbol for listing in sim.market.source.listings if not listing.otc}
    assert set(snapshot.symbols) == listed
    assert set(snapshot.columns) == set(OBSERVATIONS)
    assert {len(column) for column in snapshot.columns.values()} == {len(snapshot)}
    assert not any((column == 0).any() for column in snapshot.columns.values()), "zero means unset"
    places = [sim.market.place[symbol] for symbol in snapshot.symbols]
    volumes = sim.market.state.volume[places]
    np.testing.assert_allclose(np.nan_to_num(snapshot.columns["volume"]), volumes)
    assert sim.clock.now() - 60_000 < snapshot.newest_event <= sim.clock.now()


async def test_all_pages_of_listings(sim: SimServer, provider: PolygonProvider) -> None:
    listings = await provider.listings()
    listed = [one for one in sim.market.source.listings if not one.otc]
    assert [(one.symbol, one.name, one.exchange, one.kind) for one in listings] == [
        (one.symbol, one.name, one.exchange, one.type) for one in listed
    ]
    assert [one.test for one in listings] == ["test stock" in (one.name or "").lower() for one in listed]
    assert sim.stats.requests["tickers"] == 2


async def test_daily_bars(sim: SimServer, provider: PolygonProvider) -> None:
    bars = {bar.symbol: bar for bar in await provider.daily_bars(BEFORE)}
    expected = bars_of(sim.market.source, BEFORE)
    ratios = {one.symbol: one.split_to / one.split_from for one in sim.market.source.splits(DAY, DAY)}
    assert ratios, "volumes are adjusted for splits since"
    for symbol, bar in bars.items():
        place = sim.market.place[symbol]
        assert bar.volume == pytest.approx(expected.volume[place] * ratios.get(place, 1.0))
        assert bar.trades == expected.transactions[place]
    assert len(bars) > 500
    assert await provider.daily_bars(dt.date(2026, 11, 15)) == [], "a Sunday"


async def test_splits(sim: SimServer, provider: PolygonProvider) -> None:
    first = DAY - dt.timedelta(days=60)
    expected = [
        (sim.market.symbols[one.symbol], one.date, one.split_to / one.split_from)
        for one in sim.market.source.splits(first, DAY)
    ]
    assert expected
    found = [(one.symbol, one.date, one.ratio) for one in await provider.splits(first, DAY)]
    assert sorted(found) == sorted(expected)


async def test_details_and_float(sim: SimServer, provider: PolygonProvider) -> None:
    listing = next(one for one in sim.market.source.listings if one.free_float)
    details = await provider.details(listing.symbol)
    assert details.shares_outstanding == listing.shares
    assert details.sector
    assert (details.market_cap or 0) > 0
    assert await provider.free_float(listing.symbol) == listing.free_float
    with pytest.raises(NotFoundError):
        await provider.details("NOSUCH")
    assert await provider.free_float("NOSUCH") is None


async def test_a_request_for_details_is_one(sim: SimServer, provider: PolygonProvider) -> None:
    """Whoever asks counts them; all others are asked again by the client itself."""
    sim.faults.set("rest_status", endpoint="ticker_details", status=500, count=1)
    with pytest.raises(FeedError) as raised:
        await provider.details(sim.market.symbols[0])
    assert raised.value.retry
    assert sim.stats.requests["ticker_details"] == 1
    sim.faults.set("rest_status", endpoint="status", status=500, count=1)
    await provider.status()
    assert sim.stats.requests["status"] == 2


async def test_what_the_account_has_not(sim: SimServer, provider: PolygonProvider) -> None:
    sim.faults.set("rest_status", endpoint="float", status=403)
    with pytest.raises(NotEntitledError, match="refuses the API key"):
        await provider.free_float(sim.market.symbols[0])
    sim.faults.set("rest_status", endpoint="status", status=401)
    with pytest.raises(FeedError, match="refuses the API key") as refused:
        await provider.status()
    assert not refused.value.retry
    assert KEY not in str(refused.value)


def test_by_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    tally = Tally(logger("feed"))
    monkeypatch.delenv("POLYGON_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="POLYGON_API_KEY is not set"):
        providers.open_provider(ProviderSection(), 1.0, tally)
    assert not providers.has_account(ProviderSection())
    assert isinstance(providers.open_provider(ProviderSection(simulated=True), 1.0, tally), PolygonProvider)
    monkeypatch.setenv("POLYGON_API_KEY", "sesame")
    assert providers.has_account(ProviderSection())
    provider = providers.open_provider(ProviderSection(library="massive"), 1.0, tally)
    assert isinstance(provider, PolygonProvider)
    assert provider.stream_settings.url == "wss://socket.polygon.io/stocks"
    assert provider.stream_settings.key == "sesame"
    with pytest.raises(ConfigError, match="masive"):
        providers.open_provider(ProviderSection(library="masive"), 1.0, tally)


async def test_minute_bars_of_a_symbol(sim: SimServer, provider: PolygonProvider) -> None:
    place = int(np.argmax(sim.market.state.volume))
    symbol, now = sim.market.symbols[place], sim.clock.now()
    bars = await provider.bars(symbol, sim.market.times.pre, now)
    assert sum(bar.volume or 0 for bar in bars) == pytest.approx(sim.market.state.volume[place])
    assert {bar.end - bar.start for bar in bars} == {60_000}
    since = now - 5 * 60_000
    assert [bar.start for bar in await provider.bars(symbol, since, now)] == [
        bar.start for bar in bars if bar.start >= since
    ]
    assert await provider.bars("NO.SUCH/ONE", since, now) == []


async def test_second_bars_of_a_symbol(sim: SimServer, provider: PolygonProvider) -> None:
    place = int(np.argmax(sim.market.state.volume))
    now = sim.clock.now()
    bars = await provider.bars(sim.market.symbols[place], now - 360_000, now, width=SECOND_BARS)
    assert {bar.end - bar.start for bar in bars} == {1_000}
    assert bars[0].start >= now - 360_000
    assert bars[-1].close == sim.market.state.last_price[place]
