"""gapscan: ranked lists of the US stock market as one snapshot plus exact, sequenced deltas over NATS JetStream.

`follow` is the way in for programs that want a list, docs/client.md its description; the wire contract is in
docs/protocol.md. What is named here is the public interface for Python.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gapscan.backtesting.api import backtest
    from gapscan.bus.client import Bus, BusOptions
    from gapscan.client.api import Following, LinkStats, ListView, connect, follow
    from gapscan.client.event_log import LoggedEvent, event_log
    from gapscan.client.frame import frame
    from gapscan.client.past import PastView, Stay, at, between, when
    from gapscan.errors import (
        BusError,
        ConfigError,
        GapscanError,
        NotRecordedError,
        ProtocolError,
        UnknownListError,
    )
    from gapscan.protocol.lists import Add, Delta, Remove, Rerank, Row, Update

__version__ = "0.2.0"  # of semantic versioning, as NATS wants it of services: no suffix such as .dev0
__all__ = [
    "Add",
    "Bus",
    "BusError",
    "BusOptions",
    "ConfigError",
    "Delta",
    "Following",
    "GapscanError",
    "LinkStats",
    "ListView",
    "LoggedEvent",
    "NotRecordedError",
    "PastView",
    "ProtocolError",
    "Remove",
    "Rerank",
    "Row",
    "Stay",
    "UnknownListError",
    "Update",
    "at",
    "backtest",
    "between",
    "connect",
    "event_log",
    "follow",
    "frame",
    "when",
]

_HOMES: Final = {
    "gapscan.backtesting.api": ("backtest",),
    "gapscan.bus.client": ("Bus", "BusOptions"),
    "gapscan.client.api": ("Following", "LinkStats", "ListView", "connect", "follow"),
    "gapscan.client.event_log": ("LoggedEvent", "event_log"),
    "gapscan.client.frame": ("frame",),
    "gapscan.client.past": ("PastView", "Stay", "at", "between", "when"),
    "gapscan.errors": (
        "BusError",
        "ConfigError",
        "GapscanError",
        "NotRecordedError",
        "ProtocolError",
        "UnknownListError",
    ),
    "gapscan.protocol.lists": ("Add", "Delta", "Remove", "Rerank", "Row", "Update"),
}
_HOME: Final = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    # Loaded on first use: the pure parts must stay importable without a network library.
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
