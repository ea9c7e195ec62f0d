"""A service that does something when a symbol enters a list: here it prints a line; yours might send a message.

    python examples/on_entry.py momentum_up

It waits for NATS, and survives its restarts. Ctrl-C ends it.
"""

import argparse
import asyncio
import os
import sys
from contextlib import suppress

import gapscan


async def act(name: str, row: gapscan.Row, rank: int) -> None:
    """What is to be done. It may take its time: the next view then holds all that changed meanwhile."""
    print(f"{row['symbol']} entered {name} at rank {rank}, price {row.get('price')}")


async def watch(name: str, nats: str) -> None:
    earlier: gapscan.ListView | None = None
    async for view in gapscan.follow(name, nats=nats):
        if earlier is None:
            print(f"watching {name}: {len(view.rows)} symbols are in it already")
        else:
            # The least changes between two views, however many deltas lie between them.
            for change in view.delta_since(earlier).changes:
                if isinstance(change, gapscan.Add):
                    await act(name, view.rows[change.rank - 1], change.rank)
        earlier = view


async def serve(name: str, nats: str) -> None:
    while True:
        try:
            await watch(name, nats)
        except gapscan.BusError as error:  # only before the first view: later losses of the link are waited out
            print(f"{error}; trying again", file=sys.stderr)
            await asyncio.sleep(1)


def main() -> None:
    parser = argparse.ArgumentParser(description="Act when a symbol enters a list.")
    parser.add_argument("list", nargs="?", default="momentum_up", help="`gapscan lists` shows which there are")
    parser.add_argument("--nats", default=os.environ.get("GAPSCAN_NATS_URL", "nats://127.0.0.1:4222"), metavar="URL")
    arguments = parser.parse_args()
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(serve(arguments.list, arguments.nats))
    except gapscan.GapscanError as error:
        sys.exit(f"on_entry: {error}")


if __name__ == "__main__":
    main()
