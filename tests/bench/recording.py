"""What it costs to keep all that the provider sends, beside a market that does not wait."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from gapscan.obs import Tally, logger
from gapscan.polygon.recording import SNAPSHOT, Recorder
from tests.bench.registry import Benchmark, Figure
from tests.bench.workload import MOMENT, SyntheticMarket

SECONDS = 60
BARS = 2_600  # a second
A_FRAME = 50  # bars
SCANS = 2  # a minute
KEY = "a-key-as-long-as-the-provider's-are"


def frames(second: int, rng: np.random.Generator, prices: np.ndarray) -> list[bytes]:
    """One second's bars as the stream has them: each symbol's price goes its own way."""
    start, encode = MOMENT + second * 1000, msgspec.json.encode
    prices *= 1 + rng.normal(0, 2e-4, BARS)
    volumes = np.floor(rng.lognormal(5, 1.5, BARS)) + 1
    bars = [
        {
            "ev": "A", "sym": f"S{at:04}", "v": int(volume), "av": int(volume * 4000), "op": 21.5,
            "vw": round(price, 4),
            "o": round(price, 2), "c": round(price + 0.01, 2), "h": round(price + 0.02, 2), "l": round(price - 0.01, 2),
            "a": round(price * 0.99, 4), "z": int(volume) // 7 + 1, "s": start, "e": start + 1000,
        }
        for at, (price, volume) in enumerate(zip(prices.tolist(), volumes.tolist(), strict=True))
    ]  # fmt: skip
    return [encode(bars[at : at + A_FRAME]) for at in range(0, BARS, A_FRAME)]


def recorder() -> Sequence[Figure]:
    """A minute of a busy market: CPU time of this process, the recorder's thread included."""
    market, rng = SyntheticMarket(), np.random.default_rng(5)
    prices = rng.uniform(2, 300, BARS)
    stream = [frames(second, rng, prices) for second in range(SECONDS)]
    bodies = [market.body_at(MOMENT + at * 60_000 // SCANS) for at in range(SCANS)]
    with tempfile.TemporaryDirectory() as directory:
        keeper = Recorder(Path(directory), KEY, Tally(logger("feed")))
        began, cpu = time.perf_counter(), time.process_time()
        for second in stream:
            for frame in second:
                keeper.frame(frame)
        for body in bodies:
            keeper.rest(f"https://api.example.com{SNAPSHOT}?apiKey={KEY}", body)
        keeper.close()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - began
        kept = sum(path.stat().st_size for path in Path(directory).iterdir())
    sent = sum(len(frame) for second in stream for frame in second) + sum(map(len, bodies))
    return [
        Figure(
            f"provider's recorder, {BARS:,} bars/s and {SCANS} scans a minute", cpu / SECONDS * 100, "% of a core", 3.0,
            f"{sent / SECONDS / 1e6:.2f} MB/s come, {kept / SECONDS / 1e6:.3f} are kept; {wall:.1f} s of {SECONDS}",
        )
    ]  # fmt: skip


BENCHMARKS: dict[str, Benchmark] = {"recorder": recorder}
