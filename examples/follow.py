"""Follow a list and print its five first rows whenever it changes.

    gapscan up                                   # in another terminal: everything on this machine
    python examples/follow.py gappers_up

Ctrl-C ends it.
"""

import argparse
import asyncio
import os
import sys
from contextlib import suppress

import gapscan


async def follow(name: str, nats: str) -> None:
    async for view in gapscan.follow(name, nats=nats):
        # A view is the whole list at one sequence. Its rows are dicts in the order of their ranks.
        leaders = ", ".join(f"{row['symbol']} {row.get('price')}" for row in view.rows[:5])
        market = "SIMULATED " if view.simulated else ""
        # live: the list is up to date; delayed: all its data are late; closed: outside of its hours; stale: nothing is
        # heard at the moment.
        print(f"{market}{view.list} {view.state:6} sequence {view.sequence}, {len(view.rows)} rows: {leaders}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Follow a list.")
    parser.add_argument("list", nargs="?", default="most_active", help="`gapscan lists` shows which there are")
    parser.add_argument("--nats", default=os.environ.get("GAPSCAN_NATS_URL", "nats://127.0.0.1:4222"), metavar="URL")
    arguments = parser.parse_args()
    try:
        with suppress(KeyboardInterrupt):  # Ctrl-C
            asyncio.run(follow(arguments.list, arguments.nats))
    except gapscan.GapscanError as error:  # no server, no such list: the text says what to do
        sys.exit(f"follow: {error}")


if __name__ == "__main__":
    main()
