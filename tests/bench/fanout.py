"""One bridge process and its clients: frames a second beside Node's `ws` and picows, CPU, memory, resumes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from tests.bench.registry import Benchmark, Figure, median

SECONDS = 4.0
ROUNDS = 3
FRAME = 1200
WISHES = 20
GOALS = {"Node ws": 1.5, "picows": 1.0}  # times as many frames
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


def _pin(pid: int) -> None:
    """Give a server a processor of its own, as far as its clients are concerned, where there is more than one."""
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) > 1:
        os.sched_setaffinity(pid, processors[-1:])


@contextmanager
def _server(*command: str) -> Iterator[Server]:
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        try:
            _pin(process.pid)
            yield Server(int(process.stdout.readline()), process.pid)
        finally:
            process.terminate()


@contextmanager
def bridge(rate: float, *options: str) -> Iterator[Server]:
    """A bridge whose list changes so often a second; 0: as fast as it can be sent."""
    with _server(sys.executable, "-m", "tests.bench.fanout_server", str(rate), *options) as server:
        yield server


def _node_modules(directory: str) -> str | None:
    """Where `ws` is, newly installed; None when that cannot be done."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", directory, "ws@8"]
    return directory if subprocess.run(command, capture_output=True, check=False).returncode == 0 else None


@dataclass
class Rate:
    """Frames a second, and frames for each second of the server's CPU time, of several runs."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, frames: float, cpu: float) -> None:
        self.wall.append(frames)
        self.cpu.append(frames / cpu)


Run = Callable[[int, Rate], None]


def _run_rival(command: Sequence[str], clients: int, rate: Rate) -> None:
    with _server(*command, str(FRAME)) as server:
        result = server.load(clients, "--mute")
        rate.add(result["bytes"] / FRAME, result["cpu"])


def _run_bridge(options: Sequence[str], clients: int, rate: Rate) -> None:
    with bridge(0, *options) as server:
        result = server.load(clients)
        rate.add(result["bytes"] / server.mean_frame(), result["cpu"])


def _rivals(directory: str) -> Iterator[tuple[str, Run]]:
    """Those that can be had here; and the bridge itself, with a system call for each client."""
    yield "plain writes", partial(_run_bridge, ["write"])
    if modules := _node_modules(directory):
        yield "Node ws", partial(_run_rival, ["node", str(_ROOT / "tests/bench/fanout_node.mjs"), modules])
    if find_spec("picows"):
        yield "picows", partial(_run_rival, [sys.executable, "-m", "tests.bench.fanout_picows"])


def throughput() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as directory:
        rivals = dict(_rivals(directory))
        for clients in (500, 2000):
            ours, theirs = Rate(), {name: Rate() for name in rivals}
            for _ in range(ROUNDS):  # in turn: whatever else the machine does, it does to all
                _run_bridge([], clients, ours)
                for name, run in rivals.items():
                    run(clients, theirs[name])
            yield from _compared(f"fan-out to {clients:,} clients", ours, theirs)


def _compared(what: str, ours: Rate, theirs: dict[str, Rate]) -> Iterator[Figure]:
    yield Figure(what, median(ours.wall), "frames/s")
    yield Figure(f"{what}, CPU", median(ours.cpu), "frames/CPU s")
    for name, rate in theirs.items():
        goal = GOALS.get(name)
        for kind, mine, other in (("", ours.wall, rate.wall), (", CPU", ours.cpu, rate.cpu)):
            times = median(mine) / median(other)
            reference = f"{name} {median(other):,.0f}"
            yield Figure(f"{what}{kind}, beside {name}", times, "times", goal, reference, lower_bound=True)


def steady() -> Iterator[Figure]:
    with bridge(10) as server:
        result = server.load(1000, seconds=5)
        yield Figure("1,000 clients x 10 frames/s", 100 * result["cpu"], "% of a core", 25)
    with bridge(1) as server:
        result = server.load(2000, seconds=1)
        yield Figure("memory per client, of 2,000", result["memory"] / 1000, "kB", 60)


def wishes() -> Iterator[Figure]:
    """1,000 clients of one part of a list, and of 20 different ones: what each part costs beside its frames."""
    one: list[float] = []
    many: list[float] = []
    for _ in range(ROUNDS):
        for wanted, cpu in ((1, one), (WISHES, many)):
            with bridge(10) as server:
                cpu.append(server.load(1000, "--wishes", str(wanted), seconds=5)["cpu"])
    reference = f"one wish {100 * median(one):.1f} % of a core"
    yield Figure(
        f"1,000 clients with {WISHES} wishes: CPU of one wish", median(many) / median(one), "times", 2, reference
    )


def resumes() -> Iterator[Figure]:
    with bridge(10) as server:
        result = server.load(1000, "--resume", seconds=0.1)
        yield Figure("1,000 connects and resumes at once", result["answered"], "s", 2, "until the last answer")


def fanout() -> Sequence[Figure]:
    return [*throughput(), *steady(), *resumes()]


def different_wishes() -> Sequence[Figure]:
    return [*wishes()]


BENCHMARKS: dict[str, Benchmark] = {"fanout": fanout, "wishes": different_wishes}
