"""One bridge process and its clients: frames a second beside Node's `ws`, CPU, memory, resumes, a stalled client."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.registry import Benchmark, Figure

SECONDS = 4.0
FRAME = 1200
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int
    pid: int

    def load(self, clients: int, *options: str, seconds: float = SECONDS) -> dict[str, float]:
        """What so many clients in another process see of it."""
        command = [sys.executable, "-m", "tests.bench.fanout_load", str(self.port), str(self.pid), str(clients)]
        done = subprocess.run([*command, str(seconds), *options], cwd=_ROOT, capture_output=True, check=True)
        result: dict[str, float] = json.loads(done.stdout)
        return result

    def mean_frame(self) -> float:
        """Bytes of a frame, over all it has sent."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line[0] != "#")
        return float(lines["gapscan_bridge_bytes_total"]) / float(lines["gapscan_bridge_frames_total"])


@contextmanager
def _server(*command: str) -> Iterator[Server]:
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        try:
            yield Server(int(process.stdout.readline()), process.pid)
        finally:
            process.terminate()


@contextmanager
def bridge(rate: float) -> Iterator[Server]:
    """A bridge whose list changes so often a second; 0: as fast as it can be sent."""
    with _server(sys.executable, "-m", "tests.bench.fanout_server", str(rate)) as server:
        yield server


def _node_modules(directory: str) -> str | None:
    """Where `ws` is, newly installed; None when that cannot be done."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", directory, "ws@8"]
    return directory if subprocess.run(command, capture_output=True, check=False).returncode == 0 else None


def _of_node(directory: str, clients: int) -> dict[str, float]:
    with _server("node", str(_ROOT / "tests/bench/fanout_node.mjs"), directory, str(FRAME)) as server:
        return server.load(clients, "--mute")


def _of_bridge(clients: int) -> tuple[float, float]:
    """Frames a second, and a second of CPU."""
    with bridge(0) as server:
        result = server.load(clients)
        frames = result["bytes"] / server.mean_frame()
        return frames, frames / result["cpu"]


def throughput() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as directory:
        modules = _node_modules(directory)
        for clients in (500, 2000):
            node = _of_node(modules, clients) if modules else None
            frames, per_cpu = _of_bridge(clients)
            what = f"fan-out to {clients:,} clients"
            if node is None:
                yield Figure(what, frames, "frames/s", reference="Node ws: no node or npm here")
                continue
            theirs = node["bytes"] / FRAME
            reference = f"Node ws {theirs:,.0f}; per second of CPU {per_cpu:,.0f} against {theirs / node['cpu']:,.0f}"
            yield Figure(what, frames, "frames/s", 1.4 * theirs, reference, lower_bound=True)


def steady() -> Iterator[Figure]:
    with bridge(10) as server:
        result = server.load(1000, seconds=5)
        yield Figure("1,000 clients x 10 frames/s", 100 * result["cpu"], "% of a core", 25)
    with bridge(1) as server:
        result = server.load(2000, seconds=1)
        yield Figure("memory per client, of 2,000", result["memory"] / 1000, "kB", 60)


def resumes() -> Iterator[Figure]:
    with bridge(10) as server:
        result = server.load(1000, "--resume", seconds=0.1)
        yield Figure("1,000 connects and resumes at once", result["answered"], "s", 2, "until the last answer")


def stalled() -> Iterator[Figure]:
    """The same clients twice: alone, and beside one that never reads."""
    for name, options in (("500 clients", ()), ("500 beside a never-reading one", ("--never-reading", "1"))):
        with bridge(10) as server:
            result = server.load(500, "--timed", *options, seconds=6)
            yield Figure(f"{name}: change to client, p99", result["p99"], "ms", None, f"p50 {result['p50']:.1f} ms")


def fanout() -> Sequence[Figure]:
    return [*throughput(), *steady(), *resumes(), *stalled()]


BENCHMARKS: dict[str, Benchmark] = {"fanout": fanout}
