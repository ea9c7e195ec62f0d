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
from gapscan.flatfiles.day_bars import COLUMNS, DayBars

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

_FORMAT: Final = b"2"  # of what is written
_BATCH: Final = 1 << 16  # bars that are unpacked at once
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
    table = _table(path, bars)
    write_one(places(path, _SUFFIX), lambda file: _write(file, table))


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


def _table(path: Path, bars: DayBars) -> pa.Table:
    import pyarrow as pa

    tickers = pa.DictionaryArray.from_arrays(_array(bars.of), _texts(bars.symbols))
    columns = (bars.volume, bars.open, bars.close, bars.high, bars.low, bars.start, bars.transactions)
    said = {"format": _FORMAT, "source": source_of(path), "bad": str(bars.bad_lines), "fault": bars.first_fault}
    said["bars"] = str(len(bars))
    return pa.table([tickers, *map(_array, columns)], names=list(COLUMNS)).replace_schema_metadata(said)


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


def _write(file: IO[bytes], table: pa.Table) -> None:
    from pyarrow import ipc

    options = ipc.IpcWriteOptions(compression="lz4", use_threads=False)
    with ipc.new_file(file, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=_BATCH)


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
            joined.add(batch)
    return replace(joined.bars(), bad_lines=int(said[b"bad"]), first_fault=said[b"fault"].decode())
