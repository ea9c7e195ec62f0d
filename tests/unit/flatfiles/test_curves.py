"""Means over past days: parts of bounded size, and splits."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from gapscan.flatfiles.curves import CURVES_A_PART, MeanVolumes, ratios_since
from gapscan.flatfiles.minutes import KNOTS, DayVolumes
from gapscan.protocol.codec import encode
from gapscan.provider import Split

DAY = dt.date(2026, 11, 20)
MAX_PAYLOAD = 1024 * 1024


def day_of(**totals: float) -> DayVolumes:
    """A day on which the symbols' volume grew evenly to `totals`."""
    share = np.linspace(0, 1, len(KNOTS), dtype=np.float32)
    return DayVolumes(list(totals), np.outer(np.array(list(totals.values())), share).astype(np.float32))


def test_a_symbol_is_measured_by_the_days_on_which_it_traded() -> None:
    mean = MeanVolumes()
    for day in (day_of(A=100.0, B=50.0), day_of(A=300.0), day_of(C=7.0, A=200.0)):
        mean.add(day, {})
    (part,) = mean.parts(DAY)
    assert part.symbols == ["A", "B", "C"]
    assert part.sessions == [3, 1, 1]
    assert [row[-1] for row in part.volumes] == [200, 50, 7]
    assert all(row[0] == 0 and row == sorted(row) for row in part.volumes)
    assert (part.part, part.parts, part.date, part.knots) == (1, 1, "2026-11-20", list(KNOTS))
    assert mean.days == 3


def test_parts_are_small_enough_whatever_the_volumes() -> None:
    mean = MeanVolumes()
    mean.add(day_of(**{f"LONGSYMBOL{n}": 9e12 for n in range(2 * CURVES_A_PART + 1)}), {})
    parts = list(mean.parts(DAY))
    assert [(part.part, part.parts, len(part.symbols)) for part in parts] == [
        (1, 3, CURVES_A_PART), (2, 3, CURVES_A_PART), (3, 3, 1),
    ]  # fmt: skip
    assert max(len(encode(part)) for part in parts) < MAX_PAYLOAD - 4096


def test_without_days_there_are_no_parts() -> None:
    assert list(MeanVolumes().parts(DAY)) == []


def test_shares_of_before_a_split_are_counted_as_those_of_now() -> None:
    splits = [
        Split("A", dt.date(2026, 11, 18), 2.0), Split("A", dt.date(2026, 11, 20), 3.0),
        Split("B", dt.date(2026, 11, 19), 0.02), Split("ODD", dt.date(2026, 11, 19), None),
    ]  # fmt: skip
    assert ratios_since(splits, dt.date(2026, 11, 17)) == {"A": 6.0, "B": 0.02}
    assert ratios_since(splits, dt.date(2026, 11, 18)) == {"A": 3.0, "B": 0.02}
    assert ratios_since(splits, dt.date(2026, 11, 19)) == {"A": 3.0}
    assert ratios_since(splits, dt.date(2026, 11, 20)) == {}
    mean = MeanVolumes()
    for date in (dt.date(2026, 11, 18), dt.date(2026, 11, 19)):
        mean.add(day_of(A=100.0, B=1000.0), ratios_since(splits, date))
    (part,) = mean.parts(DAY)
    assert [row[-1] for row in part.volumes] == pytest.approx([300, 510])
