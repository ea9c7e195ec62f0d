"""A list as a table of Apache Arrow, for notebooks: `gapscan.frame("gappers_up").to_pandas()`."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from gapscan.bus.client import BusOptions
from gapscan.client.api import connect
from gapscan.client.current import current
from gapscan.client.view import ListView
from gapscan.errors import ConfigError
from gapscan.lists.state import ranked
from gapscan.protocol import names
from gapscan.protocol.fields import FIELDS, Field

if TYPE_CHECKING:
    import pyarrow

_TYPES: Final = {"number": "float64", "integer": "int64", "boolean": "bool_", "text": "string"}


def frame(source: str | ListView, *, nats: str | BusOptions = "nats://127.0.0.1:4222") -> pyarrow.Table:
    """The rows of a list as a table: `source` is a view, or a list's name, of which the rows are read now.

    Columns are `rank`, `symbol` and every field, with null for what a row does not have; times are timestamps in UTC.
    The schema's metadata has list, epoch, sequence, as_of, state and simulated. It may be called where an event loop
    runs, as in a notebook, and blocks it for a second or two.

    Raises ConfigError without pyarrow (`pip install gapscan[frame]`) or for a name that no list can have,
    UnknownListError if nobody publishes the list, BusError if NATS cannot be reached.
    """
    arrow = _pyarrow()
    view = source if isinstance(source, ListView) else _read(source, nats)
    rows = ranked(view.rows)
    columns = {"rank": arrow.int32(), "symbol": arrow.string()} | {name: _type(arrow, f) for name, f in FIELDS.items()}
    metadata = {"list": view.list, "epoch": view.epoch, "sequence": view.sequence, "as_of": view.as_of}
    metadata |= {"state": view.state, "simulated": str(view.simulated).lower()}
    schema = arrow.schema(columns, metadata={key: str(value) for key, value in metadata.items()})
    values = [arrow.array([row.get(name) for row in rows], type=kind) for name, kind in columns.items()]
    return arrow.Table.from_arrays(values, schema=schema)


def _type(arrow: Any, field: Field) -> pyarrow.DataType:
    return arrow.timestamp("ms", tz="UTC") if field.show == "clock" else getattr(arrow, _TYPES[field.type])()


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise ConfigError("a frame needs pyarrow", remedy="pip install 'gapscan[frame]'") from None
    return pyarrow


def _read(name: str, nats: str | BusOptions) -> ListView:
    """The list now, by an event loop of its own: the caller's may be running."""
    options = BusOptions(nats) if isinstance(nats, str) else nats
    names.check_list_name(name)
    with ThreadPoolExecutor(1, thread_name_prefix=f"frame {name}") as thread:
        return thread.submit(lambda: asyncio.run(_view(name, options))).result()


async def _view(name: str, options: BusOptions) -> ListView:
    async with connect(options, f"gapscan frame {name}") as bus:
        return await current(bus, name)
