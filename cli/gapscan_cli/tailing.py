"""A list as JSON lines."""

from __future__ import annotations

from collections.abc import Callable

from gapscan.bus.client import Bus, BusOptions
from gapscan.client.api import ListView
from gapscan.lists.delta import checksum
from gapscan.lists.state import ranked
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Message, Snapshot
from gapscan_cli import output
from gapscan_cli.connection import patient_link
from gapscan_cli.following import check_possible, patient_views


async def tail_list(options: BusOptions, name: str) -> None:
    """Print the list's snapshot, then its deltas, for as long as somebody reads."""
    check_possible(name)
    async with patient_link(options, f"gapscan tail {name}", output.note) as bus:
        stop_listening = bus.on_link_change(link_reporter(bus))
        try:
            earlier: ListView | None = None
            async for view in patient_views(bus, name, output.note):
                if (message := step(earlier, view)) is not None:
                    output.write(encode(message) + output.LINE_END)
                earlier = view
        finally:
            stop_listening()


def step(earlier: ListView | None, view: ListView) -> Message | None:
    """What leads from one view to the next: a snapshot where a history begins, else a delta or nothing."""
    if earlier is None or not view.continues(earlier):
        return snapshot_of(view)
    return view.delta_since(earlier) if view.sequence != earlier.sequence else None


def snapshot_of(view: ListView) -> Snapshot:
    """The view as a snapshot message."""
    return Snapshot(
        list=view.list,
        epoch=view.epoch,
        sequence=view.sequence,
        as_of=view.as_of,
        rows=ranked(view.rows),
        checksum=checksum(view.rows),
        simulated=view.simulated,
    )


def link_reporter(bus: Bus) -> Callable[[], None]:
    """Says on stderr when the link goes and comes."""
    return lambda: output.note("NATS is back" if bus.connected else "lost NATS, waiting until it is back")
