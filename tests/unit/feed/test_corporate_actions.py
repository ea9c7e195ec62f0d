"""Splits, dividends and spin-offs: what becomes of the close before, and when the gap says so."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.errors import FeedError, NotEntitledError
from gapscan.feed.corporate_actions import LARGE_DIVIDEND, Action, DayActions, Ex, actions_of
from gapscan.obs import Tally, logger
from gapscan.provider import DailyBar, Dividend, Split
from tests.support.memory_provider.provider import MemoryMarket, MemoryProvider

DAY, BEFORE = dt.date(2026, 11, 20), dt.date(2026, 11, 19)
prices = st.floats(0.01, 900).map(lambda price: round(price, 4))
ratios = st.sampled_from([0.01, 0.05, 0.1, 1 / 3, 0.5, 1.05, 1.5, 2.0, 3.0, 4.0, 10.0, 20.0])


def of(ratio: float | None, adjusted: float | None, plain: float | None) -> Action:
    split = Split("A", DAY, ratio)
    closes = [{"A": close} if close else {} for close in (adjusted, plain)]
    return actions_of([split], [], *closes)["A"]


@given(prices, ratios)
def test_two_sources_that_agree_give_the_close_in_shares_of_today(close: float, ratio: float) -> None:
    now = round(close / ratio, 4)
    action = of(ratio, now, close)
    assert (action.split, action.ratio) == (True, ratio)
    if now >= 0.01:
        assert action.prev_close == now


@given(prices, ratios)
def test_a_close_that_is_not_adjusted_yet_is_withheld(close: float, ratio: float) -> None:
    assert of(ratio, close, close) == Action(split=True, ratio=ratio)


@given(st.one_of(st.none(), ratios), st.one_of(st.none(), prices), st.one_of(st.none(), prices))
def test_what_is_not_known_is_withheld(ratio: float | None, adjusted: float | None, plain: float | None) -> None:
    if None not in (ratio, adjusted, plain):
        adjusted = None
    assert of(ratio, adjusted, plain).prev_close is None


@given(prices, st.floats(0.0001, 1))
def test_a_dividend_counts_from_three_percent_of_the_close_on(close: float, part: float) -> None:
    amount = close * part
    found = actions_of([], [Dividend("A", DAY, amount)], {"A": close}, {})
    assert found == ({"A": Action(ex="dividend", amount=amount)} if amount >= LARGE_DIVIDEND * close else {})


@pytest.mark.parametrize(
    ("amounts", "ex", "amount"),
    [
        ([2.999], None, None),
        ([3.0], "dividend", 3.0),
        ([1.0, 2.5], "dividend", 3.5),  # an ordinary and a special one of the same day
        ([None], None, None),
        ([None, 4.0], "dividend", 4.0),
    ],
)
def test_dividends_of_a_day_are_one(amounts: list[float | None], ex: Ex | None, amount: float | None) -> None:
    found = actions_of([], [Dividend("A", DAY, each) for each in amounts], {"A": 100.0}, {})
    assert found.get("A", Action()) == Action(ex=ex, amount=amount)


def test_a_dividend_without_a_close_says_nothing() -> None:
    assert actions_of([], [Dividend("A", DAY, 50.0)], {}, {}) == {}


def test_after_a_spin_off_the_gap_stays_raw_and_says_so() -> None:
    (action,) = actions_of([Split("A", DAY, 1.25, spin_off=True)], [], {"A": 80.0}, {"A": 100.0}).values()
    assert (action.split, action.prev_close, action.ex) == (False, 100.0, "spin_off")
    assert action.amount == pytest.approx(20.0)
    assert actions_of([], [Dividend("A", DAY, None, spin_off=True)], {}, {}) == {"A": Action(ex="spin_off")}


def test_a_split_with_a_dividend_is_measured_in_shares_of_today() -> None:
    found = actions_of([Split("A", DAY, 4.0)], [Dividend("A", DAY, 1.0)], {"A": 25.0}, {"A": 100.0})
    assert found == {"A": Action(split=True, ratio=4.0, prev_close=25.0, ex="dividend", amount=1.0)}


def day_of(market: MemoryMarket, provider: type[MemoryProvider] = MemoryProvider) -> DayActions:
    return DayActions(provider(market), DAY, Tally(logger("feed")))


async def test_a_provider_that_adjusts_late_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    market = MemoryMarket(0, {}, [], splits=[Split("A", DAY, 4.0)])
    market.days[BEFORE] = [DailyBar("A", 1e6, close=100.0)]
    actions = day_of(market)
    await actions.load_events()
    actions.observe_day_before(BEFORE, market.days[BEFORE])
    await actions.load_closes()
    assert actions.of == {"A": Action(split=True, ratio=4.0)}
    assert not await actions.settle(), "it was asked a moment ago"
    monkeypatch.setattr("gapscan.feed.corporate_actions._AGAIN_SECONDS", 0.0)
    assert not await actions.settle(), "it says the same"
    market.plain_days[BEFORE] = market.days[BEFORE]
    market.days[BEFORE] = [DailyBar("A", 4e6, close=25.0)]
    assert await actions.settle()
    assert actions.of == {"A": Action(split=True, ratio=4.0, prev_close=25.0)}
    assert not await actions.settle(), "all is known"


class Refusing(MemoryProvider):
    async def dividends(self, date: dt.date) -> list[Dividend]:
        raise NotEntitledError("not in the plan")

    async def daily_bars(self, date: dt.date, *, adjusted: bool = True) -> list[DailyBar]:
        raise FeedError("not in the plan", retry=False)


async def test_an_account_without_dividends_or_daily_bars_withholds() -> None:
    actions = day_of(MemoryMarket(0, {}, [], splits=[Split("A", DAY, 4.0)]), Refusing)
    await actions.load_events()
    await actions.load_closes()
    assert actions.of == {"A": Action(split=True, ratio=4.0)}
