"""The fast form of a backtest against the plain one, which steps the code that ranks live, on small random markets."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from gapscan.backtesting.entry_rows import entry_rows
from gapscan.backtesting.fast_form import FastForm
from gapscan.backtesting.one_day import DayTask, backtest_day
from gapscan.backtesting.outcomes import Buying
from gapscan.backtesting.plain_form import PlainForm
from gapscan.backtesting.variants import Variant
from gapscan.protocol.messages import ListDefinition
from gapscan.ranking.row_values import SHOWN
from gapscan.ranking.spec import ListSet, compile_list, shipped_lists
from tests.support.past_days import DAY, HALF_DAY, random_day

WHERE = [
    "gap_percent >= 2 and volume >= (5_000 if session == 'pre' else 100_000)",
    "change_percent >= 1 or rvol >= 1.5",
    "rvol_source == 'own' and rvol >= 2 or rvol_source == 'none' and thin_baseline",
    "from_high_percent >= -1 and price > vwap",
    "now - high_time <= 300_000",
    "now - low_time <= 300_000 and session != 'post'",
    "trades_z >= 1",
    "spike_size >= 1 and volume_1m > 1_000",
    "not change_5m_percent > 1",
    "change_1m_percent < 0 and not stale",
    "post_volume >= 1_000 and abs(post_change_percent) >= 0.5",
    "halt == 'halted' or float_shares <= 20_000_000",
    "symbol in ('A', 'NA') or symbol not in ('B', 'Z', 'TRUE') and price >= 10",
    "gap_indicative and price > 5",
    "now - price_time <= 600_000 and type == 'CS' and exchange != 'XNAS'",
    "ssr or atr >= 0.5",
    "price > prev_high or price < prev_low and volume > 0.1 * prev_volume",
    "True",
]
SORT = [
    "-gap_percent", "change_5m_percent", "-volume", "-high_time", "-spike_time", "symbol", "-symbol", "price",
    "-dollar_volume", "-volume_1m", "-rvol", "-(abs(gap_percent) + abs(change_from_open_percent))", "5",
]  # fmt: skip
SESSIONS = [[], [], ["pre", "regular"], ["regular"], ["post"], ["pre", "post"]]


def lists_of(dice: random.Random) -> ListSet:
    """Shipped lists and others, all short enough for some to be left out; of some, rows settle for a minute."""
    shipped = shipped_lists()
    made = [
        ListDefinition(
            f"made_{at}", "", dice.choice(WHERE), dice.sample(SORT, dice.randint(1, 2)), dice.randint(1, 4),
            dice.choice(SESSIONS), idle=dice.choice(["leave", "stay"]),  # type: ignore[arg-type]
            settle=dice.choice([0.0, 3.0, 60.0, 60.0]),
        )
        for at in range(5)
    ]  # fmt: skip
    known = [
        structs.replace(spec.definition, limit=dice.choice([2, 200]), settle=dice.choice([3.0, 60.0]))
        for spec in shipped.specs
    ]
    return ListSet(shipped.gate, tuple(map(compile_list, [*dice.sample(known, 4), *made])))


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32), step=st.sampled_from([1, 1, 2, 5, 30]), date=st.sampled_from([DAY, HALF_DAY]))
def test_both_forms_give_the_same(seed: int, step: int, date: object) -> None:
    dice = random.Random(seed)
    day, lists = random_day(seed, date), lists_of(dice)  # type: ignore[arg-type]
    plain = PlainForm(day, lists)
    minutes, places, shown = [], [], []
    fast_run = FastForm(day, lists).run(step)
    for expected, found in zip(plain.run(step), fast_run, strict=True):
        assert found.minute == expected.minute
        np.testing.assert_array_equal(found.eligible, expected.eligible)
        np.testing.assert_array_equal(found.price, expected.price)
        for name, one, other in zip(lists.names, expected.tops, found.tops, strict=True):
            assert (one is None) == (other is None), name
            if one is not None:
                assert one.tolist() == other.tolist(), (name, expected.minute)  # type: ignore[union-attr]
        tops = [top for top in expected.tops if top is not None and len(top)]
        if tops and dice.random() < 0.05:
            at = np.unique(np.concatenate(tops))
            minutes.append(np.full(len(at), expected.minute))
            places.append(at)
            shown.append(plain.values(at))
    if shown:
        rows = entry_rows(day, np.concatenate(minutes), np.concatenate(places), step)
        for name, found_row, expected_row in zip(SHOWN, rows, np.concatenate(shown, axis=1), strict=True):
            np.testing.assert_array_equal(found_row, expected_row, err_msg=name)


@settings(max_examples=5)
@given(seed=st.integers(0, 2**32))
def test_both_forms_have_the_same_entries_and_outcomes(seed: int) -> None:
    dice = random.Random(seed)
    lists = [spec.definition for spec in lists_of(dice).specs]
    variants = tuple(Variant(one.name, one.name, one) for one in lists)
    day = random_day(seed)
    for buying in (Buying(), Buying("price", 5.0)):
        fast, plain = (
            backtest_day(day, DayTask("", DAY, variants, buying=buying, form=form)) for form in ("fast", "plain")
        )
        assert fast.entries is not None
        assert fast.controls is not None
        assert fast.entries.equals(plain.entries)
        assert fast.controls.equals(plain.controls)


def test_rows_that_settle_stay_for_a_minute_more_and_come_back_a_minute_later() -> None:
    day = random_day(4)
    made = ListDefinition("made", "", "change_1m_percent > 0", ["symbol"], 4, [], idle="stay", gate="none")
    runs = {}
    for settle in (0.0, 60.0):
        lists = ListSet(shipped_lists().gate, (compile_list(structs.replace(made, settle=settle)),))
        runs[settle] = [one.tops[0].tolist() for one in FastForm(day, lists).run() if one.tops[0] is not None]
    assert runs[0.0] != runs[60.0]
    stays = [len(set(top) & set(later)) for run in (runs[0.0], runs[60.0]) for top, later in pairwise(run)]
    assert sum(stays[: len(stays) // 2]) < sum(stays[len(stays) // 2 :])
