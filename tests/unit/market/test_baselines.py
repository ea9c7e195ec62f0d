"""Volume curves in the universe: what relative volume is measured by, and when a set of them counts."""

from __future__ import annotations

import datetime as dt
import math
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from gapscan.errors import ProtocolError
from gapscan.market.baselines import Curves
from gapscan.market.computed import compute
from gapscan.market.scans import merge_scan
from gapscan.market.sessions import MINUTE_MS, MarketSession, epoch_ms, is_trading_day, previous_trading_day
from gapscan.market.universe import Universe
from gapscan.protocol.messages import VolumeCurves
from tests.support.market import DAY, MOMENT, share_at, stock, universe_frame, universe_of

NOW = MOMENT[MarketSession.REGULAR]  # 10:30
KNOTS = [240, 570, 600, 660, 1200]
MIDNIGHT = epoch_ms(DAY, dt.time())
A_DAY = dt.timedelta(days=1)


def curves_of(rows: dict[str, list[int]], date: dt.date = DAY, days: int = 20, **fields: Any) -> VolumeCurves:
    columns: dict[str, Any] = {
        "symbols": list(rows),
        "sessions": [days] * len(rows),
        "volumes": list(rows.values()),
    }
    head: dict[str, Any] = {"part": 1, "parts": 1, "date": str(date), "knots": KNOTS}
    return VolumeCurves(**(head | columns | fields))


ROW = [0, 1_000, 21_000, 41_000, 100_000]


def expected(curves: Curves, minute: float) -> float:
    return float(curves.expected(np.array([0]), np.array([MIDNIGHT + minute * MINUTE_MS]), DAY)[0])


def rvol(universe: Universe) -> dict[str, tuple[float, float]]:
    """Relative volume and whether its baseline is thin, by symbol."""
    compute(universe)
    columns = zip(universe.number("rvol").tolist(), universe.number("thin_baseline").tolist(), strict=True)
    return dict(zip(universe.symbols, columns, strict=True))


@pytest.mark.parametrize(
    ("minute", "shares"),
    [(0, 0), (240, 0), (405, 500), (570, 1_000), (585, 11_000), (600, 21_000), (600.5, 21_166.667), (630, 31_000),
     (1199.999, 99_999.9), (1200, 100_000), (1439, 100_000)],
)  # fmt: skip
def test_by_hand(minute: float, shares: float) -> None:
    curves = Curves(["A"])
    assert curves.merge(curves_of({"A": ROW}))
    assert expected(curves, minute) == pytest.approx(shares, rel=1e-6)


def test_without_a_moment_or_a_curve_nothing_is_expected() -> None:
    curves = Curves(["A", "B"])
    curves.merge(curves_of({"A": ROW, "GONE": ROW}))
    found = curves.expected(np.array([0, 1]), np.array([math.nan, float(NOW)]), DAY)
    assert np.isnan(found).all()
    assert np.isnan(curves.sessions(np.array([1]))).all()


def test_relative_volume_is_measured_by_the_symbols_own_curve() -> None:
    known = {"volume": 62_000.0, "average_volume": 500_000.0, "sessions": 20}
    universe = universe_of([stock("A", **known), stock("B", **known), stock("THIN", **known)])
    by_market = 62_000 / (500_000 * share_at(NOW))
    assert rvol(universe) == {symbol: (pytest.approx(by_market), 0.0) for symbol in universe.symbols}
    universe.curves.merge(curves_of({"A": ROW, "THIN": [0, 1, 2, 3, 4]}))
    found = rvol(universe)
    assert found["A"] == (pytest.approx(2.0), 0.0)
    assert found["B"] == (pytest.approx(by_market), 0.0)
    assert np.isnan(found["THIN"][0])  # under the floor: the curve is known, and says next to nothing


@pytest.mark.parametrize(
    ("of_curve", "of_average", "thin", "by_curve"),
    [(9, 20, 0.0, False), (9, 10, 0.0, False), (3, 4, 1.0, False), (9, 9, 1.0, True), (10, 20, 0.0, True),
     (10, 5, 0.0, True), (3, 0, 1.0, True), (10, 0, 0.0, True)],
)  # fmt: skip
def test_a_thin_curve_gives_way_to_an_average_of_more_days(
    of_curve: int, of_average: int, thin: float, by_curve: bool
) -> None:
    universe = universe_of([stock("A", volume=62_000.0, average_volume=500_000.0, sessions=of_average)])
    universe.curves.merge(curves_of({"A": ROW}, days=of_curve))
    usual = 31_000 if by_curve else 500_000 * share_at(NOW)
    assert rvol(universe)["A"] == (pytest.approx(62_000 / usual), thin)


def test_symbols_that_come_later_have_their_curve() -> None:
    universe = universe_of([stock("A", volume=1.0)])
    universe.curves.merge(curves_of({"B": ROW}))
    late = stock("B", price=1.0, volume=62_000.0, price_time=float(NOW), updated=float(NOW))
    merge_scan(universe, universe_frame([late], NOW))
    assert rvol(universe)["B"][0] == pytest.approx(2.0)
    assert universe.symbols == ["A", "B"]


@pytest.mark.parametrize(
    ("date", "served"),
    [("2026-11-20", ["2026-11-20", "2026-11-23"]), ("2026-11-23", ["2026-11-23", "2026-11-24"]),
     ("2026-11-25", ["2026-11-25", "2026-11-27"]), ("2026-12-31", ["2026-12-31", "2027-01-04"])],
)  # fmt: skip
def test_curves_serve_their_day_and_the_next_trading_day(date: str, served: list[str]) -> None:
    curves, day = Curves(["A"]), dt.date.fromisoformat(date)
    assert not curves.serve(day)
    curves.merge(curves_of({"A": ROW}, day))
    near = [day + days * A_DAY for days in range(-7, 8)]
    assert [str(one) for one in near if is_trading_day(one) and curves.serve(one)] == served


