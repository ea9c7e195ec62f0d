"""python -m tests.fuzz: expressions, messages and requests at random; the exit code is 1 when something was found.

make fuzz ARGS="--expressions 5000 --messages 2000 --requests 500"
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from gapscan.runtime import loop_factory
from tests.fuzz import door, expressions
from tests.fuzz.findings import Bounds, Report


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Random input, and what comes of it.")
    parser.add_argument(
        "--expressions", type=int, default=500_000, help="of the ranking language (default %(default)s)"
    )
    parser.add_argument("--messages", type=int, default=100_000, help="on WebSockets (default %(default)s)")
    parser.add_argument("--requests", type=int, default=10_000, help="of HTTP (default %(default)s)")
    parser.add_argument("--minutes", type=float, default=60.0, help="for each part at most (default %(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="the same one, the same input; else another each time")
    options = parser.parse_args()
    seed = random.randrange(2**32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    found = False
    for report, wanted in _reports(options, seed):
        print(report.text(), flush=True)
        if report.tried < wanted:
            print(f"  only {report.tried:,} of {wanted:,}: the time was up", flush=True)
        found |= bool(report.findings)
    return 1 if found else 0


def _reports(options: argparse.Namespace, seed: int) -> Iterator[tuple[Report, int]]:
    def bounds(number: int) -> Bounds:
        return Bounds(number, time.monotonic() + options.minutes * 60)

    if options.expressions:
        yield expressions.fuzz(bounds(options.expressions), seed), options.expressions
    for fuzz, number in ((door.fuzz_messages, options.messages), (door.fuzz_requests, options.requests)):
        if number:
            yield asyncio.Runner(loop_factory=loop_factory()).run(_at_the_door(fuzz, bounds(number), seed)), number


async def _at_the_door(fuzz: door.Fuzz, bounds: Bounds, seed: int) -> Report:
    with tempfile.TemporaryDirectory() as folder:
        async with door.target(Path(folder)) as found:
            return await fuzz(found, bounds, seed)


if __name__ == "__main__":
    sys.exit(main())
