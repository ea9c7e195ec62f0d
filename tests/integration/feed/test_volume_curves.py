"""Volume curves from minute flat files: read apart, published, measured by; what bad, missing and lost ones cost."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import sys
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from nats.aio.msg import Msg

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.topology import Retention, ensure_shared, feed_config
from gapscan.feed.day_reader import FOLDER
from gapscan.feed.discovery import Discovery
from gapscan.feed.volume_curves import CurveLoader
from gapscan.flatfiles.curves import MeanVolumes
from gapscan.flatfiles.minutes import DayVolumes
from gapscan.market.columns import Floats
from gapscan.market.sessions import MINUTE_MS, epoch_ms
from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.codec import decode_as, encode
from gapscan.protocol.messages import VolumeCurves
from gapscan.runtime import end
from gapscan.sim import SimServer
from tests.support.flatfiles import (
    CLOSE,
    OPEN,
    READING,
    Minute,
    even_day,
    minutes_path,
    sessions_before,
    write_lines,
    write_minutes,
)
from tests.support.market import share_at
from tests.support.nats import NatsServer
from tests.support.rig import DAY, market
from tests.support.stack import config_for, provider_on, running
from tests.support.until import until

NOON = epoch_ms(DAY, dt.time(12))
MONDAY = dt.date(2026, 11, 23)
DAYS = sessions_before(DAY, 20)
ENOUGH = 10  # sessions, for a curve to be preferred to the average of more days


@dataclass
class Loading:
    """A feed that loads curves, and the parts that it published."""

    sim: SimServer
    bus: Bus
    feed: Discovery
    tally: Tally
    parts: list[VolumeCurves]
    task: asyncio.Task[None]

    def report(self) -> dict[str, Any]:
        return self.feed.curves.report()


@asynccontextmanager
async def loading(nats_url: str, root: Path, cache: Path | str = "", fault: str = "") -> AsyncIterator[Loading]:
    """A feed that has scanned once, and loads curves from `root`; the parts that it published."""
    async with market(manual=True) as sim, connect(BusOptions(nats_url), "test") as bus:
        await ensure_shared(bus, Retention())
        config = config_for(nats_url, sim, flat_files=str(root), cache_dir=str(cache), discovery_interval=0.2)
        tally = Tally(logger("feed"))
        provider = provider_on(sim, tally, retries=0)  # what fails, fails at once
        feed = Discovery(bus, provider, config, tally)
        parts: list[VolumeCurves] = []

        async def hear(message: Msg) -> None:
            parts.append(decode_as(VolumeCurves, message.data))

        await bus.nc.subscribe(names.DEFAULT.feed_curves, cb=hear)
        if fault:
            sim.faults.set("rest_status", endpoint=fault, status=500)
        await feed.scan()
        task = asyncio.create_task(feed.curves.run())
        try:
            yield Loading(sim, bus, feed, tally, parts, task)
        finally:
            await end(task)


async def ready(load: Loading, state: str = "ready") -> None:
    await until(lambda: load.report()["state"] == state, f"curves that are {state}")
    if state == "ready":
        await until(lambda: load.parts and load.parts[-1].part == load.parts[-1].parts, "the parts")


async def test_relative_volume_is_measured_by_the_symbols_own_days(nats_server: NatsServer, tmp_path: Path) -> None:
    async with market(manual=True) as sim:
        split = {sim.market.symbols[one.symbol] for one in sim.market.source.splits(DAYS[-1], DAY)}
        symbols = [symbol for symbol in sim.market.symbols if symbol not in split]
        curved, others = symbols[::2], symbols[1::2]
        for day, shares in zip(DAYS[:ENOUGH], (500, 1500) * (ENOUGH // 2), strict=True):
            write_minutes(tmp_path, day, even_day(curved, shares))
        async with running(sim, nats_server.url, flat_files=str(tmp_path)) as stack:
            await stack.load_reference()
            await until(lambda: stack.feed.curves.report()["state"] == "ready", "curves", READING)
            universe = stack.universe
            await until(lambda: universe.curves.serve(DAY), "curves in the ranker")
            await stack.scan_at(NOON)

            def of(name: str, symbols: list[str]) -> Floats:
                return universe.number(name)[universe.positions(symbols)]

            by_curve = of("volume", curved) / (1000 * (NOON / MINUTE_MS - epoch_ms(DAY, dt.time(9, 30)) / MINUTE_MS))
            traded = of("volume", curved) > 0
            assert traded.sum() > 10
            np.testing.assert_allclose(of("rvol", curved)[traded], by_curve[traded], rtol=5e-3)
            assert (of("thin_baseline", curved) == 0.0)[traded].all()
            by_market = of("volume", others) / (of("average_volume", others) * share_at(NOON))
            known = ~np.isnan(of("rvol", others))
            assert known.sum() > 10
            np.testing.assert_allclose(of("rvol", others)[known], by_market[known], rtol=5e-3)
            assert (of("thin_baseline", others) == 0.0)[known].all()

            before = of("rvol", curved)
            await stack.start_ranker()  # one that starts later has them from the stream
            universe = stack.universe
            await until(lambda: universe.curves.serve(DAY), "curves in the new ranker")
            await stack.scan_at(NOON)
            np.testing.assert_array_equal(of("rvol", curved), before)


async def test_curves_that_come_late_move_everybody_at_once(nats_server: NatsServer, tmp_path: Path) -> None:
    async with market(manual=True) as sim:
        symbols = list(sim.market.symbols)
        async with running(sim, nats_server.url, flat_files=str(tmp_path)) as stack:
            await stack.load_reference()
            await stack.scan_at(NOON)
            universe = stack.universe
            by_market = universe.number("rvol").copy()
            for day in DAYS[:ENOUGH]:
                write_minutes(tmp_path, day, even_day(symbols, 1_000_000))
            tally = Tally(logger("feed"))
            later = CurveLoader(stack.bus, stack.provider, stack.config, tally)  # of a feed that starts now
            later.announce(DAY)
            stack.tasks.append(asyncio.create_task(later.run()))
            await until(lambda: universe.curves.serve(DAY), "curves in the ranker", READING)
            traded = universe.number("volume") > 0
            # No scan, no bar: the ranker does it by itself.
            await until(lambda: (universe.number("rvol") != by_market)[traded].all(), "other relative volumes")


async def test_bad_and_missing_files_cost_themselves_only(
    nats_server: NatsServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for day in DAYS[:6]:
        write_minutes(tmp_path, day, even_day(["A"], 10))
    minutes_path(tmp_path, DAYS[1]).unlink()
    corrupt = minutes_path(tmp_path, DAYS[2])
    corrupt.write_bytes(corrupt.read_bytes()[:-20])
    minutes_path(tmp_path, DAYS[3]).write_text("not gzip")
    lines = [bar.line(DAYS[4]) for bar in even_day(["A"], 10)]
    write_lines(tmp_path, DAYS[4], [*lines[:5], "A,many", *lines[5:], "B"])
    async with loading(nats_server.url, tmp_path) as load:
        await ready(load)
        assert load.report() == {
            "state": "ready", "date": str(DAY), "sessions": 3, "missing": 15, "bad_files": 2, "bad_lines": 2,
            "symbols": 1, "last_error": "",
        }  # fmt: skip
        (part,) = load.parts
        assert (part.symbols, part.sessions, part.volumes[0][-1]) == (["A"], [3], 10 * (CLOSE - OPEN))
        assert (load.tally.counts["bad_flat_files"], load.tally.counts["bad_flat_lines"]) == (2, 2)
    logged = [record.getMessage() for record in caplog.records if "bad" in record.getMessage() or "out" in record.msg]
    assert len([line for line in logged if str(DAYS[2]) in line and "cannot read" in line]) == 1
    assert len([line for line in logged if "A,many" in line]) == 1


async def test_a_restart_reads_nothing_again(nats_server: NatsServer, tmp_path: Path) -> None:
    root, cache = tmp_path / "files", tmp_path / "cache"
    for day in DAYS[:4]:
        write_minutes(root, day, even_day(["A"], 10))
    for read in (4, 0):
        async with loading(nats_server.url, root, cache) as load:
            await ready(load)
            assert (load.tally.counts["flat_files_read"], load.tally.counts["flat_files_kept"]) == (read, 4 - read)
            assert load.parts[0].volumes[0][-1] == 10 * (CLOSE - OPEN)
    assert sorted(path.name for path in (cache / FOLDER).iterdir()) == sorted(f"{day}.npz" for day in DAYS[:4])

    write_minutes(root, DAYS[0], even_day(["A"], 30))  # another file, which counts
    (cache / FOLDER / f"{DAYS[1]}.npz").write_bytes(b"rubbish")
    (cache / FOLDER / "2020-01-02.npz").write_bytes(b"of a day that is no longer looked at")
    async with loading(nats_server.url, root, cache) as load:
        await ready(load)
        assert (load.tally.counts["flat_files_read"], load.tally.counts["flat_files_kept"]) == (2, 2)
        assert load.tally.counts["curve_cache"] == 1
        assert load.parts[-1].volumes[0][-1] == 15 * (CLOSE - OPEN)
        await until(lambda: not (cache / FOLDER / "2020-01-02.npz").exists(), "tidying")


async def test_a_damaged_cache_costs_the_cache_only(nats_server: NatsServer, tmp_path: Path) -> None:
    root, cache = tmp_path / "files", tmp_path / "cache"
    write_minutes(root, DAYS[0], even_day([f"S{number}" for number in range(50)], 10))
    async with loading(nats_server.url, root, cache) as load:
        await ready(load)
    kept = cache / FOLDER / f"{DAYS[0]}.npz"
    kept.write_bytes(inflates_no_more(kept.read_bytes()))
    async with loading(nats_server.url, root, cache) as load:
        await ready(load)
        assert (load.tally.counts["curve_cache"], load.tally.counts["flat_files_read"]) == (1, 1)


def inflates_no_more(data: bytes) -> bytes:
    """`data` with the first bit turned by which zlib stumbles, and not a checksum."""
    for place in range(len(data)):
        damaged = data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]
        try:
            with np.load(io.BytesIO(damaged)) as arrays:
                for name in arrays.files:
                    arrays[name]
        except zlib.error:
            return damaged
        except Exception:  # noqa: BLE001  # another kind of damage
            continue
    raise AssertionError("no bit breaks the compression")


async def test_a_folder_that_cannot_be_looked_at_costs_its_files_only(nats_server: NatsServer, tmp_path: Path) -> None:
    write_minutes(tmp_path, DAYS[0], even_day(["A"], 10))
    months = minutes_path(tmp_path, DAYS[0]).parent.parent
    (months / f"{DAYS[-1]:%m}").symlink_to("x" * 300)  # too long a name: even root may not look
    async with loading(nats_server.url, tmp_path) as load:
        await ready(load)
        unseen = [day for day in DAYS if day.month != DAYS[0].month]
        assert load.tally.counts["unseen_flat_files"] == len(unseen) > 0
        assert load.report()["sessions"] == 1


async def test_a_process_that_cannot_be_begun_is_begun_later(
    nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_minutes(tmp_path, DAYS[0], even_day(["A"], 10))
    executable = sys.executable
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    async with loading(nats_server.url, tmp_path) as load:
        await until(lambda: load.tally.counts["curves_failed"] >= 2, "failures")
        assert "No such file" in load.report()["last_error"]
        monkeypatch.setattr(sys, "executable", executable)
        await ready(load)
        assert (load.report()["sessions"], load.report()["bad_files"], load.report()["last_error"]) == (1, 0, "")


async def test_what_nobody_foresaw_ends_no_feed(
    nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in DAYS[:2]:
        write_minutes(tmp_path, day, even_day(["A"], 10))
    add, failures = MeanVolumes.add, iter([None, ZeroDivisionError("nobody foresaw it"), None])

    def failing(mean: MeanVolumes, day: DayVolumes, ratios: Mapping[str, float]) -> None:
        add(mean, day, ratios)
        if failure := next(failures, None):
            raise failure

    monkeypatch.setattr(MeanVolumes, "add", failing)
    async with loading(nats_server.url, tmp_path) as load:
        await ready(load)
        assert load.tally.counts["curves_failed"] == 1
        assert not load.task.done()
        assert load.parts[-1].sessions == [2]  # none of the days counts twice
        assert load.parts[-1].volumes[0][-1] == 10 * (CLOSE - OPEN)


async def test_a_scan_that_is_out_does_not_fail_for_what_cannot_be_restored(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    write_minutes(tmp_path, DAYS[0], even_day(["A"], 10))
    async with loading(nats_server.url, tmp_path) as load:
        await ready(load)
        before = load.feed.report()
        await load.bus.js.delete_stream(names.DEFAULT.stream_curves)
        other = feed_config(names.DEFAULT.stream_curves, names.DEFAULT.feed_curves, Retention())
        other.allow_direct = False
        await load.bus.js.add_stream(other)
        await load.feed.scan()
        after = load.feed.report()
        assert (after["last_error"], after["counts"]["scans"]) == ("", before["counts"]["scans"] + 1)
        assert after["last_scan"] > before["last_scan"]
        assert after["counts"]["restore_failed"] == 1


async def test_a_cache_that_cannot_be_written_costs_the_cache_only(nats_server: NatsServer, tmp_path: Path) -> None:
    write_minutes(tmp_path, DAYS[0], even_day(["A"], 10))
    (tmp_path / "cache").write_text("a file")
    async with loading(nats_server.url, tmp_path, tmp_path / "cache") as load:
        await ready(load)
        assert load.tally.counts["curve_cache"] >= 1
        assert load.report()["sessions"] == 1


async def test_shares_of_before_a_split_are_counted_as_those_of_now(nats_server: NatsServer, tmp_path: Path) -> None:
    async with market(manual=True, symbols=1200) as sim:
        splits = sim.market.source.splits(DAYS[-1], DAY)
        split = next(one for one in splits if DAYS[10] < one.date <= DAYS[2])
        symbol = sim.market.symbols[split.symbol]
        unsplit = sim.market.symbols[next(n for n in range(1200) if n not in {one.symbol for one in splits})]
        before = next(day for day in DAYS if day < split.date)
        for day in (before, DAYS[0]):
            write_minutes(tmp_path, day, even_day([symbol, unsplit], 100))
        async with running(sim, nats_server.url, flat_files=str(tmp_path)) as stack:
            await stack.feed.scan()
            await until(lambda: stack.feed.curves.report()["state"] == "ready", "curves")
            universe = stack.universe
            await until(lambda: universe.curves.serve(DAY), "curves in the ranker")
            await until(lambda: {symbol, unsplit} <= universe.index.keys(), "the symbols")
            evening = np.full(2, epoch_ms(DAY, dt.time(20)), np.float64)
            usual = universe.curves.expected(universe.positions([symbol, unsplit]), evening, DAY)
            day_total = 100 * (CLOSE - OPEN)
            assert usual.tolist() == pytest.approx([day_total * (1 + split.ratio) / 2, day_total], abs=1)


async def test_the_next_day_has_curves_of_its_own(nats_server: NatsServer, tmp_path: Path) -> None:
    write_minutes(tmp_path, DAYS[0], even_day(["A"], 10))
    async with loading(nats_server.url, tmp_path, tmp_path / "cache") as load:
        await ready(load)
        write_minutes(tmp_path, DAY, even_day(["A"], 30))
        load.sim.clock.set(load.sim.clock.now() + 3 * 86_400_000)
        await load.feed.scan()
        await until(lambda: load.report()["date"] == str(MONDAY) and load.parts[-1].date == str(MONDAY), "Monday")
        assert load.parts[-1].volumes[0][-1] == 20 * (CLOSE - OPEN)
        assert load.tally.counts["flat_files_read"] == 2


async def test_without_splits_there_are_no_curves_yet(nats_server: NatsServer, tmp_path: Path) -> None:
    write_minutes(tmp_path, DAYS[0], even_day(["A"], 10))
    async with loading(nats_server.url, tmp_path, fault="splits") as load:
        await until(lambda: load.tally.counts["curves_failed"] >= 2, "failures")
        assert "splits" in load.report()["last_error"]
        assert load.parts == []
        load.sim.faults.clear()
        await ready(load)
        assert load.report()["last_error"] == ""


@pytest.mark.parametrize("lose", ["purge", "delete"])
async def test_what_nats_lost_is_published_again(nats_server: NatsServer, tmp_path: Path, lose: str) -> None:
    write_minutes(tmp_path, DAYS[0], even_day(["A"], 10))
    async with loading(nats_server.url, tmp_path) as load:
        await ready(load)
        await load.feed.scan()
        assert len(load.parts) == 1
        if lose == "purge":
            await load.bus.js.purge_stream(names.DEFAULT.stream_curves)
        else:
            await load.bus.js.delete_stream(names.DEFAULT.stream_curves)
        await load.feed.scan()
        await until(lambda: len(load.parts) == 2, "the parts again")
        info = await load.bus.js.stream_info(names.DEFAULT.stream_curves)
        assert info.state.messages == 1


async def test_the_stream_keeps_the_last_set(nats_server: NatsServer, tmp_path: Path) -> None:
    write_minutes(tmp_path, DAYS[0], [Minute(f"S{n}", OPEN, 10) for n in range(2_000)])
    for _ in range(2):
        async with loading(nats_server.url, tmp_path) as load:
            await ready(load)
            info = await load.bus.js.stream_info(names.DEFAULT.stream_curves)
            assert (info.state.messages, load.parts[-1].parts) == (3, 3)


async def test_a_set_with_a_hole_is_counted_and_left_out(nats_server: NatsServer) -> None:
    async with market(manual=True) as sim, running(sim, nats_server.url) as stack:
        await stack.load_reference()
        universe = stack.universe
        parts = [VolumeCurves(n, 3, str(DAY), [240, 1200], [f"S{n}"], [20], [[0, 5]]) for n in (1, 2, 3)]
        for part in (parts[0], parts[2], *parts):
            assert not universe.curves.serve(DAY)
            await stack.bus.js.publish(names.DEFAULT.feed_curves, encode(part))
        await until(lambda: universe.curves.serve(DAY), "the whole set")
        assert stack.report()["counts"]["bad_frames"] >= 1


@pytest.mark.parametrize("content", [None, "not gzip"])
async def test_without_a_file_that_can_be_read_scans_go_on(
    nats_server: NatsServer, tmp_path: Path, content: str | None
) -> None:
    if content:
        minutes_path(tmp_path, DAYS[0]).parent.mkdir(parents=True)
        minutes_path(tmp_path, DAYS[0]).write_text(content)
    async with loading(nats_server.url, tmp_path) as load:
        await ready(load, "no files")
        assert load.report()["last_error"]
        await load.feed.scan()
        assert load.feed.report()["last_error"] == ""
        assert load.parts == []


@pytest.mark.parametrize("section", [{"baseline_sessions": 0}, {"flat_files": ""}])
async def test_off(nats_server: NatsServer, tmp_path: Path, section: dict[str, Any]) -> None:
    async with market(manual=True) as sim, connect(BusOptions(nats_server.url), "test") as bus:
        await ensure_shared(bus, Retention())
        config = config_for(nats_server.url, sim, **({"flat_files": str(tmp_path)} | section))
        tally = Tally(logger("feed"))
        feed = Discovery(bus, provider_on(sim, tally), config, tally)
        await feed.scan()
        await feed.curves.run()  # ends at once
        assert feed.curves.report()["state"] == "off"


async def test_who_reads_ends_with_the_feed(nats_server: NatsServer, tmp_path: Path) -> None:
    write_lines(tmp_path, DAYS[0], [Minute("A", OPEN, 1).line(DAYS[0])] * 500_000)
    async with loading(nats_server.url, tmp_path) as load:
        children: list[psutil.Process] = []

        def is_reading() -> list[psutil.Process]:
            children[:] = [one for one in psutil.Process().children() if "gapscan.flatfiles.minutes" in one.cmdline()]
            return children

        await until(is_reading, "a child")
        await end(load.task)
        assert not any(child.is_running() for child in children)
