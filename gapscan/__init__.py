"""gapscan: ranked lists of the US stock market as one snapshot plus exact, sequenced deltas over NATS JetStream.

`follow` is the way in for programs that want a list; the wire contract is in docs/protocol.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gapscan.bus.client import BusOptions
    from gapscan.client.api import ListView, follow

__version__ = "0.1.0"
__all__ = ["BusOptions", "ListView", "follow"]

_HOME = {"follow": "gapscan.client.api", "ListView": "gapscan.client.api", "BusOptions": "gapscan.bus.client"}


def __getattr__(name: str) -> Any:
    # Loaded on first use: the pure parts must stay importable without a network library.
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
