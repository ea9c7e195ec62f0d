"""What tests of the simulated market share: days that must be there, a clock moved by hand, how a link closed."""

from __future__ import annotations

import datetime as dt
from typing import Final

import massive.exceptions
import polygon.exceptions
from websockets.exceptions import ConnectionClosed

from gapscan.sim import ManualClock, SimServer
from gapscan.sim.source import DailyBars, Source

# What the official client raises for an answer that says no, by either of its names.
BAD_RESPONSES: Final = (polygon.exceptions.BadResponse, massive.exceptions.BadResponse)


def bars_of(source: Source, date: dt.date) -> DailyBars:
    """The daily bars of a day on which there was trading."""
    bars = source.bars(date)
    assert bars is not None, date
    return bars


def advance(server: SimServer, ms: int) -> None:
    """Move the clock of a server that was started with `manual`."""
    assert isinstance(server.clock, ManualClock)
    server.clock.advance(ms)


def close_code(error: BaseException) -> int:
    """The code with which the server closed the connection."""
    assert isinstance(error, ConnectionClosed)
    assert error.rcvd is not None
    return error.rcvd.code
