"""Percentiles of the last minute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gapscan.service.lateness import WINDOW, Percentiles, Stage, report

SECONDS = st.floats(0, 1000).map(lambda seconds: round(seconds, 4))


@given(st.lists(SECONDS, min_size=1, max_size=300))
def test_as_many_are_within_a_percentile_as_it_says(samples: list[float]) -> None:
    stage = Stage()
    for at, seconds in enumerate(samples):
        stage.add(seconds, at / 100)
    found = stage.percentiles(len(samples) / 100)
    assert found is not None
    for share, value in ((0.5, found.p50), (0.99, found.p99)):
        assert value in samples
        assert sum(each <= value for each in samples) >= share * len(samples)
        assert sum(each < value for each in samples) < share * len(samples)


def test_what_is_older_than_a_minute_does_not_count() -> None:
    stage = Stage()
    stage.add(5.0, 0.0)
    stage.add(1.0, 50.0)
    assert stage.percentiles(WINDOW) == Percentiles(1.0, 5.0)
    assert stage.percentiles(WINDOW + 1) == Percentiles(1.0, 1.0)
    assert stage.percentiles(50 + WINDOW + 1) is None
    assert stage.median_ms(0.0) is None


def test_clocks_that_differ_make_no_negative_time() -> None:
    stage = Stage()
    stage.add(-0.2, 0.0)
    assert stage.percentiles(0.0) == Percentiles(0.0, 0.0)


def test_a_stage_without_samples_is_left_out() -> None:
    full = Stage()
    full.add(0.06)
    assert report({"a": Stage(), "b": full}) == {"b": Percentiles(0.06, 0.06)}
