"""Recordings take no more of a disk than they may: the oldest days go first, and never the present one."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapscan.obs import Tally, logger
from gapscan.polygon.recording import STATUS, Recorder, read_records, recorded_files
from gapscan.polygon.recording_bound import Bound, day_of, tidy

DAY_MS = 86_400_000
BEGIN = 20_000 * DAY_MS + 7 * 3_600_000  # of a day of recording


def write(directory: Path, day: int, kind: str, size: int) -> Path:
    path = directory / f"{BEGIN + day * DAY_MS + 1:013d}-{kind}.gz"
    path.write_bytes(b"x" * size)
    return path


sizes = st.lists(st.integers(0, 50), min_size=1, max_size=8)


@settings(deadline=None)
@given(sizes, st.integers(1, 8), st.integers(1, 200))
def test_what_is_left_is_within_the_bound(found: list[int], days: int, most: int) -> None:
    """Whole days, from the newest back: as many as there is room for."""
    with tempfile.TemporaryDirectory() as name:
        directory, today = Path(name), len(found) - 1
        for day, size in enumerate(found):
            write(directory, day, "live", size)
            write(directory, day, "reference", 1)
        other = directory / "mine-live.gz"
        other.write_bytes(b"y" * 1000)
        within = tidy(directory, Bound(days, most), day_of(BEGIN + today * DAY_MS))
        left = [day for day in range(len(found)) if (directory / f"{BEGIN + day * DAY_MS + 1:013d}-live.gz").exists()]
        assert left == list(range(left[0], len(found))), "the newest, without a gap"
        size = sum(found[day] + 1 for day in left)
        assert len(left) <= max(days, 1)
        assert size <= most or left == [today]
        assert within == (size <= most)
        if left[0] > 0 and len(left) < days:
            assert size + found[left[0] - 1] + 1 > most, "nothing is deleted that there is room for"
        assert other.exists(), "what is no recording is somebody else's"


@pytest.mark.parametrize(("after", "files"), [(-1, 1), (0, 2)])
def test_a_day_has_files_of_its_own(tmp_path: Path, after: int, files: int) -> None:
    now = [(BEGIN - 1000) / 1000]
    recorder = Recorder(tmp_path, "", Tally(logger("feed")), now=lambda: now[0])
    recorder.rest(f"https://host{STATUS}", b"one")
    now[0] = (BEGIN + after) / 1000
    recorder.rest(f"https://host{STATUS}", b"two")
    recorder.close()
    found = recorded_files(tmp_path, "live")
    assert len(found) == files
    assert [record.body for path in found for record in read_records(path)] == [b"one", b"two"]


def test_a_day_that_is_too_large_ends_and_is_counted(tmp_path: Path) -> None:
    write(tmp_path, 0, "live", 5_000_000)
    tally = Tally(logger("feed"))
    recorder = Recorder(tmp_path, "", tally, now=lambda: (BEGIN + 5) / 1000, bound=Bound(10, 1_000_000))
    recorder.rest(f"https://host{STATUS}", b"one")
    recorder.close()
    assert tally.counts["unrecorded"] == 1
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 5_000_000
