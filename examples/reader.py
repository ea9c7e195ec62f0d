"""Follow a list as the read-only user `reader` of nats/accounts.conf, on a NATS that others can reach too.

    GAPSCAN_READER_PASSWORD=... python examples/reader.py gappers_up --nats nats://scanner.example:4222

The NATS of `gapscan up` has no such user: beside it, follow.py finds the login by itself. Ctrl-C ends it.
"""

import argparse
import asyncio
import os
import sys
from contextlib import suppress

import gapscan


async def follow(name: str, url: str) -> None:
    options = gapscan.BusOptions(
        url,
        user="reader",
        password=os.environ.get("GAPSCAN_READER_PASSWORD", ""),
        inbox_prefix="_INBOX_reader",  # the only place where this user may receive answers
    )
    async for view in gapscan.follow(name, nats=options):
        print(f"{name} {view.state:6} {[row['symbol'] for row in view.rows[:5]]}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Follow a list with the least rights.")
    parser.add_argument("list", nargs="?", default="most_active", help="`gapscan lists` shows which there are")
    parser.add_argument("--nats", default=os.environ.get("GAPSCAN_NATS_URL", "nats://127.0.0.1:4222"), metavar="URL")
    arguments = parser.parse_args()
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(follow(arguments.list, arguments.nats))
    except gapscan.GapscanError as error:  # wrong credentials, no server, no such list: the text says what to do
        sys.exit(f"reader: {error}")


if __name__ == "__main__":
    main()