@pytest.mark.parametrize(("split", "by_curve"), [(0.0, True), (1.0, False), (math.nan, False)])
def test_curves_of_the_day_before_know_nothing_of_todays_splits(split: float, by_curve: bool) -> None:
    # Ten for one: the curve has a tenth of the shares that the averages, which are adjusted, have.
    row = [volume // 10 for volume in ROW]
    for date, factor in ((previous_trading_day(DAY), 1.0 if by_curve else math.nan), (DAY, 1.0)):
        universe = universe_of([stock("A", volume=62_000.0, average_volume=500_000.0, sessions=20)])
        universe.set_reference("split_today", universe.positions(["A"]), np.array([split]))
        universe.curves.merge(curves_of({"A": row}, date))
        by_market = 62_000 / (500_000 * share_at(NOW))
        assert rvol(universe)["A"][0] == pytest.approx(by_market if math.isnan(factor) else 20.0)


def test_newer_curves_take_the_place_of_older_ones() -> None:
    curves = Curves(["A"])
    curves.merge(curves_of({"A": ROW}))
    assert curves.merge(curves_of({"A": [0, 2, 4, 6, 8]}, DAY + A_DAY))
    assert not curves.merge(curves_of({"A": ROW}))  # late
    assert expected(curves, 600) == 4
    assert curves.merge(curves_of({"B": ROW}, DAY + A_DAY))
    assert np.isnan(expected(curves, 600))


class TestParts:
    """A set counts when it is whole: half of it would move half of the market's relative volumes."""

    def part(self, number: int, parts: int = 3, **fields: Any) -> VolumeCurves:
        return curves_of({f"S{number}": [0, number, 2, 3, 4]}, part=number, parts=parts, **fields)

    def test_a_set_counts_with_its_last_part(self) -> None:
        curves = Curves(["S3", "S1"])
        assert [curves.merge(self.part(number)) for number in (1, 2, 3)] == [False, False, True]
        assert expected(curves, 570) == 3

    def test_the_set_before_counts_until_then(self) -> None:
        curves = Curves(["A", "S1"])
        curves.merge(curves_of({"A": ROW}))
        curves.merge(self.part(1, 2))
        assert expected(curves, 570) == 1_000
        curves.merge(self.part(2, 2))
        assert np.isnan(expected(curves, 570))

    @pytest.mark.parametrize(
        "change", [{}, {"parts": 4}, {"date": str(DAY + A_DAY)}, {"knots": [1, 2, 3, 4, 5]}], ids=str
    )
    def test_a_set_with_a_hole_is_lost(self, change: dict[str, Any]) -> None:
        curves = Curves(["S1"])
        curves.merge(self.part(1))
        with pytest.raises(ProtocolError, match="does not fit"):
            curves.merge(self.part(2 if change else 3, **change))
        assert not curves.merge(self.part(3))
        assert not curves.serve(DAY)
        assert [curves.merge(self.part(number)) for number in (1, 2, 3)] == [False, False, True]

    def test_the_end_of_a_set_whose_beginning_is_not_kept(self) -> None:
        curves = Curves([])
        assert [curves.merge(self.part(number)) for number in (2, 3, 1, 2, 3)] == [False] * 4 + [True]

    @pytest.mark.parametrize(
        "order",
        [[1, 2, 2, 3], [1, 2, 1, 2, 3], [1, 1, 2, 3], [1, 2, 1, 3], [1, 2, 3, 2, 3], [1, 2, 3, 3], [3, 1, 2, 3]],
        ids=str,
    )
    def test_parts_that_are_held_already_change_nothing(self, order: list[int]) -> None:
        curves = Curves(["S3", "S1"])
        assert sum(curves.merge(self.part(number)) for number in order) == 1
        assert expected(curves, 570) == 3
        assert not curves.lacking
        assert len(curves) == 3

    def test_a_part_of_another_set_of_the_day_is_none_that_is_held(self) -> None:
        curves = Curves(["S1"])
        for number in (1, 2):
            curves.merge(self.part(number))
        with pytest.raises(ProtocolError, match="does not fit"):
            curves.merge(self.part(2, days=19))
        assert curves.lacking
        curves.merge(curves_of({"S1": ROW}))
        assert not curves.lacking
        for number, lacking in ((2, True), (1, True), (2, True), (3, False)):
            curves.merge(self.part(number, days=19))
            assert curves.lacking == lacking

    @pytest.mark.parametrize("heard", [[1], [1, 2], [2], [3], [1, 3], [2, 3]], ids=str)
    def test_what_is_lacking_is_known(self, heard: list[int]) -> None:
        curves = Curves(["S1"])
        assert not curves.lacking
        for number in heard:
            with suppress(ProtocolError):
                curves.merge(self.part(number))
        assert curves.lacking
        assert any(curves.merge(self.part(number)) for number in (1, 2, 3))
        assert not curves.lacking

    @pytest.mark.parametrize(
        "wrong",
        [
            {"sessions": []},
            {"volumes": []},
            {"volumes": [[1, 2]]},
            {"knots": [1, 1, 2, 3, 4]},
            {"date": "today"},
            {"part": 2},
        ],
        ids=str,
    )
    def test_what_makes_no_sense_is_refused(self, wrong: dict[str, Any]) -> None:
        curves = Curves(["S1"])
        with pytest.raises(ProtocolError, match="does not fit"):
            curves.merge(curves_of({"S1": ROW}, **wrong))
        assert not curves.serve(DAY)

    def test_a_set_of_nobody(self) -> None:
        curves = Curves(["A"])
        assert curves.merge(curves_of({}))
        assert np.isnan(expected(curves, 600))
