"""Polygon's REST and WebSocket interface in front of an invented or a replayed market."""

from gapscan.sim.clock import Clock, ManualClock, MarketClock
from gapscan.sim.faults import Fault, Faults
from gapscan.sim.hub import StreamOptions
from gapscan.sim.market import Market
from gapscan.sim.options import SimOptions, make_server, today_in_new_york
from gapscan.sim.replay import ReplaySource
from gapscan.sim.server import SimServer
from gapscan.sim.synthetic import SyntheticSource

__all__ = [
    "Clock",
    "Fault",
    "Faults",
    "ManualClock",
    "Market",
    "MarketClock",
    "ReplaySource",
    "SimOptions",
    "SimServer",
    "StreamOptions",
    "SyntheticSource",
    "make_server",
    "today_in_new_york",
]
