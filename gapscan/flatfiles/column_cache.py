"""The columns of flat files that were parsed once, kept beside them: reading them again takes a tenth of the time.

Where the files' folder cannot be written to, they are kept in the user's cache directory.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from gapscan.files import replace_file
from gapscan.flatfiles.arrow_reader import JoinedBars
from gapscan.flatfiles.day_bars import COLUMNS, PRICES, DayBars
from gapscan.flatfiles.narrow import fits, narrowed, widened

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

_FORMAT: Final = b"3"  # of what is written
_BATCH: Final = 1 << 16  # bars that are written or read at once: they stay in the processor's cache
_SUFFIX: Final = ".columns.arrow"


def source_of(path: Path) -> str:
    """What tells a file from a later one in its place. Raises OSError when there is none."""
    stat = path.stat()
    return f"{path.absolute()} {stat.st_size} {stat.st_mtime_ns}"


def kept(path: Path) -> DayBars | None:
    """The columns of flat file `path` as it is now; None where they are not kept, or cannot be read."""
    source = source_of(path)
    for place in places(path, _SUFFIX):
        if place.exists():
            try:
                bars = _read(place, source)
            except Exception as error:  # noqa: BLE001  # any bytes: pyarrow fails in ways that it does not list
                log.warning("%s cannot be used, the flat file is read instead: %s", place, error)
                continue
            if bars is not None:
                return bars
    return None


def keep(path: Path, bars: DayBars) -> None:
    """Keep the columns of a flat file. Where that is impossible, it is said, and nothing more."""
    write_one(places(path, _SUFFIX), _Kept(path, bars).write)


def write_one(where: Sequence[Path], content: bytes | Callable[[IO[bytes]], object]) -> None:
    """Write a file at the first place that can be written to. Without any, that is said, and nothing more."""
    faults = []
    for place in where:
        try:
            replace_file(place, content)
        except OSError as error:
            faults.append(f"{place}: {error.strerror}")
        else:
            return
    log.warning("what was read is not kept: %s", "; ".join(faults))


def places(path: Path, suffix: str) -> list[Path]:
    """Where what was made of a flat file may be kept: beside it, else in the user's cache directory."""
    from platformdirs import user_cache_path

    name = path.name.removesuffix(".csv.gz")
    digest = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:16]
    return [path.with_name(name + suffix), user_cache_path("gapscan") / "flatfiles" / f"{name}.{digest}{suffix}"]


class _Kept:
    """The columns of a file as they are kept: those that are narrow take half the room of what the file unpacks to."""

    def __init__(self, path: Path, bars: DayBars) -> None:
        import pyarrow as pa

        self._columns = {"ticker": bars.of, **{name: getattr(bars, name) for name in ("volume", *PRICES)}}
        self._columns |= {"window_start": bars.start, "transactions": bars.transactions}
        self._tickers = _texts(bars.symbols)
        self._narrow = {
            name for name in COLUMNS[1:] if all(fits(name, self._columns[name][here]) for here in _blocks(bars))
        }
        said = {"format": _FORMAT, "source": source_of(path), "bad": str(bars.bad_lines), "fault": bars.first_fault}
        self.schema = pa.table(self._batch(slice(0, 0)), names=COLUMNS).schema.with_metadata(
            said | {"bars": str(len(bars))}
        )
        self._bars = bars

    def write(self, file: IO[bytes]) -> None:
        """Into a file."""
        import pyarrow as pa
        from pyarrow import ipc

        with ipc.new_file(file, self.schema) as writer:
            for here in _blocks(self._bars):
                writer.write_batch(pa.record_batch(self._batch(here), schema=self.schema))

    def _batch(self, here: slice) -> list[pa.Array]:
        import pyarrow as pa

        columns = {name: column[here] for name, column in self._columns.items()}
        numbers = [narrowed(name, columns[name]) if name in self._narrow else columns[name] for name in COLUMNS[1:]]
        return [pa.DictionaryArray.from_arrays(_array(columns["ticker"]), self._tickers), *map(_array, numbers)]


def _blocks(bars: DayBars) -> list[slice]:
    return [slice(at, at + _BATCH) for at in range(0, len(bars), _BATCH)]


def _array(values: NDArray[Any]) -> pa.Array:
    """The values as they are: `pa.array` would load pandas where that is installed."""
    import pyarrow as pa

    values = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def _texts(texts: Sequence[str]) -> pa.Array:
    import pyarrow as pa

    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), len(texts), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))])


def _read(place: Path, source: str) -> DayBars | None:
    """What is kept, if it is of the file as it is now."""
    from pyarrow import ipc

    with ipc.open_file(place) as reader:
        said = reader.schema.metadata or {}
        if (said.get(b"format"), said.get(b"source")) != (_FORMAT, source.encode()):
            return None
        joined = JoinedBars(int(said[b"bars"]))
        for number in range(reader.num_record_batches):
            batch = reader.get_batch(number)
            batch.validate(full=True)
            joined.add(batch, _as_read)
    return replace(joined.bars(), bad_lines=int(said[b"bad"]), first_fault=said[b"fault"].decode())


def _as_read(name: str, values: NDArray[Any]) -> NDArray[Any]:
    return widened(name, values) if values.dtype == np.int32 else values
