"""A recording holds what came, and nothing of the key."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapscan.errors import DataError
from gapscan.obs import Tally, logger
from gapscan.polygon.recording import (
    SNAPSHOT,
    STATUS,
    Record,
    Recorder,
    path_of,
    read_records,
    recorded_files,
)

KEY = "secret-key-of-the-account"
paths = st.sampled_from([SNAPSHOT, STATUS, "/v3/reference/tickers?limit=1000", ""])
bodies = st.binary(max_size=200) | st.just(b"\n") | st.just(b'{"at":1}\n')


def recorder_in(directory: Path, tally: Tally | None = None) -> Recorder:
    return Recorder(directory, KEY, tally or Tally(logger("feed")), now=lambda: 1.5)


def read(directory: Path) -> list[Record]:
    files = [path for kind in ("live", "reference") for path in recorded_files(directory, kind)]
    return [record for path in files for record in read_records(path)]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(paths, bodies), max_size=20))
def test_what_comes_is_kept_in_order(sent: list[tuple[str, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        recorder = recorder_in(Path(name))
        for path, body in sent:
            recorder.rest(f"https://host{path}", body) if path else recorder.frame(body)
        recorder.close()
        expected = [Record(1500, path, body) for path, body in sent]
        by_kind = sorted(expected, key=lambda record: not record.is_live)
        assert read(Path(name)) == by_kind


def test_the_key_is_in_none_of_it(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    recorder.rest(f"https://host/v3/reference/tickers?limit=5&apiKey={KEY}", f'{{"echo": "{KEY}"}}'.encode())
    recorder.frame(f'[{{"ev":"status","message":"{KEY}"}}]')
    recorder.close()
    assert all(KEY.encode() not in gzip.decompress(path.read_bytes()) for path in tmp_path.iterdir())
    (frame, answer) = read(tmp_path)
    assert answer.path == "/v3/reference/tickers?limit=5"
    assert answer.body == b'{"echo": "***"}'
    assert frame.path == ""


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://host:1/a/b?z=1&a=2", "/a/b?a=2&z=1"),
        ("/a/b?apikey=k", "/a/b"),
        ("/a?day.gte=2026-11-20&limit=5", "/a?day.gte=2026-11-20&limit=5"),
    ],
)
def test_a_path_names_an_answer(url: str, path: str) -> None:
    assert path_of(url) == path


def test_a_file_that_ends_in_the_middle_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    for number in range(200):
        recorder.frame(f'[{{"ev":"A","sym":"S{number * 7919 % 10_007}"}}]')
    recorder.close()
    (path,) = recorded_files(tmp_path, "live")
    path.write_bytes(path.read_bytes()[:-300])
    found = list(read_records(path))
    assert 1 <= len(found) < 200
    assert found[0].body == b'[{"ev":"A","sym":"S0"}]'


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    for body in (b"rubbish", gzip.compress(b"rubbish\n")):
        path = tmp_path / "0000000000001-live.gz"
        path.write_bytes(body)
        with pytest.raises(DataError, match="is no recording"):
            list(read_records(path))


def test_a_directory_that_cannot_be_written_is_said_and_costs_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    tally = Tally(logger("feed"))
    recorder = recorder_in(tmp_path / "file" / "inside", tally)
    recorder.frame(b"[]")
    recorder.frame(b"[]")
    recorder.close()
    assert tally.counts["unrecorded"] == 2
    assert caplog.text.count("the recording cannot be written") == 1
