"""Backtests go by the market's hours of the settings, in whichever process they are computed."""

from __future__ import annotations

import datetime as dt
import gzip
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from gapscan.backtesting import run as running
from gapscan.backtesting.hours_gate import HoursGate
from gapscan.backtesting.kept_days import key_of
from gapscan.backtesting.one_day import DayTask, run_day
from gapscan.backtesting.tried import Question, answer
from gapscan.backtesting.variants import variants_of
from gapscan.errors import ConfigError, GapscanError
from gapscan.flatfiles.files import FlatFiles
from gapscan.market.sessions import (
    HOURS,
    Hours,
    epoch_ms,
    hours_in_use,
    previous_trading_day,
    session_times,
    use_hours,
)
from gapscan.protocol.messages import ListDefinition
from gapscan_cli.commands import backtest
from tests.support.flatfiles import HEADER, Minute, even_day, write_minutes

DAY = dt.date(2024, 3, 8)
LATE = Hours(pre=dt.time(7, 0), post_ends=dt.time(18, 0))
ANYBODY = ListDefinition("anybody", "", "volume > 0", ["-volume"], 10, ["pre"])


@pytest.fixture(autouse=True)
def _usual_hours() -> Iterator[None]:
    yield
    use_hours(HOURS)


def begins() -> int:
    return session_times(DAY).pre


def test_a_day_is_computed_by_the_hours_that_were_asked_for(tmp_path: Path) -> None:
    """In a process that has read no settings, as a worker's."""
    use_hours(LATE)
    write_minutes(tmp_path, DAY, even_day(["A"], 1_000))
    (task,) = [running._task(running.Options(tmp_path, DAY, DAY, variants_of([ANYBODY])), DAY)]
    use_hours(HOURS)
    assert begins() == epoch_ms(DAY, HOURS.pre)
    run_day(task)
    assert begins() == epoch_ms(DAY, LATE.pre)


def test_who_goes_by_other_hours_waits_for_those_before_only() -> None:
    gate, order, waiting = HoursGate(), list[str](), threading.Event()

    def go(name: str, hours: Hours) -> None:
        waiting.set()
        with gate.going_by(hours):
            order.append(name)

    with ThreadPoolExecutor(2) as threads:
        with gate.going_by(HOURS):
            other = threads.submit(go, "other", LATE)
            waiting.wait()
            until_it_came(gate, 2)
            same = threads.submit(go, "same", HOURS)
            until_it_came(gate, 3)
            assert order == [], "whoever came later does not overtake"
        other.result(), same.result()
    assert order == ["other", "same"]


def until_it_came(gate: HoursGate, number: int) -> None:
    while gate._came < number:
        time.sleep(0.001)


def test_threads_of_one_worker_do_not_change_each_others_hours() -> None:
    gate, together = HoursGate(), threading.Barrier(6)

    def look(hours: Hours) -> set[dt.time]:
        seen = set[dt.time]()
        together.wait()
        for _ in range(20):
            with gate.going_by(hours):
                for _ in range(10):
                    seen.add(hours_in_use().pre)
                    time.sleep(0)  # lets the others run
        return seen

    asked = [HOURS, LATE] * 3
    with ThreadPoolExecutor(len(asked)) as threads:
        assert list(threads.map(look, asked)) == [{hours.pre} for hours in asked]


def test_days_of_other_hours_computed_at_the_same_time_are_as_those_computed_alone(tmp_path: Path) -> None:
    write_minutes(tmp_path, DAY, [Minute("A", 6 * 60 + 30, 1_000), *even_day(["A"], 1_000)])
    daily = FlatFiles(tmp_path).path("day_aggs_v1", previous_trading_day(DAY))
    daily.parent.mkdir(parents=True)
    daily.write_bytes(gzip.compress(f"{HEADER}\nA,1000,10,10,10,10,0,3\n".encode()))
    lists = tuple(variants_of([msgspec.structs.replace(ANYBODY, sessions=[])]))
    tasks = [DayTask(str(tmp_path), DAY, lists, hours=hours) for hours in (HOURS, LATE)]
    alone = [run_day(task) for task in tasks]
    entered = [result.entries.column("time").to_pylist()[0].timestamp() * 1_000 for result in alone if result.entries]
    assert entered == [epoch_ms(DAY, dt.time(6, 31)), epoch_ms(DAY, dt.time(9, 31))]
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(run_day, tasks * 3)) == alone * 3


def test_a_kept_day_is_of_its_hours(tmp_path: Path) -> None:
    usual, late = [DayTask(str(tmp_path), DAY, (), hours=hours) for hours in (HOURS, LATE)]
    assert key_of(usual) != key_of(late)
    use_hours(LATE)
    assert key_of(DayTask(str(tmp_path), DAY, ())) == key_of(late)


def test_a_definition_is_tried_by_the_hours_of_who_asks(tmp_path: Path) -> None:
    sent = msgspec.json.encode(Question(ANYBODY, directory=str(tmp_path), hours=LATE))
    with pytest.raises(GapscanError, match="no minute files"):
        answer(msgspec.json.decode(sent, type=Question))
    assert begins() == epoch_ms(DAY, LATE.pre)


def test_the_command_reads_the_settings_wherever_the_files_are(tmp_path: Path) -> None:
    settings = tmp_path / "gapscan.toml"
    settings.write_text('[market]\npre = "07:00"\npost_ends = "18:00"\n')
    assert backtest._directory(tmp_path, settings) == tmp_path
    assert begins() == epoch_ms(DAY, LATE.pre)
    with pytest.raises(ConfigError, match="no-such-file"):
        backtest._directory(tmp_path, tmp_path / "no-such-file.toml")
