"""What followed an entry, by hand: which bar is bought, where a horizon ends, what is unknown."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from gapscan.backtesting.outcomes import Buying, DayBook, Outcomes
from tests.support.past_days import HALF_DAY, Bar, flat, market_day

NEXT_OPEN, PRICE = Buying(), Buying("price")
OPEN = 330  # minutes of pre-market before the regular session


def followed(bars: list[Bar], minute: int, buying: Buying = NEXT_OPEN, price: float = 10.0, **given: Any) -> Outcomes:
    book = DayBook(market_day(bars, **given))
    return book.follow(np.array([minute]), np.array([0]), np.array([price]), buying)


def value(outcomes: Outcomes, name: str) -> float | None:
    (found,) = outcomes.columns[name].tolist()
    return None if math.isnan(found) else found


def test_bought_at_the_open_of_the_next_bar_which_may_come_later() -> None:
    bars = [flat("A", 400, 10), Bar("A", 407, 20, 24, 19, 22), flat("A", 408, 21), flat("A", 412, 30)]
    found = followed(bars, 401)
    assert (found.bought.tolist(), found.price.tolist()) == ([407], [20.0])
    assert value(found, "return_1m") == pytest.approx(10)  # the close of the bar that began at 407
    assert value(found, "return_5m") == pytest.approx(5)  # what begins at 412 is not within 5 minutes of 407
    assert value(found, "return_15m") == pytest.approx(50)
    assert (value(found, "best_5m"), value(found, "worst_5m")) == (pytest.approx(20), pytest.approx(-5))


def test_a_bar_that_begins_as_the_list_shows_the_entry_is_the_next_one() -> None:
    found = followed([flat("A", 400, 10), flat("A", 401, 11)], 401)
    assert (found.bought.tolist(), found.price.tolist()) == ([401], [11.0])


def test_without_a_later_bar_nothing_is_bought() -> None:
    found = followed([flat("A", 400, 10), flat("B", 500, 10)], 401)
    assert found.bought.tolist() == [-1]
    assert {name: value(found, name) for name in found.columns} == dict.fromkeys(found.columns)


def test_bought_at_the_price_shown_a_horizon_without_bars_has_not_moved() -> None:
    bars = [flat("A", 400, 10), flat("A", 403, 12)]
    found = followed(bars, 401, PRICE)
    assert (found.bought.tolist(), found.price.tolist()) == ([401], [10.0])
    assert (value(found, "return_1m"), value(found, "return_5m")) == (0, pytest.approx(20))


def test_slippage_makes_buying_dearer() -> None:
    found = followed([flat("A", 400, 10), flat("A", 401, 10)], 401, Buying("next_open", 50))
    assert found.price.tolist() == [pytest.approx(10.05)]
    assert value(found, "return_1m") == pytest.approx((10 - 10.05) / 10.05 * 100)


def test_the_close_is_the_last_regular_bars_and_what_is_bought_after_it_has_none() -> None:
    close = OPEN + 390
    bars = [flat("A", OPEN, 10), flat("A", OPEN + 1, 10), flat("A", close - 30, 13), flat("A", close, 99)]
    assert value(followed(bars, OPEN + 1), "return_close") == pytest.approx(30)
    assert value(followed(bars, close), "return_close") is None
    assert value(followed(bars, close), "return_1m") == 0


def test_on_a_half_day_the_close_is_early() -> None:
    bars = [flat("A", OPEN, 10), flat("A", OPEN + 209, 12), flat("A", OPEN + 210, 15)]
    assert value(followed(bars, OPEN, date=HALF_DAY), "return_close") == pytest.approx(20)


def test_what_lies_beyond_post_market_is_unknown() -> None:
    bars = [flat("A", 900, 10), flat("A", 950, 11), flat("A", 959, 12)]
    found = followed(bars, 950)
    assert value(found, "return_5m") == 0
    assert [value(found, name) for name in ("return_15m", "best_15m", "return_60m")] == [None] * 3


def test_the_next_open() -> None:
    bars = [flat("A", 400, 10), flat("A", 401, 10)]
    assert value(followed(bars, 401, next_open={"A": 10.5}), "return_next_open") == pytest.approx(5)
    assert value(followed(bars, 401), "return_next_open") is None
