"""Flat files as columns: odd tickers, several gzip members, cut-off files, bad lines; with pyarrow and without."""

from __future__ import annotations

import datetime as dt
import gzip
import logging
import os
import re
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gapscan.errors import DataError
from gapscan.files import replace_file
from gapscan.flatfiles import column_cache, files, gunzip
from gapscan.flatfiles.arrow_reader import read_arrow
from gapscan.flatfiles.day_bars import DayBars
from gapscan.flatfiles.files import FlatFiles, Kind
from tests.support.flatfiles import HEADER, minutes_path, write_lines

DAY = dt.date(2023, 8, 4)
KIND: Kind = "minute_aggs_v1"
NS = 1_691_155_800_000_000_001
ODD = ["NA", "NAN", "INF", "-INF", "TRUE", "FALSE", "T", "1E5", "NULL", "None", "nan", "007", "BRK.A", "BCpC"]


@pytest.fixture(params=["pyarrow", "numpy"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "numpy":  # as without the extra
        monkeypatch.setattr(files, "available", lambda: False)
        monkeypatch.setattr(gunzip, "_open", gzip.open)
    return str(request.param)


@pytest.fixture(autouse=True)
def _cache_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def rows(bars: DayBars) -> list[tuple[object, ...]]:
    columns = (bars.start, bars.volume, bars.open, bars.close, bars.high, bars.low, bars.transactions)
    symbols = [bars.symbols[code] for code in bars.of.tolist()]
    return list(zip(symbols, *(column.tolist() for column in columns), strict=True))


def bar(symbol: str, volume: str = "5", start: int = NS) -> str:
    return f"{symbol},{volume},10,10.1,10.2,9.9,{start},3"


def test_tickers_that_look_like_values_are_texts(tmp_path: Path, reader: str) -> None:
    write_lines(tmp_path, DAY, map(bar, ODD))
    assert FlatFiles(tmp_path).read(KIND, DAY).symbols == ODD


def test_times_are_exact_and_volumes_may_be_fractions(tmp_path: Path, reader: str) -> None:
    write_lines(tmp_path, DAY, [bar("A", "0.000001"), bar("A", "4.7489415903844e07", NS + 1)])
    read = FlatFiles(tmp_path).read(KIND, DAY)
    assert read.start.tolist() == [NS, NS + 1]
    assert read.volume.tolist() == [0.000001, 4.7489415903844e07]


def test_columns_in_any_order_and_a_byte_order_mark(tmp_path: Path, reader: str) -> None:
    write_lines(tmp_path, DAY, [f"{NS},3,x,10.2,A,9.9,10.1,10,5"],
                "\ufeffwindow_start,transactions,other,high,ticker,low,close,open,volume")  # fmt: skip
    assert rows(FlatFiles(tmp_path).read(KIND, DAY)) == [("A", NS, 5.0, 10.0, 10.1, 10.2, 9.9, 3)]


@pytest.mark.parametrize("ending", [b"", b"\0" * 512], ids=["bare", "padded"])
def test_several_gzip_members(tmp_path: Path, reader: str, ending: bytes) -> None:
    path = write_lines(tmp_path, DAY, [])
    parts = (f"{HEADER}\n{bar('A')}\n", bar("B")[:7], bar("B")[7:] + "\r\n", bar("C"))
    path.write_bytes(b"".join(gzip.compress(part.encode()) for part in parts) + ending)
    assert FlatFiles(tmp_path).read(KIND, DAY).symbols == ["A", "B", "C"]


def test_a_file_that_is_cut_off_is_named(tmp_path: Path, reader: str) -> None:
    path = write_lines(tmp_path, DAY, [bar(f"S{n}", str(n)) for n in range(20_000)])
    whole = path.read_bytes()
    for content, lines in (
        (whole[: len(whole) // 2], (9_000, 11_000)),
        (whole[:-2], (19_000, 20_001)),
        (whole[:-6] + b"\0\0" + whole[-4:], (19_000, 20_001)),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError) as found:
            FlatFiles(tmp_path, cached=True).read(KIND, DAY)
        said = re.match(rf"cannot read {re.escape(str(path))} after line ([\d,]+): ", str(found.value))
        assert said is not None, str(found.value)
        assert lines[0] <= int(said[1].replace(",", "")) <= lines[1]
    assert not list(path.parent.glob("*.arrow"))


def test_what_is_no_gzip_file_has_no_line(tmp_path: Path, reader: str) -> None:
    path = write_lines(tmp_path, DAY, [])
    path.write_bytes(b"ticker,volume\n" * 5)
    with pytest.raises(DataError, match=rf"cannot read {path}: "):
        FlatFiles(tmp_path).read(KIND, DAY)


BAD = {
    "A,5": "not a bar",
    "A,many,10,10,10,10,1,1": "not a bar",
    "A,5,10,10,10,10,99999999999999999999999,1": "not a bar",
    bar("A", "-1"): "volume -1",
    bar("A", "nan"): "volume nan",
    bar("A", "inf"): "volume inf",
    bar(""): "no symbol",
    bar("A" * 40): "no symbol",
    f"A,5,nan,10,10,10,{NS},1": "a price that is none",
    f"A,5,0,0,0,0,{NS},1": "a price that is none",
    f"A,5,10,11,10.5,9,{NS},1": "outside low..high",
}


@pytest.mark.parametrize("line", BAD)
def test_a_bad_line_costs_itself_and_is_named(
    tmp_path: Path, reader: str, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_lines(tmp_path, DAY, [bar("G"), bar("H"), line, bar("G"), line])
    with caplog.at_level(logging.WARNING):
        read = FlatFiles(tmp_path).read(KIND, DAY)
    assert [row[0] for row in rows(read)] == ["G", "H", "G"]
    assert read.bad_lines == 2
    assert read.first_fault.startswith(f"{path} line 4: ")
    assert BAD[line] in read.first_fault
    assert [read.first_fault in record.message for record in caplog.records if "line 4" in record.message] == [True]


PRICE = st.floats(0.0001, 1e6, allow_nan=False).map(lambda number: f"{number:.10g}")
LINE = st.one_of(
    st.tuples(st.sampled_from([*ODD, "", "A" * 30]), st.sampled_from(["0", "5", "1e3", "0.5", "-3", "x", "nan"]), PRICE,
              st.integers(-1, 2**63 - 1)).map(lambda p: f"{p[0]},{p[1]},{p[2]},{p[2]},{p[2]},{p[2]},{p[3]},1"),
    st.sampled_from(["", "A,1", "A,1,1,1,1,1,1,1,1", ",,,,,,,"]),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(lines=st.lists(LINE, max_size=12))
def test_both_readers_read_the_same(tmp_path: Path, lines: list[str]) -> None:
    write_lines(tmp_path, DAY, lines)
    fast = FlatFiles(tmp_path).read(KIND, DAY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "available", lambda: False)
        slow = FlatFiles(tmp_path).read(KIND, DAY)
    assert rows(fast) == rows(slow)
    assert (fast.symbols, fast.bad_lines) == (slow.symbols, slow.bad_lines)
    assert (fast.first_fault == "") == (slow.first_fault == "")


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are parsed from now on."""
    parsed: list[Path] = []

    def read(path: Path) -> DayBars:
        parsed.append(path)
        return read_arrow(path)

    monkeypatch.setattr(files, "read_arrow", read)
    return parsed


def test_columns_are_kept_beside_the_file_until_it_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = counted(monkeypatch)
    path = write_lines(tmp_path, DAY, [bar("A"), bar("NA", "0.25"), "bad"])
    first = FlatFiles(tmp_path, cached=True).read(KIND, DAY)
    again = FlatFiles(tmp_path, cached=True).read(KIND, DAY)
    assert len(parsed) == 1
    assert rows(first) == rows(again)
    assert (again.bad_lines, again.first_fault) == (1, first.first_fault)
    assert path.with_name(f"{DAY}.columns.arrow").exists()
    assert FlatFiles(tmp_path).days(KIND) == [DAY]
    write_lines(tmp_path, DAY, [bar("B"), bar("B")])
    assert FlatFiles(tmp_path, cached=True).read(KIND, DAY).symbols == ["B"]


def test_a_damaged_cache_is_said_and_the_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_lines(tmp_path, DAY, [bar("A")])
    FlatFiles(tmp_path, cached=True).read(KIND, DAY)
    path.with_name(f"{DAY}.columns.arrow").write_bytes(b"ARROW1 and no more")
    with caplog.at_level(logging.WARNING):
        assert FlatFiles(tmp_path, cached=True).read(KIND, DAY).symbols == ["A"]
    assert "the flat file is read instead" in caplog.text


def test_where_the_folder_cannot_be_written_the_users_cache_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = []

    def refuse_beside(path: Path, content: bytes) -> None:  # a read-only folder stops nobody who is root
        if "us_stocks_sip" in path.parts:
            refused.append(path)
            raise PermissionError(13, os.strerror(13))
        replace_file(path, content)

    monkeypatch.setattr(column_cache, "replace_file", refuse_beside)
    parsed = counted(monkeypatch)
    write_lines(tmp_path, DAY, [bar("A")])
    for _ in range(2):
        assert FlatFiles(tmp_path, cached=True).read(KIND, DAY).symbols == ["A"]
    assert (len(parsed), len(refused)) == (1, 1)
    (kept,) = (tmp_path / "cache" / "gapscan" / "flatfiles").iterdir()
    assert stat.S_ISREG(kept.stat().st_mode)
    assert minutes_path(tmp_path, DAY).exists()
