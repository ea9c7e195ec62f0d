"""The columns of flat files that were parsed once, kept beside them: reading them again takes a tenth of the time.

Where the files' folder cannot be written to, they are kept in the user's cache directory.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gapscan.files import replace_file
from gapscan.flatfiles.arrow_reader import bars_of
from gapscan.flatfiles.day_bars import COLUMNS, DayBars

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

_FORMAT: Final = b"1"  # of what is written
_SUFFIX: Final = ".columns.arrow"


def source_of(path: Path) -> str:
    """What tells a file from a later one in its place. Raises OSError when there is none."""
    stat = path.stat()
    return f"{path.absolute()} {stat.st_size} {stat.st_mtime_ns}"


def kept(path: Path) -> DayBars | None:
    """The columns of flat file `path` as it is now; None where they are not kept, or cannot be read."""
    source = source_of(path)
    for place in _places(path):
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
    data, faults = _packed(path, bars), []
    for place in _places(path):
        try:
            replace_file(place, data)
        except OSError as error:
            faults.append(f"{place}: {error.strerror}")
        else:
            return
    log.warning("parsed columns are not kept: %s", "; ".join(faults))


def _places(path: Path) -> list[Path]:
    from platformdirs import user_cache_path

    name = path.name.removesuffix(".csv.gz")
    digest = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:16]
    return [path.with_name(name + _SUFFIX), user_cache_path("gapscan") / "flatfiles" / f"{name}.{digest}{_SUFFIX}"]


def _packed(path: Path, bars: DayBars) -> bytes:
    import pyarrow as pa
    from pyarrow import ipc

    tickers = pa.DictionaryArray.from_arrays(pa.array(bars.of), pa.array(bars.symbols, pa.string()))
    columns = [tickers, bars.volume, bars.open, bars.close, bars.high, bars.low, bars.start, bars.transactions]
    said = {"format": _FORMAT, "source": source_of(path), "bad": str(bars.bad_lines), "fault": bars.first_fault}
    table = pa.table(columns, names=list(COLUMNS)).replace_schema_metadata(said)
    sink = pa.BufferOutputStream()
    with ipc.new_file(sink, table.schema, options=ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _read(place: Path, source: str) -> DayBars | None:
    """What is kept, if it is of the file as it is now."""
    from pyarrow import ipc

    with ipc.open_file(place) as reader:
        said = reader.schema.metadata or {}
        if (said.get(b"format"), said.get(b"source")) != (_FORMAT, source.encode()):
            return None
        table: pa.Table = reader.read_all()
    table.validate(full=True)
    bars = bars_of(table)
    columns = {name: getattr(bars, name) for name in DayBars.__slots__}
    return DayBars(**columns | {"bad_lines": int(said[b"bad"]), "first_fault": said[b"fault"].decode()})
