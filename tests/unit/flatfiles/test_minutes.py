"""A day of minute bars: what had traded by each knot, and what bad lines and files cost."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gapscan.errors import DataError
from gapscan.flatfiles import minutes
from gapscan.flatfiles.files import FlatFiles
from gapscan.flatfiles.minutes import KNOTS, DayVolumes, packed, read_day, unpacked
from tests.support.flatfiles import HEADER, Minute, minutes_path, write_lines, write_minutes

DAY = dt.date(2026, 11, 19)
HALF_DAY = dt.date(2026, 11, 27)


def at(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def volume_by(day: DayVolumes, symbol: str, clock: str) -> float:
    return float(day.volumes[day.symbols.index(symbol), KNOTS.index(at(clock))])


def read(root: Path, date: dt.date = DAY) -> DayVolumes:
    return read_day(FlatFiles(root), date)


def test_no_damage_to_a_packed_day_goes_unnoticed_or_ends_anything() -> None:
    dice = random.Random(11)
    volumes = np.cumsum(np.random.default_rng(3).random((300, len(KNOTS))) * 1e4, axis=1).astype(np.float32)
    data = packed(DayVolumes([f"S{number}" for number in range(300)], volumes, 1, "a fault", "a file"))
    failed = 0
    for _ in range(2_000):
        damaged = bytearray(data)
        damaged[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        try:
            day = unpacked(bytes(damaged))
        except DataError:
            failed += 1
        else:  # such as a bit of a member's time
            np.testing.assert_array_equal(day.volumes, volumes)
    assert failed > 1_800


@pytest.mark.parametrize(
    "change", [{"symbols": np.zeros(2)}, {"symbols": np.zeros((), "U3")}, {"volumes": np.zeros((2, len(KNOTS)), "U3")},
               {"head": np.zeros(())}, {"texts": np.array(["one"])}], ids=str,
)  # fmt: skip
def test_arrays_of_another_form_are_no_day(change: dict[str, np.ndarray]) -> None:
    day = DayVolumes(["A", "B"], np.zeros((2, len(KNOTS)), np.float32))
    with np.load(io.BytesIO(packed(day))) as arrays:
        whole = dict(arrays)
    file = io.BytesIO()
    np.savez(file, **(whole | change))
    with pytest.raises(DataError):
        unpacked(file.getvalue())


def test_what_a_minute_traded_has_traded_by_its_end(tmp_path: Path) -> None:
    bars = [
        Minute("A", at("04:00"), 5), Minute("A", at("09:29"), 10), Minute("A", at("09:30"), 100),
        Minute("A", at("09:31"), 200), Minute("A", at("15:59"), 1000), Minute("A", at("16:00"), 5000),
        Minute("A", at("19:59"), 0.5), Minute("BCpC", at("10:07"), 4.7489415903844e07),
    ]  # fmt: skip
    write_minutes(tmp_path, DAY, bars)
    day = read(tmp_path)
    assert day.symbols == ["A", "BCpC"]
    expected = {
        "04:00": 0, "04:15": 5, "09:15": 5, "09:30": 15, "09:31": 115, "09:32": 315, "15:55": 315, "16:00": 1315,
        "16:01": 6315, "19:30": 6315, "20:00": 6315.5,
    }  # fmt: skip
    assert {clock: volume_by(day, "A", clock) for clock in expected} == expected
    assert (volume_by(day, "BCpC", "10:00"), volume_by(day, "BCpC", "10:15")) == (0, np.float32(4.7489415903844e07))
    assert (day.bad_lines, day.first_fault) == (0, "")


def test_the_order_of_the_lines_does_not_matter(tmp_path: Path) -> None:
    dice = random.Random(5)
    bars = [Minute(f"S{n}", dice.randrange(240, 1200), dice.randrange(10_000)) for n in range(1500) for _ in range(3)]
    write_minutes(tmp_path / "sorted", DAY, bars)
    dice.shuffle(bars)
    write_minutes(tmp_path / "mixed", DAY, bars)
    one, other = read(tmp_path / "sorted"), read(tmp_path / "mixed")
    order = [other.symbols.index(symbol) for symbol in one.symbols]
    np.testing.assert_array_equal(one.volumes, other.volumes[order])


def test_columns_may_come_in_another_order(tmp_path: Path) -> None:
    header = "window_start,ticker,transactions,open,close,high,low,volume"
    symbol, volume, *_, start, trades = Minute("A", at("10:00"), 7).line(DAY).split(",")
    write_lines(tmp_path, DAY, [f"{start},{symbol},{trades},1,1,1,1,{volume}"], header)
    assert volume_by(read(tmp_path), "A", "10:15") == 7


GOOD = Minute("A", at("10:00"), 7).line(DAY)
BAD = [
    "A,5",
    "",
    "A,many,1,1,1,1,1795100000000000000,1",
    "A,5,1,1,1,1,later,1",
    "A,5,1,1,1,1,99999999999999999999999,1",
    GOOD.replace("A,7", "A,nan"),
    GOOD.replace("A,7", "A,inf"),
    GOOD.replace("A,7", "A,-7"),
    GOOD.replace("A,7", ",7"),
    GOOD.replace("A,7", "A" * 40 + ",7"),
    Minute("A", at("03:59"), 7).line(DAY),
    Minute("A", at("20:00"), 7).line(DAY),
    Minute("A", at("10:00"), 7).line(DAY - dt.timedelta(days=1)),
]


@pytest.mark.parametrize("line", BAD)
def test_a_bad_line_costs_itself_only(tmp_path: Path, line: str) -> None:
    write_lines(tmp_path, DAY, [GOOD, line, GOOD])
    day = read(tmp_path)
    assert day.symbols == ["A"]
    assert volume_by(day, "A", "20:00") == 14
    assert day.bad_lines == (1 if line else 0)
    assert (str(minutes_path(tmp_path, DAY)) in day.first_fault) == bool(line)


def test_bad_lines_among_many(tmp_path: Path) -> None:
    lines = [GOOD] * 5_000
    bad = [line for line in BAD if line]
    for place, line in zip(random.Random(1).sample(range(5_000), 3 * len(bad)), bad * 3, strict=True):
        lines.insert(place, line)
    write_lines(tmp_path, DAY, lines)
    day = read(tmp_path)
    assert (day.bad_lines, volume_by(day, "A", "20:00")) == (3 * len(bad), 35_000)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no flat file"):
        read(tmp_path)
    path = write_lines(tmp_path, DAY, [GOOD] * 10_000)
    whole = path.read_bytes()
    for content in (b"not gzip at all", whole[: len(whole) // 2], whole[:-6] + b"\0\0" + whole[-4:], b""):
        path.write_bytes(content)
        with pytest.raises(DataError, match=str(path)):
            read(tmp_path)
    path.write_bytes(gzip.compress(b"symbol,size\nA,5\n"))
    with pytest.raises(DataError, match="lacks the columns ticker, volume"):
        read(tmp_path)


def test_a_day_without_bars(tmp_path: Path) -> None:
    write_lines(tmp_path, DAY, [])
    day = read(tmp_path)
    assert (day.symbols, day.volumes.shape, day.bad_lines) == ([], (0, len(KNOTS)), 0)
    assert unpacked(packed(day)).symbols == []


def test_a_half_day_ends_early(tmp_path: Path) -> None:
    write_minutes(tmp_path, HALF_DAY, [Minute("A", at("12:59"), 5), Minute("A", at("13:00"), 50)])
    day = read(tmp_path, HALF_DAY)
    assert [volume_by(day, "A", clock) for clock in ("12:45", "13:00", "13:15", "20:00")] == [0, 5, 55, 55]


def test_what_is_packed_comes_out_again(tmp_path: Path) -> None:
    write_lines(tmp_path, DAY, [GOOD, "bad", Minute("BCpC", 700, 1e9).line(DAY)])
    day = read(tmp_path)
    again = unpacked(packed(day))
    np.testing.assert_array_equal(again.volumes, day.volumes)
    assert again.symbols == day.symbols
    assert (again.bad_lines, again.first_fault, again.source) == (1, day.first_fault, day.source)
    assert day.source


def test_what_is_not_packed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lines(tmp_path, DAY, [GOOD])
    data = packed(read(tmp_path))
    for wrong in (b"", b"x", data[:-30], data[:200] + b"\0\0\0\0" + data[204:]):
        with pytest.raises(DataError):
            unpacked(wrong)
    monkeypatch.setattr(minutes, "KNOTS", (240, 1200))
    with pytest.raises(DataError, match="another form"):
        unpacked(data)


def test_knots_cover_the_day() -> None:
    assert (KNOTS[0], KNOTS[-1]) == (at("04:00"), at("20:00"))
    assert list(KNOTS) == sorted(set(KNOTS))
    assert {at("09:30"), at("16:00"), at("16:01")} < set(KNOTS)


def test_the_process_of_its_own(tmp_path: Path) -> None:
    write_lines(tmp_path, DAY, [GOOD])
    command = [sys.executable, "-m", "gapscan.flatfiles.minutes", str(tmp_path), str(DAY)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert unpacked(done.stdout).symbols == ["A"]
    minutes_path(tmp_path, DAY).write_text(HEADER)
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"cannot read" in done.stderr
