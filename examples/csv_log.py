"""Append every entry to a list, and every exit, to a CSV file, with the market time.

    python examples/csv_log.py gappers_up gappers.csv

A plain script without an event loop: `for view in gapscan.follow(...)`. Ctrl-C ends it.
"""

import argparse
import csv
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime

import gapscan

COLUMNS = ["time", "list", "event", "symbol", "rank", "price"]


def events(view: gapscan.ListView, earlier: gapscan.ListView) -> list[list[str | float | None]]:
    """A line for each symbol that came or went between two views."""
    # as_of is market time in UTC milliseconds: of a replayed day, it is that day's.
    time = datetime.fromtimestamp(view.as_of / 1000, UTC).isoformat(timespec="milliseconds")
    then = {row["symbol"]: (rank, row.get("price")) for rank, row in enumerate(earlier.rows, 1)}
    now = {row["symbol"]: (rank, row.get("price")) for rank, row in enumerate(view.rows, 1)}
    left = [[time, view.list, "exit", symbol, *then[symbol]] for symbol in then if symbol not in now]
    return left + [[time, view.list, "entry", symbol, *now[symbol]] for symbol in now if symbol not in then]


def log(name: str, path: str, nats: str) -> None:
    earlier = None
    with open(path, "a", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        if file.tell() == 0:
            lines.writerow(COLUMNS)
        for view in gapscan.follow(name, nats=nats):
            if earlier is None:  # who was in the list before we came did not enter it now
                print(f"logging {name} to {path}: {len(view.rows)} symbols are in it already")
            else:
                lines.writerows(events(view, earlier))
                file.flush()
            earlier = view


def main() -> None:
    parser = argparse.ArgumentParser(description="Log entries and exits of a list.")
    parser.add_argument("list", help="`gapscan lists` shows which there are")
    parser.add_argument("file")
    parser.add_argument("--nats", default=os.environ.get("GAPSCAN_NATS_URL", "nats://127.0.0.1:4222"), metavar="URL")
    arguments = parser.parse_args()
    try:
        with suppress(KeyboardInterrupt):
            log(arguments.list, arguments.file, arguments.nats)
    except gapscan.GapscanError as error:
        sys.exit(f"csv_log: {error}")


if __name__ == "__main__":
    main()
