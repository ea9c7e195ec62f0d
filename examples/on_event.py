"""Act once for each entry into a list, over restarts of everything: of this program, of gapscan, of NATS.

    python examples/on_event.py momentum_up entries.csv

Here the act is a line in a file, which also says how far it came. What is kept elsewhere, an order say, should bear the
event's id, so that it can be seen that it was placed. Ctrl-C ends it.
"""

import argparse
import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

import gapscan


def last_sequence(file: Path) -> int:
    """How far it came; a line that was cut off in the middle is taken back, and written anew."""
    if not file.exists():
        return 0
    whole = file.read_bytes()
    whole = whole[: whole.rfind(b"\n") + 1]
    os.truncate(file, len(whole))
    return int(whole.splitlines()[-1].split(b",")[0]) if whole else 0


async def serve(name: str, file: Path, nats: str) -> None:
    after = last_sequence(file)
    print(f"{name}: from event {after} on")
    with file.open("a") as log:
        async for one in gapscan.event_log(name, "enter", after=after, nats=nats):
            log.write(f"{one.sequence},{one.id},{one.event.as_of}\n")
            log.flush()
            os.fsync(log.fileno())  # acted, and known to be acted, in one
            print(f"acted on {one.id}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Act once for each entry into a list.")
    parser.add_argument("list", help="`gapscan lists` shows which there are")
    parser.add_argument("file", type=Path, help="what was acted on")
    parser.add_argument("--nats", default=os.environ.get("GAPSCAN_NATS_URL", "nats://127.0.0.1:4222"), metavar="URL")
    arguments = parser.parse_args()
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(serve(arguments.list, arguments.file, arguments.nats))
    except gapscan.GapscanError as error:
        sys.exit(f"on_event: {error}")


if __name__ == "__main__":
    main()
