"""What the provider sent, raw, as files: written while it comes, read to be played again.

A recording is a directory. Each start of a feed, and each day, adds two files: `TIME-live.gz` has the frames of the
stream, snapshots and market status, in the order in which they came, `TIME-reference.gz` all else that was asked for.
Either is a gzip stream of records: a line of JSON (`at`: when it came, epoch ms; `path`: what was asked for, with its
query, empty for a frame; `size`), the body's bytes, and a newline. A file that ends in the middle, as after a crash, is
read as far as it goes.
"""

from __future__ import annotations

import gzip
import queue
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Final, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from msgspec import Struct

from gapscan.errors import DataError
from gapscan.obs import Tally, logger
from gapscan.polygon.recording_bound import Bound, day_of, tidy

SNAPSHOT: Final = "/v2/snapshot/locale/us/markets/stocks/tickers"
STATUS: Final = "/v1/marketstatus/now"
_LIVE: Final = (SNAPSHOT, STATUS)  # asked for scan by scan

_LEVEL: Final = 3  # of gzip's usual 9 a small part of the work: it is done beside a market that does not wait
_MOST_WAITING: Final = 128 << 20  # bytes that wait for the disk; what comes then is lost, and counted
_FLUSH_SECONDS: Final = 5.0
_TIDY_SECONDS: Final = 60.0
_LEAST_KEY: Final = 8  # characters: a shorter one, as of tests, may be a word of what is sent
_HIDDEN: Final = b"***"
_ENDS: Final = (EOFError, OSError, zlib.error, msgspec.MsgspecError)

_log = logger("feed")


class Head(Struct):
    """What is said of a body."""

    at: int
    path: str
    size: int


class Record(Struct):
    """A body that came at `at`, epoch ms, on asking for `path`; a frame of the stream, without a path."""

    at: int
    path: str
    body: bytes

    @property
    def is_live(self) -> bool:
        """Whether it is of the stream, or of what every scan asks for."""
        return not self.path or self.path.partition("?")[0] in _LIVE


def path_of(url: str) -> str:
    """Path and query as they name an answer: without host and key, the query in order."""
    parts = urlsplit(url)
    query = urlencode(sorted((name, text) for name, text in parse_qsl(parts.query) if name.lower() != "apikey"))
    return f"{parts.path}?{query}" if query else parts.path


class Recorder:
    """Keeps what comes in `directory`, on a thread of its own: neither request nor stream ever waits for the disk.

    The key is in none of it: where a body has it, it is covered. What cannot be kept is lost, counted, and logged once.
    What is beyond the `bound` is deleted, the oldest days first; a day that is beyond it alone is kept as far as it
    goes.
    """

    def __init__(
        self, directory: Path, key: str, tally: Tally, now: Callable[[], float] = time.time, bound: Bound | None = None
    ) -> None:
        self._bound = bound or Bound()
        self._day = 0  # of recording, that is written
        self._full = False  # whether there is no room for more of it
        self._tidied = 0.0  # monotonic
        self._directory = directory
        self._key = key.encode() if len(key) >= _LEAST_KEY else b""
        self._tally = tally
        self._now = now
        self._queue: queue.SimpleQueue[Record | None] = queue.SimpleQueue()
        self._waiting = 0
        self._lock = threading.Lock()
        self._files: dict[bool, gzip.GzipFile] = {}
        self._thread = threading.Thread(target=self._write_all, name="recorder", daemon=True)
        self._thread.start()

    def rest(self, url: str, body: bytes) -> None:
        """Keep an answer; may be called on any thread."""
        self._put(Record(round(self._now() * 1000), path_of(url), body))

    def frame(self, frame: str | bytes) -> None:
        """Keep a frame of the stream."""
        self._put(Record(round(self._now() * 1000), "", frame.encode() if isinstance(frame, str) else frame))

    def _put(self, record: Record) -> None:
        with self._lock:
            if self._waiting > _MOST_WAITING:
                self._tally.trouble("unrecorded", "the disk is too slow for the recording: parts of it are lost")
                return
            self._waiting += len(record.body)
        self._queue.put(record)

    def close(self) -> None:
        """Write what waits, and end."""
        self._queue.put(None)
        self._thread.join()

    def _write_all(self) -> None:
        flushed = time.monotonic()
        while True:
            try:
                record = self._queue.get(timeout=_FLUSH_SECONDS)
            except queue.Empty:
                self._each(lambda file: file.flush())
                continue
            if record is None:
                break
            with self._lock:
                self._waiting -= len(record.body)
            self._write(record)
            if time.monotonic() > flushed + _FLUSH_SECONDS:
                flushed = time.monotonic()
                self._each(lambda file: file.flush())
        self._each(lambda file: file.close())

    def _each(self, act: Callable[[gzip.GzipFile], None]) -> None:
        for live, file in list(self._files.items()):
            self._try(live, lambda file=file: act(file))  # type: ignore[misc]

    def _write(self, record: Record) -> None:
        self._make_room(record.at)
        if self._full:
            self._tally.trouble("unrecorded", "the recording is as large as it may be: the rest of the day is lost")
            return
        body = record.body.replace(self._key, _HIDDEN) if self._key else record.body
        head = msgspec.json.encode(Head(record.at, record.path, len(body)))
        self._try(record.is_live, lambda: self._file(record).write(b"%b\n%b\n" % (head, body)))

    def _make_room(self, at: int) -> None:
        """Once a day, which has files of its own, and now and then meanwhile."""
        now, another = time.monotonic(), day_of(at) != self._day
        if another:
            self._each(lambda file: file.close())
            self._files.clear()
            self._day = day_of(at)
        if another or now > self._tidied + _TIDY_SECONDS:
            self._tidied = now
            self._try(True, self._tidy)

    def _tidy(self) -> None:
        self._full = not tidy(self._directory, self._bound, self._day)

    def _try(self, live: bool, act: Callable[[], object]) -> None:
        try:
            act()
        except OSError as error:
            self._tally.trouble("unrecorded", f"the recording cannot be written: {error}")
            self._files.pop(live, None)  # the next record begins another file

    def _file(self, record: Record) -> gzip.GzipFile:
        if record.is_live not in self._files:
            self._directory.mkdir(parents=True, exist_ok=True)
            kind = "live" if record.is_live else "reference"
            path = self._directory / f"{record.at:013d}-{kind}.gz"
            self._files[record.is_live] = gzip.open(path, "ab", compresslevel=_LEVEL)  # noqa: SIM115  # kept open
            _log.info("what the provider sends is recorded", extra={"file": str(path)})
        return self._files[record.is_live]


def recorded_files(directory: Path, kind: str) -> list[Path]:
    """The files of one kind, `live` or `reference`, oldest first."""
    return sorted(directory.glob(f"*-{kind}.gz"))


def read_records(path: Path) -> Iterator[Record]:
    """The records of a file, as far as it goes. Raises DataError for a file that is none."""
    count = 0
    with gzip.open(path) as file:
        lines = cast(BufferedReader, file)
        try:
            while line := lines.readline():
                head = msgspec.json.decode(line, type=Head)
                body = lines.read(head.size)
                if len(body) < head.size or lines.read(1) != b"\n":
                    return
                count += 1
                yield Record(head.at, head.path, body)
        except _ENDS as error:
            if not count:
                raise DataError(f"{path} is no recording: {error}") from None
            _log.warning("the recording %s ends in the middle: %s", path, error)
